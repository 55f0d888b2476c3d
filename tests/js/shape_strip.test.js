// The parts of the strip that need no browser: sizes from symbols, outlines, places, keys and words.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

import { cellOf, depthOf, failedCellOf, framePath, meetingOf, side, smallCellOf, wrongPath } from "../../pages/ui/components/shape_strip/geometry.js";
import { neighbourOf } from "../../pages/ui/components/shape_strip/keyboard.js";
import { levelsOf, orderOf, placeBoxes } from "../../pages/ui/components/shape_strip/placing.js";
import { shapeAt, sizeOf, totalsOf } from "../../pages/ui/components/shape_strip/shapes.js";
import { changedSentence, sentenceOf, shownBytes, wordOf } from "../../pages/ui/components/shape_strip/words.js";

const library = readFileSync(new URL("../../pages/ui/components/shape_strip/dagre/dagre.min.mjs", import.meta.url), "utf8");
const dagre = vm.runInThisContext(`${library}\ndagre`);

// Attention as its paper draws it: x, then query, key and value, each linear, view and permute, and what follows.
const PARENTS = [[], [0], [0], [0], [1], [2], [3], [4], [5], [6], [8], [7, 10], [11], [12], [13, 9], [14]];
const LANES = [0, 0, 1, 2, 0, 1, 2, 0, 1, 2, 1, 0, 0, 0, 0, 0];
const attention = PARENTS.map((parents, at) => ({ parents, lane: LANES[at] }));

function randomly(seed) {
  let state = seed;
  return (below) => {
    state = (state * 16807) % 2147483647;
    return state % below;
  };
}

function someBoxes(random) {
  return Array.from({ length: 2 + random(38) }, (_, at) => {
    const parents = at ? Array.from({ length: random(3) }, () => random(at)) : [];
    return { parents, lane: random(4) };
  });
}

function someCells(boxes, random) {
  return boxes.map(() => ({ width: 20 + random(180), outer: 200, right: 20, up: 8 + random(80), down: 8 + random(90), wordRight: 20 + random(220) }));
}

function assertApart(placed, cells, order) {
  placed.boxes.forEach((one, a) => {
    placed.boxes.forEach((other, b) => {
      if (b <= a) return;
      const beside = one.x + cells[a].width <= other.x || other.x + cells[b].width <= one.x;
      const stacked = one.y + cells[a].down <= other.y - cells[b].up || other.y + cells[b].down <= one.y - cells[a].up;
      assert.ok(beside || stacked, `${a} and ${b} overlap`);
    });
  });
  for (const column of order.columns) {
    const heights = column.filter((item) => item.box < 0).map((item) => item.y);
    assert.equal(new Set(heights).size, heights.length, "two lines pass on one height");
  }
  for (const edge of order.edges) {
    for (const pass of edge.passes) {
      placed.boxes.forEach((box, at) => {
        if (order.column[at] !== pass.column) return;
        assert.ok(pass.y < box.y - cells[at].up || pass.y > box.y + cells[at].down, "a line runs through a box");
      });
    }
  }
}

/**
 * A strip of any boxes, of any sizes.
 * @param {() => number} random
 */
function drawn(random) {
  const boxes = someBoxes(random);
  const cells = someCells(boxes, random);
  const order = orderOf(dagre, boxes, cells);
  return { boxes, cells, order, at: placeBoxes(order, cells).boxes };
}

test("no two cells overlap and no line runs through one, for graphs and sizes of any kind", () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = randomly(seed * 7919);
    const boxes = someBoxes(random);
    const order = orderOf(dagre, boxes, someCells(boxes, random));
    for (let again = 0; again < 3; again += 1) {
      const cells = someCells(boxes, random); // other sizes than those that the order was made with
      assertApart(placeBoxes(order, cells), cells, order);
    }
  }
});

test("no word under a box reaches the sign of an operation, whatever stands beside whatever", () => {
  let met = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const { cells, order, at } = drawn(randomly(seed * 15485863));
    at.forEach((box, one) => {
      at.forEach((other, two) => {
        if (order.column[two] !== order.column[one] + 1) return;
        // The word is a line of text, at the bottom of its box; a sign is 16 px high around the middle of its own.
        if (other.y + 8 <= box.y + cells[one].down - 12 || other.y - 8 >= box.y + cells[one].down) return;
        met += 1;
        assert.ok(box.x + cells[one].wordRight <= other.x, `the word under ${one} reaches the sign of ${two}`);
      });
    });
  }
  assert.ok(met > 20);
});

