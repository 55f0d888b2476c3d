// The strip: it draws what Python sent, follows the sizes while a slider moves, and reports which box was pressed.
import { rendererOf } from "../mount/lifecycle.js";
import { cellOf, failedCellOf, smallCellOf } from "./geometry.js";
import { AwaitedMoves } from "./awaited.js";
import { BAND, bandsOf } from "./bands.js";
import { DrawnBands, DrawnBox, element, put } from "./drawing.js";
import { Heading, Note, part, Tip } from "./heading.js";
import { axisColours, boxHues } from "./hues.js";
import { neighbourOf } from "./keyboard.js";
import { orderOf, placeBoxes } from "./placing.js";
import { shapeAt } from "./shapes.js";
import { sentenceOf, wordOf } from "./words.js";

const SHOWN_FOR = 1500; // ms that what was before stays in sight
const PAUSE = 150; // ms that a thumb rests until a screen reader is told what became of the boxes
const PATIENCE = 1000; // ms from Python's answer to the sizes until it is clear that no other shapes come
const [MARGIN, SMALL_MARGIN] = [5, 5];
const LIBRARY = "tensorShapeExplorerDagre"; // a component of its own brings it, once

/**
 * What Python sends.
 * @typedef {object} StripData
 * @property {string} run tells one trace from another
 * @property {string} title
 * @property {number | null} here the step that is open
 * @property {import("./shapes.js").BoxData[]} boxes
 * @property {Record<string, number>} sizes
 * @property {Record<string, string>} names what people call the axes
 * @property {Record<string, [string, string]>} tones of the axes, light and dark
 * @property {Record<string, [string, string]>} hues of the roles, light and dark
 * @property {[string, string, boolean][]} blocks value, title and whether it lies beside the one drawn
 * @property {string} block
 * @property {[string, string, boolean][]} folds value, title and whether it is folded
 * @property {string[]} [labels] one size down: what each box is called
 * @property {StripData | null} [map] the whole model one size down; not there where it stays as it is
 */

/**
 * Shapes that PyTorch came to, and the floating-point operations of all of them.
 * @typedef {{shapes: number[][], flops: number}} Settled
 */

/** One strip, as long as it is on the page. */
class ShapeStrip {
  /** @param {ShadowRoot | HTMLElement} parent */
  constructor(parent) {
    this.root = part("div", "strip", parent);
    this.heading = new Heading(this.root, (name, value) => this.send(name, value));
    this.scroll = part("div", "scroll", this.root);
    this.note = new Note(this.root);
    this.svg = element("svg", { role: "group", class: "drawing" }, this.scroll);
    this.wires = element("g", { class: "wires", "aria-hidden": "true" }, this.svg);
    this.bands = new DrawnBands(this.svg);
    this.boxes = element("g", { class: "boxes" }, this.svg);
    /** @type {DrawnBox[]} */
    this.drawn = [];
    /** @type {number[][]} what is on screen */
    this.shapes = [];
    /** @type {Record<string, number>} */
    this.sizes = {};
    /** @type {number | null} null as long as nothing has run at these sizes */
    this.flops = null;
    /** @type {Settled | null} what stays in sight for a moment */
    this.before = null;
    this.awaited = new AwaitedMoves();
    this.listening = new AbortController();
    this.tip = new Tip(this.root, this.svg, (at) => this.data.labels?.[at] ?? "");
    this.listen(this.listening.signal);
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    this.scroll.addEventListener("scroll", () => this.hint(), { passive: true });
    this.svg.addEventListener("click", (event) => this.press(event.target));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("focusin", (event) => this.rove(event.target));
    this.arrived = () => this.take(this.waiting);
    const follow = (/** @type {any} */ event) => this.foresee(event.detail);
    window.addEventListener("shape-strip:sizes", follow, { signal });
    // The stage has fetched what PyTorch came to; the map comes along inside.
    const fetched = (/** @type {any} */ event) => this.data && !this.data.labels && this.take(event.detail);
    window.addEventListener("shape-strip:fetched", fetched, { signal });
    window.addEventListener("shape-strip:answered", () => this.expect(), { signal });
  }

