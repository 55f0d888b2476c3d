// The words around the cells: which facet this is, and the labels of rows and columns.

import { labelOf } from "./decode.js";
import { facetNames, isSilent } from "./format.js";
import { GAP, LABEL_FONT, LINE, LONGEST_LABEL } from "./layout.js";

const ROW_LABEL = 12; // px from one label of a row to the next
const TALL = /[\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uff60]/; // writing that is as high as a line

/**
 * Left: which index of each axis that runs down, with a line along what it covers; then the labels of the rows.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {Theme} theme
 */
export function paintSide(context, layout, theme) {
  const { panel, side, down, ys } = layout;
  let x = 0;
  panel.rows.forEach((axis, level) => {
    if (isSilent(panel, axis)) return;
    groups(down, level).forEach(([from, to]) => {
      const top = ys[from];
      const bottom = ys[to] + layout.blockHeight;
      context.fillStyle = theme.axis(panel.axes[axis].every ?? panel.axes[axis].symbol);
      paintText(context, fitted(facetNames(panel, axis, down[from][level])[0], LONGEST_LABEL, theme), x, top + 5, theme, LABEL_FONT, "left");
      context.fillRect(x + side.levels[level] - 5, top, 1.5, bottom - top);
    });
    x += side.levels[level];
  });
  if (panel.rowAxis === null) return;
  context.fillStyle = theme.soft;
  const right = side.width - 5;
  ys.forEach((y, i) => {
    const lead = leadOf(layout, i);
    eachTick(panel, panel.rowAxis, layout.firstRow, layout.rows, layout.cell.height, side.labelled ? ROW_LABEL : 22, (row) => {
      const middle = y + (row - layout.firstRow + 0.5) * layout.cell.height;
      const label = side.labelled ? labelOf(panel, panel.rowAxis, withIndex(lead, panel.rowAxis, row)) : String(row);
      if (i > 0 && !side.labelled) return;
      paintText(context, fitted(label ?? "", LONGEST_LABEL, theme), right, middle, theme, LABEL_FONT, "right");
    });
  });
}

/**
 * Above: the same for the axes that run across, and for the columns.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {Theme} theme
 */
export function paintHead(context, layout, theme) {
  const { panel, head, across, xs } = layout;
  let y = head.lift;
  panel.columns.forEach((axis, level) => {
    if (isSilent(panel, axis)) return;
    groups(across, level).forEach(([from, to]) => {
      context.fillStyle = theme.axis(panel.axes[axis].every ?? panel.axes[axis].symbol);
      const width = xs[to] + layout.blockWidth - xs[from];
      const names = facetNames(panel, axis, across[from][level]);
      const name = names.find((text) => theme.measure(text, LABEL_FONT) <= width + GAP - 4) ?? names.at(-1);
      paintText(context, name, xs[from], y + 6, theme, LABEL_FONT, "left");
      context.fillRect(xs[from], y + 15, width, 1.5);
    });
    y += head.levels[level];
  });
  if (panel.columnAxis === null) return;
  context.fillStyle = theme.soft;
  const apart = TALL.test(String(panel.axes[panel.columnAxis].labels)) ? LINE + 1 : LINE - 1.5;
  const bottoms = head.each ? layout.ys : [layout.ys[0]];
  bottoms.forEach((bottom, i) => {
    xs.forEach((x, j) => {
      if (j > 0 && !head.labelled) return;
      const lead = leadOf(layout, i, j);
      const spacing = !head.labelled ? 26 : head.slant ? apart : layout.cell.width;
      eachTick(panel, panel.columnAxis, layout.firstColumn, layout.columns, layout.cell.width, spacing, (column) => {
        const middle = x + (column - layout.firstColumn + 0.5) * layout.cell.width;
        const label = head.labelled ? labelOf(panel, panel.columnAxis, withIndex(lead, panel.columnAxis, column)) : String(column);
        columnLabel(context, layout, fitted(label ?? "", LONGEST_LABEL, theme), middle, bottom, theme);
      });
    });
  });
}

function columnLabel(context, layout, label, x, y, theme) {
  const isLetter = [...label].length === 1; // it stands upright among slanted words
  if (!layout.head.slant || isLetter) {
    paintText(context, label, x, y - 8, theme, LABEL_FONT, "center");
    return;
  }
  context.save();
  context.translate(x + 1, y - 6);
  context.rotate(-layout.head.slant);
  paintText(context, label, 0, 0, theme, LABEL_FONT, "left");
  context.restore();
}

// Calls back for each position that gets a label, at least `spacing` pixels apart, on round numbers.
function eachTick(panel, axis, first, count, extent, spacing, draw) {
  if (!panel.axes[axis].labels && count === 1) return;
  const step = [1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128].find((n) => n * extent >= spacing) ?? 256;
  const from = panel.axes[axis].labels ? first : Math.ceil(first / step) * step;
  for (let i = from; i < first + count; i += step) draw(i);
}

// Runs of facets that share the index of one level: [[first, last], …]
function groups(leads, level) {
  const runsOfLeads = [];
  leads.forEach((lead, i) => {
    const before = leads[i - 1];
    const same = before && lead.slice(0, level + 1).every((position, n) => position === before[n]);
    if (same) runsOfLeads.at(-1)[1] = i;
    else runsOfLeads.push([i, i]);
  });
  return runsOfLeads;
}

/**
 * The index of the first cell of a facet, 0 along rows and columns.
 *
 * @param {Layout} layout
 * @param {number} i down
 * @param {number} [j] across
 * @returns {Index}
 */
export function leadOf(layout, i, j = 0) {
  const block = layout.blocks[i * layout.across.length + j];
  return layout.panel.axes.map((_, axis) => block.lead[axis] ?? 0);
}

/**
 * @param {Index} index
 * @param {number} axis
 * @param {number} position
 * @returns {Index} the index with another position along one axis
 */
export function withIndex(index, axis, position) {
  const copy = [...index];
  copy[axis] = position;
  return copy;
}

function paintText(context, words, x, y, theme, size, align) {
  context.font = `${size}px ${theme.font}`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.fillText(words, x, y);
}

function fitted(label, width, theme) {
  if (theme.measure(label, LABEL_FONT) <= width) return label;
  const kept = [...label];
  while (kept.length > 1 && theme.measure(`${kept.join("")}…`, LABEL_FONT) > width) kept.pop();
  return `${kept.join("")}…`;
}
