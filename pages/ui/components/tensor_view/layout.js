// Where everything of one tensor goes, in CSS pixels: gutters for labels, facets, and the cells inside them.

import { ONE, clip, rangeLength } from "./dependencies.js";
import { facetNames, isSilent } from "./format.js";
import { numeralSize } from "./numerals.js";

const LOWEST_NUMERAL = 15;
const SMALLEST = 5;
const TINY = 4;
const LARGEST = 20;
const COMFORTABLE = 12;
export const GAP = 10;
const OUTER_GAP = 9;
export const LONGEST_LABEL = 76;
export const LABEL_FONT = 12;
export const LINE = 13.5;

/**
 * Where everything of a tensor goes. Slanted labels reach beyond the last facet, and how far depends on the cells: while
 * that is too far, again with less room.
 *
 * @param {PanelData} panel
 * @param {AxisWindow[]} box what of it is drawn, along each axis
 * @param {Space} space
 * @param {Theme} theme
 * @returns {Layout}
 */
export function computeLayout(panel, box, space, theme) {
  let room = space.width;
  let layout = null;
  for (let attempt = 0; attempt < 4; attempt++) {
    layout = layoutWithin(panel, box, { ...space, width: room }, theme);
    const excess = layout.width - space.width;
    if (excess <= 0 || !layout.head.overhang || space.cell) break;
    room -= Math.min(excess, layout.head.overhang);
  }
  return layout;
}

/**
 * The layout of a single facet: the leading axes are fixed by the box and take no room.
 *
 * @param {PanelData} panel
 * @param {AxisWindow[]} box
 * @param {Size} space
 * @param {Theme} theme
 * @returns {Layout}
 */
export function facetLayout(panel, box, space, theme) {
  const layout = computeLayout({ ...panel, rows: [], columns: [] }, box, space, theme);
  layout.blocks.forEach((block) => box.forEach(([start], axis) => {
    if (axis !== panel.rowAxis && axis !== panel.columnAxis) block.lead[axis] = start;
  }));
  return layout;
}

function layoutWithin(panel, box, space, theme) {
  const rows = sizeOf(box, panel.rowAxis);
  const columns = sizeOf(box, panel.columnAxis);
  const down = combinations(box, panel.rows);
  const across = combinations(box, panel.columns);
  const side = sideGutter(panel, box, theme);
  const gapsAcross = gaps(across);
  const gapsDown = gaps(down);
  const width = space.width - side.width - sum(gapsAcross) - 8;
  const height = space.height - sum(gapsDown);
  const cell = space.cell
    ? cellOfScale(panel, space.cell, theme)
    : cellSize(panel, box, columns * across.length, rows * down.length, width, height, theme);
  const head = lifted(headGutter(panel, box, cell, theme), space.head ?? 0);
  const stripDown = head.each ? head.labels : 0;
  const xs = tracks(side.width, columns * cell.width, gapsAcross, 0);
  const ys = tracks(head.height - stripDown, rows * cell.height, gapsDown, stripDown);
  const blocks = [];
  down.forEach((rowLead, i) =>
    across.forEach((columnLead, j) => {
      const lead = [];
      panel.rows.forEach((axis, n) => (lead[axis] = rowLead[n]));
      panel.columns.forEach((axis, n) => (lead[axis] = columnLead[n]));
      blocks.push({ x: xs[j], y: ys[i], lead, i, j });
    }),
  );
  return {
    panel, box, cell, side, head, xs, ys, down, across, blocks, rows, columns,
    firstRow: startOf(box, panel.rowAxis),
    firstColumn: startOf(box, panel.columnAxis),
    blockWidth: columns * cell.width,
    blockHeight: rows * cell.height,
    width: Math.ceil(xs.at(-1) + columns * cell.width + Math.max(8, head.overhang)),
    height: Math.ceil(ys.at(-1) + rows * cell.height + 8),
  };
}

/**
 * All that was sent of a tensor.
 *
 * @param {PanelData} panel
 * @returns {AxisWindow[]}
 */
export function sentBox(panel) {
  return panel.axes.map((axis) => [axis.start, axis.count]);
}

/**
 * @param {AxisWindow[]} box
 * @param {number | null} axis null for one that the tensor does not have
 * @returns {number} how many positions are drawn along it
 */
export function sizeOf(box, axis) {
  return axis === null ? 1 : box[axis][1];
}

function startOf(box, axis) {
  return axis === null ? 0 : box[axis][0];
}

/**
 * @param {number[]} numbers
 * @returns {number}
 */
export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

// All indices of these axes, outermost first: [[0, 0], [0, 1], …]
function combinations(box, axes) {
  let leads = [[]];
  for (const axis of axes) {
    const [start, count] = box[axis];
    leads = leads.flatMap((lead) => Array.from({ length: count }, (_, i) => [...lead, start + i]));
  }
  return leads;
}

