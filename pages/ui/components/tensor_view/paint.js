// Drawing the cells of one tensor: colours, glyphs, numerals, frames.

import { colourOf, inkOn } from "./colormap.js";
import { sentOffset } from "./decode.js";
import { MINUS, formatShort } from "./format.js";
import { paintHead, paintSide } from "./paint_labels.js";

let scratch = null;

/**
 * The colour of every cell that was sent, as pixels; what has no colour of its own is empty.
 *
 * @param {PanelData} panel
 * @param {Theme} theme
 * @returns {Uint32Array}
 */
export function pixelsOf(panel, theme) {
  const { values, masked } = panel;
  const pixels = new Uint32Array(values?.length ?? 0);
  const colour = colourOf(panel, theme);
  const none = packed(theme.cell);
  for (let at = 0; at < pixels.length; at++) {
    const rgb = masked?.[at] ? null : colour(values[at]);
    pixels[at] = rgb ? packed(rgb) : none;
  }
  return pixels;
}

/**
 * A colour as bytes in memory: red, green, blue, opaque.
 *
 * @param {Rgb} rgb
 * @returns {number}
 */
export function packed([r, g, b]) {
  return (255 << 24) | (b << 16) | (g << 8) | r;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {Uint32Array} pixels
 * @param {Theme} theme
 */
export function paintTensor(context, layout, pixels, theme) {
  for (const block of layout.blocks) {
    const cells = cellsOf(layout, block);
    paintCells(context, layout, block, cells, pixels);
    paintSeparators(context, layout, block, theme);
    paintGlyphs(context, layout, block, cells, theme);
    if (layout.cell.numerals) paintNumerals(context, layout, block, cells, pixels, theme);
    paintFrame(context, layout, block, theme);
  }
  paintSide(context, layout, theme);
  paintHead(context, layout, theme);
}

/**
 * Where a facet's cells lie in the numbers that were sent.
 *
 * @param {Layout} layout
 * @param {Block} block
 * @returns {{ first: number, down: number }} the offset of its first cell, and from one row to the next
 */
export function cellsOf(layout, block) {
  const { panel } = layout;
  const index = panel.axes.map((_, axis) => block.lead[axis] ?? 0);
  if (panel.rowAxis !== null) index[panel.rowAxis] = layout.firstRow;
  if (panel.columnAxis !== null) index[panel.columnAxis] = layout.firstColumn;
  return { first: sentOffset(panel, index), down: panel.rowAxis === null ? 0 : panel.strides[panel.rowAxis] };
}

/**
 * One pixel for each cell, enlarged without smoothing: as fast for 64 × 64 cells as for four.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {Block} block
 * @param {{ first: number, down: number }} cells
 * @param {Uint32Array} pixels
 */
export function paintCells(context, layout, block, cells, pixels) {
  const { rows, columns } = layout;
  scratch ??= document.createElement("canvas");
  scratch.width = columns;
  scratch.height = rows;
  const small = scratch.getContext("2d");
  const image = small.createImageData(columns, rows);
  const target = new Uint32Array(image.data.buffer);
  for (let row = 0; row < rows; row++) {
    const from = cells.first + row * cells.down;
    target.set(pixels.subarray(from, from + columns), row * columns);
  }
  small.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(scratch, block.x, block.y, layout.blockWidth, layout.blockHeight);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {Block} block
 * @param {Theme} theme
 */
export function paintSeparators(context, layout, block, theme) {
  const { cell } = layout;
  const size = Math.min(cell.width, cell.height);
  const line = size >= 8 ? 1 : theme.ratio >= 2 ? 0.5 : 0;
  if (!line) return;
  context.fillStyle = theme.paper;
  for (let column = 1; column <= layout.columns; column++) {
    context.fillRect(block.x + column * cell.width - line, block.y, line, layout.blockHeight);
  }
  for (let row = 1; row <= layout.rows; row++) {
    context.fillRect(block.x, block.y + row * cell.height - line, layout.blockWidth, line);
  }
}

// NaN, infinities and masked cells: shapes, never colours of the scale.
function paintGlyphs(context, layout, block, cells, theme) {
  const { panel, cell } = layout;
  const floats = panel.values instanceof Float32Array || panel.values instanceof Float64Array;
  if (!floats && !panel.masked) return;
  const hatch = new Path2D();
  const marks = new Path2D();
  const size = Math.min(cell.width - 4, cell.height - 2, 13);
  context.fillStyle = theme.ink;
  context.font = `${size}px ${theme.mono}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let row = 0; row < layout.rows; row++) {
    for (let column = 0; column < layout.columns; column++) {
      const at = cells.first + row * cells.down + column;
      const x = block.x + column * cell.width;
      const y = block.y + row * cell.height;
      if (panel.masked?.[at]) {
        hatchCell(hatch, x, y, cell);
        continue;
      }
      const value = panel.values[at];
      if (!floats || Number.isFinite(value)) continue;
      if (Number.isNaN(value)) nanGlyph(context, marks, x, y, cell);
      else infinityGlyph(context, x, y, cell, value > 0, size);
    }
  }
  context.lineWidth = 1;
  context.strokeStyle = theme.hatch;
  context.stroke(hatch);
  context.strokeStyle = theme.ink;
  context.stroke(marks);
}

function hatchCell(path, x, y, { width, height }) {
  const w = width - 1;
  const h = height - 1;
  path.moveTo(x, y + h);
  path.lineTo(x + w, y);
  if (Math.min(w, h) < 9) return;
  path.moveTo(x, y + h / 2);
  path.lineTo(x + w / 2, y);
  path.moveTo(x + w / 2, y + h);
  path.lineTo(x + w, y + h / 2);
}

/**
 * Whether a cell is large enough for "NaN" and "−∞" in letters; smaller cells get signs, which the legend explains.
 *
 * @param {{ width: number, height: number }} cell
 * @returns {boolean}
 */
export function fitsWord({ width, height }) {
  return width >= 26 && height >= 13;
}

function nanGlyph(context, path, x, y, { width, height }) {
  if (fitsWord({ width, height })) {
    context.font = `600 12px ${context.font.split("px ")[1]}`;
    context.fillText("NaN", x + (width - 1) / 2, y + height / 2);
    return;
  }
  const inset = Math.min(width, height) > 9 ? 2.5 : 1;
  path.moveTo(x + inset, y + inset);
  path.lineTo(x + width - 1 - inset, y + height - 1 - inset);
  path.moveTo(x + inset, y + height - 1 - inset);
  path.lineTo(x + width - 1 - inset, y + inset);
}

function infinityGlyph(context, x, y, { width, height }, positive, size) {
  if (fitsWord({ width, height })) {
    context.font = `600 ${Math.min(size, width * 0.62)}px ${context.font.split("px ")[1]}`;
    context.fillText(positive ? "∞" : `${MINUS}∞`, x + (width - 1) / 2, y + height / 2);
    return;
  }
  // too small for a sign: a triangle up or down
  const [base, tip] = positive ? [y + height - 2, y + 1] : [y + 1, y + height - 2];
  context.beginPath();
  context.moveTo(x + 1, base);
  context.lineTo(x + width - 2, base);
  context.lineTo(x + (width - 1) / 2, tip);
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {Block} block
 * @param {{ first: number, down: number }} cells
 * @param {Uint32Array} pixels
 * @param {Theme} theme
 */
export function paintNumerals(context, layout, block, cells, pixels, theme) {
  const { panel, cell } = layout;
  context.font = `${theme.numeral}px ${theme.mono}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let row = 0; row < layout.rows; row++) {
    for (let column = 0; column < layout.columns; column++) {
      const at = cells.first + row * cells.down + column;
      const value = panel.values[at];
      if (panel.masked?.[at] || (typeof value === "number" && !Number.isFinite(value))) continue;
      const pixel = pixels[at];
      context.fillStyle = inkOn([pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255]);
      const x = block.x + column * cell.width + (cell.width - 1) / 2;
      context.fillText(formatShort(panel, value, cell.decimals), x, block.y + row * cell.height + cell.height / 2, cell.width - 3);
    }
  }
}

// A quiet outline; dashes in the axis's colour where the tensor goes on beyond the window.
function paintFrame(context, layout, block, theme) {
  const { panel } = layout;
  const [x, y, w, h] = [block.x - 0.5, block.y - 0.5, layout.blockWidth, layout.blockHeight];
  context.lineWidth = 1;
  context.strokeStyle = theme.line;
  context.strokeRect(x, y, w, h);
  cutEdges(panel, panel.rowAxis).forEach((edge) => dashed(context, theme, panel, panel.rowAxis, x, edge ? y + h + 3 : y - 3, w, 0));
  cutEdges(panel, panel.columnAxis).forEach((edge) => dashed(context, theme, panel, panel.columnAxis, edge ? x + w + 3 : x - 3, y, 0, h));
}

// 0 if positions before the window are left out, 1 if positions after it are.
function cutEdges(panel, axis) {
  if (axis === null) return [];
  const { start, count, size } = panel.axes[axis];
  return [start > 0 ? 0 : null, start + count < size ? 1 : null].filter((edge) => edge !== null);
}

function dashed(context, theme, panel, axis, x, y, w, h) {
  context.save();
  context.strokeStyle = theme.axis(panel.axes[axis].symbol);
  context.lineWidth = 2;
  context.setLineDash([2, 4]);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + w, y + h);
  context.stroke();
  context.restore();
}
