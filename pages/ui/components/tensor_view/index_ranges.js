// Which indices of one axis an output index reads, where an operation slides a window or a kernel along it.

import { rangeLength } from "./dependencies.js";

/**
 * The positions of a kernel that lie on an axis of this size for output index j.
 * @returns {IndexRange}
 */
export function tapsOn(spec, size, j, count) {
  const first = spec.start + spec.step * j;
  const low = Math.max(0, Math.ceil(-first / spec.every));
  return [low, Math.max(low, Math.min(count - 1, Math.floor((size - 1 - first) / spec.every)) + 1), 1];
}

/**
 * The indices of an axis of this size that a window reads for output index j.
 * @returns {IndexRange}
 */
export function windowRange(spec, size, j) {
  const [low, end] = tapsOn(spec, size, j, spec.count);
  const first = spec.start + spec.step * j;
  return [first + spec.every * low, first + spec.every * end, spec.every];
}

/**
 * The share number j of an axis of this size that is cut into spec.of.
 * @returns {IndexRange}
 */
export function shareOf(spec, size, j) {
  return [Math.floor((j * size) / spec.of), Math.ceil(((j + 1) * size) / spec.of), 1];
}

/**
 * The positions of a kernel that land on output index j from an axis of this size.
 * @returns {IndexRange}
 */
export function landedTaps(spec, size, j, count) {
  const from = (position) => (j + spec.pad - spec.every * position) / spec.step;
  return indexesWhere(count, (position) => Number.isInteger(from(position)) && from(position) >= 0 && from(position) < size) ?? [0, 0, 1];
}

/**
 * The indices of an axis of this size from which a kernel lands on output index j.
 * @returns {IndexRange}
 */
export function landingIndices(spec, size, j) {
  const [first, end, step] = landedTaps(spec, size, j, spec.count);
  const positions = Array.from({ length: rangeLength([first, end, step]) }, (_, k) => first + k * step);
  const from = positions.map((position) => (j + spec.pad - spec.every * position) / spec.step).reverse();
  return from.length ? [from[0], from[from.length - 1] + 1, from.length > 1 ? from[1] - from[0] : 1] : [0, 0, 1];
}

export function holdsIndex([first, end, step], i) {
  return i >= first && i < end && (i - first) % step === 0;
}

/**
 * The indexes below a size for which something holds; they are evenly spaced. null where there is none.
 *
 * @returns {IndexRange | null}
 */
export function indexesWhere(size, test) {
  const kept = Array.from({ length: size }, (_, j) => j).filter(test);
  return kept.length ? [kept[0], kept[kept.length - 1] + 1, kept.length > 1 ? kept[1] - kept[0] : 1] : null;
}
