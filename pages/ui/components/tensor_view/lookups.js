// Indices that are computed, looked up in another input, or searched for: the forms of engine/ops/index_access.py.

import { sentOffset } from "./decode.js";

/**
 * Whether an axis, or a condition, has one of these forms.
 *
 * @param {any} spec
 * @returns {boolean}
 */
export const isLookup = (spec) => Boolean(spec && (spec.sum || spec.ids !== undefined || spec.missed));

/**
 * The index of an axis that an element of the output reads; null where that is not known here.
 *
 * @param {any} spec
 * @param {number} size of the axis
 * @param {Index} out
 * @param {PanelData[]} panels
 * @returns {number | null}
 */
export function lookupIndex(spec, size, out, panels) {
  if (spec.sum) return wrapped(spec.start + spec.sum.reduce((sum, term) => sum + termAt(term, out), 0), size, spec.wrap);
  if (spec.at) {
    const number = tableAt(spec.ids, spec.at.map((axis) => (axis === null ? 0 : out[axis])), panels);
    return number !== null && number < 0 ? number + size : number;
  }
  const numbers = tableNumbers(spec.ids, panels);
  if (!numbers) return null;
  if (spec.count !== undefined) return numbers.filter((number) => number <= out[spec.count]).length;
  const shape = tableShape(spec.ids, panels);
  if (spec.rank) {
    const end = spec.rank.reduce((sum, axis, nth) => sum * shape[nth] + out[axis], 0);
    const before = Math.floor(numbers.slice(0, end).filter(isTrue).length / spec.div);
    return spec.mod === undefined ? before : before % spec.mod;
  }
  let left = out[spec.true];
  const position = numbers.findIndex((number) => isTrue(number) && left-- === 0);
  if (position < 0) return null;
  const below = shape.slice(spec.axis + 1).reduce((a, b) => a * b, 1);
  return Math.floor(position / below) % shape[spec.axis];
}

/**
 * The axes of the output on which such an index depends.
 *
 * @param {any} spec
 * @returns {number[]}
 */
function axesOf(spec) {
  const axes = spec.sum ? spec.sum.map((term) => term.out) : spec.at ?? spec.rank ?? [spec.count ?? spec.true];
  return [...new Set(axes.filter((axis) => axis !== null))];
}

/**
 * Cuts boxes of the output down to the elements for which a looked-up index is this position, as far as they were sent.
 *
 * @param {Box[]} boxes
 * @param {any} spec
 * @param {number} size
 * @param {number} position
 * @param {PanelData} output
 * @param {PanelData[]} panels
 * @returns {Box[]}
 */
export function narrowByLookup(boxes, spec, size, position, output, panels) {
  return boxes.flatMap((box) =>
    singled(box, axesOf(spec), output).filter((part) => lookupIndex(spec, size, part.map(([first]) => first), panels) === position),
  );
}

/**
 * Whether a condition of these forms holds for an element of the output.
 *
 * @param {any} when
 * @param {PanelData} output
 * @param {Index} index
 * @param {PanelData[]} panels
 * @returns {boolean}
 */
export function lookupHolds(when, output, index, panels) {
  if (when.missed) return sentTo(when.missed, output, index, panels).length === 0;
  const number = tableAt(when.ids, when.at.map((axis) => (axis === null ? 0 : index[axis])), panels);
  return number !== null && isTrue(number) === when.is;
}

/**
 * Cuts a box of the output down to the elements for which such a condition holds, as far as they were sent.
 *
 * @param {any} when
 * @param {Box} box
 * @param {PanelData} output
 * @param {PanelData[]} panels
 * @returns {Box[]}
 */
export function boxesWhere(when, box, output, panels) {
  const axes = when.missed ? output.shape.map((_, axis) => axis) : when.at.filter((axis) => axis !== null);
  return singled(box, axes, output).filter((part) => lookupHolds(when, output, part.map(([first]) => first), panels));
}

/**
 * The cells of an input that were sent to an element of the output.
 *
 * @param {any} entry
 * @param {PanelData} output
 * @param {Index} index
 * @param {PanelData[]} panels
 * @returns {Index[]}
 */
