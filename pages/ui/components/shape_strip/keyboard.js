// Where the arrow keys lead.

/**
 * The box that a key leads to: along the strip to the nearest box of the same line of data, or else on that side;
 * up and down to the next in the same column, or else to that of the nearest column.
 * @param {{lane: number}[]} boxes
 * @param {number[]} column
 * @param {number[]} y the height of each box
 * @param {number} from the box where the person is
 * @param {string} key
 * @returns {number | null} null where the key means nothing
 */
export function neighbourOf(boxes, column, y, from, key) {
  const others = boxes.map((_, box) => box).filter((box) => box !== from);
  if (key === "Home" || key === "End") {
    const along = boxes.map((_, box) => box).sort((a, b) => column[a] - column[b] || y[a] - y[b]);
    return key === "Home" ? along[0] : along[along.length - 1];
  }
  if (key === "ArrowRight" || key === "ArrowLeft") {
    const way = key === "ArrowRight" ? 1 : -1;
    const ahead = others.filter((box) => (column[box] - column[from]) * way > 0);
    const far = (/** @type {number} */ box) =>
      Math.abs(column[box] - column[from]) * 10_000 + (boxes[box].lane === boxes[from].lane ? 0 : 1_000) + Math.abs(y[box] - y[from]);
    return nearest(ahead, far) ?? from;
  }
  if (key === "ArrowDown" || key === "ArrowUp") {
    const way = key === "ArrowDown" ? 1 : -1;
    const ahead = others.filter((box) => (y[box] - y[from]) * way > 1);
    const far = (/** @type {number} */ box) => Math.abs(column[box] - column[from]) * 10_000 + Math.abs(y[box] - y[from]);
    return nearest(ahead, far) ?? from;
  }
  return null;
}

/**
 * @param {number[]} boxes
 * @param {(box: number) => number} far
 * @returns {number | null}
 */
function nearest(boxes, far) {
  return boxes.length ? boxes.reduce((best, next) => (far(next) < far(best) ? next : best)) : null;
}
