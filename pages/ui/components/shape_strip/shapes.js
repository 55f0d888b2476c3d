// The sizes of a tensor, from the symbols of its axes.

/**
 * A box as Python sends it: `engine.graph.strip.StripBox`.
 * @typedef {object} BoxData
 * @property {number | null} step the index of the step that made it
 * @property {number | null} first the index of the first of the steps in it
 * @property {string} name
 * @property {string} op the operation, "" where the block only reads it
 * @property {(string | null)[]} axes
 * @property {number[]} shape
 * @property {number[]} parents the numbers of boxes of the strip
 * @property {number} lane
 * @property {boolean} small
 * @property {string} module the module inside the block that made it, "" for the block's own
 * @property {number} folded how many steps stand in it
 * @property {number} itemsize bytes of an element
 * @property {number | null} flops
 * @property {number[]} wrong axes that the call that failed could not bring together with another's
 * @property {boolean} failed whether it is that call
 * @property {string} hue the name of its colour
 */

/**
 * How long each axis is once the named axes have these sizes. An axis without a name keeps its size.
 * @param {BoxData} box
 * @param {Record<string, number>} sizes
 * @returns {number[]}
 */
export function shapeAt(box, sizes) {
  return box.axes.map((symbol, axis) => sizeOf(symbol, sizes) ?? box.shape[axis]);
}

/**
 * The size of a symbol; of a product, such as "H*d_k", that of its factors together.
 * @param {string | null} symbol
 * @param {Record<string, number>} sizes
 * @returns {number | undefined}
 */
export function sizeOf(symbol, sizes) {
  if (symbol === null) return undefined;
  if (symbol === "1") return 1;
  if (symbol in sizes && !symbol.includes("*")) return sizes[symbol];
  const factors = symbol.split("*").map((factor) => sizes[factor.trim()]);
  if (factors.every((factor) => factor !== undefined)) return factors.reduce((product, factor) => product * factor, 1);
  return sizes[symbol];
}

/**
 * How many elements a shape has.
 * @param {number[]} shape
 * @returns {number}
 */
export function countOf(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * What is told of all boxes together. What a block only reads is not its own.
 * @param {BoxData[]} boxes
 * @param {number[][]} shapes
 * @returns {{elements: number, bytes: number}}
 */
export function totalsOf(boxes, shapes) {
  const totals = { elements: 0, bytes: 0 };
  boxes.forEach((box, index) => {
    if (!box.op || box.failed) return;
    totals.elements += countOf(shapes[index]);
    totals.bytes += countOf(shapes[index]) * box.itemsize;
  });
  return totals;
}

/**
 * A symbol as people read it: a product with a raised dot.
 * @param {string | null} symbol
 * @returns {string}
 */
export function shownSymbol(symbol) {
  return symbol === null || symbol === "1" ? "" : symbol.replaceAll("*", "·");
}