  close() {
    this.listening.abort();
    this.map?.close();
    clearTimeout(this.timer);
    clearTimeout(this.expecting);
    clearTimeout(this.speaking);
    this.root.remove();
  }

  // Python has answered the sizes. Where no other shapes come with that, nothing was run.
  expect() {
    this.awaited.answered();
    if (this.heldBack) this.take(this.heldBack);
    clearTimeout(this.expecting);
    this.expecting = setTimeout(() => {
      if (this.ahead) this.take(this.data);
    }, PATIENCE);
  }

  /**
   * Takes a message from Python.
   * @param {StripData} data
   * @param {Pick<Streamlit, "setTriggerValue">} streamlit
   */
  receive(data, { setTriggerValue }) {
    this.send = setTriggerValue;
    this.take(data);
  }

  /**
   * Draws what was sent, by Python or by what fetched the numbers ahead of it.
   * @param {StripData} data
   */
  take(data) {
    if (!globalThis[LIBRARY]) {
      this.waiting = data;
      window.addEventListener("shape-strip:library", this.arrived, { once: true, signal: this.listening.signal });
      return;
    }
    this.heldBack = this.awaited.areUnheardBy(data.sizes) ? data : null;
    if (this.heldBack) return; // an answer to an earlier move: the strip stays where the last one put it
    const structure = JSON.stringify(data.boxes.map((box) => [box.name, box.op, box.axes, box.parents, box.step, box.small, box.hue, box.wrong]));
    const before = structure === this.structure ? this.settled : null;
    const foreseen = this.ahead && structure === this.structure ? this.shapes : null;
    this.data = data;
    this.ahead = false;
    if (structure !== this.structure) this.build(structure);
    const fresh = data.run !== this.run;
    this.root.removeAttribute("data-foreseen");
    this.note.compare(data.boxes, foreseen, fresh);
    this.root.classList.toggle("small", !!data.labels);
    this.heading.showBlocks(data.blocks, data.block);
    this.heading.showFolds(data.folds);
    if (data.map !== undefined) this.showMap(data.map);
    const shapes = data.boxes.map((box) => box.shape);
    const flops = data.boxes.reduce((sum, box) => sum + (box.flops ?? 0), 0);
    this.run = data.run;
    if (before && fresh && String(before.shapes) !== String(shapes)) this.remember(before);
    this.settled = { shapes, flops };
    if (this.dragged) this.foresee(this.dragged); // an answer to an earlier move; the thumb has gone on
    else this.show(shapes, data.sizes, flops);
    this.choose();
  }

  /** @param {StripData | null} map the whole model, the same component one size down */
  showMap(map) {
    if (!map) {
      this.map?.close();
      this.map = null;
      return;
    }
    this.map ??= new ShapeStrip(this.heading.map);
    this.map.receive(map, { setTriggerValue: (_, step) => this.send("map", step) });
  }

  /** Elements for a block that was not drawn before. @param {string} structure */
  build(structure) {
    this.structure = structure;
    this.height = 0;
    this.forget();
    this.boxes.replaceChildren();
    this.wires.replaceChildren();
    const { boxes, labels } = this.data;
    this.words = boxes.map((box, at) => (labels ? { text: labels[at], isName: true } : wordOf(box, boxes[box.parents[0]]?.name)));
    this.drawn = boxes.map((box, at) => new DrawnBox(box, at, this.words[at], this.boxes));
    this.colours = boxes.map((box) => axisColours(this.data, box));
    boxes.forEach((box, at) => this.drawn[at].paint(boxHues(this.data, box)));
    this.order = orderOf(globalThis[LIBRARY], boxes, this.cells(boxes.map((box) => box.shape)));
    this.edges = this.order.edges.map(({ from, to }) => element("path", { class: "wire", "data-from": from, "data-to": to }, this.wires));
    this.scroll.scrollLeft = 0;
    this.here = undefined;
  }

