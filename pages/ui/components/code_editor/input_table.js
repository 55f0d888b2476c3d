// The inputs of somebody's own code, a row each: name, shape or value, dtype, how it is filled, seed.

import { element, focusedElement, focusOn } from "../mount/dom.js";

/**
 * @typedef {object} InputRow
 * @property {string} name
 * @property {string} text the shape, or the value
 * @property {string} dtype
 * @property {string} fill
 * @property {number} seed
 * @property {string} problem "" where it can be made
 * @property {boolean} added whether a person added it, and can remove it
 */

/**
 * @typedef {object} TableData
 * @property {InputRow[]} rows
 * @property {string} target what is called
 * @property {string[]} targets what could be
 * @property {[string, string][]} dtypes value and label
 * @property {[string, string][]} fills value and label
 * @property {string} value the dtype of what is no tensor
 * @property {string} random the fill that has a seed
 * @property {number} most how many inputs there may be
 */

export class InputTable {
  /** @param {(change: Record<string, any>) => void} send */
  constructor(send) {
    this.send = send;
    this.root = element("div", { class: "inputs", role: "group", "aria-label": "Inputs" });
  }

  /**
   * @param {TableData} data
   * @param {boolean} canRun
   */
  receive(data, canRun) {
    const drawn = JSON.stringify([data, canRun]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.data = data;
    this.isOff = !canRun;
    const focused = focusedElement(this.root)?.dataset.at;
    const rows = data.rows.flatMap((row, number) => this.row(row, number));
    this.root.replaceChildren(...this.called(), ...rows, ...this.adding());
    if (focused) focusOn(this.root, `[data-at="${focused}"]`, { preventScroll: true });
  }

  called() {
    const { target, targets } = this.data;
    if (!target) return [];
    const named = targets.map((name) => /** @type {[string, string]} */ ([name, name]));
    const choice = this.choice("target", "What is called", named, target, (name) => this.send({ target: name }));
    return [element("p", { class: "row" }, element("span", { class: "name", text: "calls" }), choice)];
  }

  // Each press has a number of its own: an event that equals the one before is not told again.
  adding() {
    if (this.isOff || this.data.rows.length >= this.data.most) return [];
    const title = "Add a tensor that the code finds by its name";
    const add = () => this.send({ add: true, turn: (this.turn = (this.turn ?? 0) + 1) });
    const button = element("button", { class: "add", type: "button", title, "data-at": "add", onclick: add, text: "+ input" });
    return [element("p", { class: "row" }, button)];
  }

  removing(row, number) {
    const label = `Remove ${row.name}`;
    const remove = () => this.send({ number, remove: true, turn: (this.turn = (this.turn ?? 0) + 1) });
    const at = `${number}.remove`;
    const attributes = { class: "remove", type: "button", title: label, "aria-label": label, "data-at": at, text: "×" };
    return element("button", { ...attributes, disabled: this.isOff, onclick: remove });
  }

  row(row, number) {
    const { dtypes, fills, value, random } = this.data;
    const isTensor = row.dtype !== value;
    const tensors = dtypes.filter(([name]) => name !== value);
    const change = (field) => (changed) => this.send({ number, name: row.name, field, value: changed });
    const at = (field) => `${number}.${field}`;
    const parts = [
      row.added
        ? this.field(at("name"), `Name of ${row.name}`, "text", row.name, change("name"), "name")
        : element("span", { class: "name", text: row.name, title: row.name }),
      this.field(at("text"), `${isTensor ? "Shape" : "Value"} of ${row.name}`, "text", row.text, change("text")),
      this.choice(at("dtype"), `dtype of ${row.name}`, row.added ? tensors : dtypes, row.dtype, change("dtype")),
    ];
    if (isTensor) parts.push(this.choice(at("fill"), `Numbers in ${row.name}`, fills, row.fill, change("fill")));
    if (isTensor && row.fill === random)
      parts.push(this.field(at("seed"), `Seed of ${row.name}`, "number", row.seed, (seed) => change("seed")(Number(seed))));
    if (row.added) parts.push(this.removing(row, number));
    const line = element("p", { class: "row" }, ...parts);
    return row.problem ? [line, element("p", { class: "problem", role: "alert", text: row.problem })] : [line];
  }

  field(at, label, type, value, changed, kind = null) {
    const extra = type === "number" ? { min: 0, max: 2147483647, step: 1 } : { spellcheck: "false", autocomplete: "off" };
    const attributes = { type, value, title: label, "aria-label": label, "data-at": at, class: kind, disabled: this.isOff, ...extra };
    return element("input", { ...attributes, onchange: (event) => changed(event.target.value) });
  }

  choice(at, label, options, value, changed) {
    const choices = options.map(([name, text]) => element("option", { value: name, selected: name === value, text }));
    const attributes = { title: label, "aria-label": label, "data-at": at, disabled: this.isOff };
    return element("select", { ...attributes, onchange: (event) => changed(event.target.value) }, ...choices);
  }
}
