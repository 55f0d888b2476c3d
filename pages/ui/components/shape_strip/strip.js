// The strip: it draws what Python sent, follows the sizes while a slider moves, and reports which box was pressed.
import { cellOf } from "./geometry.js";
import { DrawnBox, element, put } from "./drawing.js";
import { neighbourOf } from "./keyboard.js";
import { orderOf, place } from "./placing.js";
import { shapeAt, totalsOf } from "./shapes.js";
import { changedSentence, change, grouped, linesOf, sentenceOf, shownBytes } from "./words.js";

const SHOWN_FOR = 1500; // ms that what was before stays in sight
const PATIENCE = 1000; // ms from Python's answer to the sizes until it is clear that no other shapes come
const NOT_RUN = "These sizes were not run. The shapes are those of the last run.";
const OTHERS = "PyTorch came to other shapes than were foreseen:";
const MARGIN = 10;
const LIBRARY = "tensorShapeExplorerDagre"; // a component of its own brings it, once

const strips = new WeakMap(); // parent → the strip in it

class ShapeStrip {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "strip";
    this.root.innerHTML =
      '<div class="head"><nav class="blocks" aria-label="The block that is drawn"></nav><p class="totals" aria-live="polite"></p></div>' +
      '<div class="scroll"></div><p class="note" role="status"></p>';
    parent.append(this.root);
    [this.head, this.scroll, this.note] = this.root.children;
    [this.blocks, this.totals] = this.head.children;
    this.svg = element("svg", { role: "group", class: "drawing" }, this.scroll);
    this.wires = element("g", { class: "wires", "aria-hidden": "true" }, this.svg);
    this.boxes = element("g", { class: "boxes" }, this.svg);
    this.scroll.addEventListener("scroll", () => this.hint(), { passive: true });
    this.svg.addEventListener("click", (event) => this.press(event.target));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("focusin", (event) => this.rove(event.target));
    this.follow = (event) => this.foresee(event.detail);
    this.arrived = () => this.receive(this.waiting, this.send);
    window.addEventListener("shape-strip:sizes", this.follow);
    this.answered = () => {
      clearTimeout(this.giving_up);
      this.giving_up = setTimeout(() => this.ahead && this.receive(this.data, this.send), PATIENCE);
    };
    window.addEventListener("shape-strip:answered", this.answered);
    this.drawn = [];
    this.shapes = [];
  }

  close() {
    window.removeEventListener("shape-strip:sizes", this.follow);
    window.removeEventListener("shape-strip:library", this.arrived);
    window.removeEventListener("shape-strip:answered", this.answered);
    clearTimeout(this.timer);
    clearTimeout(this.giving_up);
    this.root.remove();
  }

  receive(data, send) {
    this.send = send;
    if (!globalThis[LIBRARY]) {
      this.waiting = data;
      window.addEventListener("shape-strip:library", this.arrived, { once: true });
      return;
    }
    const structure = JSON.stringify(data.boxes.map((box) => [box.name, box.op, box.axes, box.parents, box.step, box.small]));
    const before = structure === this.structure ? this.settled : null;
    const foreseen = this.ahead && structure === this.structure ? this.shapes : null;
    this.data = data;
    this.ahead = false;
    if (structure !== this.structure) this.build(structure);
    const fresh = data.run !== this.run;
    this.say(foreseen, fresh);
    const shapes = data.boxes.map((box) => box.shape);
    const flops = data.boxes.reduce((sum, box) => sum + (box.flops ?? 0), 0);
    this.run = data.run;
    if (before && fresh && String(before.shapes) !== String(shapes)) this.remember(before);
    this.settled = { shapes, flops };
    if (this.dragged) this.foresee(this.dragged); // an answer to an earlier move; the thumb has gone on
    else this.show(shapes, data.sizes, flops);
    this.choose();
  }

  // Elements for a block that was not drawn before.
  build(structure) {
    this.structure = structure;
    this.height = 0;
    this.forget();
    this.boxes.replaceChildren();
    this.wires.replaceChildren();
    const { boxes } = this.data;
    this.lines = boxes.map(linesOf);
    this.drawn = boxes.map((box, at) => new DrawnBox(box, at, this.lines[at], this.boxes));
    this.order = orderOf(globalThis[LIBRARY], boxes, this.cells(boxes.map((box) => box.shape)));
    this.edges = this.order.edges.map(({ from, to }) => element("path", { class: "wire", "data-from": from, "data-to": to }, this.wires));
    this.scroll.scrollLeft = 0;
    this.here = undefined;
  }

  cells(shapes) {
    return this.data.boxes.map((box, at) => cellOf(box, shapes[at], this.lines[at]));
  }

  // A slider moves: shapes follow from the symbols, before anything has run.
  foresee(detail) {
    const { sizes, released } = detail;
    if (!this.data || !this.drawn.length) return;
    this.dragged = released ? null : detail;
    const now = { ...this.data.sizes, ...sizes };
    const shapes = this.data.boxes.map((box) => shapeAt(box, now));
    this.ahead = String(shapes) !== String(this.settled.shapes);
    if (this.ahead) this.remember(this.settled);
    this.show(shapes, now, this.ahead ? null : this.settled.flops);
    this.root.toggleAttribute("data-foreseen", this.ahead);
  }

  remember(settled) {
    this.before ??= settled;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.ahead) return this.remember(this.settled);
      this.forget();
      this.show(this.shapes, this.sizes, this.flops);
    }, SHOWN_FOR);
  }

  forget() {
    clearTimeout(this.timer);
    this.before = null;
  }

  show(shapes, sizes, flops) {
    [this.shapes, this.sizes, this.flops] = [shapes, sizes, flops];
    const cells = this.cells(shapes);
    const placed = place(this.order, cells);
    const before = this.before?.shapes.length === shapes.length ? this.before.shapes : null;
    const old = before ? this.cells(before) : null;
    const names = this.data.boxes.map((box) => box.name);
    this.data.boxes.forEach((box, at) => {
      const differs = before !== null && String(before[at]) !== String(shapes[at]);
      const drawn = this.drawn[at];
      drawn.draw(cells[at], placed.boxes[at], shapes[at], this.coloursOf(box), differs ? before[at] : null);
      drawn.showGhost(differs ? old[at] : null, cells[at]);
      drawn.group.style.setProperty("--hue", this.pick(this.data.hues[box.hue] ?? this.data.hues[""]));
      drawn.group.classList.toggle("changes", differs);
      drawn.say(sentenceOf(box, box.axes.map((axis) => this.data.names[axis] ?? axis), shapes[at], names));
    });
    placed.paths.forEach((path, at) => put(this.edges[at], { d: path }));
    // It never becomes lower, so that what stands below does not follow every move.
    this.height = Math.max(this.height, placed.height);
    const [width, height] = [placed.width + 2 * MARGIN, this.height + 2 * MARGIN];
    put(this.svg, { width, height, viewBox: `${-MARGIN} ${-MARGIN} ${width} ${height}`, "aria-label": `Shapes of ${this.data.title}` });
    this.root.classList.toggle("moving", before !== null && String(before) !== String(shapes));
    this.count(shapes, flops, before);
    this.hint();
  }

  // Fades the sides on which there is more to scroll to.
  hint() {
    const { scrollLeft, scrollWidth, clientWidth } = this.scroll;
    this.scroll.classList.toggle("more-left", scrollLeft > 2);
    this.scroll.classList.toggle("more-right", scrollWidth - clientWidth - scrollLeft > 2);
  }

  count(shapes, flops, before) {
    const now = totalsOf(this.data.boxes, shapes);
    const was = before ? totalsOf(this.data.boxes, before) : now;
    const parts = [
      before && String(before) !== String(shapes) ? changedSentence(before, shapes) : "",
      `${change(was.elements, now.elements, grouped)} elements`,
      change(was.bytes, now.bytes, shownBytes),
      flops === null ? "FLOPs when it has run" : `${change(before ? this.before.flops : flops, flops, grouped)} FLOPs`,
    ];
    const said = parts.filter(Boolean).join(" · ");
    if (this.totals.textContent !== said) this.totals.textContent = said;
  }

  // Says where PyTorch came to other shapes than were foreseen.
  say(foreseen, fresh) {
    this.root.removeAttribute("data-foreseen");
    const wrong = foreseen ? this.data.boxes.filter((box, at) => String(box.shape) !== String(foreseen[at])) : [];
    const named = wrong.slice(0, 4).map((box) => `${box.name} (${box.shape.join(", ")})`).join(", ");
    if (fresh || wrong.length) this.note.textContent = noteOf(named, fresh);
    const said = JSON.stringify([this.data.blocks, this.data.block]);
    if (said !== this.said) {
      this.said = said;
      this.blocks.replaceChildren(...this.data.blocks.map((block) => this.blockButton(block)));
    }
  }

  blockButton([value, title, isBeside]) {
    const button = document.createElement("button");
    button.className = isBeside ? "beside" : "around";
    button.type = "button";
    button.textContent = title;
    if (value === this.data.block) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => value !== this.data.block && this.send("block", value));
    return button;
  }

  coloursOf(box) {
    return box.axes.map((axis) => this.pick(this.data.tones[axis ?? ""]));
  }

  pick([light, dark]) {
    return `light-dark(${light}, ${dark})`;
  }

  // Marks the box whose tensor is open, and brings it into sight when it becomes another.
  choose() {
    const { here } = this.data;
    let chosen = null;
    this.drawn.forEach((drawn, at) => {
      const box = this.data.boxes[at];
      const current = here !== null && box.first !== null && box.first <= here && here < box.first + Math.max(1, box.folded);
      if (current) chosen = drawn.group;
      if (current) drawn.group.setAttribute("aria-current", "step");
      else drawn.group.removeAttribute("aria-current");
    });
    const entry = chosen ?? this.drawn[0]?.group;
    if (entry && !this.drawn.some(({ group }) => group.tabIndex === 0 && group === this.svg.getRootNode().activeElement)) this.rove(entry);
    if (chosen && here !== this.here) this.reveal(chosen);
    this.here = here;
  }

  reveal(group) {
    const [outer, inner] = [this.scroll.getBoundingClientRect(), group.getBoundingClientRect()];
    if (inner.left >= outer.left && inner.right <= outer.right) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const left = inner.left - outer.left + (inner.width - outer.width) / 2;
    this.scroll.scrollBy({ left, behavior: calm ? "instant" : "smooth" });
  }

  rove(target) {
    const group = target.closest(".box");
    if (!group) return;
    for (const drawn of this.drawn) put(drawn.group, { tabindex: drawn.group === group ? 0 : -1 });
  }

  press(target) {
    const group = target.closest(".box");
    if (!group || group.dataset.step === "") return;
    this.send("pick", Number(group.dataset.step));
  }

  key(event) {
    const group = event.target.closest(".box");
    if (!group) return;
    if (event.key === "Enter" || event.key === " ") this.press(group);
    else {
      const next = this.neighbour(Number(group.dataset.place), event.key);
      if (next === null) return;
      const { group: to } = this.drawn[next];
      to.focus({ preventScroll: true });
      this.reveal(to);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  neighbour(from, key) {
    return neighbourOf(this.data.boxes, this.order.column, this.drawn.map(({ group }) => group.getBoundingClientRect().y), from, key);
  }
}

function noteOf(wrong, fresh) {
  if (!wrong) return "";
  return fresh ? `${OTHERS} ${wrong}.` : NOT_RUN;
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (!strips.has(parentElement)) strips.set(parentElement, new ShapeStrip(parentElement));
  const strip = strips.get(parentElement);
  strip.receive(data, setTriggerValue);
  // Streamlit also calls this for an update that a later one overtook, while the strip still stands.
  return () => {
    if (parentElement.isConnected || !strips.delete(parentElement)) return;
    strip.close();
  };
}
