// One attention map: its keys along the top, its rows down the side, and the chosen row framed.

import { element } from "../mount/dom.js";

const LETTER = 8; // px that a letter of a label takes
const [TALL, LOW, HIGHEST] = [13, 3, 220]; // px of a row with a label, of the lowest row, and of all rows at most
const [KEY, LONGEST] = [11, 5]; // px of a column with a label, and letters of a label at most
const DARK = 0.55; // weights above have light ink on a light page

/**
 * How wide a map has to be at least.
 *
 * @param {HeadMapsData} data
 * @param {boolean} few whether the maps have labels
 */
export function leastWidth(data, few) {
  if (!few) return 96;
  return Math.max(150, labelWidth(data) + 12 + (hasKeyLabels(data) ? KEY * data.keys.length : 0));
}

function hasKeyLabels({ keys }) {
  return keys.length <= 40 && keys.every((key) => [...key].length === 1 || key.startsWith("⟨"));
}

function labelWidth({ rows, first, count }) {
  const longest = Math.max(...rows.slice(first, first + count).map(({ tile }) => Math.min(LONGEST, [...mark(tile)].length)), 1);
  return longest * LETTER + 6;
}

// What begins and ends a text has a label too long for a cell.
function mark(token) {
  return { "⟨begin⟩": "⟨", "⟨end⟩": "⟩", "⟨pad⟩": "·", "⟨unknown⟩": "?" }[token] ?? token;
}

/**
 * Gives an element the colour of a weight.
 *
 * @template {HTMLElement} Node
 * @param {Node} node
 * @param {number} weight
 * @returns {Node}
 */
export function shade(node, weight) {
  const share = Number.isFinite(weight) ? Math.min(1, Math.max(0, weight)) : 0;
  node.style.background = `color-mix(in srgb, var(--cell) ${(100 * share).toFixed(1)}%, transparent)`;
  if (share > DARK) node.style.color = "var(--paper)";
  return node;
}

/**
 * @param {HeadMapsData} data
 * @param {{ layer: number, head: number, title: string, weights: Float32Array, even: string, few: boolean,
 *     isChosen: boolean, cell: string }} map what it shows; `cell` is the colour of weight 1
 * @param {{ row: number, rowsOf: (row: number) => Float32Array, top: string[] }} shown the chosen row, the weights of
 *     any, and the keys to name
 * @returns {HTMLElement}
 */
export function drawMap(data, { layer, head, title, weights, even, few, isChosen, cell }, { row, rowsOf, top }) {
  const { layers, rows, first, count, words } = data;
  const label = [layers[layer], title].filter(Boolean).join(" · ");
  const height = Math.max(LOW, Math.min(TALL, Math.floor((few ? HIGHEST : HIGHEST / 2) / count)));
  const hasRowLabels = few && height >= TALL;
  const cells = element(
    "div",
    { class: "cells", style: `height: ${height * count}px` },
    painted(data, rowsOf, cell),
    element("div", { class: "chosen", style: `top: ${(row - first) * height}px; height: ${height}px` }),
  );
  const names = rows.slice(first, first + count).map(({ tile, name }, at) =>
    element("span", { text: [...mark(tile)].slice(0, LONGEST).join(""), title: name, class: first + at === row ? "now" : "" }),
  );
  return element(
    "div",
    {
      class: "map", role: "button", tabindex: 0, "data-layer": layer, "data-head": head,
      "aria-pressed": String(isChosen), "aria-label": label,
    },
    element(
      "header",
      {},
      element("strong", { text: title || layers[layer] }),
      even ? element("span", { class: "soft", title: words.evenHead.replace("{share}", even), text: `${words.evenShort} ${even}` }) : null,
    ),
    few && hasKeyLabels(data) ? keyLine(data, weights, hasRowLabels) : null,
    element(
      "div",
      { class: "plot", style: hasRowLabels ? `grid-template-columns: ${labelWidth(data)}px 1fr` : "" },
      hasRowLabels ? element("div", { class: "names", style: `grid-auto-rows: ${height}px` }, ...names) : null,
      cells,
    ),
    element("p", { text: top.join(" · "), title: top.join(" · ") }),
  );
}

function keyLine(data, weights, hasRowLabels) {
  const indent = hasRowLabels ? labelWidth(data) : 0;
  const columns = `repeat(${data.keys.length}, minmax(0, 1fr))`;
  return element(
    "div",
    { class: "line", style: `margin-left: ${indent}px; grid-template-columns: ${columns}` },
    ...data.keys.map((key, at) => shade(element("span", { text: mark(key) }), weights[at])),
  );
}

function painted({ first, count, keys }, rowsOf, cell) {
  const canvas = element("canvas", { width: keys.length, height: count, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  context.fillStyle = cell;
  for (let row = 0; row < count; row++) {
    const weights = rowsOf(first + row);
    for (let key = 0; key < keys.length; key++) {
      context.globalAlpha = Math.min(1, Math.max(0, weights[key] || 0));
      if (context.globalAlpha) context.fillRect(key, row, 1, 1);
    }
  }
  return canvas;
}
