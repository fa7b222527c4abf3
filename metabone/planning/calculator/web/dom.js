"use strict";
// Elements of the page. Every text goes in as a text node: nothing typed, linked or baked is markup.

const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function draw(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, heard] of Object.entries(value)) element.addEventListener(event, heard);
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

function byId(id) {
  return document.getElementById(id);
}

function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

function show(element, shown) {
  element.hidden = !shown;
}

/** The contents of a baked JSON block, or null. */
function baked(id) {
  try {
    return JSON.parse(byId(id).textContent);
  } catch (error) {
    return null;
  }
}

/** A drawing with its words: role, title, description. */
function picture(id, width, height, title, description, ...children) {
  return draw(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img",
      "aria-labelledby": `${id}-title ${id}-desc`, "data-testid": id, preserveAspectRatio: "xMinYMin meet",
    },
    draw("title", { id: `${id}-title` }, title),
    draw("desc", { id: `${id}-desc` }, description),
    ...children,
  );
}

/** The numbers of a drawing, for those who do not see it. */
function hiddenTable(caption, heads, rows) {
  const table = make(
    "table", {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell) => make("td", {}, cell))))),
  );
  return make("div", { class: "visually-hidden" }, table);
}

let paper = false;

/** Room for a drawing in its frame, in px; on paper two stand side by side. */
function roomOf(element, least) {
  if (paper) return 330;
  const style = getComputedStyle(element);
  const inner = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return Math.max(least, Math.round(inner || 640));
}

/** Copy a text and announce it; where the clipboard is closed, through a selection. */
async function copyText(text, told) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch (error) {
    const area = make("textarea", { class: "visually-hidden", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  told(done);
}

function copyButton(id, label, source) {
  const button = make("button", { type: "button", class: "quiet", "data-testid": `copy-${id}` }, label);
  let timer = 0;
  button.addEventListener("click", () =>
    copyText(source(), (done) => {
      button.textContent = done ? "Copied ✓" : "Could not copy: select it by hand";
      announce(done ? `${label}: copied` : "Could not copy");
      clearTimeout(timer);
      timer = setTimeout(() => (button.textContent = label), 2000);
      button.focus();
    }),
  );
  return button;
}

/** Said to screen readers at once, seen by nobody. */
function announce(text) {
  const line = byId("announcer");
  line.textContent = "";
  setTimeout(() => (line.textContent = text), 30);
}
