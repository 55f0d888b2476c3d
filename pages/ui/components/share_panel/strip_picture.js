// The strip that is on the page as a picture that needs no page: every colour and font is written into it.

const LEFT = 24; // px around the drawing
const [TITLE, LINE] = [20, 14]; // px, the sizes of the fonts
const LETTER = 0.61; // of a letter of a monospaced font, as a part of its size
// Without its paint order the outline of a letter, in the colour of the paper, would lie over the letter.
const KEPT = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "paint-order", "opacity", "font-size", "font-weight", "letter-spacing", "text-anchor", "visibility", "display"];

/**
 * The drawing of the strip on the page; null where none is.
 *
 * @param {Document} page
 * @returns {SVGSVGElement | null}
 */
export function stripOnPage(page) {
  const root = page.querySelector(".st-key-strip");
  if (!root) return null;
  for (const host of [root, ...root.querySelectorAll("*")]) {
    // The map in its head is a strip too, a small one.
    const drawings = [...(host.shadowRoot?.querySelectorAll("svg.drawing") ?? [])];
    const drawing = drawings.find((svg) => !svg.closest(".small"));
    if (drawing) return /** @type {any} */ (drawing);
  }
  return null;
}

/**
 * @param {SVGSVGElement} drawing
 * @param {{ title: string, legend: [text: string, light: string, dark: string][], note: string, font: string }} caption
 * @returns {string} SVG with title, boxes and legend, on the page's own background
 */
export function stripPicture(drawing, { title, legend, note, font }) {
  const style = getComputedStyle(drawing);
  const [paper, ink] = [style.getPropertyValue("--st-background-color").trim() || "#ffffff", style.color];
  const dark = isDark(paper);
  const copy = /** @type {SVGSVGElement} */ (drawing.cloneNode(true));
  writeStyles(drawing, copy);
  const box = drawing.getBBox();
  const below = TITLE + LEFT + box.height + 3 * LINE;
  const words = legend.reduce((sum, [text]) => sum + (text.length + 2) * LINE * LETTER, 0);
  const width = Math.ceil(2 * LEFT + Math.max(box.width, words, note.length * LINE * LETTER, title.length * TITLE * LETTER));
  const height = Math.ceil(below + 3 * LINE + LEFT);
  let at = LEFT;
  const entries = legend.map(([text, light, onDark]) => {
    const entry = textAt(at, below, LINE, dark ? onDark : light, text);
    at += (text.length + 2) * LINE * LETTER;
    return entry;
  });
  const inner = new XMLSerializer();
  const boxes = [...copy.childNodes].map((node) => inner.serializeToString(node)).join("");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escaped(font)}" color="${ink}">`,
    `<title>${escaped(title)}</title><rect width="100%" height="100%" fill="${paper}"/>`,
    textAt(LEFT, LEFT + TITLE * 0.6, TITLE, ink, title, 600),
    `<g transform="translate(${LEFT - box.x} ${LEFT + TITLE + LINE - box.y})">${boxes}</g>`,
    ...entries,
    textAt(LEFT, below + 2 * LINE, LINE, ink, note),
    "</svg>",
  ].join("");
}

function writeStyles(from, to) {
  const style = getComputedStyle(from);
  for (const name of KEPT) to.style.setProperty(name, style.getPropertyValue(name));
  [...from.children].forEach((child, index) => writeStyles(child, to.children[index]));
}

function textAt(x, y, size, colour, text, weight = 400) {
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${colour}">${escaped(text)}</text>`;
}

function isDark(colour) {
  const [r, g, b] = (colour.match(/[0-9a-f]{2}/gi) ?? ["ff", "ff", "ff"]).map((part) => parseInt(part, 16));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
