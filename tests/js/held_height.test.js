import assert from "node:assert/strict";
import test from "node:test";

import { HeldHeight } from "../../pages/ui/components/tensor_view/held_height.js";

const [PHONE, SCREEN] = [358, 844];

test("a stage does not become lower from step to step", () => {
  const held = new HeldHeight();
  const heights = [1504, 1902, 1256, 1436].map((height) => held.least(height, PHONE, SCREEN, false));
  assert.deepEqual(heights, [1504, 1902, 1902, 1902]);
});

test("below a step that is much lower no more than a screen is left empty", () => {
  const held = new HeldHeight();
  held.least(2600, PHONE, SCREEN, false);
  assert.equal(held.least(700, PHONE, SCREEN, false), 700 + SCREEN);
});

test("the sum of a pinned number goes with it, and so does its room", () => {
  const held = new HeldHeight();
  held.least(1500, PHONE, SCREEN, false);
  assert.equal(held.least(2300, PHONE, SCREEN, true), 1500);
  assert.equal(held.least(1500, PHONE, SCREEN, false), 1500);
});

test("at another width everything is of another height", () => {
  const held = new HeldHeight();
  held.least(1900, PHONE, SCREEN, false);
  assert.equal(held.least(1100, 812, 390, false), 1100);
});

test("a stage beside its sum has its own height, and a narrow one is given that of the tallest step", () => {
  const held = new HeldHeight();
  const attributes = new Set(["data-wide"]);
  const root = /** @type {any} */ ({ style: {}, hasAttribute: (name) => attributes.has(name) });
  const last = /** @type {any} */ ({ offsetTop: 1400, offsetHeight: 100 });
  globalThis.innerHeight = SCREEN;
  held.hold(root, last, PHONE, false);
  assert.equal(root.style.minHeight, "");
  attributes.clear();
  held.hold(root, last, PHONE, false);
  assert.equal(root.style.minHeight, "1500px");
});
