"use strict";
// Arms and cages: every animal a dot with the letter of its arm, every cage a box.

const DOT = 17;
const MOST_CAGES = 48;
const MOST_ANIMALS = 160;

/** What stands in each row: {name, letter, arm, started, expected, cages: [[arm, …, lost], …]}. */
function armsOf(answer, state) {
  const out = answer.outputs;
  if (!Array.isArray(out.n)) return [];
  const started = out.n_with_losses || out.n;
  const names = armNames(out, state, started.length);
  if (answer.design === "cages-within") return [mixedRow(out, names)];
  return started.map((animals, at) => {
    const clusters = out.clusters_with_losses ? out.clusters_with_losses[at] : null;
    const housed = out.animals_per_cage;
    const kept = out.clusters ? out.n[at] / out.clusters[at] : null;
    const row = { name: names[at], arm: at, started: animals, expected: out.n[at], boxed: Boolean(housed) };
    row.cages = clusters ? wholeCages(at, clusters, out.clusters[at], housed, kept) : looseCages(at, animals, out.n[at], housed);
    return row;
  });
}

function armNames(out, state, arms) {
  const given = { control: state.control.trim(), treated: state.treatment.trim() };
  const names = Array.isArray(out.arms) && out.arms.length === arms ? out.arms.map(String) : [];
  return Array.from({ length: arms }, (_, at) => {
    const name = names[at] || (arms === 1 ? "animals" : at === 0 ? "control" : arms === 2 ? "treated" : `arm ${at}`);
    return given[name] || name;
  });
}

/** Animals of one arm by cages as the plan counts them; the last ones are those that may be lost. */
function looseCages(arm, animals, expected, housed) {
  const all = Array.from({ length: Math.min(animals, MOST_ANIMALS) }, (_, at) => ({ arm, lost: at >= expected }));
  const cages = [];
  for (let at = 0; at < all.length; at += housed || all.length) cages.push({ animals: all.slice(at, at + (housed || all.length)) });
  return cages;
}

function wholeCages(arm, started, kept, housed, expected) {
  return Array.from({ length: Math.min(started, MOST_CAGES) }, (_, cage) => ({
    lost: cage >= kept,
    animals: Array.from({ length: housed }, (_, at) => ({ arm, lost: at >= expected })),
  }));
}

function mixedRow(out, names) {
  const started = out.clusters_with_losses[0];
  const kept = out.clusters[0];
  const housed = out.animals_per_cage;
  const expected = (2 * out.n[0]) / kept / 2;
  const cages = Array.from({ length: Math.min(started, MOST_CAGES) }, (_, cage) => ({
    lost: cage >= kept,
    animals: Array.from({ length: housed }, (_, at) => ({ arm: at % 2, lost: Math.floor(at / 2) >= expected })),
  }));
  return {
    name: `A ${names[0]} and B ${names[1]} in every cage`, arm: null, boxed: true, cages,
    started: out.n_total_with_losses, expected: out.n_total, total: started,
  };
}

function drawingOf(frame, answer, state, animals) {
  const rows = armsOf(answer, state);
  const width = roomOf(frame, 280);
  const parts = [];
  let top = 0;
  for (const row of rows) top = drawRow(parts, row, top, width, animals) + 12;
  const lost = rows.some((row) => row.started > row.expected);
  const words = rows.map((row) => rowWords(row, animals)).join(" ");
  const drawn = picture("drawing-svg", width, Math.max(40, top), "Arms and cages", words, ...parts);
  return [
    drawn,
    make("p", { class: "caption" },
      `One dot is one animal, its letter the arm${rows.some((row) => row.boxed) ? ", a box one cage" : ""}.`,
      lost ? " Hollow dots and dashed boxes may be lost on the way." : ""),
    hiddenTable("Arms and cages", ["arm", "animals to start with", "expected at the end", "cages"],
      rows.map((row) => [row.name, count(row.started), count(row.expected), row.boxed ? count(cageCount(row)) : "not counted"])),
  ];
}

function cageCount(row) {
  if (row.total) return row.total;
  const first = row.cages[0] ? row.cages[0].animals.length : 1;
  return Math.ceil(row.started / first);
}

function rowWords(row, animals) {
  const ends = row.started > row.expected ? `, ${count(row.expected)} expected at the end` : "";
  return `${row.name}: ${count(row.started)} ${animals}${row.boxed ? ` in ${plural(cageCount(row), "cage", "cages")}` : ""}${ends}.`;
}

/** One arm: its name, then its cages in lines; where it ends. */
function drawRow(parts, row, top, width, animals) {
  const head = top + 14;
  let left = 0;
  if (row.arm !== null) {
    parts.push(draw("circle", { cx: 9, cy: head - 4, r: 8.5, class: armClass(row.arm) }));
    parts.push(draw("text", { x: 9, y: head, class: "dot-letter middle" }, letterOf(row.arm)));
    left = 24;
  }
  const words = `${count(row.started)} ${animals}${row.boxed ? `, ${plural(cageCount(row), "cage", "cages")}` : ""}`;
  const name = shorten(row.name, Math.floor((width - left) / 7.6));
  const below = left + (name.length + words.length + 2) * 7.6 > width;
  parts.push(draw("text", { x: left, y: head, class: "row-name" }, name,
    draw("tspan", { class: "row-count", ...(below ? { x: left, dy: 17 } : { dx: 8 }) }, words)));
  if (below) top += 17;
  let x = 0;
  let y = top + 26;
  let tall = 0;
  for (const cage of row.cages.slice(0, MOST_CAGES)) {
    const size = cage.animals.length;
    const wide = row.boxed ? Math.ceil(Math.sqrt(size)) : Math.min(size, Math.floor((width - 4) / DOT));
    const [w, h] = [wide * DOT + (row.boxed ? 9 : 0), Math.ceil(size / wide) * DOT + (row.boxed ? 9 : 0)];
    if (x > 0 && x + w > width) {
      x = 0;
      y += tall + 6;
      tall = 0;
    }
    drawCage(parts, cage, x, y, w, h, wide, row.boxed);
    x += w + 6;
    tall = Math.max(tall, h);
  }
  return moreOf(parts, row, y + tall, x);
}

function moreOf(parts, row, floor) {
  const drawn = row.cages.slice(0, MOST_CAGES).reduce((sum, cage) => sum + cage.animals.length, 0);
  if (drawn >= row.started) return floor;
  parts.push(draw("text", { x: 0, y: floor + 16, class: "row-count" }, `… and ${count(row.started - drawn)} more`));
  return floor + 20;
}

function drawCage(parts, cage, x, y, w, h, wide, boxed) {
  if (boxed) parts.push(draw("rect", { x: x + 0.75, y: y + 0.75, width: w - 1.5, height: h - 1.5, rx: 6, class: `cage${cage.lost ? " lost" : ""}` }));
  const pad = boxed ? 4.5 : 0;
  cage.animals.forEach((animal, at) => {
    const cx = x + pad + (at % wide) * DOT + DOT / 2;
    const cy = y + pad + Math.floor(at / wide) * DOT + DOT / 2;
    const gone = animal.lost || cage.lost;
    parts.push(draw("circle", { cx, cy, r: gone ? 6.4 : 7, class: `${armClass(animal.arm)}${gone ? " gone" : ""}` }));
    parts.push(draw("text", { x: cx, y: cy + 3.2, class: `dot-letter small middle${gone ? " gone" : ""}` }, letterOf(animal.arm)));
  });
}

function letterOf(arm) {
  return ARM_LETTERS[arm % ARM_LETTERS.length];
}
