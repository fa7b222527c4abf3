"use strict";
// The right column: the answer in large type, and everything that goes with it.

const PLURALS = { mouse: "mice", rat: "rats", rabbit: "rabbits", sheep: "sheep", pig: "pigs" };
// A4 without its margins.
const PAPER_MM = 274;
const PANELS = ["curve", "interval", "grid", "drawing", "warnings", "ethics", "command", "details"];

function animalsOf(state) {
  return PLURALS[state.species.trim().toLowerCase()] || "animals";
}

function sizeWordsOf(state) {
  if (isWithin(state)) return "cages in all";
  return isCages(state) ? "cages a group" : `${animalsOf(state)} a group`;
}

/** The planner's headline as a large part and the rest. */
function parted(headline, asked) {
  const cuts = asked === "n" ? [", "] : asked === "mde" ? [" (", " is found "] : [" with "];
  for (const cut of cuts) {
    const at = headline.indexOf(cut);
    if (at > 0 && at < 60) return [headline.slice(0, at), headline.slice(at + (cut === ", " ? 2 : 1))];
  }
  return [headline, ""];
}

/** With a capital letter, but for the t of a t test. */
function sentenceCase(text) {
  if (/^t\b/.test(text)) return text;
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** What is shown while a new answer is on its way: the old one, dimmed and named old. */
function markStale() {
  byId("results").setAttribute("aria-busy", "true");
  byId("answer").dataset.state = "stale";
  byId("bar").dataset.state = "stale";
  byId("state-line").textContent = "Out of date: working out the new plan…";
  PANELS.forEach((name) => (byId(`panel-${name}`).dataset.state = "stale"));
}

function fresh(...names) {
  names.forEach((name) => (byId(`panel-${name}`).dataset.state = "fresh"));
}

/** No answer: words, and the fields to put right; what was shown before goes. */
function showProblems(title, problems, state) {
  byId("results").setAttribute("aria-busy", "false");
  const answer = byId("answer");
  answer.dataset.state = "blocked";
  replace(byId("headline"), make("span", { class: "big", "data-testid": "answer-big" }, title));
  byId("state-line").textContent = "";
  replace(byId("facts"));
  show(byId("budget-line"), false);
  show(byId("notes-line"), false);
  show(byId("synthetic"), false);
  replace(byId("problems"), Object.entries(problems).map(([key, words]) => make("li", {},
    FIELD[key] ? make("button", { type: "button", class: "to-field", on: { click: () => goTo(key, state) } }, told(FIELD[key], "label", state)) : null,
    FIELD[key] ? " " : null, words)));
  show(byId("problems"), Object.keys(problems).length > 0);
  PANELS.forEach((name) => show(byId(`panel-${name}`), false));
  setBar(title, "blocked");
}

function goTo(key, state) {
  const control = byId(`f-${key}`);
  if (!control) return;
  const box = control.closest("details");
  if (box) box.open = true;
  const target = control.matches("input, select") ? control : control.querySelector("input:checked") || control.querySelector("input");
  target.focus();
  target.scrollIntoView({ block: "center" });
}

function setBar(words, state) {
  const bar = byId("bar");
  bar.dataset.state = state;
  byId("bar-words").textContent = words;
}

function showAnswer(response, state) {
  const answer = response.answer;
  byId("results").setAttribute("aria-busy", "false");
  byId("answer").dataset.state = answer.reachable ? "fresh" : "unreachable";
  const [big, rest] = parted(response.headline, state.solve);
  replace(byId("headline"),
    make("span", { class: `big${big.length > 34 ? " long" : ""}`, "data-testid": "answer-big" }, sentenceCase(big)), rest ? " " : null,
    rest ? make("span", { class: "rest", "data-testid": "answer-rest" }, rest) : null);
  byId("state-line").textContent = "";
  show(byId("problems"), false);
  replace(byId("facts"), factsOf(answer, response, state));
  const notes = answer.notes || [];
  show(byId("notes-line"), notes.length > 0);
  replace(byId("notes-line"), notes.map((note) => make("span", {}, `${sentenceCase(note)}. `)));
  const row = usesEvidence(state) ? evidenceRow(state.evidence) : null;
  show(byId("synthetic"), Boolean(row && row.synthetic));
  showBudget(answer, state);
  setBar(sentenceCase(big), answer.reachable ? "fresh" : "unreachable");
  showSpread(answer.variability);
  showWarnings(answer.warnings || []);
  showTexts(response);
  showInterval(response, answer, state);
  showDrawing(answer, state);
  printInputs(state);
}

function factsOf(answer, response, state) {
  const out = answer.outputs;
  const facts = [];
  const add = (name, value) => facts.push(make("div", { class: "fact" }, make("dt", {}, name), make("dd", {}, value)));
  if (state.solve === "mde") add("Wanted power", chance(answer.target));
  if (Number.isFinite(out.power) && state.solve === "n") add("Power", `${chance(out.power)}${answer.target_of === "power" ? `, wanted ${chance(answer.target)}` : ""}`);
  if (state.solve === "power") add("Wanted", chance(answer.target));
  if (answer.evidence && Number.isFinite(answer.evidence.assurance)) {
    add("Assurance", `${chance(answer.evidence.assurance)}${answer.target_of === "assurance" ? `, wanted ${chance(answer.target)}` : ""}`);
  }
  const ceiling = answer.evidence ? answer.evidence.ceiling : answer.ceiling;
  if (Number.isFinite(ceiling) && ceiling < 0.99995) add("Ceiling", chance(ceiling));
  if (Number.isFinite(out.effect) && state.solve !== "mde") {
    add(isMargin(state) ? "Margin" : "Difference", `${amount(out.effect, answer.unit || "")}${Number.isFinite(out.d) ? ` = ${amount(out.d)} SD` : ""}`);
  } else if (Number.isFinite(out.d)) add("In SD", amount(out.d));
  if (out.test) add("Test", sentenceCase(String(out.test)));
  return facts;
}

function showSpread(found) {
  const box = byId("spread-found");
  show(box, Boolean(found));
  if (!found) return;
  const value = Number.isFinite(found.cv) ? found.cv : found.value;
  replace(box, make("p", {}, make("strong", {}, `CV ${amount(value, "%")}`), ` from ${found.source || "the shipped data"}.`),
    (found.notes || []).map((note) => make("p", { class: "note-line" }, `${sentenceCase(note)}.`)));
}

function showWarnings(warnings) {
  show(byId("panel-warnings"), warnings.length > 0);
  replace(byId("warnings"), warnings.map((warning) => make("li", {}, warning)));
  fresh("warnings");
}

function showTexts(response) {
  ["ethics", "command", "details"].forEach((name) => show(byId(`panel-${name}`), true));
  byId("ethics").textContent = response.ethics || "";
  show(byId("panel-ethics"), Boolean(response.ethics));
  // An option and its value stay on one line; the text is the same.
  replace(byId("command"), String(response.command || "").split(/ (?=--)/).map((part, at) => [at ? " " : null, make("span", { class: "token" }, part)]));
  byId("summary").textContent = response.summary || "";
  fresh("ethics", "command", "details");
}

function showInterval(response, answer, state) {
  const interval = response.interval || answer.interval;
  const effect = answer.outputs.effect;
  const shown = Boolean(interval) && Number.isFinite(interval.half_width) && Number.isFinite(effect) && interval.scale !== "ratio";
  show(byId("panel-interval"), shown);
  DRAWN.delete("interval");
  if (!shown) return;
  redraw("interval", () => intervalChart(byId("interval"), interval, intervalWords(answer, state)));
  fresh("interval");
}

/** What the expected interval is held against, and what its two bars are called. */
function intervalWords(answer, state) {
  const effect = answer.outputs.effect;
  if (isMargin(state)) {
    return {
      against: state.better === "lower" ? effect : -effect, name: "margin",
      real: "with the true difference", none: "if they are alike",
    };
  }
  const name = state.solve === "mde" ? "detectable" : effectOf(state) === "evidence" ? "expected" : "smallest of interest";
  return { against: effect, name, real: "if the difference is real", none: "if there is none" };
}

function showDrawing(answer, state) {
  const shown = answer.reachable && Array.isArray(answer.outputs.n);
  show(byId("panel-drawing"), shown);
  if (shown) redraw("drawing", () => drawingOf(byId("drawing"), answer, state, animalsOf(state)));
  fresh("drawing");
}

function showCurve(curve, answer, state) {
  const shown = Boolean(curve && curve.ok && curve.power && curve.power.length > 1);
  show(byId("panel-curve"), shown);
  if (!shown) return;
  const size = Number.isFinite(answer.size) ? answer.size : null;
  byId("curve-title").textContent = curve.assurance ? "Power and assurance" : "Power";
  redraw("curve", () => curveChart(byId("curve"), curve, { size, sizeWords: sizeWordsOf(state) }));
  fresh("curve");
}

function showGrid(response, answer, state) {
  const grid = response && response.ok ? response.grid : null;
  const shown = Boolean(grid && grid.cells.flat().some((cell) => cell !== null));
  show(byId("panel-grid"), shown);
  if (!shown) return;
  const unit = answer.unit === "% of the control mean" ? "%" : answer.unit || "";
  replace(byId("grid"), sensitivityTable(grid, { unit, sizeWords: sizeWordsOf(state), effectName: isMargin(state) ? "margin" : "difference" }));
  fresh("grid");
}

/** Drawings are made for the room there is, and again when it changes. */
const DRAWN = new Map();

function redraw(name, make) {
  DRAWN.set(name, make);
  replace(byId(name), make());
}

function watchRoom() {
  const again = () => DRAWN.forEach((make, name) => byId(`panel-${name}`).hidden || replace(byId(name), make()));
  const turned = (now) => () => {
    paper = now;
    document.documentElement.classList.toggle("paper", now);
    again();
    fitToPaper(now);
  };
  window.addEventListener("beforeprint", turned(true));
  window.addEventListener("afterprint", turned(false));
  let width = window.innerWidth;
  let timer = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(timer);
    timer = setTimeout(again, 80);
  });
}

