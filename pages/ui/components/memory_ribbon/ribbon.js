// The storage as a row of cells, the same cells below in the order in which a view reads them, a line for each. A
// person points at a cell, drags the slider or lets it play: the address of each number is worked out as it is read.

import { element, svgElement } from "../mount/dom.js";
import { rendererOf } from "../mount/lifecycle.js";
import { inkOn } from "../tensor_view/colormap.js";
import { originColour } from "../tensor_view/origin_colormap.js";

const [WIDEST, NARROWEST, NUMERALS] = [48, 2, 14]; // px of a cell; those that numerals need
const [JUMP, CELL, DROP, EDGE] = [30, 30, 84, 6]; // px of height: the jumps, a row of cells, the lines; and at the sides
const [FASTEST, SLOWEST, WHOLE] = [90, 500, 9000]; // ms of a step, and about how long all of them may take

class Ribbon {
  constructor(host) {
    this.button = element("button", { type: "button", onclick: () => (this.timer ? this.pause() : this.play()) });
    this.range = element("input", {
      type: "range", min: 0, step: 1, "aria-label": "which number is read",
      oninput: () => this.stopAt(Number(this.range.value)),
    });
    this.all = element("button", { type: "button", text: "Show all", onclick: () => this.stopAt(null) });
    this.above = element("p", { class: "row" });
    this.below = element("p", { class: "row" });
    this.scroller = element("div", { class: "scroller" });
    this.readout = element("p", { class: "readout" });
    const player = element(
      "div",
      { class: "player", role: "group", "aria-label": "read it number by number" },
      this.button, this.range, this.all,
    );
    this.root = element("section", { class: "ribbon" }, this.above, this.scroller, this.below, player, this.readout);
    host.append(this.root);
    this.watcher = new ResizeObserver(() => this.width !== this.root.clientWidth && this.data && this.draw());
    this.watcher.observe(this.root);
  }

  close() {
    this.pause();
    this.watcher.disconnect();
    this.root.remove();
  }

  /** @param {RibbonData} data */
  receive(data) {
    const signature = JSON.stringify(data);
    if (signature === this.signature) return;
    this.signature = signature;
    this.data = data;
    this.pause();
    this.at = null;
    this.range.max = String(data.reading.length - 1);
    this.above.textContent = data.above;
    this.below.textContent = data.below;
    this.draw();
  }

