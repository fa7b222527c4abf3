"use strict";
// The left column: built once from the fields, then only words, units and visibility change.

function buildForm(state, changed) {
  const cards = byId("design-cards");
  DESIGN_CARDS.forEach((card) => cards.append(designCard(card, state, changed)));
  const solves = byId("solve-choices");
  SOLVES.forEach((solve) => solves.append(radio("solve", solve.id, solve.name, state, changed)));
  for (const field of FIELDS) {
    byId(`box-${field.box}`).append(fieldBlock(field, state, changed));
    if (field.key === "spread") byId("box-animal").append(make("div", { id: "spread-found", class: "found", hidden: true }));
    if (field.key === "evidence") byId("box-effect").append(make("div", { id: "evidence-card", class: "found", hidden: true }));
  }
  for (const name of ["endpoint", "species", "strain", "site", "assay"]) {
    document.body.append(make("datalist", { id: `list-${name}` }));
  }
}

function designCard(card, state, changed) {
  const input = radioInput("design", card.id, state, changed);
  return make(
    "label", { class: "card", "data-testid": `design-${card.id}` }, input,
    pictogram(card.id),
    make("span", { class: "card-name" }, card.name),
    make("span", { class: "card-line" }, card.line),
  );
}

function radioInput(key, value, state, changed) {
  const input = make("input", { type: "radio", name: key, value, id: `f-${key}-${value}` });
  input.checked = state[key] === value;
  input.addEventListener("change", () => input.checked && changed(key, value));
  return input;
}

function radio(key, value, words, state, changed) {
  return make(
    "label", { class: "segment", "data-testid": `${key}-${value}` },
    radioInput(key, value, state, changed), make("span", {}, words),
  );
}

function fieldBlock(field, state, changed) {
  const id = `f-${field.key}`;
  const help = make("p", { id: `${id}-help`, class: "help" });
  const said = make("p", { id: `${id}-said`, class: "said", hidden: true, "data-testid": `said-${field.key}` });
  const parts = field.kind === "choice" && field.look === "radio" ? radioGroup(field, state, changed, help, said)
    : field.kind === "check" ? checkParts(field, state, changed, help, said)
    : entryParts(field, state, changed, help, said);
  return make("div", {
    class: `field ${field.kind}${field.half ? " half" : ""}`, id: `${id}-block`, "data-testid": `field-${field.key}`,
  }, parts);
}

function radioGroup(field, state, changed, help, said) {
  const id = `f-${field.key}`;
  return make(
    "div", { role: "radiogroup", id, "aria-labelledby": `${id}-label`, "aria-describedby": `${id}-help ${id}-said` },
    make("span", { class: "label", id: `${id}-label` }),
    make("div", { class: "segments" }, field.choices.map(([value, words]) => radio(field.key, value, words, state, changed))),
    help, said,
  );
}

function checkParts(field, state, changed, help, said) {
  const id = `f-${field.key}`;
  const input = make("input", { type: "checkbox", id, "aria-describedby": `${id}-help` });
  input.checked = state[field.key] === "yes";
  input.addEventListener("change", () => changed(field.key, input.checked ? "yes" : "no"));
  return [make("label", { class: "check-line" }, input, make("span", { id: `${id}-label` })), help, said];
}

