// The stage as wire_format.py wrote it: a length, a JSON header, the numbers.

const ARRAYS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, i8: BigInt64Array, u1: Uint8Array };

/**
 * The bytes of the stage of a step in the message that prefetch.js kept.
 *
 * @param {number} wanted the step
 * @param {Uint8Array | undefined} [bytes] the message
 * @returns {Uint8Array | null} null where the stage is not there
 */
export function prefetchedStage(wanted, bytes = globalThis[Symbol.for("tensor-shape-explorer.prefetched")]) {
  return bytes ? bundledStage(wanted, bytes) : null;
}

/**
 * One stage of several that bundle.py joined.
 *
 * @param {number} wanted its number
 * @param {Uint8Array} bytes
 * @returns {Uint8Array | null} null where it is not there
 */
export function bundledStage(wanted, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  let offset = padded(4 + 8 * count);
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(8 + 8 * i, true);
    if (view.getUint32(4 + 8 * i, true) === wanted) return bytes.subarray(offset, offset + length);
    offset += padded(length);
  }
  return null;
}

function padded(length) {
  return Math.ceil(length / 8) * 8;
}

/**
 * Reads a stage.
 *
 * @param {Uint8Array} bytes
 * @returns {StageData}
 */
export function decode(bytes) {
  // A copy, because typed arrays need their bytes aligned and Streamlit's view rarely is.
  const buffer = bytes.slice().buffer;
  const length = new DataView(buffer).getUint32(0, true);
  const stage = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const body = padded(4 + length);
  const numbers = (entry) => entry && new ARRAYS[entry.type](buffer, body + entry.offset, entry.length);
  stage.panels.forEach((panel, number) => {
    panel.number = number;
    panel.shape = panel.axes.map((axis) => axis.size);
    panel.values = numbers(panel.values);
    panel.masked = numbers(panel.masked);
    panel.strides = stridesOf(panel.axes.map((axis) => axis.count));
    const rank = panel.axes.length;
    panel.rowAxis = rank > 1 ? rank - 2 : null;
    panel.columnAxis = rank > 0 ? rank - 1 : null;
    panel.empty = panel.shape.includes(0);
  });
  stage.output = stage.panels.at(-1);
  return stage;
}

/**
 * Row-major strides, counted in cells.
 *
 * @param {number[]} shape
 * @returns {number[]}
 */
function stridesOf(shape) {
  const strides = new Array(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/**
 * Where a cell lies in the numbers that were sent.
 *
 * @param {PanelData} panel
 * @param {Index} index
 * @returns {number} −1 if it was not sent
 */
export function sentOffset(panel, index) {
  let offset = 0;
  for (let axis = 0; axis < index.length; axis++) {
    const { start, count } = panel.axes[axis];
    const i = index[axis] - start;
    if (i < 0 || i >= count) return -1;
    offset += i * panel.strides[axis];
  }
  return offset;
}

/**
 * @param {PanelData} panel
 * @param {Index} index
 * @returns {boolean} whether the tensor has such an element, sent or not
 */
export function inShape(panel, index) {
  return index.length === panel.shape.length && index.every((i, axis) => i >= 0 && i < panel.shape[axis]);
}

/**
 * The name of a position along an axis, such as its token.
 *
 * @param {PanelData} panel
 * @param {number} axis
 * @param {Index} index of an element: labels may differ from row to row of the batch
 * @returns {string | null}
 */
export function labelOf(panel, axis, index) {
  const { labels, byRow, start } = panel.axes[axis];
  if (!labels) return null;
  const list = /** @type {string[] | undefined} */ (byRow ? labels[index[0] - panel.axes[0].start] : labels);
  return list?.[index[axis] - start] ?? null;
}
