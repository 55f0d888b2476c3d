import assert from "node:assert/strict";
import test from "node:test";

import { Tip } from "../../pages/ui/components/shape_strip/heading.js";
import { smallCellOf } from "../../pages/ui/components/shape_strip/geometry.js";
import { handClock } from "./clock.js";

const [MARGIN, LEAST] = [8, 24]; // px that the target of a press is larger than its cell, and the least of WCAG 2.2

/** A drawing whose events are called by hand, the line under it, and one box. */
function drawn() {
  const listeners = {};
  const line = { textContent: "", style: {}, offsetWidth: 90, setAttribute() {} };
  globalThis.document = /** @type {any} */ ({ createElement: () => line });
  const parent = { appendChild: () => {}, getBoundingClientRect: () => ({ left: 10, width: 300 }) };
  const drawing = { addEventListener: (name, call) => (listeners[name] = call) };
  const box = { dataset: { box: "1" }, getBoundingClientRect: () => ({ left: 290 }) };
  new Tip(/** @type {any} */ (parent), /** @type {any} */ (drawing), (at) => ["0 embedding", "1 cross-attention"][at]);
  return { line, fire: (name, fields = {}) => listeners[name]({ target: { closest: () => box }, ...fields }) };
}

test("a tap on the map says the name of what it opens, and leaves it in sight for a while", (t) => {
  const passes = handClock(t);
  const { line, fire } = drawn();
  fire("pointerover", { pointerType: "touch" });
  fire("pointerleave", { pointerType: "touch" });
  assert.equal(line.textContent, "1 cross-attention");
  passes(1);
  assert.equal(line.textContent, "");
});

test("a second tap keeps its own name for as long", (t) => {
  const passes = handClock(t);
  const { line, fire } = drawn();
  for (let tap = 0; tap < 2; tap += 1) {
    fire("pointerover", { pointerType: "touch" });
    fire("pointerleave", { pointerType: "touch" });
  }
  fire("pointerover", { pointerType: "touch" });
  passes(1);
  assert.equal(line.textContent, "1 cross-attention");
});

test("a mouse that leaves takes the name with it, and none reaches beyond the map", () => {
  const { line, fire } = drawn();
  fire("pointerover", { pointerType: "mouse" });
  assert.equal(line.style.left, "210px");
  fire("pointerleave", { pointerType: "mouse" });
  assert.equal(line.textContent, "");
});

test("every block of the map is large enough to be pressed, and its face stands in the middle", () => {
  for (const shape of [[1], [1, 1], [2, 18, 64], [4, 128, 1024]]) {
    for (const pointer of /** @type {const} */ (["mouse", "finger"])) {
      const { outer, width, up, down, face } = smallCellOf(shape, pointer);
      assert.ok(Math.min(outer + 4, width + 3) + 4 >= LEAST, `${shape}`);
      assert.ok(up + down + MARGIN >= LEAST, `${shape}`);
      assert.equal(face.x, (outer - face.width) / 2);
    }
    // Above and below stands another row.
    assert.ok(smallCellOf(shape, "finger").up * 2 >= LEAST);
  }
});
