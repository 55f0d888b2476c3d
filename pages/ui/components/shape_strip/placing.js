// Where the boxes stand. dagre says once for a block which column each box is in and what lies above what; from that the
// coordinates follow anew for every size, in the time that a frame has.

const BETWEEN_COLUMNS = 5;
const BETWEEN_ROWS = 3;
const EDGE = 4; // room for a line on its way past a box, above and below it
const APART = 5; // the lines of two operands that touch, from the edge they share
const STRAIGHT = 10;
const SIGN = 8; // half the height of the sign of an operation
const WORD = 15; // the height of the line under a box
const SAME_LINE = 10; // dagre's heights that differ by less are one line

/**
 * What dagre said of a block, without any coordinate.
 * @typedef {object} Order
 * @property {number[]} column the column of each box
 * @property {Item[][]} columns what stands in each column, from the top
 * @property {Item[][]} lines what stands on one height, from the top
 * @property {{from: number, to: number, input: number, passes: Item[]}[]} edges
 */

/**
 * A box in its column, or a line that passes there.
 * @typedef {object} Item
 * @property {number} box the number of the box, −1 for a line
 * @property {number} column
 * @property {number} height dagre's, which only its order counts of
 * @property {number} y
 */

/**
 * @typedef {object} Placed
 * @property {number} width
 * @property {number} height
 * @property {{x: number, y: number}[]} boxes left edge and height of the face's centre of each box
 * @property {string[]} paths of the edges, in their order
 */

/**
 * The order of a block's boxes.
 * @param {any} dagre the library
 * @param {{parents: number[], lane: number}[]} boxes
 * @param {{width: number, up: number, down: number}[]} cells
 * @returns {Order}
 */
export function orderOf(dagre, boxes, cells) {
  const graph = new dagre.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: BETWEEN_ROWS, ranksep: BETWEEN_COLUMNS, edgesep: EDGE });
  boxes.forEach((_, index) => {
    const { width, up, down } = cells[index];
    graph.setNode(String(index), { width, height: up + down });
  });
  boxes.forEach((box, index) => {
    // The slack of a line lies behind its last box: each tensor stands as soon as what made it does.
    // A line of data keeps its height where it can.
    const weight = 1 + 2 * (boxes.length - index);
    box.parents.forEach((parent, input) => {
      const straight = boxes[parent].lane === box.lane ? STRAIGHT : 1;
      graph.setEdge(String(parent), String(index), { weight: weight * straight }, String(input));
    });
  });
  dagre.layout(graph);
  const at = boxes.map((_, index) => graph.node(String(index)));
  const way = isUpsideDown(boxes, at) ? -1 : 1;
  const middles = [...new Set(at.map((node) => Math.round(node.x)))].sort((a, b) => a - b);
  const columnAt = (/** @type {number} */ x) => middles.findIndex((middle) => Math.abs(middle - x) <= 1);
  /** @type {Item[]} */
  const items = at.map((node, box) => ({ box, column: columnAt(node.x), height: way * node.y, y: 0 }));
  const column = items.map((item) => item.column);
  const edges = boxes.flatMap((box, to) =>
    box.parents.map((from, input) => {
      const { points } = graph.edge(String(from), String(to), String(input));
      const passes = points
        .map((/** @type {{x: number, y: number}} */ point) => ({ box: -1, column: columnAt(point.x), height: way * point.y, y: 0 }))
        .filter((/** @type {Item} */ item) => item.column > column[from] && item.column < column[to]);
      items.push(...passes);
      return { from, to, input, passes };
    }),
  );
  const columns = middles.map((_, index) => items.filter((item) => item.column === index).sort(byHeight));
  return { column, columns, lines: levelsOf(items), edges };
}

/**
 * Whether first operands, and lines of data that began earlier, stand below the others more often than above. dagre does
 * not care which way up a drawing is.
 * @param {{parents: number[], lane: number}[]} boxes
 * @param {{x: number, y: number}[]} at
 * @returns {boolean}
 */
function isUpsideDown(boxes, at) {
  let below = 0;
  const compare = (/** @type {number} */ first, /** @type {number} */ second) => {
    below += Math.sign(at[first].y - at[second].y);
  };
  boxes.forEach((box, index) => {
    box.parents.slice(1).forEach((parent, input) => compare(box.parents[input], parent));
    for (let other = 0; other < index; other += 1) {
      if (Math.abs(at[index].x - at[other].x) > 1 || boxes[other].lane === box.lane) continue;
      if (boxes[other].lane < box.lane) compare(other, index);
      else compare(index, other);
    }
  });
  return below > 0;
}

