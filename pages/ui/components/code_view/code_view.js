// A function as text. Whoever wrote it, it reaches the page as text alone.

import { element, focusOn, focusedElement, isTextSelected, listenForPresses } from "../mount/dom.js";
import { rendererOf } from "../mount/lifecycle.js";

const MARGIN = 40;

class CodeView {
  constructor(host) {
    this.location = element("p", { class: "location" });
    this.lines = element("div", { class: "lines" });
    listenForPresses(this.lines, "[data-go]", (line) => this.press(line));
    this.root = element("section", { class: "code", "aria-label": "The code" }, this.location);
    host.append(this.root);
  }

  close() {
    this.root.remove();
  }

  /**
   * @param {CodeData} data
   * @param {Streamlit} streamlit
   */
  receive(data, { setTriggerValue }) {
    this.send = setTriggerValue;
    const name = data.function ? [element("b", { text: data.function })] : [];
    this.location.replaceChildren(...name, element("span", { text: data.location }));
    if (data.note) {
      this.root.replaceChildren(this.location, element("p", { class: "note", text: data.note }));
      return;
    }
    const focused = focusedElement(this.lines)?.dataset.number;
    const scrollTop = this.lines.scrollTop;
    this.lines.replaceChildren(...data.lines.map(lineOf));
    this.root.replaceChildren(this.location, this.lines);
    this.lines.scrollTop = scrollTop;
    this.reveal();
    if (focused) focusOn(this.lines, `[data-number="${focused}"]`, { preventScroll: true });
  }

  // Moves the code inside its box so that the marked lines can be seen well; the page stays where it is.
  reveal() {
    const marked = [...this.lines.querySelectorAll("[aria-current]")];
    if (!marked.length) return;
    const box = this.lines.getBoundingClientRect();
    const top = marked[0].getBoundingClientRect().top - box.top;
    const bottom = marked.at(-1).getBoundingClientRect().bottom - box.top;
    const seen = top >= MARGIN && bottom <= box.height - MARGIN;
    if (!seen) this.lines.scrollTop += Math.min((top + bottom - box.height) / 2, top - MARGIN);
  }

  press(line) {
    if (line.hasAttribute("aria-current") || isTextSelected()) return;
    this.send("go", line.dataset.go);
  }
}

function lineOf({ number, runs, go, tooltip }) {
  const code = element("span", { class: "text" }, ...runs.map(runOf));
  const text = runs.map(([words]) => words).join("");
  // What does not fit on a line goes on a little further in than the line began.
  code.style.setProperty("--hang", `${text.length - text.trimStart().length + 4}ch`);
  const link = go ? { "data-go": go, "data-number": number, tabindex: 0, role: "button", title: tooltip } : {};
  const current = runs.some(([, kind]) => kind === "mark") ? "step" : null;
  const numberPart = element("span", { class: "number", text: number });
  return element("div", { class: "line", ...link, "aria-current": current }, numberPart, code);
}

function runOf([words, kind, light, dark]) {
  const run = kind === "mark" ? element("mark", { text: words }) : element("span", { class: kind || null, text: words });
  if (light) {
    run.classList.add("axis");
    run.style.color = `light-dark(${light}, ${dark})`;
  }
  return run;
}

export default rendererOf((host) => new CodeView(host));
