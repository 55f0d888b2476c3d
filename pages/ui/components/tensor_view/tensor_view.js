// The stage: inputs, operation, output, and what is pointed at across all of them.

const WIDE = 900;
const CARD = { narrow: 264, wide: 304 };
const ROOMY = 1180;
const SPACE = 28;
const STACKED = 600;
const HINTS = {
  fine: "Point at a cell to read it; click keeps it. With the keyboard: Tab, arrow keys, Enter, Escape.",
  coarse: "Tap a cell to keep it; tap it again to let go.",
};
const luminances = new Map();
const pen = document.createElement("canvas").getContext("2d"); // measures words
let counter = 0;

class Stage {
  constructor(host) {
    this.id = `tensor-view-${++counter}`;
    this.hovered = null; // where the mouse is: {number, index}
    this.cursor = null; // where the keyboard is
    this.pin = null; // what was clicked
    this.sent = { view: 0, pinned: 0, go: 0 };
    this.tinted = [];
    this.stagePart = element("div", {});
    this.root = element("div", { class: "stage-root" }, this.stagePart);
    host.append(this.root);
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(this.root);
    this.onEscape = (event) => event.key === "Escape" && !event.defaultPrevented && (this.pin || this.travel) && this.escape();
    document.addEventListener("keydown", this.onEscape);
    document.fonts?.ready.then(() => this.data && this.lay());
  }

  close() {
    this.sizes.disconnect();
    document.removeEventListener("keydown", this.onEscape);
    clearTimeout(this.timer);
    cancelAnimationFrame(this.looking);
    this.player?.close();
    this.travel?.close();
    this.root.remove();
  }

  // A message from Python.
  receive(bytes) {
    const data = decode(bytes);
    const fresh = !this.data;
    if (fresh) {
      this.sent = { ...data.seen };
      this.told = this.sent.pinned;
    }
    this.run = data.player?.run;
    // An answer to an earlier press must not undo a later one.
    if ((data.seen.go ?? 0) < this.sent.go) return;
    this.take(data, fresh);
  }

  // The same stage with other numbers keeps its elements, and with them focus and scrolling.
  take(data, fresh) {
    data.output = data.panels.at(-1);
    repeats(data);
    this.data = data;
    this.at = data.at;
    // An answer to an earlier click must not undo a later one.
    if (fresh || (data.seen.pinned ?? 0) >= this.sent.pinned) {
      this.pin = data.pinned && { number: data.pinned.panel, index: data.pinned.index };
    }
    this.pin = this.existing(this.pin);
    this.hovered = this.existing(this.hovered);
    this.cursor = this.existing(this.cursor);
    const look = lookOf(this.root, data); // before there is anything new here to be styled first
    const signature = signatureOf(data);
    if (signature === this.signature) {
      this.views.forEach((view, i) => view.receive(data.panels[i]));
      this.controls.forEach((control, i) => control.receive(data.controls[i]));
    } else this.build();
    this.signature = signature;
    this.root.toggleAttribute("data-busy", (data.seen.view ?? 0) < this.sent.view);
    this.madeView.receive(data.made);
    this.lay(look);
    this.showPlayer();
  }

  showPlayer() {
    const { player } = this.data;
    if (!player) return;
    if (!this.player) {
      this.player = new Player(this);
      this.root.prepend(this.player.root);
    }
    this.player.receive(player);
    this.root.dataset.step = player.step;
  }

  // To another step, or another cell of this one: at once where that was sent ahead, else when Python has answered.
  go({ step, cell = null, panel = null, keeps_pin = false, trail = null }) {
    // a pin that Python has not heard of yet is not worth telling any more
    clearTimeout(this.timer);
    this.sent.pinned = this.told;
    this.send("go", { step, cell, panel, keeps_pin, trail, n: ++this.sent.go });
    const stage = cell || keeps_pin || trail !== null ? null : this.ahead(step);
    this.player?.show(step);
    this.travel?.skip();
    if (!stage) {
      this.root.toggleAttribute("data-busy", true);
      return;
    }
    this.pin = null;
    this.take(stage, false);
  }

  // The stage of a step as far as it was sent ahead, for this run of the model and these parts of the axes.
  ahead(step) {
    const bytes = aheadOf(step);
    const stage = bytes && decode(bytes);
    const current = stage?.player.run === this.run && (stage.seen.view ?? 0) >= this.sent.view;
    return current ? stage : null;
  }

