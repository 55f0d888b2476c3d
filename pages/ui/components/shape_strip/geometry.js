// The outline of one tensor with its labels: pure arithmetic, in pixels.
import { shownSymbol } from "./shapes.js";

export const CHARACTER = 6.7; // width of one in the labels' font
export const LINE = 13;
export const DEPTH_SLOPE = 0.5; // how far up a slab stands for how far it stands to the right
const GLYPH = 16;
const BESIDE = 14; // px that a label may reach into the gap before the next box, where no other label is
const GAP = 4;
const SMALL = 0.7; // of the usual sides
const MEETING = 0.6; // of the usual sides: the operands of a product where they touch
const ONE_SIZE_DOWN = 0.36;
const BETWEEN_SMALL = 4;
// px of a box one size down with the room around it, so that it can be pressed: with a mouse, and with a finger
const LEAST_SMALL = { mouse: { across: 16, half: 8 }, finger: { across: 24, half: 13 } };
const CROSS = 16;
const LARGE = 1.7;
const FRAME = 4; // px from what a frame stands around
const ROUND = 7;
const SIGN_GAP = 10;
const MOST_SLABS = 16;
const SLAB_STEP = 4;
const SLABS_REACH = 18; // all of them together
const STACK_STEP = 6;
const PRODUCTS = ["matmul", "bmm", "mm"];

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
 * @property {number} outer its width with the ends of labels that reach into the gap after it
 * @property {number} right where the shape ends
 * @property {number} frameLeft where a frame around it begins: after the sign, where the last labels before it may end
 * @property {number} up how far it reaches above the centre of the face
 * @property {number} down how far below
 * @property {number} wordRight where the line under it ends, which is the last above ``down``
 * @property {{x: number, width: number, height: number}} face
 * @property {number} slabs how many are drawn, the face among them
 * @property {number} slabStep how far one stands behind the other
 * @property {boolean} stacked whether there is a batch behind
 * @property {AxisLabel[]} leading those above the face
 * @property {AxisLabel | null} rows
 * @property {AxisLabel | null} columns
 * @property {Meeting | null} meeting
 * @property {string[]} [edges] of the call that failed: the two edges of a product that must be equal
 */

/**
 * The operands of a product, smaller, one above the other with the edges against each other that must be equal. The left
 * operand stands above, the right one, laid on its side, below.
 * @typedef {object} Meeting
 * @property {number} above the length of the left operand's edge
 * @property {number} below that of the right operand's
 * @property {number} up how far the left operand reaches up
 * @property {number} down how far the right one reaches down
 */

/**
 * The side of a face or an edge. It grows by as much from 4 to 8 as from 64 to 128.
 * @param {number} size
 * @param {boolean} small
 * @returns {number}
 */
export function side(size, small) {
  return (6 + 6 * Math.log2(Math.max(1, size))) * (small ? SMALL : 1);
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
 * @param {string} line what stands under it beside its columns
 * @param {number[][]} operands the shapes of what it was made of
 * @returns {Cell}
 */
export function cellOf(box, shape, line, operands = []) {
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
    (leading.reduce((sum, label) => sum + besides(label) + 1, 0) + 1) * CHARACTER,
    columns ? Math.max(besides(columns), 2 * digits(columns.size) + 2) * CHARACTER : 0,
    line.length * CHARACTER,
  ];
  const meeting = meetingOf(box.op, operands);
  const x = (box.op ? GLYPH : 0) + (meeting ? Math.max(0, Math.max(meeting.above, meeting.below) + 6 - GLYPH) : 0) + left;
  const half = Math.max(height / 2, rows ? 1.5 * LINE : LINE / 2);
  const outer = Math.max(width + reach, ...texts);
  return {
    width: x + Math.max(width + reach, outer - BESIDE),
    outer: x + outer,
    right: x + width + reach,
    frameLeft: box.op && !meeting ? GLYPH - 1 : -FRAME,
    up: Math.max(height / 2 + reach * DEPTH_SLOPE + (leading.length ? LINE + 2 : 0), half, meeting?.up ?? 0),
    down: Math.max(height / 2 + (columns ? LINE - 2 : 0) + LINE + 5, half, meeting?.down ?? 0),
    wordRight: x + line.length * CHARACTER,
    face: { x, width, height },
    slabs: drawn,
    slabStep,
    stacked: stack > 1,
    leading,
    rows,
    columns,
    meeting,
  };
}

/**
 * The cell of a tensor one size down: its face alone.
 * @param {number[]} shape
 * @param {"mouse" | "finger"} pointer
 * @returns {Cell}
 */
