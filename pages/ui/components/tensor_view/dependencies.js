// Which cells an operation reads. A set of cells is a list of boxes; a box has one [first, end, step] for each axis.
// Each kind answers both ways: `from` an output cell to the input's boxes, `to` an input cell's readers.

import { sentOffset } from "./decode.js";
import { boxesWhere, cellsSent, elementsSentTo, isLookup, lookupHolds, lookupIndex, narrowByLookup } from "./lookups.js";
import { holdsIndex, indexesWhere, landedTaps, landingIndices, shareOf, tapsOn, windowRange } from "./index_ranges.js";

/** @type {(size: number) => IndexRange} */
const WHOLE = (size) => [0, size, 1];
/** @type {(position: number) => IndexRange} */
export const ONE = (position) => [position, position + 1, 1];

/**
 * @typedef {(entry: AccessMap, input: PanelData, output: PanelData, index: Index, panels: PanelData[]) => Box[]} Boxes
 * @type {Record<string, { from: Boxes, to: Boxes }>}
 */
const READS = {
  none: { from: () => [], to: () => [] },

  affine: {
    from: (entry, input, output, index, panels) => {
      const read = isLookup(entry.when) ? lookupHolds(entry.when, output, index, panels) : holds(entry.when, index);
      if (!read) return [];
      const positions = entry.axes.map((spec, axis) => (isLookup(spec) ? lookupIndex(spec, input.shape[axis], index, panels) : 0));
      if (positions.includes(null)) return [];
      return [entry.axes.map((spec, axis) => (isLookup(spec) ? ONE(positions[axis]) : specRange(spec, input.shape[axis], index)))];
    },
    to: (entry, input, output, index, panels) => {
      const box = output.shape.map(WHOLE);
      for (let axis = 0; axis < index.length; axis++) {
        if (isLookup(entry.axes[axis])) continue;
        if (!narrow(box, entry.axes[axis], input.shape[axis], index[axis], output.shape)) return [];
      }
      let boxes = [box];
      entry.axes.forEach((spec, axis) => {
        if (isLookup(spec)) boxes = narrowByLookup(boxes, spec, input.shape[axis], index[axis], output, panels);
      });
      const readers = (part) => (isLookup(entry.when) ? boxesWhere(entry.when, part, output, panels) : whenBoxes(entry.when, part));
      return boxes.flatMap(readers);
    },
  },

  flat: {
    from: (_entry, input, output, index) => [unflatten(flatten(index, output.shape), input.shape).map(ONE)],
    to: (_entry, input, output, index) => [unflatten(flatten(index, input.shape), output.shape).map(ONE)],
  },

  search: {
    from: (entry, _input, output, index, panels) => cellsSent(entry, output, index, panels).map((cell) => cell.map(ONE)),
    to: (entry, _input, output, index, panels) =>
      elementsSentTo(entry, output, index, panels).map((element) => element.map(ONE)),
  },

  gather: {
    from: (entry, input, _output, index, panels) => {
      const ids = panels[entry.ids];
      const number = numberAt(ids, index.slice(0, ids.shape.length));
      if (number === null) return [];
      const row = number < 0 ? number + input.shape[entry.axis] : number;
      const rest = otherAxisSpecs(entry, input);
      return [input.shape.map((size, axis) => (axis === entry.axis ? ONE(row) : specRange(rest[axis], size, index)))];
    },
    to: (entry, input, output, index, panels) => {
      const ids = panels[entry.ids];
      const rest = otherAxisSpecs(entry, input);
      const box = output.shape.map(WHOLE);
      for (let axis = 0; axis < index.length; axis++) {
        if (axis === entry.axis) continue;
        if (!narrow(box, rest[axis], input.shape[axis], index[axis], output.shape)) return [];
      }
      // x[-1] counts from the end.
      const rows = [index[entry.axis], index[entry.axis] - input.shape[entry.axis]];
      return rows.flatMap((row) => cellsHolding(ids, row)).map((lead) => box.map((range, axis) => (axis < lead.length ? ONE(lead[axis]) : range)));
    },
  },
};

/**
 * What an element of the output reads of one input.
 *
 * @param {StageData} stage
 * @param {PanelData} input
 * @param {Index} index of the output's element
 * @returns {Box[]}
 */
export function readBoxes(stage, input, index) {
  const entry = stage.reads[input.number];
  return kindOf(entry, input).from(entry, input, stage.output, index, stage.panels);
}

