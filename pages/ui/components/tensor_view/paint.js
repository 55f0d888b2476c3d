// Drawing one tensor on its two canvases: the tensor itself, and on top of it whatever is pointed at.

let scratch = null;

// The colour of every cell that was sent, as pixels; what has no colour of its own is empty.
function pixelsOf(panel, look) {
  const { values, masked } = panel;
  const pixels = new Uint32Array(values?.length ?? 0);
  const colour = colourOf(panel, look);
  const none = packed(look.cell);
  for (let at = 0; at < pixels.length; at++) {
    const rgb = masked?.[at] ? null : colour(values[at]);
    pixels[at] = rgb ? packed(rgb) : none;
  }
  return pixels;
}

// As bytes in memory: red, green, blue, opaque.
function packed([r, g, b]) {
  return (255 << 24) | (b << 16) | (g << 8) | r;
}

function paintTensor(context, layout, pixels, look) {
  for (const block of layout.blocks) {
    const cells = cellsOf(layout, block);
    paintCells(context, layout, block, cells, pixels);
    paintSeparators(context, layout, block, look);
    paintGlyphs(context, layout, block, cells, look);
    if (layout.cell.numerals) paintNumerals(context, layout, block, cells, pixels, look);
    paintFrame(context, layout, block, look);
  }
  paintSide(context, layout, look);
  paintHead(context, layout, look);
}

// Where a facet's cells lie in the numbers that were sent.
function cellsOf(layout, block) {
  const { panel } = layout;
  const index = panel.axes.map((_, axis) => block.lead[axis] ?? 0);
  if (panel.rowAxis !== null) index[panel.rowAxis] = layout.firstRow;
  if (panel.columnAxis !== null) index[panel.columnAxis] = layout.firstColumn;
  return { first: place(panel, index), down: panel.rowAxis === null ? 0 : panel.strides[panel.rowAxis] };
}

