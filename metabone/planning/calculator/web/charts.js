"use strict";
// Power and assurance against the size, the expected interval, and the spread of the evidence.

/** The curves: {power, assurance, ceiling, target} of the planner, with the answer marked. */
function curveChart(frame, curve, marks) {
  const width = roomOf(frame, 280);
  const height = paper ? 165 : Math.min(340, Math.max(250, Math.round(width * 0.5)));
  const room = { left: 40, right: width < 480 ? 16 : 92, top: 16, bottom: 44 };
  const sizes = curve.power.map((point) => point[0]);
  const low = sizes[0];
  const high = sizes[sizes.length - 1];
  const x = (size) => room.left + ((size - low) / Math.max(1, high - low)) * (width - room.left - room.right);
  const y = (share) => room.top + (1 - share) * (height - room.top - room.bottom);
  const parts = [...axes(x, y, low, high, room, width, height, marks)];
  const right = width - room.right;
  if (curve.ceiling !== null && curve.ceiling !== undefined && curve.ceiling < 0.99995) {
    parts.push(draw("rect", { x: room.left, y: y(1), width: right - room.left, height: Math.max(0, y(curve.ceiling) - y(1)), class: "beyond" }));
    parts.push(draw("line", { x1: room.left, x2: right, y1: y(curve.ceiling), y2: y(curve.ceiling), class: "ceiling" }));
    parts.push(draw("text", { x: room.left + 6, y: y(curve.ceiling) - 5, class: "tag ceiling-tag" }, `ceiling ${chance(curve.ceiling)}`));
  }
  parts.push(draw("line", { x1: room.left, x2: right, y1: y(curve.target), y2: y(curve.target), class: "target" }));
  const lines = [["power", curve.power, "curve-power"]];
  if (curve.assurance) lines.push(["assurance", curve.assurance, "curve-assurance"]);
  for (const [, points, cls] of lines) parts.push(line(points.map(([n, p]) => [x(n).toFixed(1), y(p).toFixed(1)]), cls));
  parts.push(...endLabels(lines, curve.target, x, y, right, width < 480));
  if (marks.size !== null && marks.size >= low && marks.size <= high) parts.push(...answerMark(lines, marks, x, y, height, room));
  const words = curveWords(curve, marks);
  const svg = picture("curve-svg", width, height, "Power by the number of animals", words, ...parts);
  readout(svg, curve, x, y, room, width, height, marks);
  const step = Math.max(1, Math.round(sizes.length / 24));
  const rows = curve.power.map(([n, p], at) => [count(n), chance(p), ...(curve.assurance ? [chance(curve.assurance[at][1])] : [])])
    .filter((row, at) => at % step === 0 || row[0] === count(marks.size));
  return [svg, hiddenTable(`Power by ${marks.sizeWords}`, [marks.sizeWords, "power", ...(curve.assurance ? ["assurance"] : [])], rows)];
}

function axes(x, y, low, high, room, width, height, marks) {
  const parts = [];
  const right = width - room.right;
  for (const share of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
    parts.push(draw("line", { x1: room.left, x2: right, y1: y(share), y2: y(share), class: share ? "grid" : "axis" }));
    parts.push(draw("text", { x: room.left - 8, y: y(share) + 4, class: "tick end" }, String(share)));
  }
  for (const size of ticks(low, high, width < 480 ? 5 : 8, true)) {
    parts.push(draw("line", { x1: x(size), x2: x(size), y1: y(0), y2: y(0) + 4, class: "axis" }));
    // The answer's own number stands where a neighbour would touch it.
    if (marks.size !== null && Math.abs(x(size) - x(marks.size)) < 26) continue;
    parts.push(draw("text", { x: x(size), y: y(0) + 18, class: "tick middle" }, count(size)));
  }
  parts.push(draw("text", { x: (room.left + right) / 2, y: height - 6, class: "axis-name middle" }, marks.sizeWords));
  return parts;
}

/** Names at the right end of the lines, moved apart; in a narrow frame inside it. */
function endLabels(lines, target, x, y, right, narrow) {
  const wanted = [{ text: `wanted ${chance(target)}`, at: y(target), cls: "tag target-tag" }];
  for (const [name, points, cls] of lines) wanted.push({ text: name, at: y(points[points.length - 1][1]), cls: `tag ${cls}-tag` });
  if (narrow) {
    // Above its line, or below where a curve would run through it.
    const met = (from, to) => lines.some(([, points]) => points.some(([n, value]) =>
      x(n) > right - 84 && y(value) > wanted[0].at + from && y(value) < wanted[0].at + to));
    const lift = met(-18, 0) && !met(2, 20) ? 15 : -5;
    return wanted.map((one, at) => draw("text", {
      x: right - 4, y: at === 0 ? one.at + lift : y(0) - 8 - 16 * (wanted.length - 1 - at), class: `${one.cls} end`,
    }, at === 0 ? one.text : `— ${one.text}`));
  }
  wanted.sort((one, other) => one.at - other.at);
  for (let at = 1; at < wanted.length; at += 1) wanted[at].at = Math.max(wanted[at].at, wanted[at - 1].at + 15);
  const over = wanted[wanted.length - 1].at - y(0);
  if (over > 0) wanted.forEach((one) => (one.at -= over));
  return wanted.map((one) => draw("text", { x: right + 6, y: one.at + 4, class: one.cls }, one.text));
}

