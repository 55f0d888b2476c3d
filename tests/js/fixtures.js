// What Python computed for these tests: tests/pages/components/test_javascript.py writes it and runs them.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { decode } from "../../pages/ui/components/tensor_view/decode.js";

const FOLDER = process.env.FIXTURES;

/** A test that compares with what Python computed; skipped by name where that is not there. */
export const testWithPython = FOLDER ? test : (name) => test(name, { skip: "pytest runs this, with what Python computed" });

/** @param {string} name of a file */
export const bytesOf = (name) => new Uint8Array(readFileSync(join(FOLDER, name)));

/** @param {string} name of a file */
export const jsonOf = (name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8"));

/** @param {string} name of a file with a stage as wire_format.py packs it */
export const stageOf = (name) => decode(bytesOf(name));

/** @param {string} ending */
export const namesOf = (ending) => readdirSync(FOLDER).filter((name) => name.endsWith(ending));

/**
 * A tensor as decode.js returns it, without a message from Python.
 *
 * @param {number[]} shape
 * @param {Record<string, any>} [fields] others than usual
 */
export function panelOf(shape, { symbols = [], start = [], count = [], labels = [], byRow = [], ...fields } = {}) {
  const axes = shape.map((size, axis) => ({
    symbol: symbols[axis] ?? null, key: `k:${axis}`, size, start: start[axis] ?? 0, count: count[axis] ?? size,
    labels: labels[axis] ?? null, byRow: byRow[axis] ?? false,
  }));
  const counts = axes.map((axis) => axis.count);
  const strides = counts.map((_, axis) => counts.slice(axis + 1).reduce((a, b) => a * b, 1));
  const cells = counts.reduce((a, b) => a * b, 1);
  const rank = shape.length;
  return {
    title: "x", dtype: "float32", scale: { kind: "diverging", largest: 3 }, number: 0, masked: null, hatched: "masked", shape, axes, strides,
    rows: [], columns: shape.slice(0, -2).map((_, axis) => axis),
    rowAxis: rank > 1 ? rank - 2 : null, columnAxis: rank > 0 ? rank - 1 : null, empty: shape.includes(0),
    values: Float32Array.from({ length: cells }, (_, i) => Math.sin(i) * 3), ...fields,
  };
}

/** Numbers from 0 to below 1, the same in every run. */
export function drawing(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** All indices below a shape, in row-major order. */
export function indicesOf(shape) {
  return shape.reduce((leads, size) => leads.flatMap((lead) => Array.from({ length: size }, (_, i) => [...lead, i])), [[]]);
}
