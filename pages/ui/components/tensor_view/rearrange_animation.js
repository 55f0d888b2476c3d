// A step that only moves its cells: they fly from where they stood to where they stand, in the colour of where they
// started. The same token and feature have the same colour in every step, so a person can follow them.

import { element } from "../mount/dom.js";
import { sentOffset } from "./decode.js";
import { besideOf, indexAt, readBoxes } from "./dependencies.js";
import { axisName, fillTemplate, groupDigits } from "./format.js";
import { clamp, sum } from "./layout.js";
import { originColour } from "./origin_colormap.js";
import { cellsOf, packed, paintCells, paintNumerals, paintSeparators } from "./paint.js";

const [GHOST, VEIL] = [0.24, 0.84];
const SOME_IN_VIEW = "{shown} of {all} cells in view on both sides. ";
const ALL_OUT_OF_VIEW = "None of {all} cells in view on both sides. ";
const THE_ONE_OUT_OF_VIEW = "None of {all} cell in view on both sides. ";
const FLIGHT = 0.4; // of the whole, how long one cell flies
const [LEAD, SHORTEST, LONGEST, HOLD] = [350, 1600, 2800, 1200]; // ms

/** The flight of the cells from the only input to its one or two outputs, and the bar that controls it. */
export class RearrangeAnimation {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.progress = 1;
    this.kept = !!(stage.keepsOrigin ?? stage.data.travel.keeps); // the colours stay after the end
    this.shown = this.kept;
    this.playing = false;
    this.overlay = element("canvas", { class: "overlay", "aria-hidden": "true" });
    this.root = this.bar();
    // for a test: where the cell that started at an index of the input is now, and its colour
    Object.assign(this.root, { where: (index) => this.where(index) });
    this.onScroll = () => {
      this.placeFlights();
      this.describe();
      this.show();
    };
    stage.root.dataset.travel = "";
  }

  bar() {
    const button = (text, onclick, focus) => element("button", { type: "button", text, onclick, "data-focus": `travel:${focus}` });
    this.button = button("Replay", () => (this.playing ? this.pause() : this.play()), "play");
    this.skipping = button("Skip", () => this.skip(), "skip");
    this.range = element("input", {
      type: "range", min: 0, max: 100, value: 100, "aria-label": "how far the cells have moved", "data-focus": "travel:range",
      oninput: () => this.scrub(Number(this.range.value) / 100),
    });
    this.choices = ["values", "origin"].map((name) => button(name, () => this.choose(name === "origin"), name));
    this.note = element("p", { class: "note" });
    return element(
      "div",
      { class: "travel", role: "group", "aria-label": "the way of the cells" },
      element("div", {}, this.button, this.range),
      element("div", {}, element("span", { text: "Colours" }), element("span", { class: "segments", role: "group", "aria-label": "colours" }, ...this.choices), this.skipping),
      this.note,
    );
  }

  close() {
    this.stop();
    this.overlay.remove();
    this.ends?.forEach((view) => view.scroller.removeEventListener("scroll", this.onScroll));
    delete this.stage.root.dataset.travel;
    delete this.stage.root.dataset.travelProgress;
  }

  // --- what a person does

  play() {
    this.stop();
    if (this.progress >= 1) this.progress = 0;
    this.shown = this.playing = true;
    const length = clamp(SHORTEST + this.flights.length / 4, SHORTEST, LONGEST);
    if (stillness()) this.timer = setTimeout(() => this.finish(), SHORTEST);
    else {
      let last = performance.now() + (this.progress ? 0 : LEAD);
      const tick = (now) => {
        // after a tab was in the background it goes on where it was
        this.progress = Math.min(1, this.progress + clamp(now - last, 0, 200) / length);
        last = Math.max(last, now);
        if (this.progress >= 1) return this.finish();
        this.show();
        this.frame = requestAnimationFrame(tick);
        return undefined;
      };
      this.frame = requestAnimationFrame(tick);
    }
    this.show();
  }

  pause() {
    this.scrub(this.progress);
  }

  scrub(progress) {
    this.stop();
    this.kept = this.shown = true;
    this.progress = progress;
    this.show();
  }

  choose(origin) {
    this.kept = this.stage.keepsOrigin = origin;
    if (origin && this.playing) return;
    this.stop();
    this.shown = origin;
    if (!origin) this.progress = 1;
    this.show();
  }

  /**
   * Goes to the end at once.
   *
   * @returns {boolean} whether there was anything to skip
   */
  skip() {
    if (!this.timer && !this.playing && this.progress >= 1) return false;
    this.stop();
    this.rest();
    return true;
  }

  finish() {
    this.stop();
    this.progress = 1;
    this.show();
    if (!this.kept) this.timer = setTimeout(() => this.rest(), HOLD);
  }

  rest() {
    this.timer = null;
    this.progress = 1;
    this.shown = this.kept;
    this.show();
  }

  stop() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.timer = null;
    this.playing = false;
  }

  // --- where everything is

  relayout() {
    const first = !this.ends;
    this.ends = this.stage.views;
    this.prepare();
    this.placeFlights();
    this.describe();
    if (first) this.ends.forEach((view) => view.scroller.addEventListener("scroll", this.onScroll));
    if (first && this.flights.length && !stillness() && this.playsByItself()) this.play();
    else this.show();
  }

  // On a walk only while the walk itself plays: who goes through it by hand wants to see the numbers.
  playsByItself() {
    const { data, player } = this.stage;
    return !data.travel.keeps && (!data.player || !!player?.playing);
  }

  // Which cell goes where, and its colour: of every output cell that was sent, and those that were sent on both sides.
  prepare() {
    const { data } = this.stage;
    const [from] = this.ends.map((view) => view.panel);
    const colour = originColour(from, data.travel);
    this.pixels = this.ends.map(({ panel }) => new Uint32Array(panel.values.length));
    this.pixels[0].forEach((_, at, pixels) => (pixels[at] = packed(colour(indexAt(from, at)))));
    this.pairs = [];
    const beside = besideOf(data);
    for (const stage of beside ? [beside, data] : [data]) {
      const side = stage.output.number;
      this.pixels[side].forEach((_, at, pixels) => {
        const index = indexAt(stage.output, at);
        const source = readBoxes(stage, from, index)[0]?.map(([first]) => first);
        if (!source) return;
        const rgb = colour(source);
        pixels[at] = packed(rgb);
        const offset = sentOffset(from, source);
        const order = at / Math.max(1, pixels.length - 1);
        if (offset >= 0) this.pairs.push({ source, index, side, order, offset, colour: `rgb(${rgb})` });
      });
    }
  }

  // The places in the stage, of those cells that neither side has scrolled out of sight.
  placeFlights() {
    const rects = this.ends.map((view) => cellRects(view, this.stage.flow));
    this.flights = [];
    this.ghosts = new Uint32Array(this.pixels[0].length);
    this.ends.forEach(({ canvas }) => (canvas.tintStrength = null));
    const reach = [Infinity, Infinity, -Infinity, -Infinity];
    for (const pair of this.pairs) {
      const start = rects[0](pair.source);
      const end = rects[pair.side](pair.index);
      if (!start || !end) continue;
      this.flights.push({ ...pair, start, end });
      this.ghosts[pair.offset] = this.pixels[0][pair.offset];
      for (const [x, y, w, h] of [start, end]) {
        [reach[0], reach[1]] = [Math.min(reach[0], x), Math.min(reach[1], y)];
        [reach[2], reach[3]] = [Math.max(reach[2], x + w), Math.max(reach[3], y + h)];
      }
    }
    if (!this.flights.length) return;
    const [left, top] = reach.map(Math.floor);
    const [width, height] = [Math.ceil(reach[2]) - left, Math.ceil(reach[3]) - top];
    const { ratio } = this.ends[0].theme;
    Object.assign(this.overlay, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    Object.assign(this.overlay.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    this.context = this.overlay.getContext("2d");
    this.context.setTransform(ratio, 0, 0, ratio, -left * ratio, -top * ratio);
    this.reach = [left, top, width, height];
  }

  // What the colours mean, and how many cells fly if not all do.
  describe() {
    const [from, ...to] = this.ends.map((view) => view.panel);
    const { token, features } = this.stage.data.travel;
    const name = (axis) => {
      const symbol = element("b", { text: axisName(from, axis) });
      symbol.style.color = this.ends[0].theme.axis(from.axes[axis].symbol);
      return symbol;
    };
    const named = features.flatMap((axis, i) => (i ? [", ", name(axis)] : [name(axis)]));
    const all = sum(to.map(({ shape }) => shape.reduce((product, size) => product * size, 1)));
    const template = this.flights.length ? SOME_IN_VIEW : all === 1 ? THE_ONE_OUT_OF_VIEW : ALL_OUT_OF_VIEW;
    const some = fillTemplate(template, { shown: groupDigits(this.flights.length), all: groupDigits(all) });
    this.note.replaceChildren(
      this.flights.length < all ? some : "",
      ...(token === null ? [] : ["A colour for each ", name(token), features.length ? ", " : ""]),
      ...(features.length ? ["dark to light along ", ...named] : []),
    );
  }

  where(index) {
    const number = this.flights.findIndex(({ source }) => String(source) === String(index));
    if (number < 0) return null;
    const { left, top } = this.stage.flow.getBoundingClientRect();
    const [x, y, width, height] = this.spot(number);
    return { x: left + x, y: top + y, width, height, colour: this.flights[number].colour, to: this.flights[number].index };
  }

  // In the order in which the output is read, each cell sets out a little after the one before.
  spot(at) {
    const { start, end, order } = this.flights[at];
    const wait = order * (1 - FLIGHT);
    const t = clamp((this.progress - wait) / FLIGHT, 0, 1);
    const eased = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
    return start.map((from, i) => from + (end[i] - from) * eased);
  }

  // --- drawing

  show() {
    const { shown, progress, playing, stage } = this;
    stage.root.dataset.travel = playing ? "playing" : shown ? "still-origin" : "";
    stage.root.dataset.travelProgress = progress.toFixed(3);
    const flying = shown && progress < 1 && this.flights.length > 0;
    if (flying) {
      if (!this.overlay.isConnected) stage.flow.append(this.overlay);
      const [left, top, width, height] = this.reach;
      this.context.clearRect(left, top, width, height);
      this.flights.forEach(({ colour }, at) => {
        this.context.fillStyle = colour;
        const [x, y, w, h] = this.spot(at);
        this.context.fillRect(x, y, w, h);
      });
    } else this.overlay.remove();
    this.ends.forEach((view) => this.tint(view));
    this.range.value = String(Math.round(progress * 100));
    this.range.style.setProperty("--done", `${progress * 100}%`);
    this.range.setAttribute("aria-valuetext", `${Math.round(progress * 100)} %`);
    this.range.disabled = this.button.disabled = !this.flights.length;
    this.button.textContent = playing ? "Pause" : progress > 0 && progress < 1 ? "Play" : "Replay";
    this.skipping.toggleAttribute("data-idle", !playing);
    this.choices.forEach((choice, i) => choice.setAttribute("aria-pressed", String(!!i === shown)));
  }

  // The tensor itself steps back under the colours; near the end all of them are there, those too that did not fly.
  /** @param {PanelView} view */
  tint(view) {
    const side = this.ends?.indexOf(view) ?? -1;
    if (side < 0) return;
    const arrived = clamp((this.progress - 0.92) / 0.08, 0, 1);
    const ghosts = side || arrived === 1 ? null : this.ghosts;
    [view.canvas, view.zoom].filter(Boolean).forEach((canvas) => {
      canvas.tint?.toggleAttribute("data-on", this.shown);
      if (this.shown) tintCanvas(canvas, this.pixels[side], arrived, ghosts);
    });
  }
}

function stillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

// All cells as far as they have arrived, and faintly those that are on their way.
function tintCanvas(canvas, pixels, arrived, ghosts) {
  if (canvas.tintStrength === arrived) return;
  if (!canvas.tint) {
    canvas.tint = element("canvas", { class: "tint", "aria-hidden": "true", "data-on": true });
    canvas.base.after(canvas.tint);
  }
  canvas.tintStrength = arrived;
  const { layout, theme } = canvas;
  const context = canvas.context(canvas.tint);
  for (const block of layout.blocks) {
    const cells = cellsOf(layout, block);
    const paint = (strength, what) => {
      context.globalAlpha = strength;
      what();
    };
    context.fillStyle = theme.paper;
    paint(VEIL, () => context.fillRect(block.x, block.y, layout.blockWidth, layout.blockHeight));
    if (ghosts) paint(GHOST, () => paintCells(context, layout, block, cells, ghosts));
    paint(arrived, () => paintCells(context, layout, block, cells, pixels));
    if (layout.cell.numerals) paint(arrived, () => paintNumerals(context, layout, block, cells, pixels, theme));
    paint(1, () => paintSeparators(context, layout, block, theme));
  }
}

// index -> [x, y, width, height] in the stage; nothing for a cell that is scrolled out of sight.
function cellRects({ canvas, scroller, layout }, flow) {
  const { panel, cell } = layout;
  const [there, here] = [canvas.root.getBoundingClientRect(), flow.getBoundingClientRect()];
  const [left, right] = [scroller.scrollLeft, scroller.scrollLeft + scroller.clientWidth];
  const facets = [...panel.rows, ...panel.columns];
  const key = (index) => facets.map((axis) => index[axis]).join();
  const blocks = new Map(layout.blocks.map((block) => [key(block.lead), block]));
  const line = Math.min(cell.width, cell.height) >= 8 ? 1 : 0;
  return (index) => {
    const block = blocks.get(key(index));
    const x = block.x + (panel.columnAxis === null ? 0 : index[panel.columnAxis] - layout.firstColumn) * cell.width;
    const y = block.y + (panel.rowAxis === null ? 0 : index[panel.rowAxis] - layout.firstRow) * cell.height;
    if (x + cell.width / 2 < left || x + cell.width / 2 > right) return null;
    return [x + there.left - here.left, y + there.top - here.top, cell.width - line, cell.height - line];
  };
}