export function cellsSent(entry, output, index, panels) {
  const sent = sentTo(entry, output, index, panels);
  return sent.slice(entry.last ? -1 : 0).map((cell) => entry.own.map((axis) => (axis === null ? 0 : cell[axis])));
}

/**
 * The elements of the output to which a cell of an input was sent.
 *
 * @param {any} entry
 * @param {PanelData} output
 * @param {Index} cell
 * @param {PanelData[]} panels
 * @returns {Index[]}
 */
export function elementsSentTo(entry, output, cell, panels) {
  const ranges = entry.space.map((size, axis) => {
    const own = entry.own.indexOf(axis);
    return own < 0 ? range(0, size) : [cell[own]];
  });
  const elements = new Map();
  for (const sentAt of product(ranges)) {
    // An axis of the output that the space does not have reads the cell at each of its indices.
    const indices = output.shape.map((size) => range(0, size));
    entry.axes.forEach((spec, axis) => spec && (indices[spec.out] = [sentAt[axis]]));
    for (const match of entry.match) indices[match.out] = [matched(match, sentAt, output, panels)];
    for (const element of product(indices)) {
      if (element.includes(null)) continue;
      const cells = cellsSent(entry, output, element, panels).map(String);
      if (cells.includes(String(cell))) elements.set(String(element), element);
    }
  }
  return [...elements.values()];
}

// What was sent to an element of the output, by the indices of what was sent.
function sentTo(entry, output, index, panels) {
  const ranges = entry.axes.map((spec, axis) => (spec ? [index[spec.out]] : range(0, entry.space[axis])));
  if (entry.axes.some((spec, axis) => spec && index[spec.out] >= entry.space[axis])) return [];
  return product(ranges).filter((cell) => entry.match.every((match) => matched(match, cell, output, panels) === index[match.out]));
}

function matched(match, cell, output, panels) {
  const number = tableAt(match.ids, match.at.map((axis) => (axis === null ? 0 : cell[axis])), panels);
  return number !== null && number < 0 ? number + output.shape[match.out] : number;
}

// The box in parts with a single index along these axes, of those that were sent.
function singled(box, axes, output) {
  const ranges = box.map(([first, end], axis) => {
    if (!axes.includes(axis)) return null;
    const { start, count } = output.axes[axis];
    return range(Math.max(first, start), Math.min(end, start + count));
  });
  return product(ranges.map((indices) => indices ?? [null])).map((cell) =>
    cell.map((index, axis) => (index === null ? box[axis] : [index, index + 1, 1])),
  );
}

function termAt({ out: axis, times = 1, div = 1, mod }, out) {
  const quotient = Math.floor(out[axis] / div);
  return times * (mod === undefined ? quotient : quotient % mod);
}

function wrapped(position, size, wrap) {
  if (wrap === "repeat") return ((position % size) + size) % size;
  if (wrap === "edge") return Math.min(Math.max(position, 0), size - 1);
  if (wrap === "reflect" && size > 1) {
    const around = Math.abs(position) % (2 * size - 2);
    return Math.min(around, 2 * size - 2 - around);
  }
  return position;
}

const isTrue = (number) => number !== 0;

// A table is an input, by its number, or numbers that the call itself gives.
function tableAt(ids, index, panels) {
  if (typeof ids !== "number") {
    return ids.numbers[index.reduce((sum, i, axis) => sum * ids.shape[axis] + i, 0)] ?? null;
  }
  const at = sentOffset(panels[ids], index);
  return at < 0 || !panels[ids].values ? null : Number(panels[ids].values[at]);
}

function tableShape(ids, panels) {
  return typeof ids === "number" ? panels[ids].shape : ids.shape;
}

// All numbers of a table in row-major order; null where not all of them were sent.
function tableNumbers(ids, panels) {
  if (typeof ids !== "number") return ids.numbers;
  const { values, axes } = panels[ids];
  return values && axes.every((axis) => axis.count === axis.size) ? Array.from(values, Number) : null;
}

function range(first, end) {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

function product(ranges) {
  return ranges.reduce((leads, indices) => leads.flatMap((lead) => indices.map((index) => [...lead, index])), [[]]);
}