test("each box stands to the right of what it was made of", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { boxes, cells, at } = drawn(randomly(seed * 104729));
    boxes.forEach((box, to) => box.parents.forEach((from) => assert.ok(at[from].x + cells[from].width <= at[to].x)));
  }
});

test("query, key and value are lines from the top to the bottom, each step under the other two's", () => {
  const cells = attention.map(() => ({ width: 100, outer: 100, right: 50, up: 30, down: 40, wordRight: 90 }));
  const order = orderOf(dagre, attention, cells);
  const { boxes } = placeBoxes(order, cells);
  for (const [query, key, value] of [[1, 2, 3], [4, 5, 6], [7, 8, 9]]) {
    assert.ok(boxes[query].y < boxes[key].y && boxes[key].y < boxes[value].y);
    assert.equal(boxes[query].x, boxes[key].x);
    assert.equal(boxes[key].x, boxes[value].x);
  }
});

test("sides grow by as much for each doubling", () => {
  const steps = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((size) => side(size, false));
  const grown = steps.slice(1).map((length, at) => length - steps[at]);
  grown.forEach((by) => assert.ok(Math.abs(by - grown[0]) < 1e-9 && by > 0));
  assert.ok(side(64, true) < side(64, false));
});

test("heads are slabs, 1 to 16, and the batch is a stack behind them", () => {
  const box = { axes: ["B", "H", "S", "d_k"], small: false, op: "permute", name: "query" };
  for (const heads of [1, 2, 4, 8, 16]) {
    const cell = cellOf(box, [2, heads, 5, 8], ["query"]);
    assert.equal(cell.slabs, heads);
    assert.ok(cell.stacked);
  }
  assert.equal(cellOf(box, [1, 64, 5, 8], []).slabs, 16);
  assert.ok(!cellOf(box, [1, 4, 5, 8], []).stacked);
  assert.deepEqual(depthOf(["H", "S", "d_k"], [4, 5, 8]), { stack: 1, slabs: 4 });
  assert.deepEqual(depthOf([null, null, null], [2, 5, 8]), { stack: 2, slabs: 1 });
  assert.deepEqual(depthOf([], []), { stack: 1, slabs: 1 });
});

test("sizes follow from symbols, products included, and an axis without a name stays", () => {
  const sizes = { H: 8, d_k: 4, S: 18, "H*d_k": 64 };
  assert.equal(sizeOf("H*d_k", sizes), 32);
  assert.equal(sizeOf("1", { 1: 7 }), 1);
  assert.equal(sizeOf("unknown", sizes), undefined);
  assert.equal(sizeOf("A*S", { "A*S": 36, S: 18 }), 36);
  assert.deepEqual(shapeAt({ axes: ["S", "H*d_k", null], shape: [3, 64, 9] }, sizes), [18, 32, 9]);
});

test("what is only read is not counted", () => {
  const boxes = [{ op: "", itemsize: 4 }, { op: "view", itemsize: 2 }];
  assert.deepEqual(totalsOf(boxes, [[100], [3, 4]]), { elements: 12, bytes: 24 });
});

test("arrows lead along a line of data and between the lines", () => {
  const column = [0, 1, 1, 1, 2, 2, 2];
  const boxes = [0, 0, 1, 2, 0, 1, 2].map((lane) => ({ lane }));
  const y = [50, 0, 50, 100, 0, 50, 100];
  const leads = (from, key) => neighbourOf(boxes, column, y, from, key);
  assert.deepEqual([1, 2, 3].map((from) => leads(from, "ArrowRight")), [4, 5, 6]);
  assert.deepEqual([4, 5, 6].map((from) => leads(from, "ArrowLeft")), [1, 2, 3]);
  assert.deepEqual([leads(1, "ArrowDown"), leads(2, "ArrowDown"), leads(3, "ArrowUp")], [2, 3, 2]);
  assert.deepEqual([leads(0, "ArrowLeft"), leads(3, "ArrowDown"), leads(6, "ArrowRight")], [0, 3, 6]);
  // A line of data is followed to where it goes on, also where another's box is nearer.
  assert.equal(neighbourOf([{ lane: 0 }, { lane: 0 }, { lane: 1 }], [0, 1, 1], [0, 80, 0], 0, "ArrowRight"), 1);
  assert.deepEqual([leads(3, "Home"), leads(3, "End"), leads(3, "a")], [0, 6, null]);
});

test("a box is told in one sentence", () => {
  const names = ["query", "key_t", "scores"];
  const box = { name: "scores", op: "matmul", parents: [0, 1], folded: 0 };
  const said = sentenceOf(box, ["batch", "heads", "source", "source"], [2, 4, 18, 18], names);
  assert.equal(said, "scores: batch 2, heads 4, source 18, source 18; from query and key_t by matmul");
  assert.equal(sentenceOf({ ...box, op: "" }, [null], [5], names), "scores: axis 0 5; read from outside");
  assert.equal(sentenceOf({ ...box, parents: [] }, [], [], names), "scores: one number; by matmul");
});

