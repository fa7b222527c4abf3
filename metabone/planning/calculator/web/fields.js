"use strict";
// What can be filled in: each field once, with its words, its unit and when it is asked for.

const DESIGN_CARDS = [
  { id: "two-groups", name: "Two groups", line: "one treated group against its control" },
  { id: "arms", name: "Several arms", line: "treated arms that share one control" },
  { id: "baseline", name: "Baseline scan", line: "every animal scanned before: ANCOVA" },
  { id: "cages", name: "Cages", line: "treatment by cage, or mixed within cages" },
  { id: "two-by-two", name: "2 × 2", line: "disease by treatment: the interaction" },
  { id: "scans", name: "Repeated scans", line: "group by time, in living animals" },
  { id: "non-inferiority", name: "Non-inferiority", line: "not worse than a positive control" },
];

const SOLVES = [
  { id: "n", name: "How many animals", short: "Animals" },
  { id: "power", name: "What power", short: "Power" },
  { id: "mde", name: "What difference", short: "Detectable effect" },
];

/** The design of the planner that a state stands for. */
function designOf(state) {
  switch (state.design) {
    case "arms": return state.compare === "one" ? "several-arms" : "shared-control";
    case "baseline": return "ancova";
    case "cages": return state.cages === "within" ? "cages-within" : "cages-whole";
    case "two-by-two": return "two-by-two";
    case "scans": return "repeated-scans";
    case "non-inferiority": return "non-inferiority";
    default: return state.welch === "yes" ? "two-groups-welch" : "two-groups";
  }
}

const isCages = (state) => state.design === "cages";
const isMargin = (state) => state.design === "non-inferiority";
const isWelch = (state) => designOf(state) === "two-groups-welch";
const isWithin = (state) => designOf(state) === "cages-within";
const spreadOf = (state) => (isWelch(state) ? "sd" : state.spread);
const asksEffect = (state) => state.solve !== "mde";
const effectOf = (state) => (isMargin(state) && state.effect === "evidence" ? "difference" : state.effect);
const usesEvidence = (state) =>
  !isMargin(state) && (effectOf(state) === "evidence" || state.beside === "yes");
const wantsAssurance = (state) =>
  state.solve !== "mde" && usesEvidence(state) && (effectOf(state) === "evidence" || state.target === "assurance");
const unitOf = (state) => state.unit.trim() || "unit";

/** Where a length of bone, a share or a count is counted in the design's own way. */
function sizeLabel(state) {
  if (isWithin(state)) return ["Cages in all", "Each with both treatments, the animals left at the end."];
  if (isCages(state)) return ["Cages a group", "Cages left at the end, without losses."];
  return ["Animals a group", "Animals left at the end, without losses."];
}