  draw() {
    const { reading, shape, order } = this.data;
    const count = reading.length;
    this.width = this.root.clientWidth;
    this.cell = Math.min(WIDEST, Math.max(NARROWEST, (this.width - 2 * EDGE) / count));
    const width = this.cell * count + 2 * EDGE;
    const height = JUMP + 2 * CELL + DROP + 2;
    const whole = order.map((_, axis) => shape[order.indexOf(axis)]);
    const colour = originColour({ shape: whole }, { token: 0, features: [1, 2] });
    const svg = svgElement("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": this.data.label });
    const lines = svgElement("g", {});
    this.jump = svgElement("path", { class: "jump" });
    this.tip = svgElement("path", { class: "tip" });
    this.stored = [];
    this.seen = [];
    this.lines = [];
    reading.forEach((address, position) => {
      const rgb = colour(unravel(address, whole));
      const fill = `rgb(${rgb})`;
      const [from, to] = [this.centre(address), this.centre(position)];
      const top = JUMP + CELL;
      const line = `M${from},${top} C${from},${top + DROP * 0.55} ${to},${top + DROP * 0.45} ${to},${top + DROP}`;
      this.lines[position] = svgElement("path", { d: line, stroke: fill, class: "line", "stroke-width": Math.min(2, 0.5 + this.cell / 8) });
      this.stored[position] = this.box(address, JUMP, fill, rgb, address, position);
      this.seen[position] = this.box(position, JUMP + CELL + DROP, fill, rgb, address, position);
    });
    lines.append(...this.lines);
    svg.append(lines, ...this.stored, ...this.seen, this.jump, this.tip);
    svg.addEventListener("pointerover", (event) => this.point(cellUnder(event)));
    svg.addEventListener("pointerleave", () => this.point(null));
    svg.addEventListener("click", (event) => {
      const cell = cellUnder(event);
      if (cell) this.stopAt(Number(cell.dataset.position));
    });
    this.scroller.replaceChildren(svg);
    this.read(this.at);
  }

  centre(column) {
    return EDGE + (column + 0.5) * this.cell;
  }

  box(column, y, fill, rgb, text, position) {
    const cell = svgElement("g", { class: "cell", "data-position": position });
    const gap = this.cell > 10 ? 1 : 0;
    cell.append(svgElement("rect", { x: EDGE + column * this.cell + gap / 2, y, width: this.cell - gap, height: CELL, fill }));
    if (this.cell >= NUMERALS) {
      const size = this.cell < 18 ? 9 : 11.5;
      const numeral = svgElement("text", { x: this.centre(column), y: y + CELL / 2, fill: inkOn(rgb), "font-size": size });
      numeral.textContent = text;
      cell.append(numeral);
    }
    return cell;
  }

  // --- reading

  play() {
    const { length } = this.data.reading;
    if (this.at === null || this.at >= length - 1) this.read(0);
    const pace = Math.min(SLOWEST, Math.max(FASTEST, WHOLE / length));
    this.timer = setInterval(() => {
      if (this.at >= length - 1) this.pause();
      else this.read(this.at + 1);
    }, pace);
    this.label();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.label();
  }

  label() {
    this.button.textContent = this.timer ? "Pause" : "Read it";
  }

  stopAt(position) {
    this.pause();
    this.read(position);
  }

  // Up to this number; null for all of them.
  read(at) {
    this.at = at;
    const until = at ?? Infinity;
    [this.stored, this.seen, this.lines].forEach((marks) =>
      marks.forEach((mark, position) => mark.toggleAttribute("data-later", position > until)),
    );
    this.range.value = at ?? this.range.max;
    this.all.toggleAttribute("data-idle", at === null);
    this.mark(at);
  }

  point(cell) {
    this.mark(cell ? Number(cell.dataset.position) : this.at);
  }

  mark(position) {
    [this.stored, this.seen, this.lines].forEach((marks) => marks.forEach((mark, i) => mark.toggleAttribute("data-here", i === position)));
    this.root.toggleAttribute("data-one", position !== null);
    const [path, tip] = position > 0 ? this.jumping(this.data.reading[position - 1], this.data.reading[position]) : ["", ""];
    this.jump.setAttribute("d", path);
    this.tip.setAttribute("d", tip);
    if (position === null) this.readout.replaceChildren(this.data.label);
    else this.readout.replaceChildren(...this.sentence(position));
    this.range.setAttribute("aria-valuetext", this.readout.textContent);
  }

  // An arrow over the storage, from the number read before to this one.
  jumping(before, here) {
    const [from, to] = [this.centre(before), this.centre(here)];
    const high = Math.max(2, JUMP - 8 - Math.abs(to - from) / 6);
    const path = `M${from},${JUMP - 2} C${from},${high} ${to},${high} ${to},${JUMP - 5}`;
    return [path, `M${to},${JUMP - 1} l-4,-7 h8 z`];
  }

  sentence(position) {
    const { name, reading, shape, stride, axes, tones } = this.data;
    const index = unravel(position, shape);
    const axis = (i, text) => {
      const mark = element("b", { text });
      mark.style.color = `light-dark(${tones[i][0]}, ${tones[i][1]})`;
      return mark;
    };
    const parts = (write, between) => index.flatMap((_, i) => (i ? [between, ...write(i)] : write(i)));
    const step = position ? reading[position] - reading[position - 1] : null;
    const moved = step === null ? "" : `, ${step < 0 ? "−" : "+"}${Math.abs(step)} from the one before`;
    return [
      `number ${position}: ${name}[`,
      ...parts((i) => [axis(i, `${axes[i]}=${index[i]}`)], ", "),
      "] lies at ",
      ...parts((i) => [axis(i, index[i]), `·${stride[i]}`], " + "),
      ` = ${reading[position]}${moved}`,
    ];
  }
}

function cellUnder(event) {
  return event.target.closest("[data-position]");
}

function unravel(flat, shape) {
  return shape.map((size, axis) => Math.floor(flat / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % size);
}

export default rendererOf((host) => new Ribbon(host));
