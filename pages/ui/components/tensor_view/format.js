// Numbers and cells in words.

import { labelOf, sentOffset } from "./decode.js";

export const MINUS = "−";

/**
 * The shortest decimal rounding that gives back exactly this number in its type, with a proper minus sign.
 *
 * @param {PanelData} panel
 * @param {number | bigint} value
 * @returns {string}
 */
export function formatExact(panel, value) {
  if (typeof value === "bigint") return value.toString().replace("-", MINUS);
  if (panel.dtype === "bool") return value ? "True" : "False";
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return `${MINUS}∞`;
  if (Object.is(value, -0)) return `${MINUS}0.0`;
  const text = panel.values instanceof Float32Array ? shortestSingle(value) : String(value);
  const isFloat = panel.values instanceof Float32Array || panel.values instanceof Float64Array;
  const pointed = isFloat && /^-?\d+$/.test(text) ? `${text}.0` : text;
  return pointed.replaceAll("-", MINUS);
}

function shortestSingle(value) {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

/**
 * A numeral for a cell: three significant digits, or two where `decimals` is 1. A number that rounds to nothing is "0.00",
 * so that "0" and "−0" are only said of what is exactly zero.
 *
 * @param {PanelData} panel
 * @param {number | bigint} value
 * @param {number} decimals after the point
 * @returns {string}
 */
export function formatShort(panel, value, decimals) {
  if (typeof value === "bigint" || panel.scale.kind === "ids") return String(value).replace("-", MINUS);
  if (panel.dtype === "bool" || panel.scale.kind === "bool") return value ? "T" : "F";
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return `${MINUS}∞`;
  if (value === 0) return Object.is(value, -0) ? `${MINUS}0` : "0";
  if (panel.scale.kind === "probability" && value === 1) return "1";
  const size = Math.abs(value);
  const sign = value < 0 ? MINUS : "";
  if (size >= 9999.5 || isTiny(panel)) return sign + scientific(size);
  const text = size.toFixed(size >= 99.5 ? 0 : size >= 9.95 ? Math.min(1, decimals - 1) : decimals);
  return (Number(text) === 0 ? "" : sign) + text;
}

// Everything so small that only powers of ten tell it apart.
function isTiny(panel) {
  return panel.scale.kind === "diverging" && panel.scale.largest < 0.005;
}

function scientific(size) {
  const [digits, power] = size.toExponential(0).split("e");
  return `${digits}e${power.replace("+", "").replace("-", MINUS)}`;
}

/**
 * @param {PanelData} panel
 * @param {number} axis
 * @returns {string} its symbol, or "axis 0" where it has none
 */
export function axisName(panel, axis) {
  return panel.axes[axis].symbol ?? `axis ${axis}`;
}

/**
 * Whether an axis is kept only so that shapes line up. An input's repeats along an axis of the output.
 *
 * @param {AxisData} axis
 * @returns {boolean}
 */
export function isOne({ symbol, size }) {
  return symbol === "1" && size === 1;
}

/**
 * Whether there is nothing to say of an axis at the edge: it has size 1 and repeats nowhere.
 *
 * @param {PanelData} panel
 * @param {number} axis
 * @returns {boolean}
 */
export function isSilent(panel, axis) {
  return isOne(panel.axes[axis]) && !panel.axes[axis].every;
}

/**
 * Notes on each axis of size 1 along which axis of the output it repeats.
 *
 * @param {StageData} stage
 */
export function markBroadcastAxes({ panels, reads, output }) {
  panels.slice(0, -1).forEach((panel, number) => {
    panel.axes.forEach((axis, n) => {
      const repeatedAlong = output.axes[reads[number]?.axes?.[n]?.out];
      if (isOne(axis) && repeatedAlong?.size > 1) axis.every = repeatedAlong.symbol;
    });
  });
}

/**
 * @param {PanelData} panel
 * @param {number} axis
 * @param {number} position
 * @returns {string} "H 3", and "axis 0 = 3" where the axis has no name
 */
export function positionName(panel, axis, position) {
  return `${axisName(panel, axis)} ${panel.axes[axis].symbol ? "" : "= "}${position}`;
}

/**
 * What a facet can be called, the most telling first: "S 2 home", "S 2", "2".
 *
 * @param {PanelData} panel
 * @param {number} axis
 * @param {number} position
 * @returns {string[]}
 */
export function facetNames(panel, axis, position) {
  const { every } = panel.axes[axis];
  if (every) return [`every ${every}`, "every"];
  const plain = positionName(panel, axis, position);
  const token = sharedLabel(panel.axes[axis], position);
  return [...(token === null ? [] : [`${plain} ${token}`]), plain, String(position)];
}

// The label of a position where it is the same for every sentence that is drawn; a facet can stand for several.
function sharedLabel({ labels, byRow, start }, position) {
  if (!labels) return null;
  const different = new Set((byRow ? labels : [labels]).map((list) => list[position - start]));
  return different.size === 1 ? [...different][0] : null;
}

/**
 * The name of a cell: query[B=0, H=1, S=2 “home”, d_k=3].
 *
 * @param {PanelData} panel
 * @param {Index} index
 * @returns {[text: string, symbol: string | null, kind?: string][]} runs of it, with the axis that they name
 */
export function cellRuns(panel, index) {
  /** @type {[text: string, symbol: string | null, kind?: string][]} */
  const runs = [[panel.title, null, "title"], ["[", null]];
  index.forEach((i, axis) => {
    if (axis) runs.push([", ", null]);
    if (isOne(panel.axes[axis])) runs.push([String(i), null]);
    else runs.push([axisName(panel, axis), panel.axes[axis].symbol], [`=${i}`, null]);
    const label = labelOf(panel, axis, index);
    if (label !== null) runs.push([` “${label}”`, null]);
  });
  runs.push(["]", null]);
  return runs;
}

/**
 * @param {PanelData} panel
 * @param {Index} index
 * @returns {string | null} the value of a cell in full, null where it was not sent
 */
export function valueText(panel, index) {
  const offset = sentOffset(panel, index);
  if (offset < 0) return null;
  if (!panel.values) return "no value";
  return formatExact(panel, panel.values[offset]);
}

/**
 * @param {PanelData} panel
 * @param {Index} index
 * @returns {boolean}
 */
export function isMasked(panel, index) {
  const offset = sentOffset(panel, index);
  return offset >= 0 && !!panel.masked?.[offset];
}

/**
 * A cell and its value for a screen reader: "scores, B 0, H 1, S 2 home, S 3 go: 0.1843".
 *
 * @param {PanelData} panel
 * @param {Index} index
 * @returns {string}
 */
export function spokenCell(panel, index) {
  const named = panel.axes.map((_, axis) => axis).filter((axis) => !isOne(panel.axes[axis]));
  const positions = named.map((axis) => [axisName(panel, axis), index[axis], labelOf(panel, axis, index)].filter((x) => x !== null).join(" "));
  const offset = sentOffset(panel, index);
  const value = offset < 0 ? "not in view" : panel.values ? spokenNumber(panel, panel.values[offset]) : "no value";
  return `${[panel.title, ...positions].join(", ")}: ${value}${isMasked(panel, index) ? `, ${panel.hatched}` : ""}`;
}

function spokenNumber(panel, value) {
  if (typeof value === "bigint" || !Number.isFinite(value) || Number.isInteger(value)) {
    return formatExact(panel, value).replace("∞", "infinity").replace(MINUS, "minus ");
  }
  return String(Number(value.toPrecision(4))).replace("-", MINUS);
}

/**
 * @param {number} count
 * @returns {string} with a comma between thousands: 12,345
 */
export function groupDigits(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * A text with values at its named places: fillTemplate("{count} of {all}", { count: 2, all: 3 }).
 *
 * @param {string} template
 * @param {Record<string, string | number>} values
 */
export function fillTemplate(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

// Cells of the first tensor that is named, and of one after it; all in view, some of them, or none.
const CELL = { all: "{total} cell of {title}", some: "{total} cell of {title} ({inView} in view)", none: "{total} cell of {title} (none in view)" };
const CELLS = { all: "{total} cells of {title}", some: "{total} cells of {title} ({inView} in view)", none: "{total} cells of {title} (none in view)" };
const MORE = { all: "{total} of {title}", some: "{total} of {title} ({inView} in view)", none: "{total} of {title} (none in view)" };

/**
 * What an element reads, or what reads it: "reads 256 cells of query (40 in view), 8 of key_t".
 *
 * @param {{ title: string, total: number, inView: number }[]} parts a tensor, and how many of its cells
 * @param {"reads" | "read by"} verb
 * @returns {string} "" where there is nothing to say
 */
export function readsText(parts, verb) {
  const phrases = parts
    .filter((part) => part.total)
    .map(({ title, total, inView }, i) => {
      const templates = i ? MORE : total === 1 ? CELL : CELLS;
      const template = templates[inView >= total ? "all" : inView ? "some" : "none"];
      return fillTemplate(template, { title, total: groupDigits(total), inView: groupDigits(inView) });
    });
  return phrases.length ? `${verb} ${phrases.join(", ")}` : "";
}
