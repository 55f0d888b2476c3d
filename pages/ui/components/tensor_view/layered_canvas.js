// Where one tensor is drawn.

import { element } from "../mount/dom.js";
import { paintTensor } from "./paint.js";
import { paintMarks } from "./paint_marks.js";

/** A canvas with a second one on top for what is pointed at, so that hovering never redraws the tensor. */
export class LayeredCanvas {
  /**
   * @param {HTMLCanvasElement[]} [spare] canvases that are no longer shown: to get the context of a new one takes
   *     milliseconds
   */
  constructor(spare = []) {
    this.base = spare.pop() ?? element("canvas", { "aria-hidden": "true" });
    this.marks = spare.pop() ?? element("canvas", { "aria-hidden": "true", class: "marks" });
    /** @type {HTMLCanvasElement | null} between the two, in other colours; where an animation put one */
    this.tint = null;
    this.root = element("div", { class: "layered-canvas" }, this.base, this.marks);
  }

  /**
   * @param {Layout} layout
   * @param {Theme} theme
   */
  relayout(layout, theme) {
    this.layout = layout;
    this.theme = theme;
    this.root.style.width = `${layout.width}px`;
    this.root.style.height = `${layout.height}px`;
    this.drawnMarks = null; // what the upper canvas shows, null where it has to be drawn again
    this.tintStrength = null;
  }

  /** @param {Uint32Array} pixels the colour of every cell that was sent */
  draw(pixels) {
    paintTensor(this.context(this.base), this.layout, pixels, this.theme);
  }

  /** @param {Marks} marks */
  mark(marks) {
    const wanted = JSON.stringify(marks);
    if (this.drawnMarks === wanted) return;
    if (this.drawnMarks === null && !marks.dim && !marks.lit.length && !marks.active && !marks.pin) {
      this.marks.width = 0; // nothing to show: a canvas of full size would be painted for it
      return;
    }
    const context = this.drawnMarks === null ? this.context(this.marks) : this.marks.getContext("2d");
    this.drawnMarks = wanted;
    paintMarks(context, this.layout, marks, this.theme);
  }

  /**
   * Clears a canvas and scales it so that we draw in CSS pixels and see device pixels.
   *
   * @param {HTMLCanvasElement} canvas
   * @returns {CanvasRenderingContext2D}
   */
  context(canvas) {
    const { width, height } = this.layout;
    canvas.width = Math.round(width * this.theme.ratio);
    canvas.height = Math.round(height * this.theme.ratio);
    const context = canvas.getContext("2d");
    context.scale(this.theme.ratio, this.theme.ratio);
    return context;
  }
}
