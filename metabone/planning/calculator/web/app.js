"use strict";
// From a change in the form to a new answer: debounced, one at a time, never an old one as new.

const DEBOUNCE = 120;
let DATA = { version: "", designs: {}, variability: [], evidence: [] };
let STATE = null;
let ENGINE = null;
let turn = 0;
let waiting = 0;
let latest = null;

function boot() {
  // The worker starts while the form is built.
  ENGINE = new Engine();
  ENGINE.ready.catch(failedToStart);
  window.metabone = { ready: ENGINE.ready, ask: (request) => ENGINE.ask(request), state: () => ({ ...STATE }) };
  DATA = { ...DATA, ...(baked("data") || {}) };
  const linked = readHash(location.hash);
  STATE = linked.state || exampleState();
  show(byId("example-note"), !linked.state);
  buildForm(STATE, changed);
  fillForm(STATE);
  sayLink(linked.notes);
  buttons();
  watchRoom();
  window.addEventListener("hashchange", followHash);
  checkNow();
  compute();
}

function failedToStart(error) {
  showProblems("The planner did not start", {}, STATE);
  replace(byId("problems"), make("li", {}, `${error && error.message ? error.message : error}. A browser of the last two years is needed; the command metabone plan gives the same answers.`));
  show(byId("problems"), true);
}

function sayLink(notes) {
  show(byId("link-note"), notes.length > 0);
  replace(byId("link-note"), notes.map((note) => make("p", {}, note)));
}

function followHash() {
  if (location.hash === latest) return;
  const linked = readHash(location.hash);
  sayLink(linked.notes);
  if (!linked.state) return;
  STATE = linked.state;
  show(byId("example-note"), false);
  fillForm(STATE);
  compute();
}

function changed(key, value) {
  // An answer under way is to the plan before this change: it must not be shown as this plan's.
  turn += 1;
  STATE[key] = value;
  if (key === "design") usualAlpha(value);
  show(byId("example-note"), false);
  markStale();
  checkNow();
  clearTimeout(waiting);
  waiting = setTimeout(compute, DEBOUNCE);
}

/** Non-inferiority is tested one-sided, by custom at half the usual level. */
function usualAlpha(design) {
  const [from, to] = design === "non-inferiority" ? ["0.05", "0.025"] : ["0.025", "0.05"];
  if (STATE.alpha !== from) return;
  STATE.alpha = to;
  byId("f-alpha").value = to;
  announce(`Alpha is now ${to}`);
}

function checkNow() {
  const checked = planOf(STATE);
  updateForm(STATE, checked);
  return checked;
}

function keepHash() {
  latest = writeHash(STATE);
  try {
    history.replaceState(null, "", latest);
  } catch (error) {
    location.replace(latest);
  }
}

/** Ask for the answer, then for its curves and its sensitivity; stop where a newer turn began. */
async function compute() {
  turn += 1;
  const mine = turn;
  const state = { ...STATE };
  const checked = checkNow();
  keepHash();
  const old = () => mine !== turn;
  if (Object.keys(checked.problems).length) {
    ENGINE.drop((one) => one.replaces === "page");
    showProblems("No answer yet", checked.problems, state);
    return;
  }
  markStale();
  const request = { asked: checked.asked, plan: checked.plan };
  const response = await ENGINE.ask({ what: "answer", ...request }, "page");
  if (!response || old()) return;
  if (!response.ok) {
    refuse(response, state);
    return;
  }
  LAST.response = response;
  showAnswer(response, state);
  show(byId("panel-curve"), true);
  show(byId("panel-grid"), true);
  const curve = await ENGINE.ask({ what: "curve", ...request }, "page");
  if (!curve || old()) return;
  showCurve(curve, response.answer, state);
  const grid = await ENGINE.ask({ what: "grid", ...request }, "page");
  if (!grid || old()) return;
  showGrid(grid, response.answer, state);
}

const LAST = { response: null };

/** What the planner refuses, beside the field that it speaks of. */
function refuse(response, state) {
  const key = fieldOfRefusal(response.field, state);
  const words = sentenceCase(String(response.error));
  showProblems("No answer", { [key || ""]: words }, state);
  if (key) sayBeside(FIELD[key], words, "");
}

function buttons() {
  byId("ethics-actions").append(copyButton("ethics", "Copy paragraph", () => byId("ethics").textContent));
  byId("command-actions").append(
    copyButton("command", "Copy command", () => byId("command").textContent),
    make("button", { type: "button", class: "quiet", "data-testid": "download", on: { click: download } }, "Download plan.toml"),
  );
  byId("answer-actions").append(
    copyButton("link", "Copy link", () => location.href),
    make("button", { type: "button", class: "quiet", "data-testid": "print", on: { click: () => window.print() } }, "Print"),
  );
  byId("skip").addEventListener("click", (event) => {
    // The hash is the plan: the link moves the focus without touching it.
    event.preventDefault();
    byId("results").focus();
  });
  byId("bar").addEventListener("click", () => {
    byId("answer").scrollIntoView({ block: "start" });
    byId("answer").focus({ preventScroll: true });
  });
}

function download() {
  if (!LAST.response) return;
  const address = URL.createObjectURL(new Blob([LAST.response.toml], { type: "application/toml" }));
  const anchor = make("a", { href: address, download: "plan.toml" });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  announce("plan.toml downloaded");
}

document.addEventListener("DOMContentLoaded", boot);