export function smallCellOf(shape, pointer = "mouse") {
  const width = ONE_SIZE_DOWN * side(shape[shape.length - 1] ?? 1, false);
  const height = ONE_SIZE_DOWN * side(shape[shape.length - 2] ?? 1, false);
  const least = LEAST_SMALL[pointer];
  const [outer, half] = [Math.max(width, least.across), Math.max(height / 2 + 2, least.half)];
  const x = (outer - width) / 2;
  return {
    width: outer + BETWEEN_SMALL, outer, right: x + width, frameLeft: -FRAME, up: half, down: half, wordRight: 0, face: { x, width, height },
    slabs: 1, slabStep: 0, stacked: false, leading: [], rows: null, columns: null, meeting: null,
  };
}

/**
 * The call that failed: the operands of a product, large, with the edges that do not agree; of any other call a cross.
 * @param {string} op
 * @param {string} word what stands under it
 * @param {{axes: (string | null)[], shape: number[]}[]} operands
 * @returns {Cell}
 */
export function failedCellOf(op, word, operands) {
  const meeting = meetingOf(op, operands.map(({ shape }) => shape), LARGE);
  const inner = meeting ? [operands[0].shape.length - 1, Math.max(0, operands[1].shape.length - 2)] : [];
  const edges = inner.map((axis, number) => {
    const { axes, shape } = operands[number];
    return `${shownSymbol(axes[axis])} ${shape[axis]}`.trim();
  });
  const [above, below] = [meeting?.above ?? 0, meeting?.below ?? 0];
  const texts = edges.map((edge, number) => (number ? below : above) + 7 + edge.length * CHARACTER);
  const outer = Math.max(CROSS, word.length * CHARACTER, ...texts);
  return {
    width: outer, outer, right: outer, frameLeft: -FRAME, up: meeting ? meeting.up + 2 : CROSS, down: (meeting ? meeting.down + 2 : CROSS) + LINE + 3,
    wordRight: outer,
    face: { x: 0, width: 0, height: 0 }, slabs: 1, slabStep: 0, stacked: false, leading: [], rows: null, columns: null, meeting, edges,
  };
}

/**
 * The edges of a face that do not agree with another operand's, as the text of a path.
 * @param {Cell} cell
 * @param {number[]} wrong axes
 * @returns {string}
 */
export function wrongPath(cell, wrong) {
  const { x, width, height } = cell.face;
  const bottom = cell.columns && wrong.includes(cell.columns.axis) ? `M${x} ${height / 2}h${width}` : "";
  const left = cell.rows && wrong.includes(cell.rows.axis) ? `M${x} ${-height / 2}v${height}` : "";
  return bottom + left;
}

/**
 * How the operands of a product touch.
 * @param {string} op
 * @param {number[][]} operands
 * @param {number} [scale]
 * @returns {Meeting | null} null for any other operation
 */
export function meetingOf(op, operands, scale = MEETING) {
  if (!PRODUCTS.includes(op) || operands.length !== 2) return null;
  const [left, right] = operands;
  if (!left.length || !right.length) return null;
  const length = (/** @type {number | undefined} */ size) => scale * side(size ?? 1, false);
  const inner = right.length > 1 ? right[right.length - 2] : right[0];
  return {
    above: length(left[left.length - 1]),
    below: length(inner),
    up: length(left[left.length - 2]),
    down: length(right.length > 1 ? right[right.length - 1] : 1),
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
    const [dx, dy] = [slab * cell.slabStep, -slab * cell.slabStep * DEPTH_SLOPE];
    path += `M${x + dx} ${dy - height / 2}h${width}v${height}h${-width}z`;
  }
  return path;
}

/**
 * The frame around a box that is open: around all its labels, with a gap for the sign of the next box where it reaches
 * over that.
 * @param {Cell} cell
 * @returns {string}
 */
export function framePath({ frameLeft, width, outer, up, down }) {
  const [left, right, top, bottom] = [frameLeft, outer + FRAME, -up - FRAME, down + FRAME];
  const round = (/** @type {number} */ x, /** @type {number} */ y) => `a${ROUND} ${ROUND} 0 0 0 ${x} ${y}`;
  const around = `V${top + ROUND}${round(-ROUND, -ROUND)}H${left + ROUND}${round(-ROUND, ROUND)}V${bottom - ROUND}${round(ROUND, ROUND)}H${right - ROUND}${round(ROUND, -ROUND)}`;
  const gap = right > width + FRAME ? Math.min(SIGN_GAP, -top - ROUND, bottom - ROUND) : 0;
  return `M${right} ${-gap}${around}V${gap}`;
}

/**
 * The place of the batch behind all slabs.
 * @param {Cell} cell
 * @returns {{x: number, y: number}}
 */
export function stackAt(cell) {
  const reach = (cell.slabs - 1) * cell.slabStep + STACK_STEP;
  return { x: cell.face.x + reach, y: -reach * DEPTH_SLOPE - cell.face.height / 2 };
}
