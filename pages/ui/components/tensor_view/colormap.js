// From numbers to colours. 0 is the page itself, light or dark: the further from 0, the more a cell stands out from it.
// What can only be positive goes one way, in one hue. What is no number has no such colour.

const NEGATIVE = { light: [33, 88, 148], dark: [120, 180, 245] };
const POSITIVE = { light: [166, 54, 24], dark: [245, 135, 95] };
// even steps of lightness from 0 on, one hue; the page's own colour comes before the first
const SEQUENTIAL = {
  light: [[203, 197, 228], [155, 142, 203], [108, 86, 171], [62, 32, 122]],
  dark: [[62, 50, 104], [104, 84, 168], [158, 138, 214], [226, 215, 255]],
};
const STEPS = 256;

function mix(a, b, t) {
  return a.map((v, i) => Math.round(v + (b[i] - v) * t));
}

/**
 * The colour scales by their kind. Colours go from `from` · end to the end, which is the tensor's largest number where
 * none is fixed; `ramp` has STEPS of them for each of the two sides of 0 that there are. What is no number line, "ids"
 * and "bool", has no scale.
 *
 * @satisfies {Record<string, {from: -1 | 0, end: number | null, ramp: (theme: Theme) => Rgb[]}>}
 */
export const SCALES = {
  diverging: { from: -1, end: null, ramp: divergingRamp },
  positive: { from: 0, end: null, ramp: sequentialRamp },
  probability: { from: 0, end: 1, ramp: sequentialRamp },
};

function divergingRamp({ dark, zero }) {
  const theme = dark ? "dark" : "light";
  return Array.from({ length: 2 * STEPS + 1 }, (_, i) => mix(zero, (i < STEPS ? NEGATIVE : POSITIVE)[theme], Math.abs(i - STEPS) / STEPS));
}

function sequentialRamp({ dark, zero }) {
  return Array.from({ length: STEPS + 1 }, (_, i) => interpolate([zero, ...SEQUENTIAL[dark ? "dark" : "light"]], i / STEPS));
}

function interpolate(stops, t) {
  const at = Math.min(stops.length - 2, Math.floor(t * (stops.length - 1)));
  return mix(stops[at], stops[at + 1], t * (stops.length - 1) - at);
}

/**
 * How the numbers of a tensor are coloured.
 *
 * @param {PanelData} panel
 * @param {Theme} theme
 * @returns {(value: number | bigint) => Rgb | null} null for what has no place on the scale
 */
export function colourOf(panel, theme) {
  const { kind, largest } = panel.scale;
  if (kind === "ids") return () => theme.cell;
  if (kind === "bool") return (value) => (value ? theme.yes : theme.cell);
  const { from, end, ramp } = SCALES[kind];
  const colours = ramp(theme);
  const reach = end ?? largest;
  const unit = reach > 0 ? STEPS / reach : 0;
  return (given) => {
    const value = Number(given);
    if (!Number.isFinite(value)) return null;
    return colours[Math.round(Math.min(STEPS, Math.max(from * STEPS, value * unit))) - from * STEPS];
  };
}

/**
 * Dark or light ink, whichever stands out more from a cell (contrast as WCAG computes it).
 *
 * @param {number[]} rgb of the cell
 * @returns {string}
 */
export function inkOn(rgb) {
  const [r, g, b] = rgb.map((v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.055 ? "#ffffff" : "#0d1220";
}

/**
 * How many cells of each kind that is no colour of the scale were sent, for the legend.
 *
 * @param {PanelData} panel
 * @returns {{ nan: number, plus: number, minus: number, masked: number, beyond: number }}
 */
export function countSpecialCells(panel) {
  const counts = { nan: 0, plus: 0, minus: 0, masked: 0, beyond: 0 };
  const values = panel.values;
  if (!values) return counts;
  const floats = values instanceof Float32Array || values instanceof Float64Array;
  const limit = panel.scale.largest !== null ? panel.scale.largest * (1 + 1e-6) : Infinity;
  for (let offset = 0; offset < values.length; offset++) {
    if (panel.masked?.[offset]) counts.masked++;
    else if (!floats) continue;
    else if (Number.isNaN(values[offset])) counts.nan++;
    else if (values[offset] === Infinity) counts.plus++;
    else if (values[offset] === -Infinity) counts.minus++;
    else if (Math.abs(values[offset]) > limit) counts.beyond++;
  }
  return counts;
}
