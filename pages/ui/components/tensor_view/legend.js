// What stands below a tensor to read its colours by.

import { element, svgElement } from "../mount/dom.js";
import { SCALES, countSpecialCells } from "./colormap.js";
import { MINUS, axisName, groupDigits, isOne } from "./format.js";
import { fitsWord } from "./paint.js";

const LOCATOR = 24; // px: the longer side of the outline of a whole tensor
const LEAST = 5;

/**
 * The numeric scale, the glyphs that are in view, and which way rows and columns run.
 *
 * @param {PanelData} panel
 * @param {Theme} theme
 * @param {CellSize} cell
 * @returns {HTMLElement[]}
 */
export function legendOf(panel, theme, cell) {
  const parts = [];
  const { kind, largest } = panel.scale;
  const special = countSpecialCells(panel);
  if (kind in SCALES) parts.push(bar(SCALES[kind], theme, largest));
  else if (kind === "bool") parts.push(swatch("yes", "true"), swatch("no", "false"));
  if (special.masked) parts.push(swatch("masked", panel.hatched));
  if (special.nan && !fitsWord(cell)) parts.push(swatch("nan", "not a number"));
  if (special.plus && !fitsWord(cell)) parts.push(swatch("plus", "+∞"));
  if (special.minus && !fitsWord(cell)) parts.push(swatch("minus", `${MINUS}∞`));
  if (special.beyond) parts.push(element("span", { class: "key", text: `${groupDigits(special.beyond)} beyond the scale` }));
  if (panel.shape.length > 1) parts.push(directions(panel, theme));
  return parts;
}

function legendNumber(value) {
  const text = value >= 0.01 && value < 10_000 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
  return text.replace("-", MINUS).replace("e+", "e");
}

function bar({ from, end, ramp }, theme, largest) {
  const colours = ramp(theme);
  const reach = legendNumber(end ?? largest ?? 0);
  const ends = from < 0 ? [MINUS + reach, "0", `+${reach}`] : ["0", reach];
  const numbers = end ?? largest ? ends : ["0"];
  const stops = Array.from({ length: 9 }, (_, i) => colours[Math.round((i / 8) * (colours.length - 1))]);
  const strip = element("span", { class: "strip" });
  strip.style.background = `linear-gradient(to right, ${stops.map((rgb) => `rgb(${rgb})`).join(", ")})`;
  const ticks = element("span", { class: "ticks" }, ...numbers.map((number) => element("span", { text: number })));
  return element("span", { class: "bar", role: "img", "aria-label": `colour scale ${numbers.join(", ")}` }, strip, ticks);
}

function swatch(name, words) {
  return element("span", { class: "key" }, element("i", { class: `swatch ${name}`, "aria-hidden": "true" }), words);
}

// Which way rows and columns run; of a tensor that is not drawn whole also which part of it this is.
function directions(panel, theme) {
  const name = (axis, arrow, words) => {
    const { size, symbol, start, count } = panel.axes[axis];
    if (isOne(panel.axes[axis])) return [];
    const part = element("b", { text: `${axisName(panel, axis)} ${arrow}` });
    part.style.color = theme.axis(symbol);
    return count < size ? [`${words} `, part, `${rangeOf(start, count)} of ${groupDigits(size)} `] : [`${words} `, part];
  };
  const outline = isPart(panel) ? locator(panel, theme) : null;
  return element("span", { class: "directions" }, outline, ...name(panel.rowAxis, "↓", "rows"), " ", ...name(panel.columnAxis, "→", "columns"));
}

function isPart(panel) {
  return [panel.rowAxis, panel.columnAxis].some((axis) => panel.axes[axis].count < panel.axes[axis].size);
}

function rangeOf(start, count) {
  return count === 1 ? String(start) : `${start}–${start + count - 1}`;
}

// The outline of all rows and columns, and in it those that are drawn.
function locator(panel, theme) {
  const [down, across] = [panel.axes[panel.rowAxis], panel.axes[panel.columnAxis]];
  const longest = Math.max(down.size, across.size);
  const [width, height] = [across.size, down.size].map((size) => Math.max(LEAST, (size / longest) * LOCATOR));
  const shown = {
    x: (across.start / across.size) * width, width: Math.max(2, (across.count / across.size) * width),
    y: (down.start / down.size) * height, height: Math.max(2, (down.count / down.size) * height),
  };
  return svgElement(
    "svg",
    { class: "locator", width: width + 2, height: height + 2, viewBox: `-1 -1 ${width + 2} ${height + 2}`, "aria-hidden": "true" },
    svgElement("rect", { width, height, fill: "none", stroke: theme.soft, "stroke-width": 1 }),
    svgElement("rect", { ...shown, fill: theme.ink, "fill-opacity": 0.55 }),
  );
}