function answerMark(lines, marks, x, y, height, room) {
  const parts = [];
  const at = x(marks.size);
  const heights = lines.map(([, points]) => (points.find(([n]) => n === marks.size) || [0, null])[1]).filter((p) => p !== null);
  if (!heights.length) return parts;
  parts.push(draw("line", { x1: at, x2: at, y1: y(Math.max(...heights)), y2: y(0), class: "drop" }));
  lines.forEach(([, points, cls]) => {
    const point = points.find(([n]) => n === marks.size);
    if (point) parts.push(draw("circle", { cx: at, cy: y(point[1]), r: 5.5, class: `${cls}-dot` }));
  });
  parts.push(draw("rect", { x: at - 15, y: y(0) + 5, width: 30, height: 19, rx: 4, class: "answer-chip" }));
  parts.push(draw("text", { x: at, y: y(0) + 19, class: "answer-chip-text middle" }, count(marks.size)));
  return parts;
}

function curveWords(curve, marks) {
  const parts = [];
  const first = curve.power[0];
  const last = curve.power[curve.power.length - 1];
  parts.push(`Power rises from ${chance(first[1])} with ${count(first[0])} to ${chance(last[1])} with ${count(last[0])} ${marks.sizeWords}.`);
  parts.push(`Wanted is ${chance(curve.target)}.`);
  if (curve.assurance) {
    const end = curve.assurance[curve.assurance.length - 1];
    parts.push(`Assurance reaches ${chance(end[1])}; no number of animals brings it over ${chance(curve.ceiling)}.`);
  }
  if (marks.size !== null) parts.push(`The plan has ${count(marks.size)} ${marks.sizeWords}.`);
  return parts.join(" ");
}

/** Under the pointer: the nearest size and its chances. */
function readout(svg, curve, x, y, room, width, height, marks) {
  const rule = draw("line", { y1: room.top, y2: y(0), class: "read-rule", visibility: "hidden" });
  const text = draw("text", { y: room.top - 4, class: "read-text", visibility: "hidden" });
  svg.append(rule, text);
  svg.addEventListener("pointermove", (event) => {
    const at = ((event.clientX - svg.getBoundingClientRect().left) / svg.clientWidth) * width;
    let best = 0;
    curve.power.forEach(([n], index) => {
      if (Math.abs(x(n) - at) < Math.abs(x(curve.power[best][0]) - at)) best = index;
    });
    const [n, power] = curve.power[best];
    rule.setAttribute("x1", x(n));
    rule.setAttribute("x2", x(n));
    text.textContent = `${count(n)}: power ${chance(power)}${curve.assurance ? `, assurance ${chance(curve.assurance[best][1])}` : ""}`;
    const side = x(n) > width / 2;
    text.setAttribute("x", x(n) + (side ? -6 : 6));
    text.setAttribute("text-anchor", side ? "end" : "start");
    for (const one of [rule, text]) one.setAttribute("visibility", "visible");
  });
  svg.addEventListener("pointerleave", () => [rule, text].forEach((one) => one.setAttribute("visibility", "hidden")));
}

/** The interval to expect, against no effect and the smallest effect. */
function intervalChart(frame, interval, words) {
  const width = roomOf(frame, 280);
  const height = paper ? 130 : 164;
  const half = interval.half_width;
  const effect = words.against;
  const centre = Number.isFinite(interval.estimate) ? interval.estimate : (interval.low + interval.high) / 2;
  const ends = [0, effect, centre - half, centre + half, -half, half].filter((end) => Number.isFinite(end));
  const pad = (Math.max(...ends) - Math.min(...ends)) * 0.06;
  const [low, high] = [Math.min(...ends) - pad, Math.max(...ends) + pad];
  const room = { left: 12, right: 12 };
  const x = (value) => room.left + ((value - low) / (high - low)) * (width - room.left - room.right);
  const floor = height - 28;
  const parts = ticks(low, high, width < 480 ? 4 : 7).map((tick) => [
    draw("line", { x1: x(tick), x2: x(tick), y1: floor, y2: floor + 4, class: "axis" }),
    draw("text", { x: x(tick), y: floor + 18, class: "tick middle" }, amount(tick)),
  ]).flat();
  parts.push(draw("line", { x1: room.left, x2: width - room.right, y1: floor, y2: floor, class: "axis" }));
  parts.push(...upright(x(0), floor, "no effect", "zero", 28, width));
  parts.push(...upright(x(effect), floor, words.name, "target", 12, width));
  parts.push(...whisker(x, centre, half, paper ? 48 : 62, "curve-power", words.real, width));
  if (centre !== 0) parts.push(...whisker(x, 0, half, paper ? 78 : 98, "ghost", words.none, width));
  const share = interval.unit === "% of the control mean";
  const unit = share ? "%" : interval.unit || "";
  const level = `${amount(100 * interval.level)} % interval`;
  const described = `If the true difference is ${amount(centre, unit)}, the ${level} is expected from ${amount(centre - half, unit)} to ${amount(centre + half, unit)}; if there is none, from ${amount(-half, unit)} to ${amount(half, unit)}. The smallest difference of interest is ${amount(effect, unit)}.`;
  return [
    picture("interval-svg", width, height, "Expected confidence interval", described, ...parts),
    make("p", { class: "caption" }, `The ${level} is expected to reach ±${amount(half, unit)} around what is found: ${amount(centre - half, unit)} to ${amount(centre + half, unit)} if the truth is ${amount(centre, unit)}${share ? ", all of the control mean" : ""}.`),
    hiddenTable("Expected confidence interval", ["true difference", "low", "high"], [
      [amount(centre, unit), amount(centre - half, unit), amount(centre + half, unit)],
      ["0", amount(-half, unit), amount(half, unit)],
    ]),
  ];
}

