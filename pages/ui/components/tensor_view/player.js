// Where the walk is, and the ways on: buttons, keys, autoplay, and a scrubber for parts, modules and stages.

import { element, svgElement } from "../mount/dom.js";
import { groupDigits } from "./format.js";
import { clamp } from "./layout.js";

const ICONS = {
  first: "M3 3v10M13 3l-7 5 7 5z",
  previous: "M11 3L4 8l7 5z",
  next: "M5 3l7 5-7 5z",
  last: "M13 3v10M3 3l7 5-7 5z",
  play: "M4 2.5l9 5.5-9 5.5z",
  pause: "M5 3v10M11 3v10",
};
const PATIENCE = 70; // ms between two steps that a drag asks for
const TYPING = "input, textarea, select, [contenteditable], [role=slider], [role=combobox], [role=listbox], [role=grid], [role=menu], [role=radiogroup], [role=tablist]";
const PRESSING = "button, a, summary, [role=button], [role=option], [role=checkbox], [role=switch], [role=tab]";

/** The position in the walk, and every way to move it. */
export class Player {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.playing = false;
    this.path = element("p", { class: "path", "aria-label": "module and step" });
    this.count = element("span", { class: "count" });
    this.buttons = {
      first: this.button("first", "First step", "Home", () => this.to(0)),
      previous: this.button("previous", "Previous", "←", () => this.to(this.step - 1), true),
      next: this.button("next", "Next", "→", () => this.to(this.step + 1), true),
      last: this.button("last", "Last step", "End", () => this.to(this.data.last)),
      play: this.button("play", "Play", "Space", () => this.play(!this.playing), true),
    };
    this.levels = element("div", { class: "levels" });
    this.jumps = element("div", { class: "jumps" });
    const { first, previous, next, last, play } = this.buttons;
    this.held = element("div", { class: "held" });
    const moves = element("div", { class: "moves" }, first, previous, next, last, play);
    this.root = element(
      "nav",
      { class: "player", "aria-label": "steps" },
      element("div", { class: "position" }, this.path, this.held, this.count, moves),
    );
    this.timeline = element("nav", { class: "timeline", "aria-label": "parts and stages" }, this.levels, this.jumps);
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
  }

  close() {
    this.play(false);
    clearTimeout(this.waiting);
    document.removeEventListener("keydown", this.onKey);
  }

  /**
   * Which part of a large tensor is shown stands in the row of the player, so that it takes no row of its own.
   *
   * @param {HTMLElement | null} controls
   */
  hold(controls) {
    this.held.replaceChildren(...(controls ? [controls] : []));
  }

  button(iconName, label, key, onclick, worded = false) {
    return element(
      "button",
      { type: "button", "data-move": iconName, title: `${label} (${key})`, "aria-label": label, onclick: () => this.byHand(onclick) },
      icon(iconName),
      worded ? element("span", { class: "word", text: label }) : null,
    );
  }

  // What a person does ends the autoplay, unless it is about the autoplay.
  byHand(move) {
    const { playing } = this;
    move();
    if (playing && this.playing) this.play(false);
  }

  /** @param {PlayerData} data */
  receive(data) {
    const signature = JSON.stringify(data.levels.map((level) => level.map(({ label, first, count }) => [label, first, count])));
    this.data = data;
    if (signature !== this.signature) {
      this.rows = data.levels.map((level, depth) => this.row(level, depth === data.levels.length - 1));
      this.levels.replaceChildren(...this.rows.map((row) => row.root));
    }
    this.signature = signature;
    this.path.replaceChildren(...this.wayOut(), ...pathParts(data.path));
    this.showJumps();
    this.show(data.step);
    this.continue();
  }

  // Inside a fused call, the way back to it.
  wayOut() {
    const { within } = this.data;
    if (!within) return [];
    const out = element("button", {
      type: "button", class: "crumb", text: `◂ ${within.label}`, title: "back to the fused call", "data-focus": "player:out",
      onclick: () => this.stage.go({ step: within.step, within: within.within }),
    });
    return [out, element("span", { class: "then", text: " inside ▸ " })];
  }

  /**
   * Shows where the walk is going, while its numbers may still be on the way.
   *
   * @param {number} step
   */
  show(step) {
    this.step = step;
    this.count.textContent = `step ${groupDigits(step)} of ${groupDigits(this.data.last)}`;
    this.root.dataset.step = String(step);
    const { first, previous, next, last } = this.buttons;
    // aria-disabled rather than disabled: a button that loses focus strands the keyboard
    [first, previous].forEach((button) => button.setAttribute("aria-disabled", String(step === 0)));
    [next, last].forEach((button) => button.setAttribute("aria-disabled", String(step === this.data.last)));
    this.rows.forEach((row) => row.segments.forEach((segment) => markSegment(segment, step)));
    this.stage.scheduleMeasuring();
  }

  /** Scrolls to the current segments. To be called where the page has been laid out, or is about to be. */
  keepInSight() {
    this.rows.forEach((row) => scrollRowTo(row.root, row.segments.find(({ button }) => button.hasAttribute("aria-current"))?.button));
  }

  row(level, finest) {
    const segments = level.map((segment) => this.segment(segment, finest));
    const root = element("div", { class: "level", role: "group", "aria-label": finest ? "stages" : "modules" }, ...segments.map(({ button }) => button));
    root.addEventListener("pointerdown", (event) => this.drag(event, segments));
    return { root, segments };
  }

  segment({ label, first, count }, finest) {
    // a tick for each step as long as they can be told apart
    const ticks = finest && count <= 24 ? Array.from({ length: count }, () => element("i", {})) : [element("i", { class: "whole" })];
    const description = count === 1 ? `${label}: step ${first}` : `${label}: steps ${first} to ${first + count - 1}`;
    const button = element(
      "button",
      {
        type: "button", class: "segment", title: description, "aria-label": description,
        // a press of the mouse has been seen to where it went down
        onclick: (event) => event.detail === 0 && this.byHand(() => this.to(first)),
      },
      element("span", { class: "ticks", "aria-hidden": "true" }, ...ticks),
      element("span", { class: "name", text: label }),
    );
    button.style.flexGrow = count;
    return { button, ticks, first, count };
  }

  // A press goes to where a segment begins, a drag to the step under the pointer.
  drag(event, segments) {
    if (event.button !== 0) return;
    const from = event.clientX;
    const segmentAt = (x) => segments.find(({ button }) => x < button.getBoundingClientRect().right) ?? segments.at(-1);
    let moved = false;
    const move = (later) => {
      if (!moved && Math.abs(later.clientX - from) < 5) return;
      moved = true;
      const { button, first, count } = segmentAt(later.clientX);
      const { left, width } = button.getBoundingClientRect();
      this.soon(first + clamp(Math.floor(((later.clientX - left) / width) * count), 0, count - 1));
    };
    const end = (later) => {
      stop();
      if (!moved && later.type === "pointerup") this.byHand(() => this.to(segmentAt(from).first));
    };
    const stop = () => {
      document.removeEventListener("pointermove", move);
      ["pointerup", "pointercancel"].forEach((name) => document.removeEventListener(name, end));
    };
    // A finger that scrolls the row is cancelled, and then nothing moves.
    document.addEventListener("pointermove", move);
    ["pointerup", "pointercancel"].forEach((name) => document.addEventListener(name, end));
    this.play(false);
  }

  showJumps() {
    this.jumps.replaceChildren(...this.data.jumps.map((jump) => this.jump(jump)).filter(Boolean));
  }

  jump({ label, tooltip, step, keeps_pin, along, by }) {
    const cell = along === null ? null : this.neighbour(along, by);
    if (along !== null && !cell) return null;
    const text = !cell ? label : by < 0 ? `◂ ${label} ${cell[along]}` : `${label} ${cell[along]} ▸`;
    const go = () => this.stage.go({ step, cell, keeps_pin });
    return element("button", {
      type: "button", class: "jump", text, title: tooltip, "data-focus": `jump:${label}:${by}`,
      "aria-disabled": step === null ? "true" : null,
      onclick: () => step !== null && this.byHand(go),
    });
  }

  // The cell so many positions on along an axis of the output, null where it ends.
  neighbour(along, by) {
    const { data } = this.stage;
    const { pin } = this.stage.selection;
    const { axes, number } = data.output;
    const cell = pin?.number === number ? [...pin.index] : axes.map(() => 0);
    cell[along] += by;
    return cell[along] >= 0 && cell[along] < axes[along].size ? cell : null;
  }

  to(step) {
    const bounded = clamp(step, 0, this.data.last);
    if (bounded !== this.step) this.stage.go({ step: bounded });
  }

  // While dragging: shown at once, asked for when the hand rests a moment.
  soon(step) {
    if (step === this.step) return;
    this.show(step);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.stage.go({ step: this.step }), PATIENCE);
  }

  /** @param {boolean} on whether autoplay runs */
  play(on) {
    if (on === this.playing) return;
    // from the end it starts over
    if (on && this.step === this.data.last) this.to(0);
    this.playing = on;
    const { play } = this.buttons;
    play.replaceChildren(icon(on ? "pause" : "play"), element("span", { class: "word", text: on ? "Pause" : "Play" }));
    play.setAttribute("aria-label", on ? "Pause" : "Play");
    this.root.toggleAttribute("data-playing", on);
    this.continue();
  }

  // Autoplay waits for a step's numbers, then lets people look at them.
  continue() {
    clearTimeout(this.timer);
    if (!this.playing) return;
    if (this.step === this.data.last) {
      this.play(false);
      return;
    }
    if (this.step === this.data.step) this.timer = setTimeout(() => this.to(this.step + 1), this.data.dwell * 1000);
  }

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const within = (selector) => event.composedPath().some((target) => target.matches?.(selector));
    if (within(TYPING) || document.querySelector("[role=dialog]")) return;
    const moves = {
      ArrowRight: () => this.to(this.step + 1),
      ArrowLeft: () => this.to(this.step - 1),
      Home: () => this.to(0),
      End: () => this.to(this.data.last),
      " ": () => this.play(!this.playing),
    };
    if (!moves[event.key] || (event.key === " " && within(PRESSING))) return;
    event.preventDefault();
    this.byHand(moves[event.key]);
  }
}

function pathParts(path) {
  return path.flatMap((part, i) => {
    const last = i === path.length - 1;
    return [i ? element("span", { class: "then", "aria-hidden": "true", text: " ▸ " }) : null, element(last ? "b" : "span", { text: part })];
  }).filter(Boolean);
}

function markSegment({ button, ticks, first, count }, step) {
  const isHere = step >= first && step < first + count;
  if (isHere) button.setAttribute("aria-current", "step");
  else button.removeAttribute("aria-current");
  if (ticks.length === count) ticks.forEach((tick, i) => tick.toggleAttribute("data-here", first + i === step));
  else ticks[0].style.setProperty("--done", isHere ? `${((step - first + 1) / count) * 100}%` : "0%");
}

// Scrolls a row of the scrubber sideways, and nothing else.
function scrollRowTo(row, child) {
  if (!child || row.scrollWidth <= row.clientWidth) return;
  const left = child.offsetLeft - row.offsetLeft;
  if (left < row.scrollLeft || left + child.offsetWidth > row.scrollLeft + row.clientWidth) {
    row.scrollLeft = left - (row.clientWidth - child.offsetWidth) / 2;
  }
}

function icon(name) {
  return svgElement("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" }, svgElement("path", { d: ICONS[name] }));
}
