import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

import { LABEL_FONT } from "../../pages/ui/components/tensor_view/layout.js";

const LEAST = 12; // px of text that is meant to be read
const COMPONENTS = new URL("../../pages/ui/components/", import.meta.url);
const SIGNS = /::after \{.*content|\.swatch\..*::after/; // a cross or a triangle in a swatch

/** Every size of a font in a style, with the rule that it stands in. */
function fontSizes(style) {
  const rules = style.split("}").filter((rule) => !SIGNS.test(rule));
  return rules.flatMap((rule) => [...rule.matchAll(/font(?:-size)?:[^;]*?([\d.]+)px/g)].map(([, size]) => [Number(size), rule.trim()]));
}

for (const name of ["tensor_view", "shape_strip", "size_sliders", "code_view"]) {
  test(`no text of ${name} is smaller than can be read`, () => {
    const folder = new URL(`${name}/`, COMPONENTS);
    const styles = readdirSync(folder).filter((file) => file.endsWith(".css"));
    const sizes = styles.flatMap((file) => fontSizes(readFileSync(new URL(file, folder), "utf8")));
    assert.ok(sizes.length > 0);
    assert.deepEqual(sizes.filter(([size]) => size < LEAST), []);
  });
}

test("the labels of rows, columns and facets can be read", () => {
  assert.ok(LABEL_FONT >= LEAST);
});