  /** @param {number[][]} shapes */
  cells(shapes) {
    if (this.data.labels) return shapes.map((shape) => smallCellOf(shape, matchMedia("(pointer: coarse)").matches ? "finger" : "mouse"));
    return this.data.boxes.map((box, at) => {
      const operands = box.parents.map((parent) => shapes[parent]);
      if (!box.failed) return cellOf(box, shapes[at], this.words[at].text, operands);
      return failedCellOf(box.op, this.words[at].text, box.parents.map((parent, input) => ({ axes: this.data.boxes[parent].axes, shape: operands[input] })));
    });
  }

  /**
   * A slider moves: shapes follow from the symbols, before anything has run.
   * @param {{sizes: Record<string, number>, released: boolean, moved?: unknown}} detail
   */
  foresee(detail) {
    const { sizes, released, moved } = detail;
    if (!this.data || !this.drawn.length) return;
    this.dragged = released ? null : detail;
    if (moved) this.awaited.add(sizes, this.data.sizes);
    const now = { ...this.data.sizes, ...sizes };
    const shapes = this.data.boxes.map((box) => shapeAt(box, now));
    this.ahead = String(shapes) !== String(this.settled.shapes);
    if (this.ahead) this.remember(this.settled);
    this.show(shapes, now, this.ahead ? null : this.settled.flops);
    this.root.toggleAttribute("data-foreseen", this.ahead);
  }

