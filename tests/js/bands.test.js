// The names of modules above the boxes of a strip.
import assert from "node:assert/strict";
import { test } from "node:test";

import { bandsOf, fittedName } from "../../pages/ui/components/shape_strip/bands.js";

const corners = [0, 100, 200, 300, 400, 500].map((x) => ({ x }));
const cells = corners.map(() => ({ outer: 80 }));

test("a line reaches from the first to the last box of a module, and the block's own boxes have none", () => {
  assert.deepEqual(bandsOf(["", "norm", "norm", "", "ff", "ff"], corners, cells), [
    { module: "norm", x: 100, width: 180, row: 0 },
    { module: "ff", x: 400, width: 180, row: 0 },
  ]);
});

test("a single box needs no line", () => {
  assert.deepEqual(bandsOf(["", "norm", "", "", "", ""], corners, cells), []);
});

test("no line lies on another, whatever modules boxes are of", () => {
  let state = 7;
  const random = (below) => (state = (state * 16807) % 2147483647) % below;
  for (let turn = 0; turn < 300; turn += 1) {
    const modules = corners.map(() => ["", "a", "b", "c"][random(4)]);
    const somewhere = corners.map(() => ({ x: random(600) }));
    const bands = bandsOf(modules, somewhere, cells);
    for (const module of ["a", "b", "c"]) {
      const count = modules.filter((name) => name === module).length;
      assert.equal(bands.filter((band) => band.module === module).length, count > 1 ? 1 : 0);
    }
    bands.forEach((band, a) => bands.slice(a + 1).forEach((other) => {
      if (band.row !== other.row) return;
      assert.ok(band.x + band.width < other.x || other.x + other.width < band.x, JSON.stringify(bands));
    }));
  }
});

test("a name is shortened to its line, and left out where hardly a letter fits", () => {
  assert.equal(fittedName("self-attention", 200), "self-attention");
  assert.equal(fittedName("self-attention", 60), "self-at…");
  assert.equal(fittedName("self-attention", 20), "");
});