/**
 * @param {Item} a
 * @param {Item} b
 * @returns {number}
 */
function byHeight(a, b) {
  return a.height - b.height;
}

/**
 * Items on one height, as long as no two of them stand in one column.
 * @param {Item[]} items
 * @returns {Item[][]}
 */
export function levelsOf(items) {
  /** @type {Item[][]} */
  const lines = [];
  for (const item of [...items].sort(byHeight)) {
    const line = lines[lines.length - 1];
    const joins = line && item.height - line[0].height < SAME_LINE && line.every((other) => other.column !== item.column);
    if (joins) line.push(item);
    else lines.push([item]);
  }
  return lines;
}

/**
 * The coordinates of boxes of these sizes.
 * @param {Order} order
 * @param {{width: number, outer: number, right: number, up: number, down: number, wordRight: number, meeting?: object | null}[]} cells
 * @returns {Placed}
 */
export function placeBoxes(order, cells) {
  const free = order.columns.map(() => 0); // the height down to which each column is taken
  let above = 0;
  for (const line of order.lines) {
    const y = Math.max(above, ...line.map((item) => free[item.column] + upOf(item, cells)));
    for (const item of line) {
      item.y = y;
      free[item.column] = y + downOf(item, cells) + BETWEEN_ROWS;
    }
    above = y;
  }
  const widths = order.columns.map((column, index) => Math.max(...column.map((item) => widthOf(item, order.columns[index + 1] ?? [], cells))));
  const lefts = widths.map((_, column) => widths.slice(0, column).reduce((sum, width) => sum + width + BETWEEN_COLUMNS, 0));
  const at = cells.map((_, box) => ({ x: lefts[order.column[box]], y: 0 }));
  for (const item of order.lines.flat()) if (item.box >= 0) at[item.box].y = item.y;
  return {
    width: Math.max(0, ...at.map(({ x }, box) => x + cells[box].outer)),
    height: Math.max(0, ...free) - BETWEEN_ROWS,
    boxes: at,
    paths: order.edges.map((edge) => pathOf(edge, at, cells, lefts, widths, order.column)),
  };
}

/**
 * How far its column must reach for an item: the line under a box ends before the sign of one that stands as low.
 * @param {Item} item
 * @param {Item[]} next what stands in the next column
 * @param {{width: number, down: number, wordRight: number}[]} cells
 * @returns {number}
 */
function widthOf(item, next, cells) {
  if (item.box < 0) return 0;
  const { width, down, wordRight } = cells[item.box];
  const [top, bottom] = [item.y + down - WORD, item.y + down];
  const meets = next.some(({ box, y }) => box >= 0 && y + SIGN > top && y - SIGN < bottom);
  return meets ? Math.max(width, wordRight) : width;
}

/**
 * @param {Item} item
 * @param {{up: number}[]} cells
 * @returns {number}
 */
function upOf(item, cells) {
  return item.box < 0 ? EDGE : cells[item.box].up;
}

/**
 * @param {Item} item
 * @param {{down: number}[]} cells
 * @returns {number}
 */
function downOf(item, cells) {
  return item.box < 0 ? EDGE : cells[item.box].down;
}

/**
 * A line from box to box: level past the boxes, bent only between columns.
 * @param {{from: number, to: number, input: number, passes: Item[]}} edge
 * @param {{x: number, y: number}[]} at
 * @param {{right: number, meeting?: object | null}[]} cells
 * @param {number[]} lefts
 * @param {number[]} widths
 * @param {number[]} column
 * @returns {string}
 */
function pathOf(edge, at, cells, lefts, widths, column) {
  const [from, to] = [at[edge.from], at[edge.to]];
  let path = `M${from.x + cells[edge.from].right + 3} ${from.y}H${lefts[column[edge.from]] + widths[column[edge.from]]}`;
  let [x, y] = [lefts[column[edge.from]] + widths[column[edge.from]], from.y];
  for (const pass of edge.passes) {
    const right = lefts[pass.column] + widths[pass.column];
    path += `${bend(x, y, lefts[pass.column], pass.y)}H${right}`;
    [x, y] = [right, pass.y];
  }
  // Where operands touch, each line ends at its own.
  const beside = cells[edge.to].meeting ? (edge.input ? APART : -APART) : 0;
  return path + bend(x, y, to.x, to.y + beside);
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} toX
 * @param {number} toY
 * @returns {string}
 */
function bend(x, y, toX, toY) {
  const half = (toX - x) / 2;
  return `C${x + half} ${y} ${toX - half} ${toY} ${toX} ${toY}`;
}
