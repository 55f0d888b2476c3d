import assert from "node:assert/strict";
import { test } from "node:test";

import { mirrored, printLight, recoloured } from "../../pages/ui/app/paper/paper.js";

const LIGHT = { "#e6e9f0": "#1d2433", "#11141b": "#ffffff" };

test("a colour of the dark theme becomes the light theme's, however it is written, and keeps its opacity", () => {
  assert.equal(recoloured("color: rgb(230, 233, 240); background: #11141B", LIGHT), "color: #1d2433; background: #ffffff");
  assert.equal(recoloured("border: 1px solid rgba(230, 233, 240, 0.6)", LIGHT), "border: 1px solid #1d243399");
  assert.equal(recoloured("--wash: #11141b80; color-scheme: dark", LIGHT), "--wash: #ffffff80; color-scheme: light");
});

test("a colour that is not of the dark theme stays as it is written", () => {
  const css = "color: rgb(194, 65, 12); fill: #0072b2; content: '#12'";
  assert.equal(recoloured(css, LIGHT), css);
});

test("a light colour of a picture turns as dark as it was light, and one that can be read on white stays", () => {
  assert.equal(mirrored("#94b276"), "#6b894d");
  for (const readable of ["#0072b2", "#c2410c", "#888888"]) assert.equal(mirrored(readable), readable);
});

function page(colorScheme) {
  const listeners = new Map();
  const attributes = { fill: "#94b276" };
  const drawn = { getAttribute: (name) => attributes[name], setAttribute: (name, value) => (attributes[name] = value), closest: () => true };
  const table = { style: { filter: "" } };
  const inner = { style: { cssText: "fill: #11141b" } };
  const rule = { style: { cssText: "color: #e6e9f0" }, cssRules: [inner] };
  const app = { querySelectorAll: (selector) => (selector === "[fill]" ? [drawn] : selector.includes("canvas") ? [table] : []) };
  const window = {
    addEventListener: (kind, listener) => listeners.set(kind, listener),
    getComputedStyle: () => ({ colorScheme }),
    document: { querySelector: () => app, styleSheets: [{ cssRules: [rule] }] },
  };
  printLight(window, LIGHT);
  const look = () => [rule.style.cssText, inner.style.cssText, attributes.fill, table.style.filter];
  return { look, fire: (kind) => listeners.get(kind)() };
}

test("styles, pictures and tables of a dark page are light while it is printed, and dark again afterwards", () => {
  const { look, fire } = page("dark");
  const dark = look();
  fire("beforeprint");
  const light = look();
  assert.deepEqual(light.slice(0, 3), ["color: #1d2433", "fill: #ffffff", "#6b894d"]);
  assert.notEqual(light[3], "");
  fire("beforeprint"); // a second one without an end between them
  assert.deepEqual(look(), light);
  fire("afterprint");
  assert.deepEqual(look(), dark);
  fire("afterprint");
  assert.deepEqual(look(), dark);
});

test("a light page is printed as it is", () => {
  const { look, fire } = page("light");
  const before = look();
  fire("beforeprint");
  assert.deepEqual(look(), before);
});
