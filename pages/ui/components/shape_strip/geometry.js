// The outline of one tensor with its labels: pure arithmetic, in pixels.
import { shownSymbol } from "./shapes.js";

export const CHARACTER = 6.7; // width of one in the labels' font
export const LINE = 13;
const GLYPH = 22;
const GAP = 4;
const SMALL = 0.7; // of the usual sides
const MOST_SLABS = 16;
const SLAB_STEP = 4.5;
const SLABS_REACH = 30; // all of them together
const STACK_STEP = 6;

/**
 * A label of an axis: its symbol, and the numbers it shows and may have to show.
 * @typedef {object} AxisLabel
 * @property {number} axis its place among the axes
 * @property {string} symbol
 * @property {number} size
 */

/**
 * What is drawn of one tensor, around the centre of its face at (0, 0) as far as heights go, and from the left edge of
 * its cell at x = 0.
 * @typedef {object} Cell
 * @property {number} width
 * @property {number} up how far it reaches above the centre of the face
 * @property {number} down how far below
 * @property {{x: number, width: number, height: number}} face
 * @property {number} slabs how many are drawn, the face among them
 * @property {number} slabStep how far one stands behind the other
 * @property {boolean} stacked whether there is a batch behind
 * @property {AxisLabel[]} leading those above the face
 * @property {AxisLabel | null} rows
 * @property {AxisLabel | null} columns
 */

/**
 * The side of a face or an edge. It grows by as much from 4 to 8 as from 64 to 128.
 * @param {number} size
 * @param {boolean} small
 * @returns {number}
 */
export function side(size, small) {
  return (8 + 7 * Math.log2(Math.max(1, size))) * (small ? SMALL : 1);
}

/**
 * Which axes lie behind each other: the batch as a stack, the heads as slabs.
 * @param {(string | null)[]} axes
 * @param {number[]} shape
 * @returns {{stack: number, slabs: number}}
 */
export function depthOf(axes, shape) {
  const leading = shape.slice(0, -2);
  const batch = leading.length > 0 && (axes[0] === "B" || axes[0] === null);
  const slabs = (batch ? leading.slice(1) : leading).reduce((product, size) => product * size, 1);
  return { stack: batch ? leading[0] : 1, slabs };
}

/**
 * The cell of a tensor.
 * @param {{axes: (string | null)[], small: boolean, op: string, name: string}} box
 * @param {number[]} shape
 * @param {string[]} lines what stands under it beside its columns: name and operation
 * @returns {Cell}
 */
export function cellOf(box, shape, lines) {
  /** @type {AxisLabel[]} */
  const labels = shape.map((size, axis) => ({ axis, symbol: shownSymbol(box.axes[axis] ?? null), size }));
  const leading = labels.slice(0, -2);
  const rows = labels.length > 1 ? labels[labels.length - 2] : null;
  const columns = labels.length > 0 ? labels[labels.length - 1] : null;
  const { stack, slabs } = depthOf(box.axes, shape);
  const drawn = Math.min(slabs, MOST_SLABS);
  const slabStep = drawn > 1 ? Math.min(SLAB_STEP, SLABS_REACH / (drawn - 1)) : 0;
  const reach = slabStep * Math.max(0, drawn - 1) + (stack > 1 ? STACK_STEP : 0);
  const width = columns ? side(columns.size, box.small) : side(1, box.small);
  const height = rows ? side(rows.size, box.small) : side(1, box.small);
  const left = rows ? Math.max(rows.symbol.length, digits(rows.size) + 1.4) * CHARACTER + GAP : 0;
  const texts = [
    (leading.reduce((sum, label) => sum + besides(label) + 1, 0) + 2) * CHARACTER,
    columns ? Math.max(besides(columns), 2 * digits(columns.size) + 2) * CHARACTER : 0,
    ...lines.map((line) => line.length * CHARACTER),
  ];
  const x = (box.op ? GLYPH : 0) + left;
  const half = Math.max(height / 2, rows ? 1.5 * LINE : LINE / 2);
  return {
    width: x + Math.max(width + reach, ...texts),
    up: Math.max(height / 2 + reach * 0.8 + (leading.length ? LINE + 3 : 0), half),
    down: Math.max(height / 2 + (columns ? LINE + 2 : 0) + lines.length * (LINE + 1) + 2, half),
    face: { x, width, height },
    slabs: drawn,
    slabStep,
    stacked: stack > 1,
    leading,
    rows,
    columns,
  };
}

/**
 * How many characters a label on one line has: "d_k 16".
 * @param {AxisLabel} label
 * @returns {number}
 */
export function besides(label) {
  return label.symbol.length + (label.symbol ? 1 : 0) + digits(label.size);
}

/**
 * @param {number} size
 * @returns {number}
 */
function digits(size) {
  return String(size).length;
}

/**
 * The outlines of the slabs behind the face, as the text of a path; the farthest first.
 * @param {Cell} cell
 * @returns {string}
 */
export function slabsPath(cell) {
  const { x, width, height } = cell.face;
  let path = "";
  for (let slab = cell.slabs - 1; slab > 0; slab -= 1) {
    const [dx, dy] = [slab * cell.slabStep, -slab * cell.slabStep * 0.8];
    path += `M${x + dx} ${dy - height / 2}h${width}v${height}h${-width}z`;
  }
  return path;
}

/**
 * The place of the batch behind all slabs.
 * @param {Cell} cell
 * @returns {{x: number, y: number}}
 */
export function stackAt(cell) {
  const reach = (cell.slabs - 1) * cell.slabStep + STACK_STEP;
  return { x: cell.face.x + reach, y: -reach * 0.8 - cell.face.height / 2 };
}
