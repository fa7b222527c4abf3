"use strict";
// From the state to the plan that the planner reads, and words on what stands in the way.

/** Allowed values of a field, from the planner's own ranges where it has one. */
function rangeOf(field, state) {
  if (field.range) return field.range;
  const input = told(field, "input", state);
  const design = DATA.designs[designOf(state)];
  const known = input && design ? design.inputs[input] : null;
  const [low, high] = known && known.range ? known.range : [null, null];
  const factor = field.kind === "percent" ? 100 : 1;
  return [low === null ? null : low * factor, high === null ? null : high * factor];
}

function rangeWords(field, state) {
  const [low, high] = rangeOf(field, state);
  if (field.open) return `between ${low} and ${high}`;
  if (field.above !== undefined) return `above ${field.above}`;
  if (low === null && high === null) return "";
  if (high === null) return `${low} or more`;
  return low === null ? `${high} or less` : `${low} to ${high}`;
}

/** What is wrong with a typed field: {value, note} or {error}; value null if it is rightly empty. */
function checkField(field, state) {
  const typed = state[field.key].trim();
  const label = told(field, "label", state);
  if (!typed) {
    if (told(field, "required", state)) return { error: `${label} is needed.` };
    return { value: null, note: "" };
  }
  if (field.kind === "text") return { value: typed, note: "" };
  if (field.kind === "choice" || field.kind === "check") return { value: typed, note: "" };
  const read = parseNumber(field.kind === "percent" || field.unit === "%" ? typed.replace(/\s*%$/, "") : typed);
  if (read.error) return read;
  const allowed = rangeWords(field, state);
  const [low, high] = rangeOf(field, state);
  const value = read.value;
  if (field.kind === "whole" && !Number.isInteger(value)) {
    return { error: `A whole number${allowed ? `, ${allowed}` : ""}: ${value} is none.` };
  }
  const beyond =
    (low !== null && value < low) || (high !== null && value > high) ||
    (field.open && (value <= low || value >= high)) || (field.above !== undefined && value <= field.above);
  if (beyond) return { error: `Must be ${allowed}; ${value} is not.` };
  if (field.nonzero && value === 0) return { error: "0 is no effect: give another number." };
  if (field.key === "mean" && value === 0 && (spreadOf(state) !== "sd" || (asksEffect(state) && effectOf(state) === "percent"))) {
    return { error: "0 has no per cent: give the SD and a difference in its unit." };
  }
  if (field.key === "cage" && isWithin(state) && value % 2) {
    return { error: "An even number: half of each cage gets the treatment." };
  }
  return { value, note: read.note };
}

/** {plan, asked, values, problems: {key: words}, notes: {key: words}} of a state. */
function planOf(state) {
  const values = {};
  const problems = {};
  const notes = {};
  for (const field of FIELDS) {
    if (!shownIn(field, state)) continue;
    const checked = checkField(field, state);
    if (checked.error) problems[field.key] = checked.error;
    else values[field.key] = checked.value;
    if (checked.note) notes[field.key] = checked.note;
  }
  if (asksEffect(state) && effectOf(state) === "evidence" && !evidenceRows().length) {
    problems.effect = "No evidence is baked into this page: choose another effect, or bake it as told below.";
  }
  return { plan: assembled(state, values), asked: state.solve, values, problems, notes };
}

/** The sections of the plan; what is silent is left out. */
function assembled(state, values) {
  const study = {};
  for (const key of ["endpoint", "species", "strain", "site", "assay", "unit", "treatment", "control"]) {
    if (values[key]) study[key] = values[key];
  }
  const design = { name: designOf(state), ...spreadWords(state, values), ...effectWords(state, values) };
  for (const [key, word] of [
    ["alpha", "alpha"], ["n", "n"], ["arms", "arms"], ["cage", "cage"], ["icc", "icc"], ["budget", "budget"],
    ["correlation", "baseline_correlation"],
  ]) {
    if (values[key] !== null && values[key] !== undefined) design[word] = values[key];
  }
  if (values.sides === "1") design.sides = 1;
  if (!wantsAssurance(state) && values.power !== undefined) design.power = values.power;
  if (values.losses) design.losses = shareOf(values.losses);
  const inputs = ownInputs(state, values);
  if (Object.keys(inputs).length) design.inputs = inputs;
  const plan = { study, design };
  if (values.title) plan[""] = { title: values.title };
  const evidence = evidenceWords(state, values);
  if (evidence) plan.evidence = evidence;
  return plan;
}

