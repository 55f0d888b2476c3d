import assert from "node:assert/strict";
import test from "node:test";

import { inShape, labelOf, prefetchedStage, sentOffset, decode } from "../../pages/ui/components/tensor_view/decode.js";
import { indexAt } from "../../pages/ui/components/tensor_view/dependencies.js";
import { bytesOf, indicesOf, jsonOf, panelOf, stageOf, testWithPython } from "./fixtures.js";

testWithPython("every number arrives exactly, in every type", () => {
  const { shapes, values, masked } = jsonOf("types.json");
  const { panels, output } = stageOf("types.bin");
  assert.equal(output, panels.at(-1));
  panels.forEach((panel, n) => {
    assert.deepEqual(panel.shape, shapes[n]);
    assert.equal(panel.number, n);
    assert.equal(panel.values.length, values[n].length);
    panel.values.forEach((value, i) => {
      if (typeof value === "bigint") assert.equal(value.toString(), values[n][i]);
      else assert.ok(Object.is(value, Number(values[n][i])), `${panel.dtype}: ${value} is not ${values[n][i]}`);
    });
  });
  assert.deepEqual([...panels[2].masked].map(Boolean), masked);
});

testWithPython("a tensor without elements and a single number have no rows and no columns too many", () => {
  const { panels } = stageOf("types.bin");
  const [scalar, empty] = panels.slice(-2);
  assert.deepEqual([scalar.rowAxis, scalar.columnAxis, scalar.empty], [null, null, false]);
  assert.deepEqual([empty.rowAxis, empty.columnAxis, empty.empty], [0, 1, true]);
});

testWithPython("each cell of a window is found at its true index, and none outside", () => {
  const { spans, shape } = jsonOf("window.json");
  const { panels: [panel] } = stageOf("window.bin");
  assert.ok(spans.some(([start]) => start > 0));
  for (let offset = 0; offset < panel.values.length; offset++) {
    const index = indexAt(panel, offset);
    // the tensor holds its own row-major positions
    assert.equal(Number(panel.values[offset]), (index[0] * shape[1] + index[1]) * shape[2] + index[2]);
    assert.equal(sentOffset(panel, index), offset);
  }
  spans.forEach(([start, count], axis) => {
    const index = spans.map(([first]) => first);
    index[axis] = start + count;
    assert.equal(sentOffset(panel, index), -1);
    index[axis] = start - 1;
    assert.equal(sentOffset(panel, index), -1);
  });
});

testWithPython("the stage of a step is taken from the message of those that were sent ahead, and no other step's", () => {
  const message = bytesOf("prefetched.bin");
  for (const step of [3, 5, 8]) {
    const { panels: [panel] } = decode(prefetchedStage(step, message));
    assert.deepEqual([...panel.values], new Array(step).fill(step));
  }
  assert.equal(prefetchedStage(4, message), null);
  assert.equal(prefetchedStage(3, undefined), null);
});

test("an index is inside a shape if it has as many numbers and each is below the size", () => {
  const panel = panelOf([2, 3]);
  for (const index of indicesOf([2, 3])) assert.ok(inShape(panel, index));
  for (const index of [[2, 0], [0, 3], [-1, 0], [0], [0, 0, 0]]) assert.ok(!inShape(panel, index));
});

test("labels are those of the position, for each row of the batch where they differ", () => {
  const labels = [["a", "b"], ["c", "d"]];
  const panel = panelOf([4, 6], { start: [2, 3], count: [2, 2], labels: [null, labels], byRow: [false, true] });
  assert.equal(labelOf(panel, 1, [3, 4]), "d");
  assert.equal(labelOf(panel, 1, [2, 4]), "b");
  assert.equal(labelOf(panel, 1, [1, 4]), null);
  assert.equal(labelOf(panel, 0, [3, 4]), null);
  const plain = panelOf([6], { start: [3], count: [2], labels: [["a", "b"]] });
  assert.equal(labelOf(plain, 0, [4]), "b");
  assert.equal(labelOf(plain, 0, [5]), null);
});
