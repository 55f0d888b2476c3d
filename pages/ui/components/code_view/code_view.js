// A function as text. Whoever wrote it, it reaches the page as text alone.

const MARGIN = 40;

class CodeView {
  constructor(host) {
    this.place = make("p", "place");
    this.lines = make("div", "lines");
    this.lines.addEventListener("click", (event) => this.press(event));
    this.lines.addEventListener("keydown", (event) => this.key(event));
    this.root = make("section", "code");
    this.root.setAttribute("aria-label", "The code");
    this.root.append(this.place);
    host.append(this.root);
  }

  close() {
    this.root.remove();
  }

  receive(data, send) {
    this.send = send;
    this.place.replaceChildren(...(data.function ? [make("b", "", data.function)] : []), make("span", "", data.place));
    if (data.note) {
      this.root.replaceChildren(this.place, make("p", "note", data.note));
      return;
    }
    const focused = this.lines.getRootNode().activeElement?.dataset?.number;
    const kept = this.lines.scrollTop;
    this.lines.replaceChildren(...data.lines.map(lineOf));
    this.root.replaceChildren(this.place, this.lines);
    this.lines.scrollTop = kept;
    this.reveal();
    if (focused) this.lines.querySelector(`[data-number="${focused}"]`)?.focus({ preventScroll: true });
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

  press(event) {
    const line = event.target.closest("[data-go]");
    // Whoever selects text does not mean to go.
    if (!line || line.hasAttribute("aria-current") || String(getSelection())) return;
    this.send("go", line.dataset.go);
  }

  key(event) {
    if ((event.key !== "Enter" && event.key !== " ") || !event.target.dataset.go) return;
    event.preventDefault();
    event.stopPropagation();
    this.press(event);
  }
}

function lineOf({ number, runs, go, says }) {
  const text = make("span", "text");
  text.append(...runs.map(runOf));
  const written = runs.map(([words]) => words).join("");
  // What does not fit on a line goes on a little further in than the line began.
  text.style.setProperty("--hang", `${written.length - written.trimStart().length + 4}ch`);
  const line = make("div", "line");
  line.append(make("span", "number", String(number)), text);
  if (go) {
    Object.assign(line.dataset, { go, number });
    line.tabIndex = 0;
    line.setAttribute("role", "button");
    line.title = says;
  }
  if (runs.some(([, kind]) => kind === "mark")) line.setAttribute("aria-current", "step");
  return line;
}

function runOf([words, kind, light, dark]) {
  const run = make(kind === "mark" ? "mark" : "span", kind === "mark" ? "" : kind, words);
  if (light) {
    run.classList.add("axis");
    run.style.color = `light-dark(${light}, ${dark})`;
  }
  return run;
}

function make(tag, name, text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

// Streamlit calls this at every update, with the same parent as long as the component is on the page.
export default function ({ data, parentElement, setTriggerValue }) {
  const [view, leave] = mounted(parentElement, () => new CodeView(parentElement));
  view.receive(data, setTriggerValue);
  return leave;
}
