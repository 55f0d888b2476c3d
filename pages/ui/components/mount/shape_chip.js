// One axis of a shape as people read it everywhere: its symbol, then its size.

import { element } from "./dom.js";

/**
 * @param {string | null} symbol null or "" where only the size is to be read
 * @param {number} size
 * @param {Record<string, any>} [attributes] of the chip
 * @returns {HTMLSpanElement}
 */
export function shapeChip(symbol, size, attributes = {}) {
  const name = symbol ? [element("span", { class: "symbol", text: symbol }), " "] : [];
  return element("span", { class: "chip", ...attributes }, ...name, element("b", { text: size }));
}