// One pixel for each cell, enlarged without smoothing: as fast for 64 × 64 cells as for four.
function paintCells(context, layout, block, cells, pixels) {
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

function paintSeparators(context, layout, block, look) {
  const { cell } = layout;
  const size = Math.min(cell.width, cell.height);
  const line = size >= 8 ? 1 : look.ratio >= 2 ? 0.5 : 0;
  if (!line) return;
  context.fillStyle = look.paper;
  for (let column = 1; column <= layout.columns; column++) {
    context.fillRect(block.x + column * cell.width - line, block.y, line, layout.blockHeight);
  }
  for (let row = 1; row <= layout.rows; row++) {
    context.fillRect(block.x, block.y + row * cell.height - line, layout.blockWidth, line);
  }
}

// NaN, infinities and masked cells: shapes, never colours of the scale.
function paintGlyphs(context, layout, block, cells, look) {
  const { panel, cell } = layout;
  const floats = panel.values instanceof Float32Array || panel.values instanceof Float64Array;
  if (!floats && !panel.masked) return;
  const hatch = new Path2D();
  const marks = new Path2D();
  const size = Math.min(cell.width - 4, cell.height - 2, 13);
  context.fillStyle = look.ink;
  context.font = `${size}px ${look.mono}`;
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
  context.strokeStyle = look.hatch;
  context.stroke(hatch);
  context.strokeStyle = look.ink;
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

// Large enough for "NaN" and "−∞" in letters; smaller cells get signs, which the legend explains.
function spells({ width, height }) {
  return width >= 26 && height >= 12;
}

function nanGlyph(context, path, x, y, { width, height }) {
  if (spells({ width, height })) {
    context.font = `600 10px ${context.font.split("px ")[1]}`;
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
  if (spells({ width, height })) {
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

function paintNumerals(context, layout, block, cells, pixels, look) {
  const { panel, cell } = layout;
  context.font = `${look.numeral}px ${look.mono}`;
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
      context.fillText(short(panel, value, cell.places), x, block.y + row * cell.height + cell.height / 2, cell.width - 3);
    }
  }
}

// A quiet outline; dashes in the axis's colour where the tensor goes on beyond the window.
function paintFrame(context, layout, block, look) {
  const { panel } = layout;
  const [x, y, w, h] = [block.x - 0.5, block.y - 0.5, layout.blockWidth, layout.blockHeight];
  context.lineWidth = 1;
  context.strokeStyle = look.line;
  context.strokeRect(x, y, w, h);
  cutEdges(panel, panel.rowAxis).forEach((edge) => dashed(context, look, panel, panel.rowAxis, x, edge ? y + h + 3 : y - 3, w, 0));
  cutEdges(panel, panel.columnAxis).forEach((edge) => dashed(context, look, panel, panel.columnAxis, edge ? x + w + 3 : x - 3, y, 0, h));
}

// 0 if positions before the window are left out, 1 if positions after it are.
function cutEdges(panel, axis) {
  if (axis === null) return [];
  const { start, count, size } = panel.axes[axis];
  return [start > 0 ? 0 : null, start + count < size ? 1 : null].filter((edge) => edge !== null);
}

function dashed(context, look, panel, axis, x, y, w, h) {
  context.save();
  context.strokeStyle = look.axis(panel.axes[axis].symbol);
  context.lineWidth = 2;
  context.setLineDash([2, 4]);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + w, y + h);
  context.stroke();
  context.restore();
}

// Left: which index of each axis that runs down, with a line along what it covers; then the labels of the rows.
function paintSide(context, layout, look) {
  const { panel, side, down, ys } = layout;
  let x = 0;
  panel.rows.forEach((axis, level) => {
    if (isSilent(panel, axis)) return;
    groups(down, level).forEach(([from, to]) => {
      const top = ys[from];
      const bottom = ys[to] + layout.blockHeight;
      context.fillStyle = look.axis(panel.axes[axis].every ?? panel.axes[axis].symbol);
      text(context, fitted(facetNames(panel, axis, down[from][level])[0], LONGEST_LABEL, look), x, top + 5, look, 11, "left");
      context.fillRect(x + side.levels[level] - 5, top, 1.5, bottom - top);
    });
    x += side.levels[level];
  });
  if (panel.rowAxis === null) return;
  context.fillStyle = look.soft;
  const right = side.width - 5;
  ys.forEach((y, i) => {
    const lead = leadOf(layout, i);
    eachTick(panel, panel.rowAxis, layout.firstRow, layout.rows, layout.cell.height, side.labelled ? 10.5 : 22, (row) => {
      const middle = y + (row - layout.firstRow + 0.5) * layout.cell.height;
      const label = side.labelled ? labelOf(panel, panel.rowAxis, with_(lead, panel.rowAxis, row)) : String(row);
      if (i > 0 && !side.labelled) return;
      text(context, fitted(label ?? "", LONGEST_LABEL, look), right, middle, look, side.labelled ? LABEL_FONT : 9.5, "right");
    });
  });
}

function paintHead(context, layout, look) {
  const { panel, head, across, xs } = layout;
  let y = 0;
  panel.columns.forEach((axis, level) => {
    if (isSilent(panel, axis)) return;
    groups(across, level).forEach(([from, to]) => {
      context.fillStyle = look.axis(panel.axes[axis].every ?? panel.axes[axis].symbol);
      const width = xs[to] + layout.blockWidth - xs[from];
      const names = facetNames(panel, axis, across[from][level]);
      const name = names.find((text) => look.measure(text, 11) <= width + GAP - 2) ?? names.at(-1);
      text(context, name, xs[from], y + 6, look, 11, "left");
      context.fillRect(xs[from], y + 15, width, 1.5);
    });
    y += head.levels[level];
  });
  if (panel.columnAxis === null) return;
  context.fillStyle = look.soft;
  const bottoms = head.each ? layout.ys : [layout.ys[0]];
  bottoms.forEach((bottom, i) => {
    xs.forEach((x, j) => {
      if (j > 0 && !head.labelled) return;
      const lead = leadOf(layout, i, j);
      const spacing = !head.labelled ? 26 : head.slant ? LINE - 1.5 : layout.cell.width;
      eachTick(panel, panel.columnAxis, layout.firstColumn, layout.columns, layout.cell.width, spacing, (column) => {
        const middle = x + (column - layout.firstColumn + 0.5) * layout.cell.width;
        const label = head.labelled ? labelOf(panel, panel.columnAxis, with_(lead, panel.columnAxis, column)) : String(column);
        columnLabel(context, layout, fitted(label ?? "", LONGEST_LABEL, look), middle, bottom, look);
      });
    });
  });
}

function columnLabel(context, layout, label, x, y, look) {
  if (!layout.head.slant) {
    text(context, label, x, y - 8, look, layout.head.labelled ? LABEL_FONT : 9.5, "center");
    return;
  }
  context.save();
  context.translate(x + 1, y - 6);
  context.rotate(-layout.head.slant);
  text(context, label, 0, 0, look, LABEL_FONT, "left");
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
  const found = [];
  leads.forEach((lead, i) => {
    const before = leads[i - 1];
    const same = before && lead.slice(0, level + 1).every((position, n) => position === before[n]);
    if (same) found.at(-1)[1] = i;
    else found.push([i, i]);
  });
  return found;
}

function leadOf(layout, i, j = 0) {
  const block = layout.blocks[i * layout.across.length + j];
  return layout.panel.axes.map((_, axis) => block.lead[axis] ?? 0);
}

function with_(index, axis, position) {
  const copy = [...index];
  copy[axis] = position;
  return copy;
}

function text(context, words, x, y, look, size, align) {
  context.font = `${size}px ${look.font}`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.fillText(words, x, y);
}

function fitted(label, width, look) {
  if (look.measure(label, LABEL_FONT) <= width) return label;
  let kept = [...label];
  while (kept.length > 1 && look.measure(`${kept.join("")}…`, LABEL_FONT) > width) kept.pop();
  return `${kept.join("")}…`;
}

// What is pointed at: everything else steps back, what is read is outlined, the cell itself is framed.
function paintMarks(context, layout, marks, look) {
  context.clearRect(0, 0, layout.width, layout.height);
  const lit = marks.lit.flatMap((box) => regions(layout, box));
  const own = [marks.active, marks.pin].filter(Boolean).flatMap((index) => regions(layout, index.map(ONE)));
  if (marks.dim) {
    context.fillStyle = look.veil;
    layout.blocks.forEach((block) => context.fillRect(block.x, block.y, layout.blockWidth, layout.blockHeight));
    [...lit, ...own].forEach((region) => {
      context.clearRect(region.x, region.y, region.columns * layout.cell.width, region.rows * layout.cell.height);
    });
  }
  outline(context, layout, lit, look);
  if (marks.active) regions(layout, marks.active.map(ONE)).forEach((region) => ring(context, layout, region, look, 1.6));
  if (marks.pin) regions(layout, marks.pin.map(ONE)).forEach((region) => ring(context, layout, region, look, 2.6));
}

function outline(context, layout, lit, look) {
  const { width, height } = layout.cell;
  const cells = lit.reduce((total, region) => total + region.columns * region.rows, 0);
  const each = cells <= 400 && Math.min(width, height) >= 7;
  const path = new Path2D();
  for (const region of lit) {
    const w = region.columns * width;
    const h = region.rows * height;
    path.rect(region.x - 0.5, region.y - 0.5, w, h);
    if (!each) continue;
    for (let column = 1; column < region.columns; column++) {
      path.moveTo(region.x + column * width - 0.5, region.y);
      path.lineTo(region.x + column * width - 0.5, region.y + h);
    }
    for (let row = 1; row < region.rows; row++) {
      path.moveTo(region.x, region.y + row * height - 0.5);
      path.lineTo(region.x + w, region.y + row * height - 0.5);
    }
  }
  context.strokeStyle = look.paper;
  context.lineWidth = 3;
  context.stroke(path);
  context.strokeStyle = look.ink;
  context.lineWidth = 1.3;
  context.stroke(path);
}

// Paper under ink, so that the frame stands out from a dark cell as from a light one.
function ring(context, layout, region, look, weight) {
  const [x, y, w, h] = [region.x - 0.5, region.y - 0.5, layout.cell.width, layout.cell.height];
  context.strokeStyle = look.paper;
  context.lineWidth = weight + 2;
  context.strokeRect(x, y, w, h);
  context.strokeStyle = look.ink;
  context.lineWidth = weight;
  context.strokeRect(x, y, w, h);
}
