"use strict";
// Numbers as people type them, and as the page prints them.

const AMBIGUOUS = /^[+-]?[1-9]\d{0,2},\d{3}$/;
const DECIMAL_COMMA = /^[+-]?\d*,\d+$/;
const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;

/**
 * A typed number: {value, note} or {error}. A decimal comma is understood and said so; what could
 * be read in two ways is refused.
 */
function parseNumber(typed) {
  let text = typed.trim().replace(/\u2212/g, "-");
  let note = "";
  if (AMBIGUOUS.test(text)) {
    const [whole, rest] = text.split(",");
    return { error: `“${text}” can be read as ${whole}.${rest} or as ${whole}${rest}: write one of them.` };
  }
  if (DECIMAL_COMMA.test(text)) {
    text = text.replace(",", ".");
    note = `Decimal comma: read as ${Number(text)}.`;
  }
  if (!PLAIN.test(text) || !Number.isFinite(Number(text))) {
    return { error: `“${shorten(text, 24)}” is not a number: digits with a decimal point, such as 3.5.` };
  }
  return { value: Number(text), note };
}

/** Per cent as a share, through the decimal text so that 14 is 0.14 and nothing beside it. */
function shareOf(percent) {
  return Number(`${percent}e-2`) || percent / 100;
}

function shorten(text, longest) {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** Three digits, as the planner's own words have them. */
function amount(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const digits = size >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
  return `${digits.replace("-", "−")}${unit ? `\u00a0${unit}` : ""}`;
}

/** A chance with three digits, never rounded to a certainty that it is not. */
function chance(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value >= 0.9995 && value < 1) return ">0.999";
  if (value > 0 && value < 0.0005) return "<0.001";
  return String(Number(value.toPrecision(3)));
}

function count(value) {
  if (value === null || value === undefined) return "–";
  return Number(value).toLocaleString("en-US", { maximumFractionDigits: 1 });
}

/** About `wanted` round numbers from low to high, both ends inside. */
function ticks(low, high, wanted, whole) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  let step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw * 0.999);
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) {
    found.push(Number((index * step).toPrecision(12)));
  }
  return found;
}

function plural(number, one, many) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