  back(place) {
    this.go({ step: this.data.player.step, trail: place });
  }

  existing(at) {
    const panel = at && this.data.panels[at.number];
    return panel && inShape(panel, at.index) ? at : null;
  }

  build() {
    const focused = this.root.getRootNode().activeElement?.dataset?.focus;
    this.tinted = [];
    this.spare = this.views?.flatMap(({ plate }) => [plate.marks, plate.base]) ?? [];
    this.views = this.data.panels.map((panel) => new PanelView(panel, this));
    this.controls = this.data.controls.map((control) => new Control(control, this));
    const inputs = this.views.slice(0, -1).map((view) => view.root);
    const card = this.data.operation ? operationCard(this.data.operation, this) : null;
    const output = this.views.at(-1).root;
    this.travel?.close();
    this.travel = this.travels() ? new Travel(this) : null;
    this.flow = element(
      "div",
      { class: "flow" },
      inputs.length ? element("div", { class: "inputs" }, ...inputs) : null,
      (card || this.travel) && element("div", { class: "middle" }, card, this.travel?.root),
      element("div", { class: "output" }, output),
    );
    this.reading = element("div", { class: "reading" });
    this.linking = element("div", { class: "linking" });
    this.release = element("button", {
      type: "button", class: "release", text: "Release", title: "Escape releases too", onclick: () => this.escape(),
    });
    this.line = element("div", { class: "spoken" }, element("div", { class: "words" }, this.reading, this.linking), this.release);
    this.live = element("div", { class: "unseen", role: "status", "aria-live": "polite" });
    const lead = element("span", { text: "Showing" });
    const controls = element("div", { class: "controls" }, lead, ...this.controls.map((control) => control.root));
    this.madeView ??= new MadeView(this);
    this.stagePart.replaceChildren(
      ...(this.controls.length ? [controls] : []),
      this.flow,
      this.madeView.root,
      element("div", { class: "readout" }, this.line),
      this.live,
    );
    if (focused) this.root.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  travels() {
    return this.data.travel && this.views.length === 2 && this.views.every((view) => view.drawable);
  }

  // Colours depend on the theme: remembered as pairs, set in lay().
  colour(target, property, tones) {
    if (tones) this.tinted.push([target, property, (dark) => tones[dark ? 1 : 0]]);
  }

  underline(target, symbol) {
    const tones = this.data.axes[symbol]?.tones;
    if (!tones) return;
    const band = (dark) => {
      const share = 100 / tones.length;
      const stops = tones.map((tone, i) => `${tone[dark ? 1 : 0]} ${i * share}% ${(i + 1) * share}%`);
      return `linear-gradient(to right, ${stops.join(", ")})`;
    };
    this.tinted.push([target, "--band", band]);
  }

  resized() {
    if (!this.data || Math.abs(this.root.clientWidth - this.width) < 1) return;
    // in the next frame, because laying out inside the observer would observe itself
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.width = 0;
      this.lay();
    });
  }

  // The width is known until resized() hears of another: asked for here, the page would be laid out to tell it.
  lay(look = lookOf(this.root, this.data)) {
    this.width ||= this.root.clientWidth;
    if (!this.width) return;
    this.root.toggleAttribute("data-dark", look.dark);
    this.tinted.forEach(([target, property, value]) => target.style.setProperty(property, value(look.dark)));
    const spaces = this.spaces(look);
    this.views.forEach((view, i) => view.lay(spaces[i], look));
    this.travel?.lay();
    this.refresh();
    this.look();
  }

  // What has to be asked of the page is asked once, just before it is painted, when it has to be laid out anyway.
  look() {
    cancelAnimationFrame(this.looking);
    this.looking = requestAnimationFrame(() => {
      this.player?.keepInSight();
      const measured = this.views.map((view) => view.overflow.measure());
      this.views.forEach((view, i) => view.overflow.show(measured[i]));
    });
  }

  // How much room each tensor gets: side by side where that leaves enough for both sides, else one below the other.
  spaces(look) {
    const inputs = this.views.length - 1;
    const wide = inputs > 0 && this.width >= WIDE;
    const alone = inputs === 0;
    this.root.toggleAttribute("data-wide", wide);
    if (!wide) return this.views.map(() => ({ width: this.width, height: alone ? 480 : 360 }));
    const card = this.flow.querySelector(".middle") ? (this.width >= ROOMY ? CARD.wide : CARD.narrow) : 0;
    const room = this.width - (card ? card + SPACE : 0) - SPACE;
    const wants = this.views.map((view) => wantedWidth(view.panel, look));
    const left = Math.max(...wants.slice(0, -1));
    const right = wants.at(-1);
    const share = left + right <= room ? left + (room - left - right) / 2 : clamp((room * left) / (left + right), room * 0.36, room * 0.64);
    const columns = [Math.floor(share), Math.floor(room - share)];
    this.flow.style.gridTemplateColumns = card ? `${columns[0]}px ${card}px ${columns[1]}px` : `${columns[0]}px ${columns[1]}px`;
    // inputs that stand one below the other stay low, unless all of them have numerals in not much more room
    const numbered = this.views.slice(0, -1).map((view) => numeralHeight(view.panel, columns[0], look));
    const low = (i) => (sum(numbered) <= STACKED ? Math.max(210, numbered[i]) : 210);
    return this.views.map((_, i) => (i === inputs ? { width: columns[1], height: 360 } : { width: columns[0], height: inputs > 1 ? low(i) : 360 }));
  }

  enlarges(view) {
    return view.panel === this.data.output;
  }

  // --- what is pointed at

  hover(view, index) {
    this.hovered = view && index ? { number: view.panel.number, index } : null;
    this.refresh();
  }

  click(view, index) {
    if (!index) return;
    this.travel?.skip();
    const same = this.pin && this.pin.number === view.panel.number && String(this.pin.index) === String(index);
    this.cursor = null;
    view.last = index;
    this.setPin(same ? null : { number: view.panel.number, index }, 0);
  }

  focus(view) {
    if (!view.drawable) return;
    const pinnedHere = this.pin?.number === view.panel.number ? this.pin.index : null;
    const index = pinnedHere ?? (view.last && inShape(view.panel, view.last) ? view.last : view.panel.axes.map((axis) => axis.start));
    this.cursor = { number: view.panel.number, index };
    this.refresh(true);
  }

  blur(view) {
    if (this.cursor?.number === view.panel.number) this.cursor = null;
    this.refresh();
  }

  key(view, event) {
    if (event.key === "Enter" || event.key === " ") {
      if (this.cursor) this.setPin({ ...this.cursor }, 0);
    } else if (event.key === "Escape") {
      this.escape();
    } else {
      const next = this.moved(view, event);
      if (!next) return;
      this.moveTo(view, next);
    }
    event.preventDefault();
    // The page has shortcuts of its own for the arrow keys.
    event.stopPropagation();
  }

  moved(view, event) {
    const { panel } = view;
    const from = this.cursor?.number === panel.number ? this.cursor.index : this.pin?.number === panel.number ? this.pin.index : view.last;
    if (!from || !inShape(panel, from)) return event.key.startsWith("Arrow") ? panel.axes.map((axis) => axis.start) : null;
    const across = [...panel.columns, panel.columnAxis].filter((axis) => axis !== null);
    const down = [...panel.rows, panel.rowAxis].filter((axis) => axis !== null);
    const moves = {
      ArrowRight: () => stepped(panel, from, across, 1),
      ArrowLeft: () => stepped(panel, from, across, -1),
      ArrowDown: () => stepped(panel, from, down, 1),
      ArrowUp: () => stepped(panel, from, down, -1),
      Home: () => (panel.columnAxis === null ? from : with_(from, panel.columnAxis, panel.axes[panel.columnAxis].start)),
      End: () => (panel.columnAxis === null ? from : with_(from, panel.columnAxis, lastShown(panel.axes[panel.columnAxis]))),
    };
    return moves[event.key]?.() ?? null;
  }

  // The keyboard goes to a cell; a pin in this tensor goes along. Outside the window, the window follows.
  moveTo(view, index) {
    const { panel } = view;
    view.last = index;
    this.hovered = null;
    this.cursor = { number: panel.number, index };
    panel.axes.forEach((axis, n) => {
      const i = index[n];
      if (i >= axis.start && i < axis.start + axis.count) return;
      this.show(axis.key, clamp(i < axis.start ? i - axis.count + 1 : i, 0, axis.size - axis.count));
    });
    if (this.pin?.number === panel.number) this.setPin({ number: panel.number, index }, 150);
    else this.refresh(true);
    view.reveal(index);
  }

  escape() {
    if (this.travel?.skip()) return;
    this.cursor = null;
    if (this.pin) this.setPin(null, 0);
    else this.refresh();
  }

  // Python hears of a pin at once, but of a row of arrow keys only where it ends.
  setPin(pin, delay) {
    this.pin = pin;
    const panel = pin && this.data.panels[pin.number];
    const step = this.data.player?.step ?? null;
    const cell = pin ? { panel: pin.number, title: panel.title, step, index: pin.index } : { panel: -1, title: "", step, index: [] };
    const n = ++this.sent.pinned;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.told = n;
      this.send("pinned", { cell, n });
    }, delay);
    if (pin) this.player?.play(false);
    this.player?.showJumps();
    this.refresh(true);
    if (!pin) this.live.textContent = "released";
  }

  // Show another part of an axis, in every tensor that has it.
  show(key, start) {
    this.at = { ...this.at, [key]: start };
    this.root.toggleAttribute("data-busy", true);
    this.send("view", { at: this.at, n: ++this.sent.view });
  }

  refresh(speak = false) {
    const active = this.hovered ?? this.cursor ?? this.pin;
    const lit = this.litBoxes(active);
    const linked = lit.some((boxes) => boxes.length);
    this.views.forEach((view, i) => {
      const { panel } = view;
      const own = active?.number === i;
      view.mark({
        lit: boxesInView(panel, lit[i]),
        active: own ? active.index : null,
        pin: this.pin?.number === i ? this.pin.index : null,
        dim: lit[i].length > 0 || (own && linked),
        total: boxesCount(lit[i]),
        inView: boxesCount(boxesInView(panel, lit[i])),
      });
      view.cell.textContent = own ? spoken(panel, active.index) : "";
      const where = own ? active.index : [];
      if (own) view.cell.setAttribute("aria-rowindex", (where.at(-2) ?? 0) + 1);
      if (own) view.cell.setAttribute("aria-colindex", (where.at(-1) ?? 0) + 1);
      view.cell.setAttribute("aria-selected", this.pin?.number === i && String(this.pin.index) === String(where));
    });
    this.readOut(active, lit);
    if (speak && active) this.live.textContent = spoken(this.data.panels[active.number], active.index);
  }

  // For each panel, the boxes that light up because of the active cell.
  litBoxes(active) {
    const { panels, output } = this.data;
    const lit = panels.map(() => []);
    if (!active || !this.data.reads.length) return lit;
    const panel = panels[active.number];
    if (panel === output) panels.slice(0, -1).forEach((input, i) => (lit[i] = readBoxes(this.data, input, active.index)));
    else lit[output.number] = readerBoxes(this.data, panel, active.index);
    return lit;
  }

  readOut(active, lit) {
    this.release.hidden = !this.pin;
    this.root.toggleAttribute("data-pinned", !!this.pin);
    this.line.style.transform = "";
    if (!active) {
      this.reading.replaceChildren(element("span", { class: "hint", text: HINTS[matchMedia("(pointer: coarse)").matches ? "coarse" : "fine"] }));
      this.linking.textContent = "";
      return;
    }
    const panel = this.data.panels[active.number];
    const value = valueText(panel, active.index);
    const runs = cellRuns(panel, active.index).map(([words, symbol, kind]) => {
      const run = element("span", { text: words, class: kind ?? (symbol ? "axis" : null) });
      const tone = this.data.axes[symbol]?.tone;
      if (tone) run.style.color = tone[this.root.hasAttribute("data-dark") ? 1 : 0];
      return run;
    });
    const masked = isMasked(panel, active.index) ? element("span", { class: "aside", text: " masked" }) : null;
    const said = value === null ? [" is not in view"] : [" = ", element("b", { text: value })];
    this.reading.replaceChildren(...runs, ...said, ...(masked ? [masked] : []));
    const verb = panel === this.data.output ? "reads" : "read by";
    const parts = this.data.panels.map((other, i) => ({
      title: other.title, total: boxesCount(lit[i]), inView: boxesCount(boxesInView(other, lit[i])),
    }));
    this.linking.textContent = readsText(parts, verb);
    this.dodge(this.views[active.number], active.index);
  }

  // The read-out never lies over the cell that it speaks of.
  dodge({ plate, zoom }, index) {
    const line = this.line.getBoundingClientRect();
    for (const { root, layout } of [plate, zoom].filter((one) => one?.layout)) {
      const [region] = regions(layout, index.map(ONE));
      const top = root.getBoundingClientRect().top + (region?.y ?? Infinity);
      if (top < line.bottom && top + layout.cell.height > line.top) this.line.style.transform = `translateY(${top - 6 - line.bottom}px)`;
    }
  }
}

