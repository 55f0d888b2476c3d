import assert from "node:assert/strict";
import test from "node:test";

import {
  cellRuns, facetNames, formatExact, formatShort, groupDigits, isSilent, markBroadcastAxes, readsText, spokenCell, valueText,
} from "../../pages/ui/components/tensor_view/format.js";
import { jsonOf, namesOf, panelOf, stageOf, testWithPython } from "./fixtures.js";

const scores = panelOf([1, 2, 2, 2], {
  title: "scores", symbols: ["B", "H", "S", "S"], labels: [null, null, ["go", "home"], ["go", "home"]],
  values: Float32Array.of(0, 1, 2, 3, 4, 5, 0.1843, -7),
});

/** Sign, digits and power of ten of a number as it is written. */
function digitsOf(text) {
  const [mantissa, power = "0"] = text.replaceAll("−", "-").split("e");
  const negative = mantissa.startsWith("-");
  const [whole, fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  return { negative, kept, power: Number(power) - fraction.length + digits.length - kept.length };
}

for (const kind of ["single", "double"]) {
  testWithPython(`a number of ${kind} precision is written with the fewest digits that give it back, as numpy does`, () => {
    const names = namesOf(`.${kind}.json`);
    assert.ok(names.length);
    for (const name of names) {
      const shortest = jsonOf(name);
      const { panels: [panel] } = stageOf(name.replace(".json", ".bin"));
      assert.equal(panel.values.length, shortest.length);
      panel.values.forEach((value, i) => {
        const [ours, numpys] = [formatExact(panel, value), shortest[i]].map(digitsOf);
        const away = ({ negative, kept, power }) => Math.abs(Number(`${negative ? "-" : ""}${kept || 0}e${power}`) - value);
        // of two that are equally near, numpy takes the even one
        const power = Number.isInteger(Math.log2(Math.abs(value)));
        if (power) assert.ok(ours.kept.length <= numpys.kept.length + 1); // its neighbour below is nearer than rounding allows for
        else if (away(ours) === away(numpys)) assert.equal(ours.kept.length, numpys.kept.length);
        else assert.deepEqual(ours, numpys);
        if (panel.dtype === "float32") assert.equal(Math.fround(Number(formatExact(panel, value).replaceAll("−", "-"))), value);
      });
    }
  });
}

test("a number that is a whole one is still seen to be a float, and an integer is none", () => {
  const [floats, ints] = [panelOf([1]), panelOf([1], { dtype: "int64", values: BigInt64Array.of(-3n) })];
  assert.equal(formatExact(floats, -3), "−3.0");
  assert.equal(formatExact(ints, -3n), "−3");
  assert.equal(formatExact(ints, 2n ** 40n), "1099511627776");
  assert.equal(formatExact(panelOf([1], { dtype: "bool", values: Uint8Array.of(1) }), 1), "True");
});

test("odd numbers are named for what they are", () => {
  const panel = panelOf([1]);
  const odd = [NaN, Infinity, -Infinity, -0, 0];
  assert.deepEqual(odd.map((value) => formatExact(panel, value)), ["NaN", "∞", "−∞", "−0.0", "0.0"]);
  assert.deepEqual(odd.map((value) => formatShort(panel, value, 2)), ["NaN", "∞", "−∞", "−0", "0"]);
});

testWithPython("a numeral of a cell is the number rounded as by hand", () => {
  const panel = panelOf([1], { scale: { kind: "diverging", largest: 9000 } });
  for (const [text, [one, two]] of jsonOf("rounded.json")) {
    const value = Number(text);
    const size = Math.abs(value);
    if (size >= 9.95) continue;
    const sign = (digits) => (value < 0 && Number(digits) !== 0 ? `−${digits}` : digits);
    assert.equal(formatShort(panel, value, 2), sign(two));
    assert.equal(formatShort(panel, value, 1), sign(one));
  }
});

test("a numeral has about three digits, and powers of ten where those say nothing", () => {
  const wide = panelOf([1], { scale: { kind: "diverging", largest: 1e6 } });
  const values = [12.34, 123.4, 9999.4, 123456, -0.001, 99.6];
  assert.deepEqual(values.map((value) => formatShort(wide, value, 2)), ["12.3", "123", "9999", "1e5", "0.00", "100"]);
  const tiny = panelOf([1], { scale: { kind: "diverging", largest: 0.004 } });
  assert.equal(formatShort(tiny, -0.00123, 2), "−1e−3");
  const likely = panelOf([1], { scale: { kind: "probability", largest: null } });
  assert.deepEqual([1, 0, 0.999, 0.25].map((value) => formatShort(likely, value, 2)), ["1", "0", "1.00", "0.25"]);
  assert.deepEqual([1, 0].map((value) => formatShort(panelOf([1], { dtype: "bool" }), value, 2)), ["T", "F"]);
});

testWithPython("digits are grouped by thousands", () => {
  for (const [count, grouped] of jsonOf("grouped.json")) assert.equal(groupDigits(count), grouped);
});

test("a cell is named by axis, index and word", () => {
  const text = (panel, index) => cellRuns(panel, index).map(([words]) => words).join("");
  assert.equal(text(scores, [0, 1, 1, 0]), "scores[B=0, H=1, S=1 “home”, S=0 “go”]");
  assert.equal(text(panelOf([2, 1], { title: "x", symbols: [null, "1"] }), [1, 0]), "x[axis 0=1, 0]");
  assert.equal(text(panelOf([], { title: "loss" }), []), "loss[]");
  const symbols = cellRuns(scores, [0, 1, 1, 0]).map(([, symbol]) => symbol).filter(Boolean);
  assert.deepEqual(symbols, ["B", "H", "S", "S"]);
});

test("the value of a cell is said in full, and that it is not there", () => {
  assert.equal(valueText(scores, [0, 1, 1, 0]), "0.1843");
  assert.equal(valueText(panelOf([4], { start: [2], count: [2] }), [0]), null);
  assert.equal(valueText(panelOf([4], { values: null }), [0]), "no value");
});

test("a screen reader hears a cell in words", () => {
  assert.equal(spokenCell(scores, [0, 1, 1, 0]), "scores, B 0, H 1, S 1 home, S 0 go: 0.1843");
  assert.equal(spokenCell(scores, [0, 1, 1, 1]), "scores, B 0, H 1, S 1 home, S 1 home: minus 7.0");
  const masked = panelOf([2], { symbols: ["S"], values: Float32Array.of(-Infinity, 1), masked: Uint8Array.of(1, 0) });
  assert.equal(spokenCell(masked, [0]), "x, S 0: minus infinity, masked");
  assert.equal(spokenCell(masked, [1]), "x, S 1: 1.0");
  assert.equal(spokenCell({ ...masked, hatched: "padding" }, [0]), "x, S 0: minus infinity, padding");
  assert.equal(spokenCell(panelOf([4], { start: [2], count: [2] }), [0]), "x, axis 0 0: not in view");
});

test("what is read is counted, with how much of it is in view", () => {
  const parts = [
    { title: "query", total: 1256, inView: 40 },
    { title: "nothing", total: 0, inView: 0 },
    { title: "key_t", total: 8, inView: 8 },
  ];
  assert.equal(readsText(parts, "reads"), "reads 1,256 cells of query (40 in view), 8 of key_t");
  assert.equal(readsText([{ title: "scores", total: 1, inView: 0 }], "read by"), "read by 1 cell of scores (none in view)");
  assert.equal(readsText([], "reads"), "");
});

test("a facet has its word where all of its rows have the same", () => {
  assert.deepEqual(facetNames(scores, 2, 1), ["S 1 home", "S 1", "1"]);
  assert.deepEqual(facetNames(panelOf([2, 2, 2]), 0, 1), ["axis 0 = 1", "1"]);
  const byRow = [["a", "same"], ["b", "same"]];
  const panel = panelOf([2, 2], { symbols: ["B", "S"], labels: [null, byRow], byRow: [false, true] });
  assert.deepEqual(facetNames(panel, 1, 0), ["S 0", "0"]);
  assert.deepEqual(facetNames(panel, 1, 1), ["S 1 same", "S 1", "1"]);
});

test("an axis of size 1 is named for the axis of the output along which it repeats", () => {
  const input = panelOf([2, 1], { symbols: ["B", "1"] });
  const output = panelOf([2, 3], { symbols: ["B", "S"] });
  markBroadcastAxes({ panels: [input, output], output, reads: [{ kind: "affine", axes: [{ out: 0 }, { out: 1 }] }] });
  assert.deepEqual(facetNames(input, 1, 0), ["every S", "every"]);
  assert.ok(!isSilent(input, 1));
  assert.ok(isSilent(panelOf([2, 1], { symbols: ["B", "1"] }), 1));
});