function entryParts(field, state, changed, help, said) {
  const id = `f-${field.key}`;
  const input = field.kind === "choice" ? selectOf(field, state) : textInput(field);
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-help ${id}-said`);
  input.value = state[field.key];
  input.addEventListener(field.kind === "choice" ? "change" : "input", () => changed(field.key, input.value));
  const unit = make("span", { class: "unit", id: `${id}-unit` });
  return [
    make("label", { for: id, id: `${id}-label`, class: "label" }),
    make("div", { class: "entry" }, input, unit), help, said,
  ];
}

function textInput(field) {
  const numeric = field.kind !== "text";
  const input = make("input", {
    type: "text", autocomplete: "off", spellcheck: "false", maxlength: numeric ? 40 : LONGEST_TEXT,
    inputmode: field.kind === "whole" ? "numeric" : numeric ? "decimal" : null,
    list: field.list ? `list-${field.list}` : null,
  });
  if (numeric) input.addEventListener("keydown", (event) => nudge(event, field, input));
  return input;
}

/** Arrow up and down change a number by one of its last digits. */
function nudge(event, field, input) {
  const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  const read = way && !event.altKey && !event.ctrlKey && !event.metaKey ? parseNumber(input.value) : {};
  if (read.value === undefined) return;
  event.preventDefault();
  const digits = (input.value.replace(",", ".").split(".")[1] || "").length;
  const value = read.value + way * 10 ** -digits;
  const [low, high] = rangeOf(field, STATE);
  if ((low !== null && value < low) || (high !== null && value > high)) return;
  input.value = value.toFixed(digits);
  input.dispatchEvent(new Event("input"));
}

function selectOf(field, state) {
  const select = make("select", {});
  if (field.key === "evidence") {
    for (const row of evidenceRows()) {
      const part = row.stratum ? row.label : "overall";
      select.append(make("option", { value: evidenceKey(row) }, `${row.file || row.key}: ${part}`));
    }
    if (!state.evidence && evidenceRows().length) state.evidence = evidenceKey(evidenceRows()[0]);
    return select;
  }
  const choices = field.choices || knownChoices(field);
  choices.forEach(([value, words]) => select.append(make("option", { value }, words)));
  return select;
}

/** Choices of the design's own list, in this page's words where it has them. */
function knownChoices(field) {
  const design = Object.values(DATA.designs).find((one) => {
    const input = one.inputs[field.input];
    return input && input.choices && input.choices.includes(field.neutral);
  });
  const listed = design ? design.inputs[field.input].choices : Object.keys(field.words);
  return listed.map((value) => [value, field.words[value] || value]);
}

/** Words, units and visibility for a state, and what is wrong beside each field. */
function updateForm(state, checked) {
  for (const field of FIELDS) {
    const id = `f-${field.key}`;
    const shown = shownIn(field, state);
    show(byId(`${id}-block`), shown);
    if (!shown) continue;
    byId(`${id}-label`).textContent = told(field, "label", state);
    byId(`${id}-help`).textContent = helpOf(field, state);
    const unit = byId(`${id}-unit`);
    if (unit) unit.textContent = shorten(told(field, "unit", state) || "", 14);
    sayBeside(field, checked.problems[field.key], checked.notes[field.key]);
  }
  updateEffect(state);
  updateLists(state);
}

function helpOf(field, state) {
  const words = told(field, "help", state);
  const [low, high] = ["number", "percent", "whole"].includes(field.kind) ? rangeOf(field, state) : [null, null];
  const tidy = low !== null && high !== null && (low === 0 || Math.abs(low) >= 0.01) && high <= 1000 && !field.open;
  return tidy ? `${words} ${low} to ${high}.`.replace("-", "−") : words;
}

function sayBeside(field, problem, note) {
  const id = `f-${field.key}`;
  const said = byId(`${id}-said`);
  const words = problem || note || "";
  if (said.textContent !== words) said.textContent = words;
  show(said, Boolean(words));
  said.classList.toggle("bad", Boolean(problem));
  const control = byId(id);
  if (problem) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
  byId(`${id}-block`).classList.toggle("invalid", Boolean(problem));
}

/** The effect box: without a question of effect, without evidence, with it. */
function updateEffect(state) {
  show(byId("effect-unneeded"), !asksEffect(state));
  const wanted = asksEffect(state) && effectOf(state) === "evidence";
  show(byId("evidence-how"), wanted && !evidenceRows().length);
  show(byId("evidence-margin"), isMargin(state) && state.effect === "evidence");
  const row = usesEvidence(state) ? evidenceRow(state.evidence) : null;
  const card = byId("evidence-card");
  show(card, Boolean(row));
  if (row) replace(card, evidenceWordsOf(row));
}

/** Suggestions: what the shipped data have for the words given elsewhere. */
function updateLists(state) {
  const names = ["endpoint", "species", "strain", "site", "assay"];
  const rows = DATA.variability || [];
  for (const name of names) {
    const others = names.filter((other) => other !== name && state[other].trim());
    const fits = rows.filter((row) =>
      others.every((other) => String(row[other] || "").toLowerCase().includes(state[other].trim().toLowerCase())));
    const options = [...new Set(fits.map((row) => row[name]).filter(Boolean))].sort();
    const list = byId(`list-${name}`);
    if (list.childElementCount === options.length && [...list.children].every((one, at) => one.value === options[at])) continue;
    replace(list, options.map((value) => make("option", { value })));
  }
}

/** Put a whole state into the controls (from a link). */
function fillForm(state) {
  for (const key of ["design", "solve"]) setRadio(key, state[key]);
  for (const field of FIELDS) {
    const control = byId(`f-${field.key}`);
    if (field.kind === "choice" && field.look === "radio") setRadio(field.key, state[field.key]);
    else if (field.kind === "check") control.checked = state[field.key] === "yes";
    else control.value = state[field.key];
  }
}

function setRadio(key, value) {
  const input = byId(`f-${key}-${value}`);
  if (input) input.checked = true;
}
