// What is wider than its panel: the side where it goes on fades out, and is named below with how much stands there.

import { element } from "../mount/dom.js";
import { axisName, groupDigits, isOne } from "./format.js";

const SLACK = 2; // pixels that nobody misses

export class Overflow {
  /** @param {PanelView} view */
  constructor(view) {
    this.view = view;
    this.ways = [-1, 1].map((way) => element("button", { type: "button", "data-way": way, onclick: () => this.scroll(way) }));
    this.root = element("div", { class: "beyond", hidden: true }, ...this.ways);
  }

  /**
   * Asks for what is in sight. To ask is to have the page laid out.
   *
   * @returns {[from: number, to: number, width: number]} what the scroller shows of the canvas, and how wide all of it is
   */
  measure() {
    const { scrollLeft, scrollWidth, clientWidth } = this.view.scroller;
    return [scrollLeft, scrollLeft + clientWidth, scrollWidth];
  }

  /** @param {[from: number, to: number, width: number]} measured as `measure` returns it */
  show([from, to, width]) {
    const { scroller, layout } = this.view;
    const sides = [from > SLACK, to < width - SLACK];
    scroller.toggleAttribute("data-more-left", sides[0]);
    scroller.toggleAttribute("data-more-right", sides[1]);
    this.root.hidden = !layout || !(sides[0] || sides[1]);
    if (this.root.hidden) return;
    const [before, after, unit] = this.outOfSight(from, to);
    [`\u2190 ${moreOf(before, unit)}`, `${moreOf(after, unit)} \u2192`].forEach((text, side) => {
      this.ways[side].textContent = text;
      this.ways[side].toggleAttribute("data-idle", !sides[side]);
    });
  }

  // How many facets, or columns where one facet is all there is across, are not whole in sight on either side.
  outOfSight(from, to) {
    const { panel, layout } = this.view;
    const facets = [...new Set(layout.blocks.map((block) => block.x))];
    const across = facets.length > 1;
    const size = layout.cell.width * (across ? layout.columns : 1);
    const starts = across ? facets : Array.from({ length: layout.columns }, (_, i) => facets[0] + i * size);
    const axes = across ? panel.columns.filter((axis) => !isOne(panel.axes[axis])) : [panel.columnAxis];
    const unit = axes.filter((axis) => axis !== null).map((axis) => axisName(panel, axis)).join(" · ");
    const count = (beyond) => starts.filter(beyond).length;
    return [count((start) => start < from - SLACK), count((start) => start + size > to + SLACK), unit];
  }

  scroll(way) {
    const { scroller } = this.view;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    scroller.scrollBy({ left: way * 0.8 * scroller.clientWidth, behavior: calm ? "instant" : "smooth" });
  }
}

// "+ 2 more of H"; where all cells are whole, it is a label that is cut off.
function moreOf(count, unit) {
  if (!count) return "more";
  return unit ? `+ ${groupDigits(count)} more of ${unit}` : `+ ${groupDigits(count)} more`;
}