// The gap before each facet; wider where an outer axis moves on.
function gaps(leads) {
  return leads.map((lead, i) => {
    if (!i) return 0;
    const moved = lead.findIndex((position, level) => position !== leads[i - 1][level]);
    return GAP + OUTER_GAP * (lead.length - 1 - moved);
  });
}

function tracks(from, extent, gapsBefore, strip) {
  let at = from;
  return gapsBefore.map((gap) => {
    at += gap + strip;
    const track = at;
    at += extent;
    return track;
  });
}

/**
 * Left of the facets: one column for each axis that runs down, then the labels of the block's rows.
 *
 * @param {PanelData} panel
 * @param {AxisWindow[]} box
 * @param {Theme} theme
 * @returns {{ levels: number[], labelled: boolean, labels: number, width: number }}
 */
export function sideGutter(panel, box, theme) {
  const levels = panel.rows.map((axis) => {
    const [start, count] = box[axis];
    if (isSilent(panel, axis)) return 0;
    const names = Array.from({ length: count }, (_, i) => facetNames(panel, axis, start + i)[0]);
    return Math.ceil(Math.min(LONGEST_LABEL, Math.max(...names.map((name) => theme.measure(name, LABEL_FONT)))) + 9);
  });
  const labels = axisLabels(panel, box, panel.rowAxis);
  let width = 0;
  if (labels) width = Math.min(LONGEST_LABEL, Math.max(...labels.map((text) => theme.measure(text, LABEL_FONT)), 6)) + 5;
  else if (panel.rowAxis !== null && box[panel.rowAxis][1] > 1) {
    width = theme.measure(String(box[panel.rowAxis][0] + box[panel.rowAxis][1] - 1), LABEL_FONT) + 5;
  }
  return { levels, labelled: !!labels, labels: Math.ceil(width), width: sum(levels) + Math.ceil(width) + (levels.length ? 2 : 1) };
}

// Above the facets: one line for each axis that runs across, then the labels of the block's columns. `each` where the
// labels differ from one row of facets to the next, so that every row of facets needs its own.
function headGutter(panel, box, cell, theme) {
  const levels = panel.columns.map((axis) => (isSilent(panel, axis) ? 0 : 21));
  const labels = axisLabels(panel, box, panel.columnAxis);
  const each = !!labels && panel.axes[panel.columnAxis].byRow && panel.rows.includes(0);
  let height = 0;
  let slant = 0;
  let overhang = 0;
  if (labels) {
    const longest = Math.min(LONGEST_LABEL, Math.max(...labels.map((text) => theme.measure(text, LABEL_FONT))));
    if (longest + 4 > cell.width) slant = slantFor(cell.width);
    height = slant ? Math.ceil(longest * Math.sin(slant)) + 11 : 16;
    overhang = slant ? Math.ceil(longest * Math.cos(slant)) - cell.width / 2 + 8 : 0;
  } else if (panel.columnAxis !== null && box[panel.columnAxis][1] > 1) height = 13;
  return { levels, labels: height, labelled: !!labels, slant, overhang, each, height: sum(levels) + height + 1 };
}

// A head as high as its neighbour's, so that the rows of both begin at one height.
function lifted(head, height) {
  const lift = Math.max(0, height - head.height);
  return { ...head, lift, height: head.height + lift };
}

// A cell of the size that all tensors of a stage have, with numerals where they fit into it.
function cellOfScale(panel, { width, height, numerals = false }, theme) {
  const decimals = numerals && height >= LOWEST_NUMERAL ? [2, 1].find((count) => numeralSize(panel, count, theme).width <= width) : undefined;
  return { width, height, numerals: decimals !== undefined, decimals };
}

// Labels that do not fit side by side are slanted, just as steeply as it takes to keep them a line apart.
function slantFor(spacing) {
  return Math.max(Math.PI / 4, Math.asin(Math.min(1, LINE / spacing)));
}

// Every label of an axis inside the box, over all rows of the batch.
function axisLabels(panel, box, axis) {
  if (axis === null || !panel.axes[axis].labels) return null;
  const { labels, byRow, start } = panel.axes[axis];
  const [from, count] = box[axis];
  const lists = byRow ? labels : [labels];
  const texts = lists.flatMap((list) => list.slice(from - start, from - start + count));
  return texts.length ? texts : null;
}

