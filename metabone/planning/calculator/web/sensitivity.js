"use strict";
// What the answer would be with another SD and another effect: a table whose cells are coloured.

/** The table of a grid; steps of colour go with the values, and the numbers stand in the cells. */
function sensitivityTable(grid, words) {
  const flat = grid.cells.flat().filter((cell) => cell !== null);
  const low = Math.min(...flat);
  const high = Math.max(...flat);
  // Sizes differ by factors, chances by differences.
  const scale = grid.counts === "power" || low <= 0 ? (value) => value : Math.log;
  const step = (value) => (high > low ? Math.round((8 * (scale(value) - scale(low))) / (scale(high) - scale(low))) : 4);
  const heads = grid.effects.map((effect, at) => make("th", { scope: "col" }, effectHead(grid, effect, at, words)));
  const rows = grid.cells.map((row, at) => make(
    "tr", {},
    make("th", { scope: "row" }, sdHead(grid, at, words)),
    row.map((cell, column) => make(
      "td",
      { class: `heat heat-${cell === null ? "none" : step(cell)}${own(grid, at, column) ? " own" : ""}` },
      cellWords(cell, grid.counts), own(grid, at, column) ? make("span", { class: "visually-hidden" }, " (the plan)") : null,
    )),
  ));
  const what = grid.counts === "size" ? words.sizeWords : grid.counts === "power" ? "power" : `detectable ${words.effectName}`;
  return make(
    "table", { class: "sensitivity", "data-testid": "sensitivity" },
    make("caption", {}, `${what}, by SD${grid.counts === "difference" ? "" : ` and ${words.effectName}`}`),
    make("thead", {}, make("tr", {}, make("td", { class: "corner" }), grid.counts === "difference" ? make("th", { scope: "col" }, `detectable ${words.effectName}`) : heads)),
    make("tbody", {}, rows),
  );
}

function own(grid, row, column) {
  return grid.sd_factors[row] === 1 && grid.effect_factors[column] === 1;
}

function sdHead(grid, at, words) {
  const sd = grid.sds[at];
  return sd === null ? `SD × ${grid.sd_factors[at]}` : `SD ${amount(sd, words.unit)}`;
}

function effectHead(grid, effect, at, words) {
  return grid.effect_factors.length === 1 ? "" : amount(effect, words.unit);
}

function cellWords(value, counts) {
  if (value === null) return "none";
  if (counts === "size") return count(value);
  return counts === "power" ? value.toFixed(2) : amount(value);
}
