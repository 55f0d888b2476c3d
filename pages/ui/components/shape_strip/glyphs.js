// What an operation does to a shape, in sixteen pixels.

/** @type {Record<string, string>} */
const SIGNS = {
  // A rectangle cut in two: the same numbers, divided otherwise.
  cut: "M1-5h14v10h-14zM8-8v3M8-3v2M8 1v2M8 5v3",
  // A turn: axes change places.
  turn: "M2 3a6 6 0 1 1 5 4M4-1l-2 4l-3-3M7 9l-2-2l2-2",
  // Two rectangles with one edge in common, which must be equal.
  product: "M0-3h8v6h-8zM8-7h6v14h-6zM8-3v6",
  arrow: "M0 0h14M10-4l4 4l-4 4",
  folded: "M1-6h14v12h-14zM4-2h8M4 2h8",
};

export const CROSS_PATH = "M0-8l16 16M16-8l-16 16";

/** @type {Record<string, string[]>} */
const OPERATIONS = {
  cut: ["view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "chunk", "split", "unbind"],
  turn: ["permute", "transpose", "t", "T", "mT", "swapaxes", "movedim"],
  product: ["matmul", "bmm", "mm", "einsum", "baddbmm", "scaled_dot_product_attention"],
  folded: ["module"],
};

/**
 * The kind of sign an operation has.
 * @param {string} op
 * @returns {string}
 */
export function signOf(op) {
  return Object.keys(OPERATIONS).find((sign) => OPERATIONS[sign].includes(op)) ?? "arrow";
}

/**
 * Its lines, around (0, 0) as the left end of its middle.
 * @param {string} op
 * @returns {string}
 */
export function signPath(op) {
  return SIGNS[signOf(op)];
}