/** A line across the chart and its name, on the line of text that the other one leaves free. */
function upright(at, floor, text, cls, level, width) {
  const half = text.length * 3.6;
  return [
    draw("line", { x1: at, x2: at, y1: level + 6, y2: floor, class: cls }),
    draw("text", { x: Math.min(Math.max(at, half), width - half), y: level, class: `tag ${cls}-tag middle` }, text),
  ];
}

function whisker(x, centre, half, at, cls, text, width) {
  const [from, to] = [x(centre - half), x(centre + half)];
  return [
    draw("line", { x1: from, x2: to, y1: at, y2: at, class: `whisker ${cls}-bar` }),
    draw("line", { x1: from, x2: from, y1: at - 6, y2: at + 6, class: `whisker ${cls}-bar` }),
    draw("line", { x1: to, x2: to, y1: at - 6, y2: at + 6, class: `whisker ${cls}-bar` }),
    draw("circle", { cx: x(centre), cy: at, r: 5, class: `${cls}-dot` }),
    text ? caption(text, from, to, at, x(0), width) : null,
  ];
}

/** Words below a bar, in the middle of its part right of the line of no effect that crosses it. */
function caption(text, from, to, at, zero, width) {
  const half = text.length * 3.3;
  let place = Math.min(Math.max((from + to) / 2, half), width - half);
  if (Math.abs(place - zero) < half + 6) place = zero + half + 8 < width - half ? zero + half + 8 : zero - half - 8;
  // Where there is room on neither side the words cross the line, whole.
  place = Math.min(Math.max(place, half), width - half);
  return draw("text", { x: place, y: at + 19, class: "tick middle" }, text);
}

/** Pooled evidence on one line: mean and 95 % prediction interval, with 0. */
function evidenceWordsOf(row) {
  const k = row.k === null || row.k === undefined ? "" : `${row.k} studies; `;
  const parts = [];
  if (row.synthetic) parts.push(make("p", { class: "synthetic" }, "SYNTHETIC: generated data, for trying things on."));
  if (Number.isFinite(row.mean)) {
    parts.push(evidenceLine(row));
    parts.push(make("p", {}, `${k}mean ${amount(row.mean)} SD; the true effect of a new study lies between ${amount(row.pi_low)} and ${amount(row.pi_high)} SD (95 % prediction interval).`));
  } else parts.push(make("p", {}, `${k}${row.measure || ""}: read in SD once the SD is known.`));
  if (Number.isFinite(row.ceiling)) parts.push(make("p", {}, `Ceiling ${chance(row.ceiling)}: no number of animals gives a greater chance of success.`));
  for (const note of row.notes || []) if (!/^SYNTHETIC/.test(note)) parts.push(make("p", { class: "note-line" }, note));
  return parts;
}

function evidenceLine(row) {
  const width = 320;
  const ends = [0, row.pi_low, row.pi_high];
  const pad = (Math.max(...ends) - Math.min(...ends)) * 0.08 || 1;
  const [low, high] = [Math.min(...ends) - pad, Math.max(...ends) + pad];
  const x = (value) => 6 + ((value - low) / (high - low)) * (width - 12);
  const words = `Mean ${amount(row.mean)} SD, 95 % prediction interval ${amount(row.pi_low)} to ${amount(row.pi_high)}.`;
  return picture("evidence-svg", width, 44, "Pooled evidence", words,
    draw("line", { x1: x(0), x2: x(0), y1: 2, y2: 28, class: "zero" }),
    draw("text", { x: x(0), y: 40, class: "tick middle" }, "0"),
    draw("line", { x1: x(row.pi_low), x2: x(row.pi_high), y1: 15, y2: 15, class: "whisker curve-assurance-bar" }),
    draw("circle", { cx: x(row.mean), cy: 15, r: 5, class: "curve-assurance-dot" }),
    Math.abs(x(row.mean) - x(0)) > 20 ? draw("text", { x: x(row.mean), y: 40, class: "tick middle" }, amount(row.mean)) : null,
  );
}
