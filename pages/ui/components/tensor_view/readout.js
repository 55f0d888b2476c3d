// The line that says what is pointed at: the cell, its value, and how many cells it reads.

import { element } from "../mount/dom.js";
import { ONE, clipToView, countCells } from "./dependencies.js";
import { cellRuns, isMasked, readsText, valueText } from "./format.js";
import { regions } from "./layout.js";

const HINTS = {
  fine: "Point at a cell to read it; click keeps it. With the keyboard: Tab, arrow keys, Enter, Escape.",
  coarse: "Tap a cell to keep it; tap it again to let go.",
};

/** The line at the lower edge of the stage, and what a screen reader hears. */
export class ReadOut {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.reading = element("div", { class: "reading" });
    this.linking = element("div", { class: "linking" });
    this.release = element("button", {
      type: "button", class: "release", text: "Release", title: "Escape releases too", onclick: () => stage.selection.escape(),
    });
    this.line = element("div", { class: "spoken" }, element("div", { class: "words" }, this.reading, this.linking), this.release);
    this.root = element("div", { class: "readout" }, this.line);
    this.live = element("div", { class: "unseen", role: "status", "aria-live": "polite" });
  }

  /**
   * Shows the active cell, or a hint where there is none.
   *
   * @param {CellAddress | null} active
   * @param {Box[][]} lit for each panel, the boxes that light up because of it
   * @param {boolean} pinned whether a cell is pinned
   */
  show(active, lit, pinned) {
    this.release.hidden = !pinned;
    this.line.style.transform = "";
    if (!active) {
      const hint = HINTS[matchMedia("(pointer: coarse)").matches ? "coarse" : "fine"];
      this.reading.replaceChildren(element("span", { class: "hint", text: hint }));
      this.linking.textContent = "";
      return;
    }
    const { data, views } = this.stage;
    const panel = data.panels[active.number];
    this.reading.replaceChildren(...this.cellParts(panel, active.index));
    const parts = data.panels.map((other, i) => ({
      title: other.title, total: countCells(lit[i]), inView: countCells(clipToView(other, lit[i])),
    }));
    this.linking.textContent = readsText(parts, panel === data.output || (data.travel?.beside && active.number) ? "reads" : "read by");
    this.dodge(views[active.number], active.index, pinned);
  }

  // The cell's name in the colours of its axes, and its value.
  cellParts(panel, index) {
    const { axes } = this.stage.data;
    const value = valueText(panel, index);
    const name = cellRuns(panel, index).map(([words, symbol, kind]) => {
      const run = element("span", { text: words, class: kind ?? (symbol ? "axis" : null) });
      const tone = axes[symbol]?.tone;
      if (tone) run.style.color = tone[this.stage.theme?.dark ? 1 : 0];
      return run;
    });
    if (value === null) return [...name, " is not in view"];
    const masked = isMasked(panel, index) ? [element("span", { class: "aside", text: ` ${panel.hatched}` })] : [];
    return [...name, " = ", element("b", { text: value }), ...masked];
  }

  /**
   * Says something to screen readers alone.
   *
   * @param {string} text
   */
  announce(text) {
    this.live.textContent = text;
  }

  // The read-out never lies over the cell that it speaks of. A pinned one is enough to see once: the read-out then stays
  // at the edge of the window, though it be over the same cell enlarged.
  dodge({ canvas, zoom }, index, pinned) {
    const line = this.line.getBoundingClientRect();
    const regionsOnScreen = [canvas, zoom].filter((drawn) => drawn?.layout).map(({ root, layout }) => {
      const [region] = regions(layout, index.map(ONE));
      const top = root.getBoundingClientRect().top + (region?.y ?? Infinity);
      return { top, bottom: top + layout.cell.height };
    });
    if (pinned && regionsOnScreen.some(({ top, bottom }) => top >= 0 && bottom <= line.top)) return;
    for (const { top, bottom } of regionsOnScreen) {
      if (top < line.bottom && bottom > line.top) this.line.style.transform = `translateY(${top - 6 - line.bottom}px)`;
    }
  }
}
