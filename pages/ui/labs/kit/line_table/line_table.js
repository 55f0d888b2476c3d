// Rows to choose from. Whatever they say reaches the page as text alone.

import { element, focusOn, focusedElement, isTextSelected, listenForPresses } from "../../../components/mount/dom.js";
import { rendererOf } from "../../../components/mount/lifecycle.js";
import { shapeChip } from "../../../components/mount/shape_chip.js";

const ROW = "[data-row]";

class LineTable {
  constructor(host) {
    this.root = element("div", { class: "rows", role: "grid" });
    listenForPresses(this.root, ROW, (row) => this.press(row));
    this.root.addEventListener("keydown", (event) => this.key(event));
    host.append(this.root);
  }

  close() {
    this.root.remove();
  }

  /**
   * @param {LineTableData} data
   * @param {Streamlit} streamlit
   */
  receive({ head, rows, chosen }, { setTriggerValue }) {
    this.send = setTriggerValue;
    const focused = focusedElement(this.root)?.dataset.row;
    this.root.style.setProperty("--others", String(head.length - 1));
    const titles = element("div", { class: "row head", role: "row" }, ...head.map((text) => cellOf({ text }, "columnheader")));
    this.root.replaceChildren(titles, ...rows.map((row, number) => rowOf(row, number, number === chosen, head)));
    if (focused) focusOn(this.root, rowNumber(focused), { preventScroll: true });
  }

  press(row) {
    if (row.getAttribute("aria-selected") !== "true" && !isTextSelected()) this.send("go", row.dataset.row);
  }

  key(event) {
    const row = event.target.closest(ROW);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!row || !by) return;
    event.preventDefault();
    event.stopPropagation();
    focusOn(this.root, rowNumber(Number(row.dataset.row) + by));
  }
}

function rowNumber(number) {
  return `[data-row="${number}"]`;
}

function rowOf({ cells, kind }, number, chosen, head) {
  return element(
    "div",
    { class: `row ${kind}`, role: "row", "aria-selected": String(chosen), "data-row": number, tabindex: 0 },
    ...cells.map((cell, column) => cellOf(cell, "gridcell", head[column])),
  );
}

/**
 * @param {LineTableData["rows"][number]["cells"][number]} cell
 * @param {string} role
 * @param {string} [title]
 */
function cellOf({ text = "", code, shape }, role, title = "") {
  const kind = code !== undefined ? "code" : shape ? "shape" : text ? "" : "empty";
  const children = shape && (shape.length ? shape.map(chipOf) : ["scalar"]);
  return element("span", { class: `cell ${kind}`, role, "data-title": title || null }, code ?? text, ...(children ?? []));
}

function chipOf([symbol, size, light, dark]) {
  const chip = shapeChip(symbol, size);
  chip.style.setProperty("--tone", `light-dark(${light}, ${dark})`);
  return chip;
}

export default rendererOf((host) => new LineTable(host));
