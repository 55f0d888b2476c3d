// Marks where we are in a drawing that Streamlit made, and reports what is pressed in it. It keeps nothing of the
// drawing: Streamlit may make it again at any time, and takes away whatever it did not put there.

const MAP = ".st-key-block-map";
const DRAWING = ".st-key-block-map-drawing";
const PRESSED = "g.node, g.cluster > text";
const DOES = { step: "Go to", open: "Open", close: "Close" };
const MARGIN = 24;

class BlockMap {
  constructor(host) {
    this.area = host.closest(MAP);
    this.scopes = document.createElement("nav");
    this.scopes.className = "block-map-scopes";
    this.scopes.setAttribute("aria-label", "What is drawn");
    host.append(this.scopes);
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.area.addEventListener("click", (event) => this.press(event), { signal });
    this.area.addEventListener("keydown", (event) => this.key(event), { signal });
    this.watcher = new MutationObserver(() => this.dress(false));
    this.watcher.observe(this.area, { childList: true, subtree: true, attributes: true, attributeFilter: ["id", "tabindex"] });
  }

  close() {
    this.listening.abort();
    this.watcher.disconnect();
    this.scopes.remove();
  }

  receive(data, send) {
    this.here = data.here;
    this.send = send;
    const said = JSON.stringify([data.scopes, data.scope]);
    if (said !== this.said) this.scopes.replaceChildren(...this.buttons(data));
    this.said = said;
    this.dress(true);
  }

  buttons({ scopes, scope }) {
    const focused = this.scopes.contains(document.activeElement) ? document.activeElement.dataset.scope : null;
    const parts = scopes.flatMap(([value, title], place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.dataset.scope = value;
      if (value === scope) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => value !== scope && this.send("scope", value));
      if (value === focused) queueMicrotask(() => button.focus());
      return place ? [arrow(), button] : [button];
    });
    return parts;
  }

  // Gives the boxes what a drawing has not: a role, a name, a place in the order of Tab, and the mark of where we are.
  dress(smooth) {
    const drawing = this.area.querySelector(DRAWING);
    const svg = drawing?.querySelector("svg[viewBox] g.graph")?.ownerSVGElement;
    if (svg) drawing.style.setProperty("--natural", `${svg.viewBox.baseVal.width}px`);
    let fresh = null;
    for (const shape of this.area.querySelectorAll(`${DRAWING} :is(${PRESSED})`)) {
      const mark = markOf(shape);
      if (!mark) continue;
      put(shape, "tabindex", "0");
      put(shape, "role", "button");
      put(shape, "aria-label", `${DOES[kindOf(mark)]} ${nameOf(shape)}`);
      if (put(shape, "aria-current", mark === this.here ? "step" : null) && mark === this.here) fresh = shape;
    }
    this.refocus();
    if (fresh) reveal(fresh, smooth);
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

  press(event) {
    const shape = event.target.closest(PRESSED);
    const mark = shape && markOf(shape);
    if (!mark || (mark === this.here && kindOf(mark) === "step")) return;
    const path = mark.slice(mark.indexOf("-") + 1);
    if (kindOf(mark) === "open") this.leaving = { gone: mark, instead: `close-${path}` };
    if (kindOf(mark) === "close") this.leaving = { gone: mark, instead: `open-${path}` };
    this.send("pick", mark);
  }

  key(event) {
    if ((event.key !== "Enter" && event.key !== " ") || !event.target.closest(PRESSED)) return;
    event.preventDefault();
    event.stopPropagation();
    this.press(event);
  }
}

function arrow() {
  const made = document.createElement("span");
  made.textContent = "▸";
  made.setAttribute("aria-hidden", "true");
  return made;
}

// The id of a box, or of the frame whose name was pressed, if it is one that says what it stands for.
function markOf(shape) {
  const { id } = shape.closest("g");
  return kindOf(id) in DOES ? id : null;
}

function kindOf(mark) {
  return mark.slice(0, mark.indexOf("-"));
}

// What a box says; a sum says only "+", so its full name goes with it.
function nameOf(shape) {
  const said = shape.matches("text") ? shape.textContent : [...shape.querySelectorAll("text")].map((line) => line.textContent).join(" ");
  return said === "+" ? `+ ${shape.querySelector("title")?.textContent ?? ""}` : said;
}

// Whether that changed anything.
function put(shape, name, value) {
  if (shape.getAttribute(name) === value) return false;
  if (value === null) shape.removeAttribute(name);
  else shape.setAttribute(name, value);
  return true;
}

// Moves the drawing inside its box so that the shape can be seen; the page stays where it is.
function reveal(shape, smooth) {
  const box = shape.closest(DRAWING);
  const [outer, inner] = [box.getBoundingClientRect(), shape.getBoundingClientRect()];
  const calm = !smooth || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const down = off(inner.top - outer.top, inner.height, outer.height);
  const right = off(inner.left - outer.left, inner.width, outer.width);
  if (down || right) box.scrollBy({ top: down, left: right, behavior: calm ? "instant" : "smooth" });
}

// How far to move what is not well in view, so that it comes to the middle.
function off(start, size, room) {
  return start >= MARGIN && start + size <= room - MARGIN ? 0 : start + size / 2 - room / 2;
}

// Streamlit calls this at every update, with the same parent as long as the component is on the page.
export default function ({ data, parentElement, setTriggerValue }) {
  const [map, leave] = mounted(parentElement, () => new BlockMap(parentElement));
  map.receive(data, setTriggerValue);
  return leave;
}
