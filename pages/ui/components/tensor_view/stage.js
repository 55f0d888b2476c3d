// The stage: inputs, operation and output, and the messages to and from Python.

import { element, focusOn, focusedElement } from "../mount/dom.js";
import { Control } from "./controls.js";
import { decode } from "./decode.js";
import { clipToView, countCells } from "./dependencies.js";
import { ExplanationView } from "./explanation.js";
import { markBroadcastAxes, spokenCell } from "./format.js";
import { HeldHeight } from "./held_height.js";
import { litBoxes } from "./lit_boxes.js";
import { operationCard } from "./operation.js";
import { PanelView } from "./panel.js";
import { panelSizes } from "./panel_sizes.js";
import { Player } from "./player.js";
import { ReadOut } from "./readout.js";
import { RearrangeAnimation } from "./rearrange_animation.js";
import { Selection } from "./selection.js";
import { SideColumn } from "./side_column.js";
import { SlabMode } from "./slabs.js";
import { StageFetcher } from "./stage_fetcher.js";
import { signatureOf } from "./stage_signature.js";
import { themeFor, themeOf } from "./theme.js";
import { roomBelow, walkLayout } from "./walk_layout.js";

const [TWO_RESULTS, BESIDE_GAP] = [700, 28]; // px: from which two results of one input stand so, and between them
let counter = 0;

