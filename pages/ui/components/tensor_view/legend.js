// What stands below a tensor to read its colours by.

import { element } from "../mount/dom.js";
import { colourRamp, countSpecialCells } from "./colormap.js";
import { MINUS, axisName, groupDigits, isOne } from "./format.js";
import { fitsWord } from "./paint.js";

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
  if (kind === "probability") parts.push(bar(kind, theme, ["0", "1"]));
  else if (kind === "positive") parts.push(bar(kind, theme, largest ? ["0", legendNumber(largest)] : ["0"]));
  else if (kind === "diverging") {
    const end = largest ? legendNumber(largest) : "0";
    parts.push(bar(kind, theme, largest ? [MINUS + end, "0", `+${end}`] : ["0"]));
  } else if (kind === "bool") parts.push(swatch("yes", "true"), swatch("no", "false"));
  if (special.masked) parts.push(swatch("masked", "masked"));
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

function bar(kind, theme, numbers) {
  const colours = colourRamp(kind, theme);
  const stops = Array.from({ length: 9 }, (_, i) => colours[Math.round((i / 8) * (colours.length - 1))]);
  const strip = element("span", { class: "strip" });
  strip.style.background = `linear-gradient(to right, ${stops.map((rgb) => `rgb(${rgb})`).join(", ")})`;
  const ticks = element("span", { class: "ticks" }, ...numbers.map((number) => element("span", { text: number })));
  return element("span", { class: "bar", role: "img", "aria-label": `colour scale ${numbers.join(", ")}` }, strip, ticks);
}

function swatch(name, words) {
  return element("span", { class: "key" }, element("i", { class: `swatch ${name}`, "aria-hidden": "true" }), words);
}

function directions(panel, theme) {
  const name = (axis, arrow, words) => {
    if (isOne(panel.axes[axis])) return [];
    const symbol = element("b", { text: `${axisName(panel, axis)} ${arrow}` });
    symbol.style.color = theme.axis(panel.axes[axis].symbol);
    return [`${words} `, symbol];
  };
  return element("span", { class: "directions" }, ...name(panel.rowAxis, "↓", "rows"), " ", ...name(panel.columnAxis, "→", "columns"));
}