function lastShown({ start, count }) {
  return start + count - 1;
}

// One step along axes, the last of which moves fastest. At the edge of a window the tensor goes on; at the edge of the
// tensor the next facet follows; at the end of all, nothing moves.
function stepped(panel, from, axes, sign) {
  const index = [...from];
  for (const axis of [...axes].reverse()) {
    const { start, count, size } = panel.axes[axis];
    const next = index[axis] + sign;
    const inside = next >= start && next < start + count;
    if (inside || (count < size && next >= 0 && next < size)) {
      index[axis] = next;
      return index;
    }
    index[axis] = sign > 0 ? start : start + count - 1;
  }
  return from;
}

// Roughly how wide a tensor would like to be, to divide the room between the sides.
function wantedWidth(panel, look) {
  const box = panel.axes.map((axis) => [axis.start, axis.count]);
  const columns = panel.columns.reduce((product, axis) => product * box[axis][1], 1);
  const cells = sizeOf(box, panel.columnAxis) * columns;
  const rows = sizeOf(box, panel.rowAxis) * panel.rows.reduce((product, axis) => product * box[axis][1], 1);
  const each = cells <= 12 && rows <= 12 ? 46 : 13;
  return Math.max(220, cells * each + columns * GAP + sideGutter(panel, box, look).width);
}

