// Attention maps: the percentages of the browser, and how many maps stand side by side.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.document ??= /** @type {any} */ ({ createElement: () => ({}) });
const { columnsIn } = await import("../../pages/ui/components/head_maps/head_maps.js");
const { percent } = await import("../../pages/ui/components/mount/percent.js");

test("a probability has two significant figures, and what is not certain is not called certain", () => {
  const cases = [
    [1, "100 %"], [0.99996, "> 99 %"], [0.995, "> 99 %"], [0.994, "99 %"], [0.5, "50 %"], [0.0996, "10 %"], [0.0994, "9.9 %"],
    [0.00996, "1.0 %"], [0.00123, "0.12 %"], [0.0001, "0.010 %"], [0.00001, "< 0.01 %"], [0, "0 %"], [NaN, "NaN"],
  ]; // whose spaces do not break
  for (const [share, said] of cases) assert.equal(percent(Number(share)), String(said).replaceAll(" ", "\u00a0"));
});

test("maps fill their lines evenly, and as many stand side by side as fit", () => {
  assert.equal(columnsIn(1030, 4, 200), 4);
  assert.equal(columnsIn(1030, 8, 150), 4); // six would fit, and leave two for the second line
  assert.equal(columnsIn(1030, 1, 150), 1);
  assert.equal(columnsIn(100, 8, 150), 1);
  assert.equal(columnsIn(1030, 12, 96), 6);
});