// kind: number, whole, percent (typed in per cent, a share for the planner), text, choice, check.
// input: the design's input that gives the range; word: the plan's key. neutral: needs no saying.
const FIELDS = [
  { key: "n", box: "solve", kind: "whole", label: (s) => sizeLabel(s)[0], help: (s) => sizeLabel(s)[1],
    input: (s) => (isCages(s) ? "cages" : "n"), unit: (s) => (isCages(s) ? "cages" : "animals"),
    when: (s) => s.solve !== "n", required: true },

  { key: "welch", box: "design", kind: "check", neutral: "no",
    label: "The groups have different SDs", help: "Welch’s test, with one SD for each group.",
    when: (s) => s.design === "two-groups" },
  { key: "compare", box: "design", kind: "choice", neutral: "each", look: "radio",
    label: "What is compared", help: "Many comparisons with one control need a stricter level each.",
    choices: [["each", "each arm with the control"], ["one", "one arm with the control"]],
    when: (s) => s.design === "arms" },
  { key: "arms", box: "design", kind: "whole", neutral: "", range: [3, 21], required: true,
    label: "Groups, the control among them", help: "3 is a control and two treated arms.", unit: "groups",
    when: (s) => s.design === "arms" },
  { key: "method", box: "design", kind: "choice", neutral: "dunnett", input: "method",
    label: "Held against chance by", help: "How the chance of any false positive is held at alpha.",
    words: { dunnett: "Dunnett’s test", bonferroni: "Bonferroni", holm: "Holm, step by step", none: "nothing" },
    when: (s) => designOf(s) === "shared-control" },
  { key: "question", box: "design", kind: "choice", neutral: "each", input: "question",
    label: "Success is", help: "What the power is the chance of.",
    words: { each: "a given arm", any: "at least one arm", all: "every arm" },
    when: (s) => designOf(s) === "shared-control" },
  { key: "allocation", box: "design", kind: "choice", neutral: "equal", input: "allocation",
    label: "Size of the control", help: "A larger control serves all comparisons.",
    words: { equal: "as large as an arm", sqrt: "larger: √arms times" },
    when: (s) => designOf(s) === "shared-control" },
  { key: "comparisons", box: "design", kind: "whole", neutral: "1", input: "comparisons", unit: "comparisons",
    label: "Comparisons that share alpha", help: "Bonferroni: 1 leaves alpha whole.",
    when: (s) => ["several-arms", "ancova"].includes(designOf(s)) },
  { key: "correlation", box: "design", kind: "number", neutral: "", input: "correlation", word: "baseline_correlation",
    label: (s) => (s.design === "scans" ? "Correlation of two scans" : "Correlation of baseline and endpoint"),
    help: "Between scans of the same animal, within a group; left empty, from the shipped data.", unit: "",
    required: (s) => spreadOf(s) !== "shipped",
    when: (s) => s.design === "baseline" || s.design === "scans" },
  { key: "scans", box: "design", kind: "whole", neutral: "2", range: [2, 12], unit: "scans",
    label: "Scans of each animal", help: "The groups are taken to differ at the last scan.",
    when: (s) => s.design === "scans" && !usesEvidence(s) },
  { key: "scanquestion", box: "design", kind: "choice", neutral: "interaction", input: "question",
    label: "Tested is", help: "The question that the power is of.",
    words: { interaction: "group by time, any scan", change: "change, first to last scan", slope: "slope over time" },
    when: (s) => s.design === "scans" },
  { key: "cages", box: "design", kind: "choice", neutral: "whole", look: "radio",
    label: "Treatment is given", help: "Within cages needs fewer animals, where it can be done.",
    choices: [["whole", "to whole cages"], ["within", "within each cage, half and half"]],
    when: isCages },
  { key: "error", box: "design", kind: "choice", neutral: "animals", input: "error",
    label: "The effect is", help: "Equal effects give the test more degrees of freedom.",
    words: { animals: "equal in all cages", clusters: "free to differ between cages" },
    when: isWithin },
  { key: "better", box: "design", kind: "choice", neutral: "higher", input: "better",
    label: "Better is", help: "Which way the endpoint improves.", words: { higher: "higher", lower: "lower" },
    when: isMargin },
  { key: "ratio", box: "design", kind: "number", neutral: "1", input: "ratio", unit: "times",
    label: (s) => (isCages(s) ? "Treated cages for each control cage" : "Treated animals for each control animal"),
    help: "Allocation ratio: 1 is equal groups.",
    when: (s) => s.design === "two-groups" || isMargin(s) || designOf(s) === "cages-whole" },

  { key: "endpoint", box: "animal", kind: "text", list: "endpoint", label: "Endpoint", help: "Primary outcome, such as BV/TV.",
    required: (s) => spreadOf(s) === "shipped", half: true },
  { key: "unit", box: "animal", kind: "text", label: "Unit", help: "Of mean, SD and difference.", half: true },
  { key: "species", box: "animal", kind: "text", list: "species", label: "Species", help: "rat, mouse, rabbit, …", half: true },
  { key: "strain", box: "animal", kind: "text", list: "strain", label: "Strain", help: "Part of the name is enough.", half: true },
  { key: "site", box: "animal", kind: "text", list: "site", label: "Site", help: "Bone, and place in it.", half: true },
  { key: "assay", box: "animal", kind: "text", list: "assay", label: "Measured by", help: "microCT, DXA, …", half: true },
  { key: "mean", box: "animal", kind: "number", neutral: "", input: "mean_control", unit: unitOf,
    label: "Mean of the control group", help: "Left empty, all is in per cent of the control mean.",
    required: needsMean },
  { key: "spread", box: "animal", kind: "choice", look: "radio", neutral: "cv",
    label: "Spread between animals", help: "Of one group: the SD, never the standard error.",
    choices: [["sd", "SD"], ["cv", "CV"], ["shipped", "from shipped data"]],
    when: (s) => !isWelch(s) },
  { key: "sd", box: "animal", kind: "number", neutral: "", input: "sd", unit: unitOf, above: 0, required: true,
    label: "SD between animals", help: "SEM × √n, if the paper prints a SEM.", when: (s) => !isWelch(s) && s.spread === "sd" },
  { key: "sd_control", box: "animal", kind: "number", neutral: "", input: "sd_control", unit: unitOf, above: 0, required: true,
    label: "SD of the control group", help: "Between animals.", when: isWelch, half: true },
  { key: "sd_treated", box: "animal", kind: "number", neutral: "", input: "sd_treated", unit: unitOf, above: 0, required: true,
    label: "SD of the treated group", help: "Between animals.", when: isWelch, half: true },
  { key: "cv", box: "animal", kind: "number", neutral: "", input: "cv", unit: "%", above: 0, required: true,
    label: "CV between animals", help: "100 × SD / mean.", when: (s) => spreadOf(s) === "cv" },

  { key: "effect", box: "effect", kind: "choice", look: "radio", neutral: "percent",
    label: "Smallest effect worth finding", help: "Not the effect hoped for: the least that would matter.",
    choices: [["difference", "difference"], ["percent", "per cent change"], ["evidence", "pooled evidence"]],
    when: asksEffect },
  { key: "difference", box: "effect", kind: "number", neutral: "", unit: unitOf, required: true,
    label: (s) => (isMargin(s) ? "Margin" : s.design === "two-by-two" ? "Difference of the two treatment effects"
      : s.design === "scans" ? "Difference in change, treated − control" : "Difference, treated − control"),
    help: (s) => (isMargin(s) ? "The largest loss that does not matter." : "Negative if the treatment lowers it."),
    input: (s) => (isMargin(s) ? "margin" : "difference"), nonzero: true,
    when: (s) => asksEffect(s) && effectOf(s) === "difference" },
  { key: "percent", box: "effect", kind: "number", neutral: "", unit: "%", required: true, nonzero: true,
    label: (s) => (isMargin(s) ? "Margin, of the control mean" : "Change of the control mean"),
    help: (s) => (isMargin(s) ? "The largest loss that does not matter." : "−15 is a loss of 15 %."),
    input: (s) => (isMargin(s) ? "margin_percent" : "percent_change"),
    when: (s) => asksEffect(s) && effectOf(s) === "percent" },
  { key: "truth", box: "effect", kind: "number", neutral: "0", input: "difference", unit: unitOf,
    label: "True difference expected", help: "Treated − reference; 0 if they are alike.", when: isMargin },
  { key: "beside", box: "effect", kind: "check", neutral: "no",
    label: "Show the pooled evidence beside it", help: "Adds assurance and its ceiling.",
    when: (s) => evidenceRows().length > 0 && !isMargin(s) && (effectOf(s) !== "evidence" || !asksEffect(s)) },
  { key: "evidence", box: "effect", kind: "choice", look: "select", neutral: "",
    label: "Pooled evidence", help: "The chance of success is averaged over all true effects that it expects.",
    when: (s) => usesEvidence(s) && evidenceRows().length > 0 },

  { key: "target", box: "error", kind: "choice", look: "radio", neutral: "power",
    label: "Aim for", help: "Power holds for one assumed effect, assurance for all that are expected.",
    choices: [["power", "power"], ["assurance", "assurance"]],
    when: (s) => usesEvidence(s) && effectOf(s) !== "evidence" && s.solve !== "mde" },
  { key: "power", box: "error", kind: "number", neutral: "0.8", range: [0, 1], open: true, required: true, half: true,
    label: (s) => (s.solve === "power" ? "Power to compare with" : "Wanted power"),
    help: "Chance of finding the effect if it is real; 0.8 is 80 %.", when: (s) => !wantsAssurance(s) },
  { key: "assurance", box: "error", kind: "number", neutral: "0.8", range: [0, 1], open: true, required: true, half: true,
    label: "Wanted assurance", help: "Chance of success over all that the evidence expects.", when: wantsAssurance },
  { key: "alpha", box: "error", kind: "number", neutral: "0.05", input: "alpha", required: true, half: true,
    label: "Alpha", help: (s) => (isMargin(s) ? "One-sided; 0.025 is usual." : "Chance of a false positive; 0.05 is 5 %.") },
  { key: "sides", box: "error", kind: "choice", look: "radio", neutral: "2",
    label: "Test", help: "Two-sided unless only one direction can count.",
    choices: [["2", "two-sided"], ["1", "one-sided"]], when: (s) => !isMargin(s) },

  { key: "cage", box: "housing", kind: "whole", neutral: "", input: "animals_per_cage", unit: "animals", half: true,
    label: "Animals in a cage", help: (s) => (isWithin(s) ? "An even number: half of each." : isCages(s) ? "The cage is the unit." : "Empty: cages are not counted."),
    required: isCages },
  { key: "losses", box: "housing", kind: "percent", neutral: "0", input: "losses", unit: "%", half: true,
    label: "Animals lost", help: "Before the endpoint." },
  { key: "icc", box: "housing", kind: "number", neutral: "", input: "icc", half: true, required: true,
    label: "Correlation of cage mates", help: "0 would be no more alike than others.", when: isCages },
  { key: "cluster_losses", box: "housing", kind: "percent", neutral: "0", input: "cluster_losses", unit: "%", half: true,
    label: "Whole cages lost", help: "Fights, floods, a lost mother.", when: isCages },
  { key: "budget", box: "housing", kind: "whole", neutral: "", range: [2, 1000000], unit: "animals",
    label: "Budget of animals", help: "All groups together, losses included. Empty: no limit." },

  { key: "title", box: "words", kind: "text", label: "Title of the study", help: "Heads the plan file and the print." },
  { key: "treatment", box: "words", kind: "text", label: "Treatment", help: "Such as MSC exosomes.", half: true },
  { key: "control", box: "words", kind: "text", label: "Control", help: "Such as vehicle.", half: true },
];

const FIELD = Object.fromEntries(FIELDS.map((field) => [field.key, field]));

/** Per cent and CV go together without a mean; a difference in units and a CV do not. */
function needsMean(state) {
  if (isWelch(state)) return asksEffect(state) && effectOf(state) === "percent";
  const difference = asksEffect(state) && effectOf(state) === "difference";
  if (spreadOf(state) === "sd") return asksEffect(state) && effectOf(state) === "percent";
  if (spreadOf(state) === "cv") return difference || !asksEffect(state) || effectOf(state) === "evidence";
  return difference;
}

/** A property of a field that may depend on the state. */
function told(field, name, state) {
  const value = field[name];
  return typeof value === "function" ? value(state) : value;
}

const shownIn = (field, state) => !field.when || field.when(state);