  /**
   * Keeps in sight for a moment what was before.
   * @param {Settled} settled
   */
  remember(settled) {
    this.before ??= settled;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.ahead) this.remember(this.settled);
      else {
        this.forget();
        this.show(this.shapes, this.sizes, this.flops);
      }
    }, SHOWN_FOR);
  }

  forget() {
    clearTimeout(this.timer);
    this.before = null;
  }

  /**
   * @param {number[][]} shapes
   * @param {Record<string, number>} sizes
   * @param {number | null} flops
   */
  show(shapes, sizes, flops) {
    [this.shapes, this.sizes, this.flops] = [shapes, sizes, flops];
    const cells = this.cells(shapes);
    const placed = placeBoxes(this.order, cells);
    const before = this.before?.shapes.length === shapes.length ? this.before.shapes : null;
    const old = before ? this.cells(before) : null;
    this.drawn.forEach((drawn, at) => {
      const differs = before !== null && String(before[at]) !== String(shapes[at]);
      drawn.moveTo(placed.boxes[at]);
      if (!drawn.isNew(cells[at], shapes[at], differs ? before[at] : null)) return;
      drawn.draw(cells[at], shapes[at], this.colours[at], differs ? before[at] : null);
      drawn.showGhost(differs ? old[at] : null, cells[at]);
      drawn.group.classList.toggle("changes", differs);
    });
    clearTimeout(this.speaking);
    if (this.dragged) this.speaking = setTimeout(() => this.say(), PAUSE);
    else this.say();
    this.heights = placed.boxes.map(({ y }) => y);
    placed.paths.forEach((path, at) => put(this.edges[at], { d: path }));
    // It never becomes lower, so that what stands below does not follow every move.
    this.height = Math.max(this.height, placed.height);
    const bands = this.data.labels ? [] : bandsOf(this.data.boxes.map(({ module }) => module), placed.boxes, cells);
    const above = this.bands.show(bands, this.data.folds) * BAND;
    const margin = this.data.labels ? SMALL_MARGIN : MARGIN;
    const [width, height] = [placed.width + 2 * margin, this.height + above + 2 * margin];
    put(this.svg, { width, height, viewBox: `${-margin} ${-margin - above} ${width} ${height}`, "aria-label": `Shapes of ${this.data.title}` });
    this.root.classList.toggle("moving", before !== null && String(before) !== String(shapes));
    this.heading.count(this.data.boxes, shapes, flops, before ? this.before : null);
    // Asked at once, the browser would have to lay everything out for the answer.
    requestAnimationFrame(() => this.hint());
  }

  // What a screen reader is told of each box.
  say() {
    const names = this.data.boxes.map((box) => box.name);
    this.data.boxes.forEach((box, at) => {
      const axes = box.axes.map((axis) => this.data.names[axis] ?? axis);
      this.drawn[at].say(sentenceOf(box, axes, this.shapes[at], names));
    });
  }

  // Fades the sides on which there is more to scroll to.
  hint() {
    const { scrollLeft, scrollWidth, clientWidth, scrollTop, scrollHeight, clientHeight } = this.scroll;
    this.scroll.classList.toggle("more-down", scrollHeight - clientHeight - scrollTop > 2);
    this.scroll.classList.toggle("more-left", scrollLeft > 2);
    this.scroll.classList.toggle("more-right", scrollWidth - clientWidth - scrollLeft > 2);
  }

  // Marks the box whose tensor is open, and brings it into sight when it becomes another.
  choose() {
    const { here } = this.data;
    let chosen = null;
    this.drawn.forEach(({ group }, at) => {
      const { first, folded } = this.data.boxes[at];
      const current = here !== null && first !== null && first <= here && here < first + Math.max(1, folded);
      if (current) chosen = group;
      if (current) group.setAttribute("aria-current", "step");
      else group.removeAttribute("aria-current");
    });
    // Tab leads to the box that is open, unless a person is in the strip already.
    if (this.drawn.length && !this.svg.querySelector(".box:focus")) this.rove(chosen ?? this.drawn[0].group);
    if (chosen && here !== this.here) this.reveal(chosen);
    this.here = here;
  }

  /** @param {Element} group */
  reveal(group) {
    const [outer, inner] = [this.scroll.getBoundingClientRect(), group.getBoundingClientRect()];
    const isBeside = inner.left < outer.left || inner.right > outer.right;
    const isBeyond = inner.top < outer.top || inner.bottom > outer.bottom;
    if (!isBeside && !isBeyond) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const left = isBeside ? inner.left - outer.left + (inner.width - outer.width) / 2 : 0;
    const top = isBeyond ? inner.top - outer.top + (inner.height - outer.height) / 2 : 0;
    this.scroll.scrollBy({ left, top, behavior: calm ? "instant" : "smooth" });
  }

  /** @param {any} target */
  rove(target) {
    const group = target.closest(".box");
    if (!group) return;
    for (const drawn of this.drawn) put(drawn.group, { tabindex: drawn.group === group ? 0 : -1 });
  }

  /** @param {any} target */
  press(target) {
    const group = target.closest(".box");
    if (!group || group.dataset.step === "") return;
    const detail = { run: this.data.run, step: Number(group.dataset.step) };
    // The strip of a module that is opened comes with Python's answer.
    const isModule = this.data.labels || this.data.boxes[Number(group.dataset.box)].op === "module";
    if (isModule || window.dispatchEvent(new CustomEvent("shape-strip:pick", { detail, cancelable: true }))) this.send("pick", detail.step);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {any} */ (event.target);
    const group = target.closest(".box");
    if (!group) return;
    if (event.key === "Enter" || event.key === " ") this.press(group);
    else {
      const next = this.neighbour(Number(group.dataset.box), event.key);
      if (next === null) return;
      const { group: to } = this.drawn[next];
      to.focus({ preventScroll: true });
      this.reveal(to);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} from @param {string} key */
  neighbour(from, key) {
    return neighbourOf(this.data.boxes, this.order.column, this.heights, from, key);
  }
}

export default rendererOf((host) => new ShapeStrip(host));
