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
  const places = boxes.map((_, place) => place).filter((place) => place !== from);
  if (key === "Home" || key === "End") {
    const along = boxes.map((_, place) => place).sort((one, other) => column[one] - column[other] || y[one] - y[other]);
    return key === "Home" ? along[0] : along[along.length - 1];
  }
  if (key === "ArrowRight" || key === "ArrowLeft") {
    const way = key === "ArrowRight" ? 1 : -1;
    const ahead = places.filter((place) => (column[place] - column[from]) * way > 0);
    const far = (/** @type {number} */ place) =>
      Math.abs(column[place] - column[from]) * 10_000 + (boxes[place].lane === boxes[from].lane ? 0 : 1_000) + Math.abs(y[place] - y[from]);
    return nearest(ahead, far) ?? from;
  }
  if (key === "ArrowDown" || key === "ArrowUp") {
    const way = key === "ArrowDown" ? 1 : -1;
    const ahead = places.filter((place) => (y[place] - y[from]) * way > 1);
    const far = (/** @type {number} */ place) => Math.abs(column[place] - column[from]) * 10_000 + Math.abs(y[place] - y[from]);
    return nearest(ahead, far) ?? from;
  }
  return null;
}

/**
 * @param {number[]} places
 * @param {(place: number) => number} far
 * @returns {number | null}
 */
function nearest(places, far) {
  return places.length ? places.reduce((one, other) => (far(other) < far(one) ? other : one)) : null;
}
