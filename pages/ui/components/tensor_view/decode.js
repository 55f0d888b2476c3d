// The stage as pack.py wrote it: a length, a JSON header, the numbers.

const ARRAYS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, i8: BigInt64Array, u1: Uint8Array };

// The bytes of the stage of a step in the message that ahead.js kept, as bundle.py wrote it; null where it is not there.
function aheadOf(wanted) {
  const bytes = window[Symbol.for("tensor-shape-explorer.ahead")];
  if (!bytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  let at = padded(4 + 8 * count);
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(8 + 8 * i, true);
    if (view.getUint32(4 + 8 * i, true) === wanted) return bytes.subarray(at, at + length);
    at += padded(length);
  }
  return null;
}

function padded(length) {
  return Math.ceil(length / 8) * 8;
}

function decode(bytes) {
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
  return stage;
}

// Row-major strides, counted in cells.
function stridesOf(shape) {
  const strides = new Array(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

// Where a cell lies in the numbers that were sent; −1 if it was not sent.
function place(panel, index) {
  let at = 0;
  for (let axis = 0; axis < index.length; axis++) {
    const { start, count } = panel.axes[axis];
    const i = index[axis] - start;
    if (i < 0 || i >= count) return -1;
    at += i * panel.strides[axis];
  }
  return at;
}

function inShape(panel, index) {
  return index.length === panel.shape.length && index.every((i, axis) => i >= 0 && i < panel.shape[axis]);
}

function labelOf(panel, axis, index) {
  const { labels, byRow, start } = panel.axes[axis];
  if (!labels) return null;
  const list = byRow ? labels[index[0] - panel.axes[0].start] : labels;
  return list?.[index[axis] - start] ?? null;
}