function cellSize(panel, box, columns, rows, width, height, theme) {
  for (const decimals of panel.scale.kind === "probability" ? [2] : [2, 1]) {
    const numeral = numeralSize(panel, decimals, theme);
    if (columns * numeral.width > width || rows * numeral.height > Math.max(height, 5 * numeral.height)) continue;
    const labels = panel.columnAxis === null ? null : axisLabels(panel, box, panel.columnAxis);
    const label = labels ? Math.min(LONGEST_LABEL, Math.max(...labels.map((text) => theme.measure(text, LABEL_FONT)))) + 5 : 0;
    const roomy = Math.min(Math.max(numeral.width + 14, Math.ceil(label)), Math.floor(width / columns));
    return { width: roomy, height: clamp(Math.floor(height / rows), numeral.height, 30), numerals: true, decimals };
  }
  // Ids say nothing by colour: keep their numerals, and let the box scroll, as long as it is not endless.
  if (panel.scale.kind === "ids" && columns <= 40 && rows <= 40) return { ...numeralSize(panel, 2, theme), numerals: true, decimals: 2 };
  // a little smaller still where that spares people a scrollbar
  const least = columns * SMALLEST > width && columns * TINY <= width ? TINY : SMALLEST;
  const wide = clamp(Math.floor(width / columns), least, LARGEST);
  const high = clamp(Math.floor(height / rows), SMALLEST, LARGEST);
  const square = Math.min(wide, high);
  // wide enough for every column to have its label
  const comfortable = panel.columnAxis !== null && panel.axes[panel.columnAxis].labels ? Math.ceil(LINE) : COMFORTABLE;
  // Square as long as that is large enough to point at; a long thin tensor gets taller cells, a tall one wider cells.
  return {
    width: Math.max(square, Math.min(wide, comfortable, Math.round(square * 1.5))),
    height: Math.max(square, Math.min(high, COMFORTABLE, square * 2)),
    numerals: false,
  };
}

/**
 * How tall a tensor is with numerals in all its cells.
 *
 * @param {PanelData} panel
 * @param {number} width
 * @param {Theme} theme
 * @returns {number} 0 where the width has no room for them
 */
export function numeralHeight(panel, width, theme) {
  if (!panel.values || panel.empty) return 0;
  const box = sentBox(panel);
  const [across, down] = [combinations(box, panel.columns), combinations(box, panel.rows)];
  const cell = numeralSize(panel, 1, theme);
  const room = width - sideGutter(panel, box, theme).width - sum(gaps(across)) - 8;
  if (sizeOf(box, panel.columnAxis) * across.length * cell.width > room) return 0;
  return sizeOf(box, panel.rowAxis) * down.length * cell.height + sum(gaps(down));
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number} the value, or the limit that it is beyond
 */
export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/**
 * The cell at a point of the canvas.
 *
 * @param {Layout} layout
 * @param {number} x
 * @param {number} y
 * @returns {Index | null}
 */
export function cellAt(layout, x, y) {
  const { panel, cell } = layout;
  for (const block of layout.blocks) {
    const column = Math.floor((x - block.x) / cell.width);
    const row = Math.floor((y - block.y) / cell.height);
    if (column < 0 || row < 0 || column >= layout.columns || row >= layout.rows) continue;
    const index = panel.axes.map((_, axis) => block.lead[axis] ?? 0);
    if (panel.rowAxis !== null) index[panel.rowAxis] = layout.firstRow + row;
    if (panel.columnAxis !== null) index[panel.columnAxis] = layout.firstColumn + column;
    return index;
  }
  return null;
}

/**
 * The regions a box covers: rectangles of cells inside single facets.
 *
 * @param {Layout} layout
 * @param {Box} ranges
 * @returns {Region[]}
 */
export function regions(layout, ranges) {
  const { panel, box } = layout;
  const clipped = ranges.map((range, axis) => clip(range, box[axis][0], box[axis][1]));
  const rows = panel.rowAxis === null ? ONE(0) : clipped[panel.rowAxis];
  const columns = panel.columnAxis === null ? ONE(0) : clipped[panel.columnAxis];
  const rectangles = [];
  for (const block of layout.blocks) {
    if (!block.lead.every((position, axis) => inRange(position, clipped[axis]))) continue;
    for (const [row, height] of runs(rows)) {
      for (const [column, width] of runs(columns)) {
        rectangles.push({
          x: block.x + (column - layout.firstColumn) * layout.cell.width,
          y: block.y + (row - layout.firstRow) * layout.cell.height,
          columns: width,
          rows: height,
        });
      }
    }
  }
  return rectangles;
}

function inRange(position, [first, end, step]) {
  return position >= first && position < end && (position - first) % step === 0;
}

// A range as [first, length] runs: one run if it has no steps.
function runs([first, end, step]) {
  if (end <= first) return [];
  if (step === 1) return [[first, end - first]];
  return Array.from({ length: rangeLength([first, end, step]) }, (_, i) => [first + i * step, 1]);
}
