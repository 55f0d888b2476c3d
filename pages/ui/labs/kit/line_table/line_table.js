// Rows to choose from. Whatever they say reaches the page as text alone.

class LineTable {
  constructor(host) {
    this.root = make("div", "rows");
    this.root.setAttribute("role", "grid");
    this.root.addEventListener("click", (event) => this.press(event.target.closest("[data-place]")));
    this.root.addEventListener("keydown", (event) => this.key(event));
    host.append(this.root);
  }

  close() {
    this.root.remove();
  }

  receive({ head, rows, chosen }, send) {
    this.send = send;
    const focused = this.root.getRootNode().activeElement?.dataset?.place;
    this.root.style.setProperty("--others", head.length - 1);
    const titles = make("div", "row head");
    titles.setAttribute("role", "row");
    titles.append(...head.map((text) => cellOf({ text }, "columnheader")));
    this.root.replaceChildren(titles, ...rows.map((row, place) => rowOf(row, place, place === chosen, head)));
    if (focused) this.at(focused)?.focus({ preventScroll: true });
  }

  at(place) {
    return this.root.querySelector(`[data-place="${place}"]`);
  }

  press(row) {
    // Whoever selects text does not mean to go.
    if (row && row.getAttribute("aria-selected") !== "true" && !String(getSelection())) this.send("go", row.dataset.place);
  }

  key(event) {
    const row = event.target.closest("[data-place]");
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!row || !(by || event.key === "Enter" || event.key === " ")) return;
    event.preventDefault();
    event.stopPropagation();
    if (by) this.at(Number(row.dataset.place) + by)?.focus();
    else this.press(row);
  }
}

function rowOf({ cells, kind }, place, chosen, head) {
  const row = make("div", `row ${kind}`);
  row.setAttribute("role", "row");
  row.setAttribute("aria-selected", String(chosen));
  row.dataset.place = place;
  row.tabIndex = 0;
  row.append(...cells.map((cell, column) => cellOf(cell, "gridcell", head[column])));
  return row;
}

function cellOf({ text = "", code, shape }, role, title = "") {
  const cell = make("span", code !== undefined ? "cell code" : "cell", code ?? text);
  cell.setAttribute("role", role);
  if (title) cell.dataset.title = title;
  if (!(code || text || shape)) cell.classList.add("empty");
  if (shape) {
    cell.classList.add("shape");
    cell.append(...(shape.length ? shape.map(chipOf) : ["scalar"]));
  }
  return cell;
}

function chipOf([symbol, size, light, dark]) {
  const chip = make("span", "chip");
  chip.style.setProperty("--tone", `light-dark(${light}, ${dark})`);
  if (symbol) chip.append(make("span", "symbol", `${symbol} `));
  chip.append(make("b", "", String(size)));
  return chip;
}

function make(tag, name, text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

// Streamlit calls this at every update, with the same parent as long as the component is on the page.
export default function ({ data, parentElement, setTriggerValue }) {
  const [view, leave] = mounted(parentElement, () => new LineTable(parentElement));
  view.receive(data, setTriggerValue);
  return leave;
}
