// A bar for each pair of steps, as high as the two are apart. Pointing at a bar says what it is, pressing it opens it;
// with the keyboard the arrows go along the line and Enter opens.

import { element, svgElement } from "../mount/dom.js";
import { rendererOf } from "../mount/lifecycle.js";

const [HEIGHT, FLOOR] = [56, 3]; // px of the highest bar, and of a bar without a difference

class AgreementLine {
  constructor(host) {
    this.svg = svgElement("svg", { class: "line", preserveAspectRatio: "none", tabindex: 0, role: "slider" });
    this.svg.setAttribute("aria-label", "pairs of steps, in execution order");
    this.readout = element("p", { class: "readout" });
    this.root = element("section", { class: "agreement" }, this.svg, this.legend(), this.readout);
    host.append(this.root);
    this.svg.addEventListener("pointermove", (event) => this.point(this.pairAt(event)));
    this.svg.addEventListener("pointerleave", () => this.point(this.data.chosen));
    this.svg.addEventListener("click", (event) => this.pick(this.pairAt(event)));
    this.svg.addEventListener("keydown", (event) => this.press(event));
  }

  close() {
    this.root.remove();
  }

  /** @param {AgreementLineData} data */
  receive(data, { setTriggerValue }) {
    this.send = setTriggerValue;
    const signature = JSON.stringify(data);
    if (signature === this.signature) return;
    this.signature = signature;
    this.data = data;
    this.draw();
  }

  legend() {
    const kinds = [["agrees", "same numbers"], ["rounding", "rounding"], ["made", "made here"], ["handed", "handed on"], ["alone", "no partner"]];
    const entries = kinds.map(([kind, text]) => element("span", {}, element("i", { class: kind }), text));
    return element("p", { class: "legend" }, ...entries);
  }

  draw() {
    const { pairs, chosen, first } = this.data;
    const count = pairs.length;
    this.svg.setAttribute("viewBox", `0 0 ${count} ${HEIGHT + FLOOR}`);
    this.svg.setAttribute("aria-valuemin", "0");
    this.svg.setAttribute("aria-valuemax", String(count - 1));
    const gap = count < 300 ? 0.12 : 0;
    const bars = pairs.map(([kind, height], position) =>
      svgElement("rect", {
        class: kind, x: position + gap / 2, width: 1 - gap,
        y: HEIGHT - height * HEIGHT, height: height * HEIGHT + FLOOR,
      }),
    );
    this.marker = svgElement("rect", { class: "here", y: 0, width: 1, height: HEIGHT + FLOOR });
    const mark = first === null ? [] : [svgElement("rect", { class: "first", x: first, y: 0, width: Math.max(1, count / 400), height: HEIGHT + FLOOR })];
    this.svg.replaceChildren(...mark, ...bars, this.marker);
    this.point(chosen);
  }

  pairAt(event) {
    const box = this.svg.getBoundingClientRect();
    const position = Math.floor(((event.clientX - box.left) / box.width) * this.data.pairs.length);
    return Math.min(this.data.pairs.length - 1, Math.max(0, position));
  }

  point(position) {
    this.at = position;
    this.marker.toggleAttribute("data-off", position === null);
    if (position !== null) this.marker.setAttribute("x", String(position));
    const label = position === null ? "" : this.data.pairs[position][2];
    this.readout.textContent = label;
    this.svg.setAttribute("aria-valuenow", String(position ?? 0));
    this.svg.setAttribute("aria-valuetext", label);
  }

  press(event) {
    const last = this.data.pairs.length - 1;
    const at = this.at ?? 0;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to !== undefined) this.point(Math.min(last, Math.max(0, to)));
    else if (event.key === "Enter" || event.key === " ") this.pick(at);
    else return;
    event.preventDefault();
  }

  pick(position) {
    this.send("pick", position);
  }
}

export default rendererOf((host) => new AgreementLine(host));