/** One A4 page: what is too tall is made smaller as a whole. */
function fitToPaper(now) {
  document.body.style.zoom = "";
  if (!now) return;
  const room = (PAPER_MM * 96) / 25.4;
  let zoom = 1;
  // Smaller letters break lines elsewhere: measured anew, until the whole page is short enough.
  for (let turn = 0; turn < 8; turn += 1) {
    const tall = document.body.getBoundingClientRect().height;
    if (tall <= room) return;
    zoom = Math.max(0.4, zoom * Math.min(0.98, (room / tall) * 0.985));
    document.body.style.zoom = String(zoom);
  }
}

/** What was filled in, for the printed page. */
function printInputs(state) {
  const card = DESIGN_CARDS.find((one) => one.id === state.design);
  const rows = [["Design", card.name]];
  byId("print-name").textContent = state.title.trim();
  for (const field of FIELDS) {
    const typed = state[field.key].trim();
    if (field.key === "title" || field.key === "beside" || !typed || !shownIn(field, state) || (typed === field.neutral && !["alpha", "power"].includes(field.key))) continue;
    const unit = told(field, "unit", state) || "";
    const choice = (field.choices || []).find((one) => one[0] === typed);
    const words = choice ? choice[1] : field.words ? field.words[typed] || typed : typed;
    rows.push([told(field, "label", state), `${words}${unit ? ` ${unit}` : ""}`]);
  }
  replace(byId("print-inputs"), rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}
