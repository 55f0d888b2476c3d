import assert from "node:assert/strict";
import test from "node:test";

import { colourOf, countSpecialCells, inkOn } from "../../pages/ui/components/tensor_view/colormap.js";
import { oklch, originColour } from "../../pages/ui/components/tensor_view/origin_colormap.js";
import { drawing, indicesOf, jsonOf, panelOf, stageOf, testWithPython } from "./fixtures.js";

const papers = [[255, 255, 255], [14, 17, 23]];
const themes = papers.map((zero, dark) => ({ dark: !!dark, zero, cell: [1, 2, 3], yes: [4, 5, 6] }));
const scaled = (kind, largest = null) => panelOf([1], { scale: { kind, largest } });

/** Relative luminance, as WCAG 2 defines it. */
function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

function rgbOf(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/** How much each of these colours stands out from the page. */
function prominence(colours, { zero }) {
  return colours.map((rgb) => contrast(rgb, zero));
}

const rising = (numbers) => numbers.every((number, i) => !i || number >= numbers[i - 1]);

test("zero is the page itself; the further a number is from it, the more it stands out, in one hue on either side", () => {
  for (const theme of themes) {
    const colour = colourOf(scaled("diverging", 2), theme);
    for (const sign of [-1, 1]) {
      const steps = prominence(Array.from({ length: 21 }, (_, i) => colour((sign * i) / 10)), theme);
      assert.ok(rising(steps));
      assert.deepEqual(colour(0), theme.zero);
      assert.ok(steps.at(-1) > 4.5, "the ends stand out as text must");
    }
    const [low, high] = [colour(-2), colour(2)];
    assert.ok(low[2] > low[0] && high[0] > high[2], "blue below, red above");
    assert.deepEqual(colour(-0), colour(0));
    assert.deepEqual(colour(500), colour(2));
    assert.deepEqual(colour(-500), colour(-2));
    assert.deepEqual([NaN, Infinity, -Infinity].map(colour), [null, null, null]);
  }
});

test("a tensor of zeros has the colour of zero", () => {
  const [theme] = themes;
  assert.deepEqual(colourOf(scaled("diverging", 0), theme)(0), colourOf(scaled("diverging", 1), theme)(0));
});

test("probabilities rise from the page's colour and are no cause for alarm", () => {
  for (const theme of themes) {
    const colour = colourOf(scaled("probability"), theme);
    assert.deepEqual(colour(-0.5), theme.zero, "what lies below the scale has its first colour");
    assert.ok(rising(prominence(Array.from({ length: 11 }, (_, i) => colour(i / 10)), theme)));
    assert.deepEqual(colour(0), theme.zero);
    assert.deepEqual([colour(-1e-9), colour(1 + 1e-7)], [colour(0), colour(1)]);
    assert.ok(colour(1)[2] > colour(1)[0], "violet, not red");
    assert.equal(colour(NaN), null);
  }
});

test("what can only be positive rises in one hue to its largest, and never has the hue of a sign", () => {
  for (const theme of themes) {
    const colour = colourOf(scaled("positive", 8), theme);
    assert.ok(rising(prominence(Array.from({ length: 17 }, (_, i) => colour(i / 2)), theme)));
    assert.deepEqual([colour(0), colour(8)], [0, 1].map(colourOf(scaled("probability"), theme)));
    assert.deepEqual(colour(0), colourOf(scaled("positive", 0), theme)(0));
    assert.equal(colour(Infinity), null);
  }
});

test("ids have one colour and truth values two", () => {
  const [theme] = themes;
  assert.deepEqual([3n, 2n ** 40n].map(colourOf(scaled("ids"), theme)), [theme.cell, theme.cell]);
  assert.deepEqual([1, 0].map(colourOf(scaled("bool"), theme)), [theme.yes, theme.cell]);
});

test("the ink of a numeral is the one that stands out more", () => {
  const draw = drawing(4);
  for (let n = 0; n < 2000; n++) {
    const cell = [0, 0, 0].map(() => Math.floor(draw() * 256));
    const other = { "#ffffff": "#0d1220", "#0d1220": "#ffffff" }[inkOn(cell)];
    const [chosen, refused] = [inkOn(cell), other].map((ink) => contrast(cell, rgbOf(ink)));
    assert.ok(chosen > refused * 0.97, `${cell}: ${chosen} against ${refused}`);
  }
});

testWithPython("cells that are no colour of the scale are counted as numpy counts them", () => {
  const { panels: [panel] } = stageOf("special.bin");
  assert.deepEqual(countSpecialCells(panel), jsonOf("special.json"));
});

test("OKLCH becomes the sRGB colours that CSS Color 4 gives for it", () => {
  const known = [
    [[0.627955, 0.257683, 29.2339], [255, 0, 0]],
    [[0.86644, 0.294827, 142.4953], [0, 255, 0]],
    [[0.452014, 0.313214, 264.052], [0, 0, 255]],
    [[0.599871, 0, 0], [128, 128, 128]],
    [[1, 0, 0], [255, 255, 255]],
  ];
  for (const [given, rgb] of known) {
    // colours at the edge of what a screen has come out a little less vivid
    oklch(...given).forEach((v, i) => assert.ok(Math.abs(v - rgb[i]) <= 1, `${oklch(...given)} for ${rgb}`));
  }
});

test("each cell of a tensor has a colour of its own, tokens by hue and features by lightness", () => {
  const shape = [8, 2, 4];
  const colour = originColour({ shape }, { token: 0, features: [1, 2] });
  const all = indicesOf(shape).map((index) => String(colour(index)));
  assert.equal(new Set(all).size, all.length);
  for (let token = 0; token < 8; token++) {
    const row = indicesOf([2, 4]).map((lead) => luminance(colour([token, ...lead])));
    assert.deepEqual(row, [...row].sort((a, b) => a - b));
  }
  assert.equal(colour([3, 1, 2]), colour([3, 1, 2]));
});

test("without a token axis there is one hue, and a single feature is of middle lightness", () => {
  const colour = originColour({ shape: [2, 3] }, { token: null, features: [1] });
  assert.deepEqual(colour([0, 2]), colour([1, 2]));
  const single = originColour({ shape: [5] }, { token: 0, features: [] });
  const pair = originColour({ shape: [5, 2] }, { token: 0, features: [1] });
  const [dark, middle, light] = [pair([0, 0]), single([0]), pair([0, 1])].map(luminance);
  assert.ok(dark < middle && middle < light);
});
