// Native sliders for the sizes. What is dragged is told in the same frame to whatever draws shapes, and to Python at the
// end.

import { afterPaint } from "../mount/after_paint.js";
import { rendererOf } from "../mount/lifecycle.js";

const REST = 80; // ms that a thumb stays at a value until its numbers may be made ready

class SizeSliders {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "bar";
    // On a narrow screen the row is folded away behind a line that says how long every axis is.
    this.root.innerHTML =
      '<button class="fold" type="button" aria-expanded="false"><b>Sizes</b> <span></span></button>' +
      '<div class="sizes" role="group" aria-label="Sizes"></div>' +
      '<p class="status"><label class="source">Source <input type="text"></label> ' +
      '<span class="reads"></span> <span class="weights"></span> ' +
      '<button class="undo" type="button" title="Back to the trained model">Undo</button></p>';
    const [fold, row, status] = /** @type {any} */ (this.root.children);
    this.fold = fold;
    this.row = row;
    this.status = status;
    this.fold.addEventListener("click", () => {
      this.fold.setAttribute("aria-expanded", String(this.root.classList.toggle("open")));
    });
    this.status.lastChild.addEventListener("click", () => this.send("undo", true));
    this.source = this.status.querySelector("input");
    this.source.addEventListener("change", () => this.send("source", this.source.value));
    parent.append(this.root);
    this.sliders = new Map();
    this.turn = 0;
  }

  close() {
    this.root.remove();
  }

  receive(data, { setTriggerValue }) {
    this.send = setTriggerValue;
    // An answer to an earlier move must not set back what a person has moved since.
    const isStale = data.heard < this.turn;
    if (this.turn < data.heard) this.turn = data.heard;
    this.data = data;
    const kinds = JSON.stringify([data.sliders.map(({ name, label }) => [name, label]), data.fixed]);
    if (kinds !== this.kinds) this.build(kinds);
    for (const slider of data.sliders) this.set(slider, isStale);
    if (this.held) this.foresee(this.held, false);
    else if (!isStale) this.sizes = data.sizes;
    this.derive();
    this.say(data.status);
    this.foretell();
    if (this.released && !isStale) {
      this.released = false;
      window.dispatchEvent(new Event("shape-strip:answered"));
    }
  }

  build(kinds) {
    this.kinds = kinds;
    this.sliders.clear();
    const parts = this.data.sliders.map((slider) => this.slider(slider));
    const fixed = this.data.fixed.map(({ symbol, label, value }) => {
      const size = document.createElement("p");
      size.className = "fixed";
      size.style.setProperty("--axis", this.colour(symbol));
      size.innerHTML = "<span></span> <b></b>";
      nameIn(size.firstChild, label);
      size.lastChild.textContent = value;
      return size;
    });
    this.derived = document.createElement("p");
    this.derived.className = "derived";
    this.derived.style.setProperty("--axis", this.colour("d_k"));
    this.row.replaceChildren(...fixed, ...parts, this.derived);
  }

  say({ source, reads, weights, has_undo }) {
    const [field, text, badge, undo] = this.status.children;
    field.hidden = source === null;
    // What is being written stays, whatever an answer to an earlier move says.
    if (source !== this.written) this.source.value = source ?? "";
    this.written = source;
    text.textContent = text.title = reads;
    badge.textContent = weights;
    this.status.classList.toggle("random", has_undo);
    undo.hidden = !has_undo;
  }

  slider({ name, symbol, label }) {
    const holder = document.createElement("label");
    holder.style.setProperty("--axis", this.colour(symbol));
    const [caption, value] = [document.createElement("span"), document.createElement("output")];
    const input = document.createElement("input");
    nameIn(caption, label);
    input.type = "range";
    input.dataset.size = name;
    input.setAttribute("aria-label", label);
    input.addEventListener("input", () => this.move(name));
    // A thumb that comes back to where it was changes nothing, and still has been let go.
    for (const end of ["change", "pointerup", "blur"]) input.addEventListener(end, () => this.release(name));
    input.addEventListener("pointerdown", () => (this.isPressed = true));
    input.addEventListener("focus", () => this.foretell());
    input.addEventListener("blur", () => tellLikely([]));
    holder.append(caption, value, input);
    this.sliders.set(name, { input, value, at: null, options: [], way: 1 });
    return holder;
  }

  set(slider, isStale) {
    const drawn = this.sliders.get(slider.name);
    drawn.foreseen = slider.foreseen;
    drawn.options = Object.keys(slider.foreseen).map(Number).sort((a, b) => a - b);
    drawn.byStops = slider.by_stops;
    if (drawn.byStops) drawn.input.dataset.stops = drawn.options;
    const last = drawn.options.length - 1;
    [drawn.input.min, drawn.input.max] = drawn.byStops ? [0, last] : [drawn.options[0], drawn.options[last]];
    if (isStale || this.held === slider.name) return;
    drawn.at = drawn.sent = slider.value;
    this.show(drawn);
  }

  show(drawn) {
    drawn.input.value = drawn.byStops ? drawn.options.indexOf(drawn.at) : drawn.at;
    drawn.input.setAttribute("aria-valuetext", drawn.at);
    drawn.value.textContent = drawn.at;
  }

  move(name) {
    const drawn = this.sliders.get(name);
    this.held = name;
    const thumb = Number(drawn.input.value);
    drawn.at = drawn.byStops ? drawn.options[thumb] : nextOption(drawn.options, drawn.at, thumb);
    this.show(drawn);
    this.foresee(name, false);
    this.derive();
    // Where the slider itself is pressed, the thumb jumps there and is let go. A drag passes many values.
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.held === name && tellLikely([{ name, value: drawn.at }]), this.isPressed ? 0 : REST);
    this.isPressed = false;
  }

  // Who has reached a slider by the keyboard moves it by the arrow keys, most likely once more to the same side.
  foretell() {
    const drawn = [...this.sliders].find(([, { input }]) => input.matches(":focus-visible"));
    if (!drawn) return;
    const [name, { at, options, way }] = drawn;
    const here = options.indexOf(at);
    const beside = [here + way, here - way].filter((place) => place in options);
    tellLikely(beside.map((place) => ({ name, value: options[place] })));
  }

  // Tells whatever draws shapes how long the axes will be, and at the end what was moved. What fetches the numbers of
  // that by itself returns when they are shown.
  foresee(name, released, moved = null) {
    const drawn = this.sliders.get(name);
    this.sizes = { ...this.data.sizes, ...drawn.foreseen[drawn.at] };
    const detail = { sizes: this.sizes, released, moved, shown: null };
    window.dispatchEvent(new CustomEvent("shape-strip:sizes", { detail }));
    return detail.shown;
  }

  release(name) {
    const drawn = this.sliders.get(name);
    if (this.held !== name) return;
    this.held = null;
    const isMoved = drawn.at !== drawn.sent;
    if (isMoved) this.turn += 1;
    if (isMoved) drawn.way = Math.sign(drawn.at - drawn.sent);
    const moved = { name, value: drawn.at, turn: this.turn };
    const shown = this.foresee(name, true, isMoved ? moved : null);
    if (!isMoved) return;
    drawn.sent = drawn.at;
    this.released = true;
    if (shown) afterPaint(shown, () => this.send("size", moved));
    else this.send("size", moved);
  }

  derive() {
    const { H, d_model, d_k } = this.sizes;
    const follows = d_model === H * d_k;
    const known = follows ? `d_k = ${d_model} ÷ ${H} = ${d_k}` : `d_k = ${d_k}, set apart from d_model ÷ H`;
    const sentence = [H, d_model, d_k].includes(undefined) ? "" : known; // somebody's own code need not have them
    if (this.derived.textContent !== sentence) this.derived.textContent = sentence;
    const all = [...this.data.fixed, ...this.data.sliders].map(({ symbol }) => `${symbol} ${this.sizes[symbol]}`);
    this.fold.lastChild.textContent = all.join(" · ");
  }

  colour(symbol) {
    const [light, dark] = this.data.tones[symbol];
    return `light-dark(${light}, ${dark})`;
  }
}

// A symbol, and in words what it is, which a narrow row leaves out.
function nameIn(span, label) {
  const [symbol, ...words] = label.split(" ");
  const rest = document.createElement("i");
  rest.textContent = words.length ? ` ${words.join(" ")}` : "";
  span.replaceChildren(symbol, rest);
}

// Tells what fetches numbers which of them are likely to be wanted next.
function tellLikely(moves) {
  window.dispatchEvent(new CustomEvent("shape-strip:likely", { detail: moves }));
}

// The nearest value that works; where that is the present one, the next in the direction in which it was moved.
function nextOption(options, from, to) {
  const nearest = options.reduce((best, next) => (Math.abs(next - to) < Math.abs(best - to) ? next : best));
  if (nearest !== from || to === from) return nearest;
  const beyond = options.filter((option) => (option - from) * (to - from) > 0);
  return to > from ? (beyond[0] ?? from) : (beyond[beyond.length - 1] ?? from);
}

export default rendererOf((host) => new SizeSliders(host));
