// Marks where we are in a drawing that Streamlit made, and reports what is pressed in it. It keeps nothing of the
// drawing: Streamlit may make it again at any time, and takes away whatever it did not put there.

import { element, focusedElement, listenForPresses } from "../mount/dom.js";
import { rendererOf } from "../mount/lifecycle.js";

const MAP = ".st-key-block-map";
const DRAWING = ".st-key-block-map-drawing";
const PRESSED = "g.node, g.cluster > text";
const ACTIONS = { step: "Go to", open: "Open", close: "Close" };
const MARGIN = 24;

class BlockMap {
  constructor(host) {
    this.area = host.closest(MAP);
    this.scopes = element("nav", { class: "block-map-scopes", "aria-label": "What is drawn" });
    host.append(this.scopes);
    this.listening = new AbortController();
    const { signal } = this.listening;
    listenForPresses(this.area, PRESSED, (shape) => this.press(shape), signal);
    this.watcher = new MutationObserver(() => this.annotate(false));
    this.watcher.observe(this.area, { childList: true, subtree: true, attributes: true, attributeFilter: ["id", "tabindex"] });
  }

  close() {
    this.listening.abort();
    this.watcher.disconnect();
    this.scopes.remove();
  }

  /**
   * @param {BlockMapData} data
   * @param {Streamlit} streamlit
   */
  receive(data, { setTriggerValue }) {
    this.here = data.here;
    this.send = setTriggerValue;
    const signature = JSON.stringify([data.scopes, data.scope]);
    if (signature !== this.signature) this.scopes.replaceChildren(...this.buttons(data));
    this.signature = signature;
    this.annotate(true);
  }

  buttons({ scopes, scope }) {
    const active = focusedElement(this.scopes);
    const focused = this.scopes.contains(active) ? active.dataset.scope : null;
    return scopes.flatMap(([value, title], level) => {
      const button = element("button", {
        type: "button", text: title, "data-scope": value, "aria-current": value === scope ? "true" : null,
        onclick: () => value !== scope && this.send("scope", value),
      });
      if (value === focused) queueMicrotask(() => button.focus());
      return level ? [element("span", { text: "▸", "aria-hidden": "true" }), button] : [button];
    });
  }

  // Gives the boxes what a drawing has not: a role, a name, a place in the order of Tab, and the mark of where we are.
  annotate(smooth) {
    const drawing = this.area.querySelector(DRAWING);
    const svg = drawing?.querySelector("svg[viewBox] g.graph")?.ownerSVGElement;
    if (svg) drawing.style.setProperty("--natural", `${svg.viewBox.baseVal.width}px`);
    let fresh = null;
    for (const shape of this.area.querySelectorAll(`${DRAWING} :is(${PRESSED})`)) {
      const mark = markOf(shape);
      if (!mark) continue;
      setAttribute(shape, "tabindex", "0");
      setAttribute(shape, "role", "button");
      setAttribute(shape, "aria-label", `${ACTIONS[kindOf(mark)]} ${nameOf(shape)}`);
      if (setAttribute(shape, "aria-current", mark === this.here ? "step" : null) && mark === this.here) fresh = shape;
    }
    this.refocus();
    if (fresh) scrollIntoBox(fresh, smooth);
    this.watcher.takeRecords();
  }

  // A box that was opened is gone, and its frame is what has taken its place.
  refocus() {
    if (!this.leaving || this.area.querySelector(`[id="${CSS.escape(this.leaving.gone)}"]`)) return;
    const frame = this.area.querySelector(`[id="${CSS.escape(this.leaving.instead)}"]`);
    const lost = document.activeElement === document.body || !document.activeElement;
    this.leaving = null;
    if (lost) frame?.querySelector(":scope > [tabindex]")?.focus({ preventScroll: true });
    if (lost && frame?.hasAttribute("tabindex")) frame.focus({ preventScroll: true });
  }

  press(shape) {
    const mark = markOf(shape);
    if (!mark || (mark === this.here && kindOf(mark) === "step")) return;
    const path = mark.slice(mark.indexOf("-") + 1);
    if (kindOf(mark) === "open") this.leaving = { gone: mark, instead: `close-${path}` };
    if (kindOf(mark) === "close") this.leaving = { gone: mark, instead: `open-${path}` };
    this.send("pick", mark);
  }
}

// The id of a box, or of the frame whose name was pressed, if it is one that says what it stands for.
function markOf(shape) {
  const { id } = shape.closest("g");
  return kindOf(id) in ACTIONS ? id : null;
}

function kindOf(mark) {
  return mark.slice(0, mark.indexOf("-"));
}

// What a box says; a sum says only "+", so its full name goes with it.
function nameOf(shape) {
  const label = shape.matches("text") ? shape.textContent : [...shape.querySelectorAll("text")].map((line) => line.textContent).join(" ");
  return label === "+" ? `+ ${shape.querySelector("title")?.textContent ?? ""}` : label;
}

// Whether that changed anything.
function setAttribute(shape, name, value) {
  if (shape.getAttribute(name) === value) return false;
  if (value === null) shape.removeAttribute(name);
  else shape.setAttribute(name, value);
  return true;
}

// Moves the drawing inside its box so that the shape can be seen; the page stays where it is.
function scrollIntoBox(shape, smooth) {
  const box = shape.closest(DRAWING);
  const [outer, inner] = [box.getBoundingClientRect(), shape.getBoundingClientRect()];
  const calm = !smooth || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const down = offCentre(inner.top - outer.top, inner.height, outer.height);
  const right = offCentre(inner.left - outer.left, inner.width, outer.width);
  if (down || right) box.scrollBy({ top: down, left: right, behavior: calm ? "instant" : "smooth" });
}

// How far to move what is not well in view, so that it comes to the middle.
function offCentre(start, size, room) {
  return start >= MARGIN && start + size <= room - MARGIN ? 0 : start + size / 2 - room / 2;
}

export default rendererOf((host) => new BlockMap(host));
