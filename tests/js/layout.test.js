import assert from "node:assert/strict";
import test from "node:test";

import { cellAt, computeLayout, facetLayout, numeralHeight, regions, sentBox } from "../../pages/ui/components/tensor_view/layout.js";
import { panelSizes } from "../../pages/ui/components/tensor_view/panel_sizes.js";
import { neighbour } from "../../pages/ui/components/tensor_view/selection.js";
import { drawing, indicesOf, panelOf } from "./fixtures.js";

const theme = { measure: (words, size) => words.length * size * 0.55, digit: 6.6, numeral: 11, ratio: 1 };
const draw = drawing(9);
const below = (end) => Math.floor(draw() * end);

/** A tensor of some size, its window, labels and facets drawn by chance. */
function anyPanel() {
  const rank = below(5);
  const shape = Array.from({ length: rank }, (_, axis) => 1 + below(axis < rank - 2 ? 3 : 9));
  const start = shape.map((size) => below(size));
  const count = shape.map((size, axis) => 1 + below(size - start[axis]));
  const labels = shape.map((_, axis) => (below(3) ? null : Array.from({ length: count[axis] }, (__, i) => "w".repeat(1 + ((i * 5) % 9)))));
  const facets = shape.slice(0, -2).map((_, axis) => axis);
  const rows = facets.filter(() => below(2));
  const columns = facets.filter((axis) => !rows.includes(axis));
  return panelOf(shape, { start, count, labels, rows, columns, symbols: shape.map((_, axis) => "BHST"[axis]) });
}

const sentIndices = (panel) => indicesOf(panel.axes.map((axis) => axis.count)).map((lead) => lead.map((i, axis) => i + panel.axes[axis].start));

function eachLayout(check) {
  for (let n = 0; n < 300; n++) {
    const panel = anyPanel();
    const space = { width: 200 + below(900), height: 200 + below(300) };
    check(panel, computeLayout(panel, sentBox(panel), space, theme), space);
  }
}

test("every cell that was sent has a place of its own, and the pointer finds it there", () => {
  eachLayout((panel, layout) => {
    const seen = new Set();
    for (const index of sentIndices(panel)) {
      const [region, ...more] = regions(layout, index.map((i) => [i, i + 1, 1]));
      assert.deepEqual([more.length, region.rows, region.columns], [0, 1, 1]);
      seen.add(`${region.x},${region.y}`);
      const middle = [region.x + layout.cell.width / 2, region.y + layout.cell.height / 2];
      assert.deepEqual(cellAt(layout, ...middle), index);
      assert.ok(region.x >= layout.side.width - 1e-9 && region.y >= 0);
      assert.ok(region.x + layout.cell.width <= layout.width && region.y + layout.cell.height <= layout.height);
    }
    assert.equal(seen.size, panel.values.length);
  });
});

test("between and around the facets the pointer finds no cell", () => {
  eachLayout((_, layout) => {
    assert.equal(cellAt(layout, -1, 5), null);
    assert.equal(cellAt(layout, layout.width + 1, layout.height + 1), null);
    layout.xs.slice(1).forEach((x) => assert.equal(cellAt(layout, x - 1, layout.ys[0] + 1), null));
  });
});

test("the regions of a box have as many cells as the box, and none outside of it", () => {
  eachLayout((panel, layout) => {
    const box = panel.axes.map(({ size }) => {
      const first = below(size);
      return [first, first + 1 + below(size - first), 1 + below(2)];
    });
    const inside = (index) => box.every(([first, end, step], axis) => index[axis] >= first && index[axis] < end && (index[axis] - first) % step === 0);
    const covered = regions(layout, box).reduce((cells, region) => cells + region.rows * region.columns, 0);
    assert.equal(covered, sentIndices(panel).filter(inside).length);
  });
});

test("a tensor is as wide as its room wherever its cells can still be pointed at", () => {
  eachLayout((_, layout, space) => {
    if (layout.cell.width > 5) assert.ok(layout.width <= space.width + layout.head.overhang, `${layout.width} in ${space.width}`);
    if (layout.cell.numerals) assert.ok(layout.cell.width >= 18);
  });
});

test("numerals stand in the cells of a small tensor and not in those of a large one", () => {
  const space = { width: 500, height: 360 };
  const small = panelOf([4, 5]);
  const large = panelOf([64, 64]);
  assert.ok(computeLayout(small, sentBox(small), space, theme).cell.numerals);
  assert.ok(!computeLayout(large, sentBox(large), space, theme).cell.numerals);
  assert.ok(numeralHeight(small, 500, theme) >= 4 * 18);
  assert.equal(numeralHeight(large, 500, theme), 0);
});

test("a single facet is laid out alone, with its place along the other axes kept", () => {
  const panel = panelOf([2, 3, 4, 5]);
  const layout = facetLayout(panel, [[1, 1], [2, 1], [0, 4], [0, 5]], { width: 400, height: 300 }, theme);
  assert.equal(layout.blocks.length, 1);
  const [{ x, y }] = layout.blocks;
  assert.deepEqual(cellAt(layout, x + 1, y + 1), [1, 2, 0, 0]);
});

test("inputs and output stand side by side on a wide page and below each other on a narrow one", () => {
  const panels = [panelOf([4, 8]), panelOf([8, 4]), panelOf([4, 4])];
  const narrow = panelSizes(panels, 390, true, theme);
  assert.equal(narrow.columns, null);
  assert.deepEqual(narrow.sizes.map(({ width }) => width), [390, 390, 390]);
  const wide = panelSizes(panels, 1400, true, theme);
  const [before, card, after] = wide.columns.split(" ").map(Number.parseFloat);
  assert.deepEqual(wide.sizes.map(({ width }) => width), [before, before, after]);
  assert.ok(before + card + after <= 1400 && before + card + after > 1300);
  assert.equal(panelSizes(panels.slice(0, 1), 1400, false, theme).columns, null);
});

test("the arrow keys go through every cell in order and stop at the end", () => {
  const panel = panelOf([2, 3, 4]);
  const all = indicesOf([2, 3, 4]);
  for (const [n, index] of all.entries()) {
    assert.deepEqual(neighbour(panel, index, [0, 1, 2], 1), all[n + 1] ?? index);
    assert.deepEqual(neighbour(panel, index, [0, 1, 2], -1), all[n - 1] ?? index);
  }
});

test("at the edge of a window the tensor goes on", () => {
  const panel = panelOf([8, 100], { start: [0, 64], count: [8, 20] });
  assert.deepEqual(neighbour(panel, [0, 83], [1], 1), [0, 84]);
  assert.deepEqual(neighbour(panel, [0, 64], [1], -1), [0, 63]);
  assert.deepEqual(neighbour(panel, [7, 64], [0], 1), [7, 64]);
});
