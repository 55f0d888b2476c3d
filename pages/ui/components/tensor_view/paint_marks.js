// What is pointed at, drawn on a canvas of its own above the cells.

import { ONE } from "./dependencies.js";
import { regions } from "./layout.js";

/**
 * Everything else steps back, what is read is outlined, the cell itself is framed.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {Marks} marks
 * @param {Theme} theme
 */
export function paintMarks(context, layout, marks, theme) {
  context.clearRect(0, 0, layout.width, layout.height);
  const lit = marks.lit.flatMap((box) => regions(layout, box));
  const own = [marks.active, marks.pin].filter(Boolean).flatMap((index) => regions(layout, index.map(ONE)));
  if (marks.dim) {
    context.fillStyle = theme.veil;
    layout.blocks.forEach((block) => context.fillRect(block.x, block.y, layout.blockWidth, layout.blockHeight));
    [...lit, ...own].forEach((region) => {
      context.clearRect(region.x, region.y, region.columns * layout.cell.width, region.rows * layout.cell.height);
    });
  }
  outline(context, layout, lit, theme);
  if (marks.active) regions(layout, marks.active.map(ONE)).forEach((region) => ring(context, layout, region, theme, 1.6));
  if (marks.pin) regions(layout, marks.pin.map(ONE)).forEach((region) => ring(context, layout, region, theme, 2.6));
}

function outline(context, layout, lit, theme) {
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
  context.strokeStyle = theme.paper;
  context.lineWidth = 3;
  context.stroke(path);
  context.strokeStyle = theme.ink;
  context.lineWidth = 1.3;
  context.stroke(path);
}

// Paper under ink, so that the frame stands out from a dark cell as from a light one.
function ring(context, layout, region, theme, weight) {
  const [x, y, w, h] = [region.x - 0.5, region.y - 0.5, layout.cell.width, layout.cell.height];
  context.strokeStyle = theme.paper;
  context.lineWidth = weight + 2;
  context.strokeRect(x, y, w, h);
  context.strokeStyle = theme.ink;
  context.lineWidth = weight;
  context.strokeRect(x, y, w, h);
}
