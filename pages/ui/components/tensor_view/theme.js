// The colours and fonts of the page, in the forms a canvas needs.

const pixels = new Map();
const pen = document.createElement("canvas").getContext("2d"); // measures words

/**
 * The theme as Streamlit's custom properties give it.
 *
 * @param {HTMLElement} root
 * @param {StageData} data
 * @returns {Theme}
 */
export function themeOf(root, data) {
  const style = getComputedStyle(root);
  const property = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const paper = property("--st-background-color", "#ffffff");
  const zero = pixel(paper);
  const dark = luminance(zero) < 0.4;
  const ink = property("--st-text-color", dark ? "#fafafa" : "#31333f");
  const font = property("--st-font", "sans-serif");
  const mono = property("--st-code-font", "monospace");
  const widths = new Map();
  const measure = (words, size) => {
    const key = `${size}|${words}`;
    if (!widths.has(key)) {
      pen.font = `${size}px ${font}`;
      widths.set(key, pen.measureText(words).width);
    }
    return widths.get(key);
  };
  const numeral = 12;
  pen.font = `${numeral}px ${mono}`;
  return {
    dark, paper, zero, ink, font, mono, measure, numeral,
    digit: pen.measureText("0").width,
    ratio: window.devicePixelRatio || 1,
    soft: dark ? "#a3a9b6" : "#656c7c",
    line: dark ? "#3d4350" : "#cfd4df",
    hatch: dark ? "#7d8494" : "#9aa1b1",
    veil: `color-mix(in srgb, ${paper} 45%, transparent)`,
    cell: dark ? [33, 38, 48] : [241, 243, 247],
    yes: dark ? [196, 202, 214] : [61, 68, 84],
    axis: axisColours(data, dark),
  };
}

/**
 * The same theme for another stage. To read the theme from the page, the browser would have to style it once more.
 *
 * @param {Theme} theme
 * @param {StageData} data
 * @returns {Theme}
 */
export function themeFor(theme, data) {
  return { ...theme, axis: axisColours(data, theme.dark) };
}

function axisColours(data, dark) {
  return (symbol) => data.axes[symbol]?.tone[dark ? 1 : 0] ?? (dark ? "#a6adbd" : "#666d7e");
}

// Remembered, because to read a pixel back is to wait for everything that is being drawn.
function pixel(colour) {
  if (!pixels.has(colour)) {
    const brush = document.createElement("canvas").getContext("2d");
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    pixels.set(colour, [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3));
  }
  return pixels.get(colour);
}

function luminance([r, g, b]) {
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}
