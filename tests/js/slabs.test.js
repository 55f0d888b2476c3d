// What a step that only moves its numbers does to a tensor that is too large to be drawn by cells.
import assert from "node:assert/strict";
import { test } from "node:test";

import { facesAt, facetAxis, positionAlong, slabScale } from "../../pages/ui/components/tensor_view/slabs.js";

const panel = (axes) => ({ axes: axes.map(([symbol, size]) => ({ symbol, size })) });
const permuted = panel([["B", 2], ["H", 8], ["S", 128], ["d_k", 64]]);
const viewed = panel([["B", 2], ["S", 128], ["H", 8], ["d_k", 64]]);
const rows = panel([["B", 2], ["S", 128], ["H*d_k", 512]]);

test("the faces lie side by side along the axis before rows and columns, unless that is the batch", () => {
  assert.deepEqual([permuted, viewed, rows, panel([["d_k", 8]])].map(facetAxis), [1, 1, null, null]);
});

test("all heads are drawn, and of many tokens the first ones and the last", () => {
  const scale = slabScale([viewed, permuted], [480, 480]);
  assert.deepEqual(facesAt(permuted, 480, scale), { width: facesAt(permuted, 480, scale).width, height: facesAt(permuted, 480, scale).height, positions: [0, 1, 2, 3, 4, 5, 6, 7], hidden: 0 });
  const faces = facesAt(viewed, 480, scale);
  assert.equal(faces.positions.at(-1), 127);
  assert.deepEqual(faces.positions.slice(0, 3), [0, 1, 2]);
  assert.equal(faces.positions.length + faces.hidden, 128);
});

test("at the chosen scale every face lies inside the room of its tensor", () => {
  for (const heads of [1, 2, 3, 4, 8, 16]) {
    for (const tokens of [18, 64, 128, 1024]) {
      for (const width of [300, 480, 900]) {
        const pair = [panel([["B", 1], ["S", tokens], ["H", heads], ["d_k", 64]]), panel([["B", 1], ["H", heads], ["S", tokens], ["d_k", 64]])];
        const scale = slabScale(pair, [width, width]);
        for (const one of pair) {
          const { width: across, height, positions } = facesAt(one, width, scale);
          assert.ok(positions.length >= 1 && across <= width && height <= 172, `${heads} ${tokens} ${width} ${across} × ${height}`);
        }
      }
    }
  }
});

test("a head is where the index along its axis, or along a product with its width, says", () => {
  assert.equal(positionAlong({ axis: 2, step: 64, size: 8 }, [0, 5, 200]), 3);
  assert.equal(positionAlong({ axis: 2, step: 16, size: 4 }, [0, 5, 200]), 0); // a factor before it goes on
  assert.equal(positionAlong({ axis: 1, step: 1, size: 8 }, [0, 3, 5, 8]), 3);
});
