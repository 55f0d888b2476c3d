import assert from "node:assert/strict";
import test from "node:test";

import { computeLayout, sentBox } from "../../pages/ui/components/tensor_view/layout.js";
import { walkLayout } from "../../pages/ui/components/tensor_view/walk_layout.js";
import { drawing, panelOf } from "./fixtures.js";

const theme = { measure: (words, size) => words.length * size * 0.55, digit: 6.6, numeral: 11, ratio: 1 };
const draw = drawing(11);
const upTo = (end) => 1 + Math.floor(draw() * end);

/** A stage of one to three inputs and an output, of any size. */
function anyStage() {
  return Array.from({ length: 1 + upTo(3) }, () => {
    const shape = [upTo(2), upTo(4), upTo(20), upTo(20)].slice(upTo(4) - 1);
    const facets = shape.slice(0, -2).map((_, axis) => axis);
    return panelOf(shape, { rows: facets.slice(0, -1), columns: facets.slice(-1), symbols: shape.map((_, axis) => "BHST"[axis]) });
  });
}

function eachStage(check) {
  for (let n = 0; n < 120; n++) {
    const [panels, width] = [anyStage(), 900 + upTo(700)];
    check(panels, walkLayout(panels, width, theme, n % 2 === 0), width);
  }
}

test("all tensors of a step have one scale, and none of them leaves the stage", () => {
  eachStage((panels, layout, width) => {
    assert.equal(new Set(layout.sizes.map(({ cell }) => `${cell.width} ${cell.height}`)).size, 1);
    const tracks = layout.columns.split(" ").map(Number.parseFloat);
    const gaps = 24 * (tracks.length - 1);
    assert.ok(tracks.reduce((total, track) => total + track, gaps) <= width + 1, layout.columns);
    panels.forEach((_, i) => assert.ok(layout.sizes[i].width <= tracks[layout.placements[i].column - 1]));
  });
});

test("no two tensors stand at one place, inputs keep their order, and the output stands last and alone", () => {
  eachStage((panels, { placements, rows }) => {
    assert.equal(new Set(placements.map(({ column, row }) => `${column} ${row}`)).size, panels.length);
    placements.slice(1).forEach(({ column, row }, i) => {
      const before = placements[i];
      assert.ok(column > before.column ? row === 1 : row === before.row + 1);
    });
    assert.equal(placements.filter(({ column }) => column === placements.at(-1).column).length, 1);
    placements.forEach(({ row, span }) => assert.ok(row + span - 1 <= rows));
  });
});

test("neighbours in one row begin with their cells at one height", () => {
  eachStage((panels, { placements, sizes }) => {
    const tops = panels.flatMap((panel, i) => (placements[i].row === 1 ? [computeLayout(panel, sentBox(panel), sizes[i], theme).ys[0]] : []));
    assert.equal(new Set(tops).size, 1, String(tops));
  });
});

test("small tensors have large cells, large ones small cells that all fit where they can", () => {
  const [small] = walkLayout([panelOf([3, 4]), panelOf([3, 4])], 1345, theme, false).sizes;
  assert.ok(small.cell.width >= 20);
  const heads = () => panelOf([1, 4, 18, 18], { rows: [0], columns: [1] });
  const panels = [panelOf([1, 4, 18, 16], { rows: [0], columns: [1] }), panelOf([1, 4, 16, 18], { rows: [0], columns: [1] }), heads()];
  const { sizes } = walkLayout(panels, 1045, theme, false);
  panels.forEach((panel, i) => {
    const { width } = computeLayout(panel, sentBox(panel), sizes[i], theme);
    assert.ok(width <= sizes[i].width, `${width} in ${sizes[i].width}`);
  });
});

test("a narrow stage has no columns", () => {
  assert.equal(walkLayout([panelOf([3, 4]), panelOf([3, 4])], 390, theme, false), null);
});

test("a few ids have cells that their numerals fit into, whatever the scale of the tensors beside them", () => {
  const ids = (count) => panelOf([2, count], { scale: { kind: "ids", largest: null }, values: Int32Array.from({ length: 2 * count }, (_, i) => i) });
  for (const count of [1, 9, 18]) {
    const { sizes } = walkLayout([ids(count), panelOf([64, 48]), panelOf([1, count, 48], { rows: [0] })], 1345, theme, false);
    const { cell, width } = computeLayout(ids(count), sentBox(ids(count)), sizes[0], theme);
    assert.ok(cell.numerals && width <= sizes[0].width, `${count}: ${JSON.stringify(cell)}`);
    assert.equal(sizes[1].cell.width, sizes[2].cell.width);
  }
  const [many, table] = walkLayout([ids(64), panelOf([64, 48])], 1345, theme, false).sizes;
  assert.equal(many.cell.width, table.cell.width);
});
