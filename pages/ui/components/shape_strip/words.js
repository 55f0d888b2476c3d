// What is said of the boxes, on screen and to a screen reader.
import { countOf } from "./shapes.js";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const THOUSANDS = new Intl.NumberFormat("en-US"); // made anew for every number, it takes a quarter of a frame
const LONGEST = 18; // characters of a line under a box; the whole is in its sentence

/**
 * The word under a box: its name; of one that goes on under the name of what it was made of, the operation.
 * @param {{name: string, op: string, folded: number, failed?: boolean}} box
 * @param {string | undefined} before the name of what it was made of
 * @returns {{text: string, isName: boolean}}
 */
export function wordOf(box, before) {
  if (box.failed) return { text: shortened(box.name), isName: true };
  if (box.op && !box.folded && (box.name === before || box.name === box.op)) return { text: shortened(box.op), isName: false };
  const name = box.name.replace(/^.*\.(?=[^.]*[^.\d][^.]*$)/, "").replaceAll("_", box.folded ? " " : "_");
  return { text: shortened(name), isName: true };
}

/**
 * @param {string} line
 * @returns {string}
 */
function shortened(line) {
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

/**
 * One sentence with everything about a box.
 * @param {{name: string, op: string, parents: number[], folded: number, wrong?: number[], failed?: boolean}} box
 * @param {(string | null)[]} axes what people call its axes
 * @param {number[]} shape
 * @param {string[]} names the names of all boxes
 * @returns {string}
 */
export function sentenceOf(box, axes, shape, names) {
  const sizes = shape.length ? shape.map((size, axis) => `${axes[axis] ?? `axis ${axis}`} ${size}`).join(", ") : "one number";
  const from = [...new Set(box.parents.map((parent) => names[parent]))];
  if (box.failed) return `${box.name}: this call failed; it read ${listed(from)}`;
  if (box.wrong?.length) return `${sentenceOf({ ...box, wrong: [] }, axes, shape, names)}; ${disagreement(box.wrong, axes, shape)}`;
  if (!box.op) return `${box.name}: ${sizes}; read from outside`;
  if (!from.length) return `${box.name}: ${sizes}; by ${box.op}`;
  if (box.folded) return `${box.name}: ${sizes}; from ${listed(from)} in ${box.folded} steps`;
  return `${box.name}: ${sizes}; from ${listed(from)} by ${box.op}`;
}

/**
 * @param {number[]} wrong
 * @param {(string | null)[]} axes
 * @param {number[]} shape
 * @returns {string}
 */
function disagreement(wrong, axes, shape) {
  return `${listed(wrong.map((axis) => `${axes[axis] ?? `axis ${axis}`} ${shape[axis]}`))} does not agree with the other operand`;
}

/**
 * @param {string[]} words
 * @returns {string}
 */
function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/**
 * @param {number} number
 * @returns {string}
 */
export function grouped(number) {
  return THOUSANDS.format(number);
}

/**
 * @param {number} bytes
 * @returns {string}
 */
export function shownBytes(bytes) {
  let [size, unit] = [bytes, 0];
  while (size >= 1024 && unit < UNITS.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit ? size.toFixed(1) : size} ${UNITS[unit]}`;
}

/**
 * A number, or what it was and what it is.
 * @param {number} before
 * @param {number} now
 * @param {(number: number) => string} shown
 * @returns {string}
 */
export function change(before, now, shown) {
  return before === now ? shown(now) : `${shown(before)} → ${shown(now)}`;
}

/**
 * How many shapes are others than they were, in a sentence.
 * @param {number[][]} before
 * @param {number[][]} now
 * @returns {string}
 */
export function changedSentence(before, now) {
  const changed = now.filter((shape, box) => String(shape) !== String(before[box])).length;
  const sizes = now.filter((shape, box) => countOf(shape) !== countOf(before[box])).length;
  return `${changed} of ${now.length} tensors change shape, ${sizes} change size`;
}