function spreadWords(state, values) {
  const words = {};
  if (values.mean !== null && values.mean !== undefined) words.mean = values.mean;
  if (isWelch(state)) return words;
  if (state.spread === "sd") words.sd = values.sd;
  if (state.spread === "cv") words.cv = values.cv;
  return words;
}

function effectWords(state, values) {
  if (!asksEffect(state)) return {};
  if (effectOf(state) === "difference") return { difference: values.difference };
  return effectOf(state) === "percent" ? { percent: values.percent } : {};
}

function evidenceWords(state, values) {
  const row = usesEvidence(state) ? evidenceRow(values.evidence || "") : null;
  if (!row) return null;
  const words = { result: row.key };
  if (row.stratum) words.stratum = row.stratum;
  if (wantsAssurance(state)) words.assurance = values.assurance;
  return words;
}

/** Inputs that have no word of their own in a plan. */
function ownInputs(state, values) {
  const inputs = {};
  const take = (key, name, usual) => {
    const value = values[key];
    if (value !== null && value !== undefined && String(value) !== usual) inputs[name || key] = value;
  };
  take("ratio", "ratio", "1");
  take("comparisons", "comparisons", "1");
  take("method", "method", "dunnett");
  take("question", "question", "each");
  take("allocation", "allocation", "equal");
  take("error", "error", "animals");
  take("better", "better", "higher");
  take("truth", "difference", "0");
  take("scanquestion", "question", "interaction");
  take("sd_control");
  take("sd_treated");
  if (values.cluster_losses) inputs.cluster_losses = shareOf(values.cluster_losses);
  return { ...inputs, ...flatMeans(state, values) };
}

/** Means of designs that want them, all alike: the difference moves the last one. */
function flatMeans(state, values) {
  const name = designOf(state);
  const base = typeof values.mean === "number" ? values.mean : spreadOf(state) === "sd" ? 0 : 100;
  if (name === "repeated-scans") {
    const scans = values.scans || 2;
    if (asksEffect(state) && scans === 2) return {};
    const flat = Array(scans).fill(base);
    return { means: [flat, flat] };
  }
  if (asksEffect(state)) return {};
  if (name === "two-by-two") return { means: Array(4).fill(base) };
  if (name === "ancova") return { means: [base, base], compare: [2, 1] };
  if (name === "several-arms") return { means: Array(values.arms).fill(base), compare: [values.arms, 1] };
  return {};
}

// Words of a refusal → the field that they speak of.
const FIELD_OF = {
  baseline_correlation: "correlation", animals_per_cage: "cage", treated_arms: "arms", margin: "difference",
  margin_percent: "percent", percent_change: "percent", mean_control: "mean", stratum: "evidence", result: "evidence",
};

function fieldOfRefusal(name, state) {
  let key = FIELD_OF[name] || name;
  if (key === "sd" && !shownIn(FIELD.sd, state)) key = isWelch(state) ? "sd_control" : spreadOf(state) === "cv" ? "cv" : "endpoint";
  return key && Object.prototype.hasOwnProperty.call(FIELD, key) && shownIn(FIELD[key], state) ? key : null;
}

// Pooled evidence baked into the page.
function evidenceRows() {
  return DATA && Array.isArray(DATA.evidence) ? DATA.evidence : [];
}

function evidenceKey(row) {
  return row.stratum ? `${row.key}:${row.label}` : row.key;
}

function evidenceRow(key) {
  const rows = evidenceRows();
  return rows.find((row) => evidenceKey(row) === key) || rows[0] || null;
}
