// What is pointed at, by mouse, touch and keyboard, and what is pinned.

import { inShape } from "./decode.js";
import { clamp } from "./layout.js";
import { withIndex } from "./paint_labels.js";

const KEY_DELAY = 150; // ms: Python hears of a row of arrow keys only where it ends

export class Selection {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.hovered = null; // where the mouse is
    this.cursor = null; // where the keyboard is
    this.pin = null; // what was clicked
    this.reportedPin = 0; // the number of the last pin that Python has been told of
  }

  /** The cell that everything else lights up for. */
  get active() {
    return this.hovered ?? this.cursor ?? this.pin;
  }

  close() {
    clearTimeout(this.timer);
  }

  /**
   * Keeps what still exists after the stage has new data.
   *
   * @param {CellAddress | null} [pin] what Python says is pinned; left out where a person has pinned something since
   */
  receive(pin = this.pin) {
    this.pin = this.existing(pin);
    this.hovered = this.existing(this.hovered);
    this.cursor = this.existing(this.cursor);
  }

  existing(address) {
    const panel = address && this.stage.data.panels[address.number];
    return panel && inShape(panel, address.index) ? address : null;
  }

  /** Forgets a pin that Python has not heard of yet: after a move to another step it is not worth telling any more. */
  dropUnreported() {
    clearTimeout(this.timer);
    this.stage.sent.pinned = this.reportedPin;
  }

  /**
   * @param {PanelView | null} view the panel that the mouse is over, null for none
   * @param {Index | null} index the cell
   */
  hover(view, index) {
    this.hovered = view && index ? { number: view.panel.number, index } : null;
    this.stage.refresh();
  }

  /**
   * Pins a cell; a second click on it releases it.
   *
   * @param {PanelView} view
   * @param {Index | null} index
   */
  click(view, index) {
    if (!index) return;
    this.stage.animation?.skip();
    const same = this.pin && this.pin.number === view.panel.number && String(this.pin.index) === String(index);
    this.cursor = null;
    view.lastIndex = index;
    this.setPin(same ? null : { number: view.panel.number, index }, 0);
  }

  /** @param {PanelView} view the panel that got the keyboard's focus */
  focus(view) {
    if (!view.drawable) return;
    const pinnedHere = this.pin?.number === view.panel.number ? this.pin.index : null;
    const index = pinnedHere ?? (view.lastIndex && inShape(view.panel, view.lastIndex) ? view.lastIndex : view.panel.axes.map((axis) => axis.start));
    this.cursor = { number: view.panel.number, index };
    this.stage.refresh(true);
  }

  /** @param {PanelView} view the panel that lost the keyboard's focus */
  blur(view) {
    if (this.cursor?.number === view.panel.number) this.cursor = null;
    this.stage.refresh();
  }

  /**
   * @param {PanelView} view the panel that has the focus
   * @param {KeyboardEvent} event
   */
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

  // Where a key leads from the current cell, null where it leads nowhere.
  moved(view, event) {
    const { panel } = view;
    const from = this.cursor?.number === panel.number ? this.cursor.index : this.pin?.number === panel.number ? this.pin.index : view.lastIndex;
    if (!from || !inShape(panel, from)) return event.key.startsWith("Arrow") ? panel.axes.map((axis) => axis.start) : null;
    const across = [...panel.columns, panel.columnAxis].filter((axis) => axis !== null);
    const down = [...panel.rows, panel.rowAxis].filter((axis) => axis !== null);
    const moves = {
      ArrowRight: () => neighbour(panel, from, across, 1),
      ArrowLeft: () => neighbour(panel, from, across, -1),
      ArrowDown: () => neighbour(panel, from, down, 1),
      ArrowUp: () => neighbour(panel, from, down, -1),
      Home: () => (panel.columnAxis === null ? from : withIndex(from, panel.columnAxis, panel.axes[panel.columnAxis].start)),
      End: () => (panel.columnAxis === null ? from : withIndex(from, panel.columnAxis, lastShown(panel.axes[panel.columnAxis]))),
    };
    return moves[event.key]?.() ?? null;
  }

  // The keyboard goes to a cell; a pin in this tensor goes along. Outside the window, the window follows.
  moveTo(view, index) {
    const { panel } = view;
    view.lastIndex = index;
    this.hovered = null;
    this.cursor = { number: panel.number, index };
    panel.axes.forEach((axis, n) => {
      const i = index[n];
      if (i >= axis.start && i < axis.start + axis.count) return;
      this.stage.show(axis.key, clamp(i < axis.start ? i - axis.count + 1 : i, 0, axis.size - axis.count));
    });
    if (this.pin?.number === panel.number) this.setPin({ number: panel.number, index }, KEY_DELAY);
    else this.stage.refresh(true);
    view.reveal(index);
  }

  /** Skips an animation if one plays, else releases the pin. */
  escape() {
    if (this.stage.animation?.skip()) return;
    this.cursor = null;
    if (this.pin) this.setPin(null, 0);
    else this.stage.refresh();
  }

  // `delay` in ms until Python hears of it.
  setPin(pin, delay) {
    const { data, player, readOut, sent } = this.stage;
    this.pin = pin;
    const step = data.player?.step ?? null;
    const cell = pin
      ? { panel: pin.number, title: data.panels[pin.number].title, step, index: pin.index }
      : { panel: -1, title: "", step, index: [] };
    const n = ++sent.pinned;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.reportedPin = n;
      this.stage.send("pinned", { cell, n });
    }, delay);
    if (pin) player?.play(false);
    player?.showJumps();
    this.stage.refresh(true);
    if (!pin) readOut.announce("released");
  }
}

function lastShown({ start, count }) {
  return start + count - 1;
}

/**
 * The cell one step along some axes, the last of which moves fastest. At the edge of a window the tensor goes on; at the
 * edge of the tensor the next facet follows; at the end of all, nothing moves.
 *
 * @param {PanelData} panel
 * @param {Index} from
 * @param {number[]} axes outermost first
 * @param {1 | -1} sign
 * @returns {Index}
 */
export function neighbour(panel, from, axes, sign) {
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
