// The column beside the tensors of a walk: the card, and the sum of the pinned number, which is in sight with them.

import { element } from "../mount/dom.js";
import { topUnscrolled } from "./walk_layout.js";

const LEAST_SIDE = 200; // px that are worth a column of their own scrolling
const BELOW_SIDE = 6; // px to the lower edge of the window
// What gives way, one after the other, where the sum would stand below the window: the formula with its indices says what
// the line of code says, and the sentence says what the formula says.
const GIVES_WAY = ["", "formula", "sentence"];

/** It ends where the window does, and stays in sight while the page is scrolled along the tensors. */
export class SideColumn {
  /**
   * @param {HTMLElement | null} card of the operation
   * @param {HTMLElement} explanation what made the pinned number
   */
  constructor(card, explanation) {
    this.root = element("div", { class: "side" }, card, explanation);
  }

  /**
   * Brings the sum into the window. To be called just before the page is painted, when it has to be laid out anyway.
   *
   * @param {HTMLElement} flow what it stands in
   */
  fit(flow) {
    const room = Math.max(LEAST_SIDE, Math.round(innerHeight - topUnscrolled(flow) - BELOW_SIDE));
    this.root.style.setProperty("--room", `${room}px`);
    GIVES_WAY.some((part) => {
      this.root.dataset.tight = part;
      return this.sumEnds() <= room;
    });
  }

  // How far below the top of the column the sum ends; 0 where there is none.
  sumEnds() {
    const sum = this.root.querySelector(".sum");
    if (!sum) return 0;
    return sum.getBoundingClientRect().bottom - this.root.getBoundingClientRect().top + this.root.scrollTop;
  }
}