/**
 * Which elements of the output read an element of one input.
 *
 * @param {StageData} stage
 * @param {PanelData} input
 * @param {Index} index of the input's element
 * @returns {Box[]}
 */
export function readerBoxes(stage, input, index) {
  const entry = stage.reads[input.number];
  return kindOf(entry, input).to(entry, input, stage.output, index, stage.panels);
}

/**
 * The stage as it would be with the second result of its input as the output; null where there is none.
 *
 * @param {StageData} stage
 * @returns {StageData | null}
 */
export function besideOf(stage) {
  const read = stage.travel?.beside;
  return read ? { ...stage, reads: [read], output: stage.panels[1] } : null;
}

// A kind we do not know, or one meant for another rank, reads nothing rather than something wrong.
function kindOf(entry, input) {
  if (entry?.kind === "affine" && entry.axes.length !== input.shape.length) return READS.none;
  return READS[entry?.kind] ?? READS.none;
}

// What index j of an output axis reads of an input axis, by the kind of the spec, which holds the number of the former.
const RANGES = {
  window: windowRange,
  taps: (spec, size, j) => tapsOn(spec, spec.of, j, size),
  share: shareOf,
  landing: landingIndices,
  landed: (spec, size, j) => landedTaps(spec, spec.of, j, size),
};

const RANGE_KINDS = Object.keys(RANGES);

function rangeKind(spec) {
  return RANGE_KINDS.find((kind) => spec[kind] !== undefined);
}

/**
 * The indices of one axis of an input that an element of the output reads.
 *
 * @param {AxisAccess | null} spec
 * @param {number} size
 * @param {Index} out
 * @returns {IndexRange}
 */
function specRange(spec, size, out) {
  if (!spec || spec.all) return WHOLE(size);
  if (spec.upto !== undefined) return [0, Math.min(size, out[spec.upto] + 1), 1];
  if (typeof spec.at === "number") return ONE(spec.at);
  const kind = rangeKind(spec);
  if (kind) return RANGES[kind](spec, size, out[spec[kind]]);
  if (spec.block !== undefined) {
    const first = Math.floor(out[spec.block] / spec.per) * spec.size;
    return [first, first + spec.size, 1];
  }
  // an axis of size 1 is repeated along the output's (broadcasting)
  if (size === 1 && spec.start === undefined) return ONE(0);
  return ONE((spec.start ?? 0) + (spec.step ?? 1) * out[spec.out]);
}

// Narrow the output box to those that read position i of an input axis; false if none does.
function narrow(box, spec, size, i, outShape) {
  if (!spec || spec.all) return true;
  if (spec.upto !== undefined) {
    const [first, end] = box[spec.upto];
    box[spec.upto] = [Math.max(first, i), end, 1];
    return box[spec.upto][0] < end;
  }
  if (spec.at !== undefined) return spec.at === i;
  const kind = rangeKind(spec);
  if (kind) {
    const reading = (j) => holdsIndex(RANGES[kind](spec, size, j), i);
    return narrowTo(box, spec[kind], indexesWhere(outShape[spec[kind]], reading));
  }
  if (spec.block !== undefined) {
    const first = Math.floor(i / spec.size) * spec.per;
    return narrowTo(box, spec.block, [first, first + spec.per, 1]);
  }
  if (size === 1 && spec.start === undefined && outShape[spec.out] !== 1) return true;
  const j = (i - (spec.start ?? 0)) / (spec.step ?? 1);
  if (!Number.isInteger(j) || j < 0 || j >= outShape[spec.out]) return false;
  const [first, end] = box[spec.out];
  if (j < first || j >= end) return false;
  box[spec.out] = ONE(j);
  return true;
}

// Narrow one axis of a box to a range that may have gaps; false if nothing is left.
function narrowTo(box, axis, range) {
  if (!range) return false;
  const [first, end, step] = box[axis];
  const kept = Array.from({ length: rangeLength(range) }, (_, k) => range[0] + k * range[2]).filter((j) => holdsIndex([first, end, step], j));
  if (!kept.length) return false;
  box[axis] = [kept[0], kept[kept.length - 1] + 1, kept.length > 1 ? kept[1] - kept[0] : 1];
  return true;
}

// {"out": j, "first": a, "end": b}: only outputs whose index along j is in a … b − 1 read this input (stack, cat); with
// "minus": i, that index less the one along i (triu, tril).
function holds(when, index) {
  if (!when) return true;
  if (when.region) {
    const inside = when.region.every((limit, axis) => !limit || (index[axis] >= limit[0] && index[axis] < limit[1]));
    return inside === when.inside;
  }
  const position = index[when.out] - (when.minus === undefined ? 0 : index[when.minus]);
  return position >= (when.first ?? -Infinity) && position < (when.end ?? Infinity);
}

