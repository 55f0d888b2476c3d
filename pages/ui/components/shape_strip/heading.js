// What stands around the boxes: which block they are of, what they come to together, and what turned out otherwise.
import { totalsOf } from "./shapes.js";
import { change, changedSentence, grouped, shownBytes } from "./words.js";

const NOT_RUN = "These sizes were not run. The shapes are those of the last run.";
const OTHERS = "PyTorch came to other shapes than were foreseen:";
const MOST_NAMED = 4;
const READ = 2500; // ms that a name stays which a finger asked for

/**
 * @param {string} tag
 * @param {string} name its class
 * @param {Node} parent
 * @returns {HTMLElement}
 */
export function part(tag, name, parent) {
  const created = document.createElement(tag);
  created.className = name;
  parent.appendChild(created);
  return created;
}

/** The row above the boxes. */
export class Heading {
  /**
   * @param {HTMLElement} parent
   * @param {(name: string, value: string) => void} choose
   */
  constructor(parent, choose) {
    const row = part("div", "head", parent);
    this.choose = choose;
    this.map = part("div", "map", row);
    this.blocks = part("nav", "blocks", row);
    this.blocks.setAttribute("aria-label", "The block that is drawn");
    this.folds = part("div", "folds", row);
    this.folds.setAttribute("role", "group");
    this.folds.setAttribute("aria-label", "Folded into one box");
    this.totals = part("p", "totals", row);
    this.totals.setAttribute("aria-live", "polite");
  }

  /**
   * @param {[string, string, boolean][]} blocks value, title and whether it lies beside the one drawn
   * @param {string} drawn
   */
  showBlocks(blocks, drawn) {
    const key = JSON.stringify([blocks, drawn]);
    if (key === this.key) return;
    this.key = key;
    const buttons = blocks.map(([value, title, isBeside]) => {
      const button = document.createElement("button");
      button.className = isBeside ? "beside" : "around";
      button.type = "button";
      button.textContent = title;
      if (value === drawn) button.setAttribute("aria-current", "true");
      else button.addEventListener("click", () => this.choose("block", value));
      return button;
    });
    this.blocks.replaceChildren(...buttons);
  }

  /**
   * A switch for each part that can be one box.
   * @param {[string, string, boolean][]} folds value, title and whether it is folded
   */
  showFolds(folds) {
    const key = JSON.stringify(folds);
    if (key === this.folded) return;
    this.folded = key;
    const focused = /** @type {HTMLElement | null} */ (this.folds.querySelector(":focus"))?.dataset.fold;
    const buttons = folds.map(([value, title, isFolded]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.dataset.fold = value;
      button.title = isFolded ? `Unfold ${title}` : `Fold ${title} into one box`;
      button.setAttribute("aria-pressed", String(isFolded));
      button.addEventListener("click", () => this.choose("fold", value));
      return button;
    });
    this.folds.replaceChildren(...buttons);
    buttons.find((button) => button.dataset.fold === focused)?.focus();
  }

  /**
   * Elements, bytes and FLOPs, with what they were where that is in sight.
   * @param {import("./shapes.js").BoxData[]} boxes
   * @param {number[][]} shapes
   * @param {number | null} flops null as long as nothing has run at these sizes
   * @param {{shapes: number[][], flops: number} | null} before
   */
  count(boxes, shapes, flops, before) {
    const now = totalsOf(boxes, shapes);
    const was = before ? totalsOf(boxes, before.shapes) : now;
    const parts = [
      before && String(before.shapes) !== String(shapes) ? changedSentence(before.shapes, shapes) : "",
      `${change(was.elements, now.elements, grouped)} elements`,
      change(was.bytes, now.bytes, shownBytes),
      flops === null ? "FLOPs when it has run" : `${change(before ? before.flops : flops, flops, grouped)} FLOPs`,
    ];
    // A line ends between two of them, and not between a number and its unit.
    const text = parts.filter(Boolean).map((words) => words.replaceAll(" ", "\u00a0")).join("\u00a0· ");
    if (this.totals.textContent !== text) this.totals.textContent = text;
  }
}

/** The name of a box that is pointed at, or has the focus, where no name stands under it. */
export class Tip {
  /**
   * @param {HTMLElement} parent
   * @param {SVGElement} drawing
   * @param {(at: number) => string} nameOf
   */
  constructor(parent, drawing, nameOf) {
    this.line = part("span", "tip", parent);
    this.line.setAttribute("aria-hidden", "true");
    const show = (/** @type {any} */ event) => {
      const box = event.target.closest(".box");
      this.line.textContent = box ? nameOf(Number(box.dataset.box)) : "";
      if (!box || !this.line.textContent) return;
      clearTimeout(this.leaving);
      const [outer, inner] = [parent.getBoundingClientRect(), box.getBoundingClientRect()];
      const most = outer.width - this.line.offsetWidth;
      this.line.style.left = `${Math.max(0, Math.min(inner.left - outer.left, most))}px`;
    };
    const hide = () => (this.line.textContent = "");
    // A finger is lifted at once, and what it pressed is still to come.
    const leave = (/** @type {any} */ event) => {
      clearTimeout(this.leaving);
      if (event.pointerType === "touch") this.leaving = setTimeout(hide, READ);
      else hide();
    };
    for (const name of ["pointerover", "focusin"]) drawing.addEventListener(name, show);
    for (const name of ["pointerleave", "focusout"]) drawing.addEventListener(name, leave);
  }
}

/** The line under the boxes. */
export class Note {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.line = part("p", "note", parent);
    this.line.setAttribute("role", "status");
  }

  /**
   * Says where PyTorch came to other shapes than were foreseen.
   * @param {import("./shapes.js").BoxData[]} boxes
   * @param {number[][] | null} foreseen
   * @param {boolean} fresh whether another run has come
   */
  compare(boxes, foreseen, fresh) {
    const wrong = foreseen ? boxes.filter((box, at) => String(box.shape) !== String(foreseen[at])) : [];
    if (!fresh && !wrong.length) return;
    const named = wrong.slice(0, MOST_NAMED).map((box) => `${box.name} (${box.shape.join(", ")})`);
    if (!wrong.length) this.line.textContent = "";
    else this.line.textContent = fresh ? `${OTHERS} ${named.join(", ")}.` : NOT_RUN;
  }
}
