"use strict";
// The small picture of each design on its card: dots are animals, colours are arms.

const ARM_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

function armClass(index) {
  return `arm-${index === 0 ? 0 : ((index - 1) % 7) + 1}`;
}

function dots(points, arm) {
  return points.map(([x, y]) => draw("circle", { cx: x, cy: y, r: 3, class: armClass(arm) }));
}

function trio(x, y) {
  return [[x, y], [x + 8, y], [x + 4, y + 7]];
}

function line(points, cls) {
  return draw("polyline", { points: points.map((point) => point.join(",")).join(" "), class: cls });
}

const box = (x, y, width, height) => draw("rect", { x, y, width, height, rx: 4, class: "pic-box" });

const PICTOGRAMS = {
  "two-groups": () => [dots(trio(10, 12), 0), dots(trio(38, 12), 1)],
  arms: () => [dots(trio(2, 12), 0), dots(trio(20, 4), 1), dots(trio(34, 17), 2), dots(trio(48, 4), 3)],
  baseline: () => [
    line([[8, 22], [48, 20]], "pic-line arm-line-0"), line([[8, 24], [48, 8]], "pic-line arm-line-1"),
    dots([[8, 22], [48, 20]], 0), dots([[8, 26], [48, 8]], 1),
  ],
  cages: () => [box(3, 5, 23, 22), box(33, 5, 23, 22), dots(trio(10, 12), 0), dots(trio(40, 12), 1)],
  "two-by-two": () => [
    line([[30, 3], [30, 29]], "pic-axis"), line([[6, 16], [54, 16]], "pic-axis"),
    dots([[14, 9], [21, 9]], 0), dots([[39, 9], [46, 9]], 1), dots([[14, 23], [21, 23]], 2), dots([[39, 23], [46, 23]], 3),
  ],
  scans: () => [
    line([[6, 10], [22, 14], [38, 20], [54, 25]], "pic-line arm-line-0"),
    line([[6, 8], [22, 9], [38, 9], [54, 10]], "pic-line arm-line-1"),
    dots([[6, 10], [22, 14], [38, 20], [54, 25]], 0), dots([[6, 7], [22, 9], [38, 9], [54, 10]], 1),
  ],
  "non-inferiority": () => [
    line([[16, 3], [16, 29]], "pic-margin"), line([[40, 3], [40, 29]], "pic-axis"),
    line([[22, 16], [52, 16]], "pic-line arm-line-1"), dots([[37, 16]], 1),
  ],
};

function pictogram(name) {
  return draw("svg", { viewBox: "0 0 60 32", class: "pictogram", "aria-hidden": "true", focusable: "false" }, PICTOGRAMS[name]());
}