// The outputs in a box for which the condition holds: one box, or one for each index along the axis it is relative to.
function whenBoxes(when, box) {
  if (!when) return [box];
  if (when.region) return (when.inside ? [intersection(box, when.region)] : difference(box, when.region)).filter(isNonEmpty);
  const limited = (shift) => {
    const [first, end] = box[when.out];
    const range = [Math.max(first, (when.first ?? -Infinity) + shift), Math.min(end, (when.end ?? Infinity) + shift), 1];
    return box.map((old, axis) => (axis === when.out ? range : old));
  };
  if (when.minus === undefined) return [limited(0)].filter(isNonEmpty);
  const [first, end] = box[when.minus];
  const limitedAt = (i) => limited(i).map((old, axis) => (axis === when.minus ? ONE(i) : old));
  return Array.from({ length: end - first }, (_, i) => limitedAt(first + i)).filter(isNonEmpty);
}

// The part of a box that lies inside a region.
function intersection(box, region) {
  return box.map((range, axis) => (region[axis] ? [Math.max(range[0], region[axis][0]), Math.min(range[1], region[axis][1]), 1] : range));
}

// The rest of the box, in boxes that do not overlap: before and after the region along one axis after the other.
function difference(box, region) {
  const rest = [];
  let left = box;
  region.forEach((limit, axis) => {
    if (!limit) return;
    const [first, end] = left[axis];
    const part = (range) => left.map((old, other) => (other === axis ? range : old));
    rest.push(part([first, Math.min(end, limit[0]), 1]), part([Math.max(first, limit[1]), end, 1]));
    left = part([Math.max(first, limit[0]), Math.min(end, limit[1]), 1]);
  });
  return rest;
}

function isNonEmpty(box) {
  return box.every((range) => rangeLength(range) > 0);
}

// The specs of a gather's other axes, put in their places.
function otherAxisSpecs(entry, input) {
  const rest = [...entry.rest];
  return input.shape.map((_, axis) => (axis === entry.axis ? null : rest.shift()));
}

function numberAt(panel, index) {
  const offset = sentOffset(panel, index);
  return offset < 0 || !panel.values ? null : Number(panel.values[offset]);
}

function cellsHolding(panel, number) {
  const indices = [];
  for (let offset = 0; offset < (panel.values?.length ?? 0); offset++) {
    if (Number(panel.values[offset]) === number) indices.push(indexAt(panel, offset));
  }
  return indices;
}

/**
 * The index of a cell from where it lies in the numbers that were sent.
 *
 * @param {PanelData} panel
 * @param {number} offset
 * @returns {Index}
 */
export function indexAt(panel, offset) {
  return panel.axes.map((axis, i) => axis.start + (Math.floor(offset / panel.strides[i]) % axis.count));
}

function flatten(index, shape) {
  return index.reduce((sum, i, axis) => sum * shape[axis] + i, 0);
}

function unflatten(flat, shape) {
  const index = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = flat % shape[axis];
    flat = Math.floor(flat / shape[axis]);
  }
  return index;
}

/**
 * @param {IndexRange} range
 * @returns {number} how many positions it has
 */
export function rangeLength([first, end, step]) {
  return Math.max(0, Math.ceil((end - first) / step));
}

/**
 * @param {Box[]} boxes that do not overlap
 * @returns {number}
 */
export function countCells(boxes) {
  return boxes.reduce((sum, box) => sum + box.reduce((cells, range) => cells * rangeLength(range), 1), 0);
}

/**
 * The part of a range inside start … start + count − 1.
 *
 * @param {IndexRange} range
 * @param {number} start
 * @param {number} count
 * @returns {IndexRange}
 */
export function clip([first, end, step], start, count) {
  const skipped = first < start ? Math.ceil((start - first) / step) * step : 0;
  return [first + skipped, Math.min(end, start + count), step];
}

/**
 * The parts of boxes that were sent.
 *
 * @param {PanelData} panel
 * @param {Box[]} boxes
 * @returns {Box[]}
 */
export function clipToView(panel, boxes) {
  return boxes.map((box) => box.map((range, axis) => clip(range, panel.axes[axis].start, panel.axes[axis].count)));
}