test("the difference between two sets of shapes is counted", () => {
  assert.equal(changedSentence([[2, 8], [4]], [[4, 4], [4]]), "1 of 2 tensors change shape, 0 change size");
  assert.deepEqual([512, 2048, 3 * 1024 ** 2].map(shownBytes), ["512 B", "2.0 KiB", "3.0 MiB"]);
});

test("what is nearly on one height is one line, unless it stands in one column", () => {
  const item = (column, height) => ({ box: column, column, height, y: 0 });
  const heights = (items) => levelsOf(items).map((line) => line.map(({ height }) => height));
  assert.deepEqual(heights([item(0, 40), item(1, 45), item(2, 49)]), [[40, 45, 49]]);
  assert.deepEqual(heights([item(2, 90), item(0, 40), item(1, 50)]), [[40], [50], [90]]);
  // Its distance counts from the first of the line, so that a line cannot creep down.
  assert.deepEqual(heights([item(0, 0), item(1, 8), item(2, 16)]), [[0, 8], [16]]);
  assert.deepEqual(heights([item(3, 10), item(3, 12), item(1, 14)]), [[10], [12, 14]]);
});

test("boxes of one line of data keep one height, whatever stands above another of them", () => {
  const chain = [{ parents: [], lane: 0 }, { parents: [0], lane: 0 }, { parents: [1], lane: 0 }, { parents: [], lane: 1 }, { parents: [2, 3], lane: 0 }];
  const cells = chain.map(() => ({ width: 80, outer: 80, right: 40, up: 20, down: 30, wordRight: 70 }));
  const order = orderOf(dagre, chain, cells);
  const tall = cells.map((cell, at) => (at === 1 ? { ...cell, up: 90 } : cell));
  const { boxes, width } = placeBoxes(order, tall);
  assert.equal(width, boxes[4].x + 80);
  assert.equal(new Set([0, 1, 2].map((at) => boxes[at].y)).size, 1);
});

test("the operands of a product touch along the edge that they share, and nothing else touches", () => {
  const equal = meetingOf("matmul", [[2, 4, 18, 16], [2, 4, 16, 7]]);
  assert.equal(equal.above, equal.below);
  assert.ok(equal.up > equal.down); // 18 rows above, 7 columns below
  assert.equal(equal.above / side(16, false), equal.up / side(18, false));
  const differ = meetingOf("bmm", [[2, 6, 8], [2, 6, 8]]);
  assert.ok(differ.above > differ.below);
  assert.equal(meetingOf("matmul", [[3, 5], [5]]).below, meetingOf("matmul", [[3, 5], [5, 1]]).below);
  assert.equal(meetingOf("add", [[2, 3], [2, 3]]), null);
  assert.equal(meetingOf("matmul", [[2, 3], []]), null);
});

test("a product grows with its operands also where its own shape stays", () => {
  const box = { axes: ["S", "S"], small: false, op: "matmul", name: "scores" };
  const narrow = cellOf(box, [5, 5], "scores", [[5, 2], [2, 5]]);
  const wide = cellOf(box, [5, 5], "scores", [[5, 512], [512, 5]]);
  assert.ok(wide.width > narrow.width);
  assert.deepEqual([wide.face.width, wide.face.height], [narrow.face.width, narrow.face.height]);
});

test("the call that failed shows the two edges that must be equal; any other call a cross", () => {
  const operands = [{ axes: ["B", "L", "d_k"], shape: [2, 6, 8] }, { axes: ["B", null, "d_k"], shape: [2, 6, 8] }];
  const cell = failedCellOf("matmul", "q @ k", operands);
  assert.deepEqual(cell.edges, ["d_k 8", "6"]);
  assert.ok(cell.meeting.above > cell.meeting.below);
  const other = failedCellOf("view", "x.view(5, 5)", [{ axes: [null], shape: [24] }]);
  assert.deepEqual([other.meeting, other.edges], [null, []]);
  assert.ok(other.width >= "x.view(5, 5)".length * 6);
});

test("an edge that disagrees is the bottom of a face for its columns and the left side for its rows", () => {
  const cell = cellOf({ axes: ["B", "L", "d_k"], small: false, op: "view", name: "q" }, [2, 6, 8], "q");
  const { x, width, height } = cell.face;
  assert.equal(wrongPath(cell, [2]), `M${x} ${height / 2}h${width}`);
  assert.equal(wrongPath(cell, [1]), `M${x} ${-height / 2}v${height}`);
  assert.equal(wrongPath(cell, [0]), "");
});

