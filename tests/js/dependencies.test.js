import assert from "node:assert/strict";
import test from "node:test";

import { besideOf, clip, clipToView, countCells, readBoxes, readerBoxes } from "../../pages/ui/components/tensor_view/dependencies.js";
import { indicesOf, jsonOf, namesOf, panelOf, stageOf, testWithPython } from "./fixtures.js";

/** The elements in boxes, and a complaint where two of them overlap. */
function cellsIn(boxes) {
  const cells = boxes.flatMap((box) =>
    box.reduce((leads, [first, end, step]) => {
      const positions = [];
      for (let i = first; i < end; i += step) positions.push(i);
      return leads.flatMap((lead) => positions.map((i) => [...lead, i]));
    }, [[]]),
  ).map(String);
  assert.equal(new Set(cells).size, cells.length, "boxes overlap");
  assert.equal(countCells(boxes), cells.length);
  return cells.sort();
}

testWithPython("for every registered operation an element reads, and is read by, what Python says", () => {
  const names = namesOf(".reads.json");
  assert.ok(names.length > 60);
  for (const name of names) {
    const expected = jsonOf(name);
    const stage = stageOf(name.replace(".json", ".bin"));
    expected.forEach((cellsByIndex, n) => {
      const input = stage.panels[n];
      const readers = new Map(indicesOf(input.shape).map((index) => [String(index), []]));
      for (const index of indicesOf(stage.output.shape)) {
        const cells = cellsByIndex[String(index)];
        assert.deepEqual(cellsIn(readBoxes(stage, input, index)), [...cells].sort(), `${name}, input ${n}, ${index}`);
        for (const cell of cells) readers.get(cell).push(String(index));
      }
      for (const [cell, indices] of readers) {
        const index = cell === "" ? [] : cell.split(",").map(Number);
        assert.deepEqual(cellsIn(readerBoxes(stage, input, index)), indices.sort(), `${name}, input ${n} read at ${cell}`);
      }
    });
  }
});

test("a kind that is not known, or one of another rank, reads nothing rather than something wrong", () => {
  const [input, output] = [panelOf([2, 3]), panelOf([2, 3])];
  for (const read of [{ kind: "unheard-of" }, undefined, { kind: "affine", axes: [{ out: 0 }] }]) {
    const stage = { panels: [input, output], output, reads: [read] };
    assert.deepEqual(readBoxes(stage, input, [1, 2]), []);
    assert.deepEqual(readerBoxes(stage, input, [1, 2]), []);
  }
});

test("a range is cut to what was sent, and its steps stay where they were", () => {
  for (let first = 0; first < 6; first++) {
    for (let step = 1; step < 4; step++) {
      for (let start = 0; start < 9; start++) {
        const positions = ([from, end, by]) => Array.from({ length: 20 }, (_, i) => from + i * by).filter((i) => i < end);
        const expected = positions([first, 11, step]).filter((i) => i >= start && i < start + 4);
        assert.deepEqual(positions(clip([first, 11, step], start, 4)), expected);
      }
    }
  }
});

test("what was read and not sent is counted apart", () => {
  const panel = panelOf([8, 256], { start: [2, 64], count: [2, 64] });
  const boxes = [[[2, 3, 1], [0, 256, 1]], [[7, 8, 1], [0, 256, 1]]];
  assert.equal(countCells(boxes), 512);
  assert.equal(countCells(clipToView(panel, boxes)), 64);
});

testWithPython("the rows of an embedding are found in the ids, also where the table's own row was not sent", () => {
  const stage = stageOf("embedding.reads.bin");
  const [table] = stage.panels.filter((panel) => panel.dtype === "float32");
  table.axes[0].count = 1; // as if only the first row had been sent
  const [ids] = stage.panels.filter((panel) => panel.dtype === "int64");
  const row = Number(ids.values[3]);
  assert.deepEqual(readBoxes(stage, table, [1, 1, 0]), [[[row, row + 1, 1], [0, 1, 1]]]);
});

test("a second result of the same input reads it by a map of its own", () => {
  const panels = [[2, 3], [3, 2], [3, 2]].map((shape, number) => ({ number, shape }));
  const turned = { kind: "affine", axes: [{ out: 1 }, { out: 0 }] };
  const flat = { kind: "affine", axes: [{ out: 0 }, { out: 1 }] };
  const stage = { panels, output: panels[2], reads: [flat], travel: { token: null, features: [], keeps: true, beside: turned } };
  const beside = besideOf(stage);
  assert.equal(beside.output, panels[1]);
  assert.deepEqual(readBoxes(beside, panels[0], [2, 1]), [[[1, 2, 1], [2, 3, 1]]]);
  assert.deepEqual(readerBoxes(beside, panels[0], [1, 2]), [[[2, 3, 1], [1, 2, 1]]]);
  assert.deepEqual(readBoxes(stage, panels[0], [1, 1]), [[[1, 2, 1], [1, 2, 1]]]);
  assert.equal(besideOf({ ...stage, travel: null }), null);
});