/** Everything of one step on the page. It is made once and takes step after step. */
export class Stage {
  /** @param {ParentNode} host where Streamlit wants the component */
  constructor(host) {
    this.id = `tensor-view-${++counter}`;
    this.sent = { view: 0, pinned: 0, go: 0 };
    this.tinted = []; // what is coloured by the theme
    this.leaving = new AbortController();
    this.keepsOrigin = null; // whether a person wants cells in the colours of where they came from
    this.selection = new Selection(this);
    this.slabs = new SlabMode(this);
    this.fetcher = new StageFetcher(this);
    this.readOut = new ReadOut(this);
    this.explanationView = new ExplanationView(this);
    this.held = new HeldHeight();
    this.contents = element("div", {});
    this.root = element("div", { class: "stage-root" }, this.contents);
    host.append(this.root);
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(this.root);
    // Less is left for the stage when what stands above it grows, and when the window is made lower.
    document.querySelectorAll("[data-testid=stMainBlockContainer], [data-testid=stApp]").forEach((page) => this.sizes.observe(page));
    const { signal } = this.leaving;
    const escape = (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && (this.selection.pin || this.animation)) this.selection.escape();
    };
    document.addEventListener("keydown", escape, { signal });
    document.fonts?.ready.then(() => this.data && this.relayout());
    // Paper has the light theme, for which the page's own listener, an older one, has already changed the styles.
    for (const kind of ["beforeprint", "afterprint"]) window.addEventListener(kind, () => this.data && this.relayout(), { signal });
  }

  /** Lets go of everything that outlives the elements. */
  close() {
    this.sizes.disconnect();
    this.leaving.abort();
    this.fetcher.close();
    this.selection.close();
    cancelAnimationFrame(this.measuring);
    this.player?.close();
    this.animation?.close();
    this.root.remove();
  }

  /**
   * Takes a message from Python.
   *
   * @param {Uint8Array} bytes a stage as wire_format.py packs it
   * @param {Streamlit} streamlit
   */
  receive(bytes, { setStateValue }) {
    this.send = setStateValue;
    const data = decode(bytes);
    const first = !this.data;
    if (first) {
      this.sent = { ...this.sent, ...data.seen };
      this.selection.reportedPin = this.sent.pinned;
    }
    this.run = data.player?.run;
    if (this.fetcher.refuses(data)) return;
    if (this.fetcher.hasDrawn(bytes)) this.fetcher.showBusy(data);
    else this.take(data, first, null); // with a message from Python the page may have another theme
  }

  // The same stage with other numbers keeps its elements, and with them focus and scrolling.
  take(data, first, known = this.theme) {
    markBroadcastAxes(data);
    this.data = data;
    this.at = data.at;
    // An answer to an earlier click must not undo a later one.
    if (first || (data.seen.pinned ?? 0) >= this.sent.pinned) {
      this.selection.receive(data.pinned && { number: data.pinned.panel, index: data.pinned.index });
    } else this.selection.receive();
    const theme = known ? themeFor(known, data) : themeOf(this.root, data); // before anything new here is styled
    const signature = signatureOf(data);
    if (signature === this.signature) {
      this.views.forEach((view, i) => view.receive(data.panels[i]));
      this.controls.forEach((control, i) => control.receive(data.controls[i]));
    } else this.build();
    this.signature = signature;
    this.slabs.receive();
    this.fetcher.showBusy(data);
    this.explanationView.receive(data.explanation);
    this.relayout(theme);
    this.showPlayer();
  }

  showPlayer() {
    const { player } = this.data;
    if (!player) return;
    this.player.receive(player);
    this.root.dataset.step = String(player.step);
  }

  /**
   * Goes to another step, or another cell of this one: at once where that was sent ahead, else when Python has answered.
   *
   * @param {NavigationRequest} request
   */
  go({ step, cell = null, panel = null, keeps_pin = false, trail = null, within = null }) {
    this.selection.dropUnreported();
    this.fetcher.giveUp();
    const request = { step, cell, panel, keeps_pin, trail, within, n: ++this.sent.go };
    const isPlain = !(cell || keeps_pin || trail !== null || within);
    const stage = isPlain ? this.fetcher.prefetched(step) : null;
    if (isPlain && !stage) this.fetcher.go(request);
    else this.send("go", request);
    if (!within) this.player?.show(step); // the steps of another walk are not counted with these
    this.animation?.skip();
    if (!stage) {
      this.root.toggleAttribute("data-busy", true);
      return;
    }
    this.selection.pin = null;
    this.take(stage, false);
  }

  /**
   * Goes back along the breadcrumbs of the explanation.
   *
   * @param {number} crumb counted from the first
   */
  back(crumb) {
    this.go({ step: this.data.player.step, trail: crumb });
  }

  build() {
    const focused = focusedElement(this.root)?.dataset.focus;
    this.tinted = [];
    this.spare = this.views?.flatMap(({ canvas }) => [canvas.marks, canvas.base]) ?? [];
    this.views = this.data.panels.map((panel) => new PanelView(panel, this));
    this.controls = this.data.controls.map((control) => new Control(control, this));
    const results = this.data.travel?.beside ? 2 : 1;
    const inputs = this.views.slice(0, -results).map((view) => view.root);
    const card = this.data.operation ? operationCard(this.data.operation, this) : null;
    const outputs = this.views.slice(-results).map((view) => view.root);
    this.root.toggleAttribute("data-beside", results > 1);
    this.animation?.close();
    this.animation = this.canAnimate() ? new RearrangeAnimation(this) : null;
    const isWalk = !!this.data.player;
    this.root.toggleAttribute("data-walk", isWalk);
    const middle = !isWalk && (card || this.animation) ? element("div", { class: "middle" }, card, this.animation?.root) : null;
    this.side = isWalk ? new SideColumn(card, this.explanationView.root) : null;
    this.flow = element(
      "div",
      { class: "flow" },
      inputs.length ? element("div", { class: "inputs" }, ...inputs) : null,
      middle,
      element("div", { class: "output" }, ...outputs),
      isWalk ? this.animation?.root : null,
      this.side?.root,
    );
    const shown = this.controls.map(({ root }) => root);
    const controls = shown.length ? element("div", { class: "controls" }, element("span", { class: "control", text: "Showing" }), ...shown) : null;
    if (this.slabs.isOffered) controls.append(this.slabs.choice);
    this.readOut.announce("");
    this.contents.replaceChildren(...[isWalk ? null : controls, this.flow, this.readOut.root, this.readOut.live].filter(Boolean));
    if (isWalk) this.playerOf().hold(controls);
    if (focused) focusOn(this.root, `[data-focus="${CSS.escape(focused)}"]`);
  }

  playerOf() {
    if (!this.player) {
      this.player = new Player(this);
      this.root.prepend(this.player.root);
      this.root.append(this.player.timeline);
    }
    return this.player;
  }

  canAnimate() {
    const { travel } = this.data;
    return travel && this.views.length === (travel.beside ? 3 : 2) && this.views.every((view) => view.drawable);
  }

  /**
   * Gives an element a colour of the page's theme. Remembered as a pair and set whenever the stage is laid out.
   *
   * @param {HTMLElement} target
   * @param {string} property a custom property of CSS
   * @param {Tone | undefined} tone on a light and on a dark page
   */
  colour(target, property, tone) {
    if (tone) this.tinted.push([target, property, (dark) => tone[dark ? 1 : 0]]);
  }

  /**
   * Underlines an element in the colours of an axis, side by side where the axis is a product of others.
   *
   * @param {HTMLElement} target
   * @param {string | null} symbol of the axis
   */
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
    if (!this.data) return;
    this.scheduleMeasuring();
    if (Math.abs(this.root.clientWidth - this.width) < 1) return;
    // in the next frame, because laying out inside the observer would observe itself
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => ((this.width = 0), this.relayout()));
  }

  /**
   * Lays out and draws everything. The width is known until resized() hears of another: asked for here, the browser
   * would have to lay out the page to tell it.
   *
   * @param {Theme} [theme]
   */
  relayout(theme = themeOf(this.root, this.data)) {
    this.width ||= this.root.clientWidth;
    if (!this.width) return;
    this.theme = theme;
    this.root.toggleAttribute("data-dark", theme.dark);
    this.tinted.forEach(([target, property, value]) => target.style.setProperty(property, value(theme.dark)));
    const sizes = this.side ? this.arrangeWalk(theme) : this.arrange(theme);
    this.views.forEach((view, i) => view.relayout(sizes[i], theme));
    this.slabs.relayout(sizes, theme);
    this.animation?.relayout();
    this.refresh();
    this.scheduleMeasuring();
  }

  // Inputs, the card, the output, from left to right.
  arrange(theme) {
    if (this.data.travel?.beside) {
      this.root.toggleAttribute("data-wide", this.width >= TWO_RESULTS);
      const half = this.width >= TWO_RESULTS ? (this.width - BESIDE_GAP) / 2 : this.width;
      return this.views.map((_, i) => ({ width: i ? half : this.width, height: 360 }));
    }
    const { columns, sizes } = panelSizes(this.views.map((view) => view.panel), this.width, !!this.flow.querySelector(".middle"), theme);
    this.root.toggleAttribute("data-wide", columns !== null);
    if (columns !== null) this.flow.style.gridTemplateColumns = columns;
    return sizes;
  }

  // The tensors at one scale, and beside them the card and what made the pinned number.
  arrangeWalk(theme) {
    const panels = this.views.map((view) => view.panel);
    const bar = this.animation?.root;
    const layout = walkLayout(panels, this.width, theme, !!bar && !this.slabs.isOn, this.room);
    this.root.toggleAttribute("data-wide", layout !== null);
    if (layout === null) return panelSizes(panels, this.width, false, theme).sizes;
    this.flow.style.gridTemplateColumns = layout.columns;
    this.flow.style.gridTemplateRows = `${"auto ".repeat(layout.rows - 1)}1fr${bar ? " auto" : ""}`;
    if (bar) bar.style.gridArea = `${layout.rows + 1} / 1 / auto / -2`;
    this.views.forEach(({ root }, i) => {
      const { column, row, span } = layout.placements[i];
      root.style.gridArea = `${row} / ${column} / span ${span} / auto`;
    });
    this.side.root.style.gridArea = `1 / -2 / span ${layout.rows + (bar ? 1 : 0)} / auto`;
    this.root.style.setProperty("--side", layout.side);
    return layout.sizes;
  }

  /** Measures once, just before the page is painted, when the browser has to lay it out anyway. */
  scheduleMeasuring() {
    cancelAnimationFrame(this.measuring);
    this.measuring = requestAnimationFrame(() => {
      this.player?.keepInSight();
      if (this.side && this.room !== (this.room = roomBelow(this.flow))) this.relayout();
      this.side?.fit(this.flow);
      const measured = this.views.map((view) => view.overflow.measure());
      this.views.forEach((view, i) => view.overflow.show(measured[i]));
      if (this.side) this.held.hold(this.root, this.player.timeline, this.width, !!this.selection.pin);
    });
  }

  /** @param {PanelView} view */
  enlarges(view) {
    return view.panel === this.data.output;
  }

  /**
   * Shows another part of an axis, in every tensor that has it.
   *
   * @param {string} key of the axis
   * @param {number} start the first index to show
   */
  show(key, start) {
    this.at = { ...this.at, [key]: start };
    this.root.toggleAttribute("data-busy", true);
    this.send("view", { at: this.at, n: ++this.sent.view });
  }

  /**
   * Draws what is pointed at across all tensors.
   *
   * @param {boolean} [speak] whether a screen reader is told of it
   */
  refresh(speak = false) {
    const { active, pin } = this.selection;
    const lit = litBoxes(this.data, active);
    const linked = lit.some((boxes) => boxes.length);
    this.views.forEach((view, i) => {
      const own = active?.number === i;
      const pinned = pin?.number === i ? pin.index : null;
      const inView = clipToView(view.panel, lit[i]);
      view.mark({
        lit: inView,
        active: own ? active.index : null,
        pin: pinned,
        dim: lit[i].length > 0 || (own && linked),
        total: countCells(lit[i]),
        inView: countCells(inView),
      });
      view.describeCell(own ? active.index : null, pinned);
    });
    this.root.toggleAttribute("data-pinned", !!pin);
    this.readOut.show(active, lit, !!pin);
    if (speak && active) this.readOut.announce(spokenCell(this.data.panels[active.number], active.index));
  }
}