test("a failure is told to a screen reader, and of each operand which axis does not agree", () => {
  const names = ["q", "k", "q @ k"];
  const failed = { name: "q @ k", op: "matmul", parents: [0, 1], folded: 0, failed: true };
  assert.equal(sentenceOf(failed, [], [], names), "q @ k: this call failed; it read q and k");
  const operand = { name: "q", op: "", parents: [], folded: 0, wrong: [1] };
  assert.equal(sentenceOf(operand, ["heads", "d_k"], [4, 8], names), "q: heads 4, d_k 8; read from outside; d_k 8 does not agree with the other operand");
});

test("a box is called by its name, and by its operation where the name goes on", () => {
  const box = (name, op, folded = 0) => ({ name, op, folded });
  assert.deepEqual(wordOf(box("query", "linear"), "x"), { text: "query", isName: true });
  assert.deepEqual(wordOf(box("query", "permute"), "query"), { text: "permute", isName: false });
  assert.deepEqual(wordOf(box("mul", "mul"), "x"), { text: "mul", isName: false });
  assert.deepEqual(wordOf(box("encoder.layers.0", "module", 12), "x"), { text: "encoder.layers.0", isName: true });
  assert.deepEqual(wordOf(box("x", ""), undefined), { text: "x", isName: true });
});

// The lines and corners of a path as points.
function pointsOf(path) {
  let [x, y] = [0, 0];
  return [...path.matchAll(/([MHVa])([^MHVa]*)/g)].map(([, command, text]) => {
    const numbers = text.trim().split(/[ ,]+/).map(Number);
    if (command === "M") [x, y] = numbers;
    else if (command === "H") [x] = numbers;
    else if (command === "V") [y] = numbers;
    else [x, y] = [x + numbers[5], y + numbers[6]];
    return [x, y];
  });
}

test("a frame stands around all labels of its box, after its own sign, and leaves the sign of the next box free", () => {
  const boxes = [
    [{ axes: ["B", "L", "d_model"], op: "embedding", small: false }, [2, 9, 48], "inputs_embeds"],
    [{ axes: ["B", "H", "S", "d_k"], op: "permute", small: false }, [1, 16, 5, 2], "permute"],
    [{ axes: [null, "L"], op: "", small: false }, [1, 11], "position_ids"],
    [{ axes: [], op: "zeros", small: true }, [], "zeros"],
  ];
  for (const [box, shape, word] of boxes) {
    const cell = cellOf(box, shape, word);
    const points = pointsOf(framePath(cell));
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    assert.ok(Math.max(...xs) >= cell.face.x + word.length * 6.7, word);
    assert.ok(Math.max(...ys) >= cell.down && Math.min(...ys) <= -cell.up, word);
    const sign = box.op ? 16 : 0; // the labels of the box before end at 9 px, and its own begin after the sign
    assert.ok(Math.min(...xs) > (sign ? 9 : -5) && Math.min(...xs) < Math.max(sign, 1), word);
    const [[right, above], [, below]] = [points[0], points.at(-1)];
    assert.equal(right, points.at(-1)[0]);
    const gap = below - above;
    if (cell.outer <= cell.width) assert.equal(gap, 0, word);
    else assert.equal(gap, 2 * Math.min(10, cell.up - 3, cell.down - 3), word);
  }
  const product = cellOf({ axes: ["L", "L"], op: "matmul", small: false }, [4, 4], "scores", [[4, 8], [8, 4]]);
  assert.equal(Math.min(...pointsOf(framePath(product)).map(([x]) => x)), -4);
});

test("one size down a box is its face alone, in the same proportion", () => {
  const cell = smallCellOf([2, 18, 64]);
  assert.ok(cell.face.width < side(64, false) / 2);
  assert.ok(Math.abs(cell.face.width / cell.face.height - side(64, false) / side(18, false)) < 1e-9);
  assert.deepEqual([cell.leading, cell.rows, cell.columns, cell.stacked], [[], null, null, false]);
});

test("what failed is not counted", () => {
  assert.deepEqual(totalsOf([{ op: "matmul", itemsize: 0, failed: true }, { op: "view", itemsize: 4 }], [[], [2]]), { elements: 2, bytes: 8 });
});

test("a folded box says how many steps stand in it", () => {
  const box = { name: "norm", op: "module", parents: [0], folded: 8 };
  assert.equal(sentenceOf(box, ["source"], [5], ["x"]), "norm: source 5; from x in 8 steps");
});
