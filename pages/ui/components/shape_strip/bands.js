// Which module boxes belong to: above them a line from the first to the last of each, with its name.
import { CHARACTER } from "./geometry.js";

export const BAND = 17; // px that a row of lines and names takes
const BANDS_APART = 6;
const SHORTEST_NAME = 4; // letters of a name that still say something

/**
 * @typedef {object} Band
 * @property {string} module
 * @property {number} x
 * @property {number} width
 * @property {number} row counted from the top
 */

/**
 * A line for each module of which several boxes are drawn, in as few rows as they need.
 * @param {string[]} modules that of each box, "" for the block's own
 * @param {{x: number}[]} corners
 * @param {{outer: number}[]} cells
 * @returns {Band[]}
 */
export function bandsOf(modules, corners, cells) {
  /** @type {Map<string, {x: number, end: number, count: number}>} */
  const spans = new Map();
  modules.forEach((module, at) => {
    if (!module) return;
    const { x } = corners[at];
    const span = spans.get(module) ?? { x, end: x, count: 0 };
    spans.set(module, { x: Math.min(span.x, x), end: Math.max(span.end, x + cells[at].outer), count: span.count + 1 });
  });
  /** @type {number[]} */
  const ends = []; // how far each row is taken
  return [...spans]
    .filter(([, { count }]) => count > 1)
    .sort(([, a], [, b]) => a.x - b.x)
    .map(([module, { x, end }]) => {
      const free = ends.findIndex((taken) => taken + BANDS_APART <= x);
      const row = free < 0 ? ends.length : free;
      ends[row] = end;
      return { module, x, width: end - x, row };
    });
}

/**
 * A name in the room that its line has; nothing where hardly a letter fits.
 * @param {string} name
 * @param {number} width
 * @returns {string}
 */
export function fittedName(name, width) {
  const letters = Math.floor(width / CHARACTER);
  if (name.length <= letters) return name;
  return letters < SHORTEST_NAME ? "" : `${name.slice(0, letters - 1)}…`;
}
