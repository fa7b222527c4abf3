"use strict";
// The plan as typed: one text for each field. A link holds it as key=value after the number sign.

const LONGEST_HASH = 4000;
const LONGEST_TEXT = 120;

/** Nothing said: every field at the value that needs no saying. */
function blankState() {
  const state = { design: "two-groups", solve: "n" };
  for (const field of FIELDS) state[field.key] = field.neutral === undefined ? "" : field.neutral;
  // A choice from a list is never blank on the screen, so it is not blank here.
  if (evidenceRows().length) state.evidence = evidenceKey(evidenceRows()[0]);
  return state;
}

/** What the page opens with: an example to write over, not a recommendation. */
function exampleState() {
  return {
    ...blankState(), species: "rat", endpoint: "BV/TV", unit: "%", mean: "20", cv: "20", percent: "30",
    arms: "4", correlation: "0.7", icc: "0.2", cage: "3", n: "8", difference: "6", sd: "4",
    sd_control: "4", sd_treated: "5",
  };
}

function choicesOf(field) {
  if (field.key === "evidence") return evidenceRows().map((row) => evidenceKey(row));
  if (field.kind === "check") return ["no", "yes"];
  if (field.choices) return field.choices.map((choice) => choice[0]);
  return field.words ? Object.keys(field.words) : null;
}

/** The state of a hash, and words on what was not understood. Never trusted: keys are known ones,
 * choices are known choices, texts are short and without control characters. */
function readHash(hash) {
  const text = hash.replace(/^#/, "");
  if (!text) return { state: null, notes: [] };
  if (text.length > LONGEST_HASH) return { state: null, notes: ["The link is too long to be a plan, so it was not read."] };
  const state = blankState();
  const notes = [];
  const strange = [];
  let known = 0;
  const take = (key, value, allowed) => {
    known += 1;
    if (!allowed || allowed.includes(value)) state[key] = value;
    else notes.push(`The link’s ${key} “${shorten(value, 24)}” is none of ${allowed.join(", ")}.`);
  };
  for (const [key, raw] of new URLSearchParams(text)) {
    const value = raw.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, " ").slice(0, LONGEST_TEXT);
    if (key === "design") take(key, value, DESIGN_CARDS.map((card) => card.id));
    else if (key === "solve") take(key, value, SOLVES.map((solve) => solve.id));
    else if (Object.prototype.hasOwnProperty.call(FIELD, key)) take(key, value, choicesOf(FIELD[key]));
    else strange.push(shorten(key.replace(/[^\w .-]/g, "?"), 24));
  }
  if (strange.length) notes.push(`The link has words that this page does not know: ${strange.slice(0, 5).join(", ")}.`);
  return { state: known ? state : null, notes };
}

/** The state as a hash: what is shown and says something, in the order of the form. */
function writeHash(state) {
  const words = new URLSearchParams();
  words.set("design", state.design);
  if (state.solve !== "n") words.set("solve", state.solve);
  for (const field of FIELDS) {
    const value = state[field.key].trim();
    if (!value || value === field.neutral || !shownIn(field, state)) continue;
    words.set(field.key, value);
  }
  // Slashes and the like may stand in a fragment: BV/TV reads better than BV%2FTV.
  return `#${words.toString().replace(/%2F/g, "/").replace(/%2C/g, ",").replace(/%3A/g, ":")}`;
}

function sameState(one, other) {
  return writeHash(one) === writeHash(other);
}