function signatureOf(data) {
  const shown = data.panels.map(({ title, note, role, dtype, rows, columns, axes, scale, values }) => [
    title, note, role, dtype, rows, columns, scale.kind, !!values, axes.map(({ symbol, key, size, count }) => [symbol, key, size, count]),
  ]);
  const controls = data.controls.map(({ key, size, count, parts }) => [key, size, count, parts]);
  return JSON.stringify([shown, data.operation, controls, data.axes, data.roles]);
}

// The theme as Streamlit's custom properties give it, in the forms a canvas needs.
function lookOf(root, data) {
  const style = getComputedStyle(root);
  const property = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const paper = property("--st-background-color", "#ffffff");
  const dark = luminance(paper) < 0.4;
  const ink = property("--st-text-color", dark ? "#fafafa" : "#31333f");
  const font = property("--st-font", "sans-serif");
  const mono = property("--st-code-font", "monospace");
  const widths = new Map();
  const measure = (words, size) => {
    const key = `${size}|${words}`;
    if (!widths.has(key)) {
      pen.font = `${size}px ${font}`;
      widths.set(key, pen.measureText(words).width);
    }
    return widths.get(key);
  };
  const numeral = 11;
  pen.font = `${numeral}px ${mono}`;
  return {
    dark, paper, ink, font, mono, measure, numeral,
    digit: pen.measureText("0").width,
    ratio: window.devicePixelRatio || 1,
    soft: dark ? "#a3a9b6" : "#656c7c",
    line: dark ? "#3d4350" : "#cfd4df",
    hatch: dark ? "#7d8494" : "#9aa1b1",
    veil: `color-mix(in srgb, ${paper} 45%, transparent)`,
    cell: dark ? [33, 38, 48] : [241, 243, 247],
    yes: dark ? [196, 202, 214] : [61, 68, 84],
    axis: (symbol) => data.axes[symbol]?.tone[dark ? 1 : 0] ?? (dark ? "#a6adbd" : "#666d7e"),
  };
}

// Remembered, because to read a pixel back is to wait for everything that is being drawn.
function luminance(colour) {
  if (!luminances.has(colour)) luminances.set(colour, measuredLuminance(colour));
  return luminances.get(colour);
}

function measuredLuminance(colour) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

// Streamlit calls this at every update, with the same parent as long as the component is on the page.
export default function ({ data, parentElement, setStateValue }) {
  const [stage, leave] = mounted(parentElement, () => new Stage(parentElement));
  stage.send = setStateValue;
  stage.receive(data);
  return leave;
}
