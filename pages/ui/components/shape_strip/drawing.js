// One box of the strip as elements that stay, whatever sizes they are given.
import { BAND, fittedName } from "./bands.js";
import { besides, CHARACTER, DEPTH_SLOPE, framePath, LINE, slabsPath, stackAt, wrongPath } from "./geometry.js";
import { CROSS_PATH, signPath } from "./glyphs.js";

const NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * An element of a drawing.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {Element} [parent]
 * @returns {SVGElement}
 */
export function element(tag, attributes, parent) {
  const created = /** @type {SVGElement} */ (document.createElementNS(NAMESPACE, tag));
  put(created, attributes);
  parent?.append(created);
  return created;
}

/**
 * @param {Element} target
 * @param {Record<string, string | number>} attributes
 */
export function put(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (target.getAttribute(name) !== String(value)) target.setAttribute(name, String(value));
  }
}

/**
 * @param {Element} target what has text alone in it
 * @param {string} words
 */
function setText(target, words) {
  const node = /** @type {Text | null} */ (target.firstChild);
  if (!node) target.textContent = words;
  else if (node.data !== words) node.data = words;
}

/** A box with its labels. */
export class DrawnBox {
  /**
   * @param {import("./shapes.js").BoxData} box
   * @param {number} index
   * @param {{text: string, isName: boolean}} word under it
   * @param {Element} parent
   */
  constructor(box, index, word, parent) {
    this.group = element("g", { class: "box", role: "button", tabindex: -1, "data-box": index }, parent);
    put(this.group, { "data-name": box.name, "data-op": box.op, "data-lane": box.lane, "data-step": box.step ?? "" });
    this.group.classList.toggle("given", !box.op);
    this.group.classList.toggle("folded", box.folded > 0);
    this.group.classList.toggle("failed", box.failed);
    this.wrong = box.wrong;
    this.title = element("title", {}, this.group);
    this.mark = element("rect", { class: "mark", rx: 7 }, this.group);
    this.frame = element("path", { class: "frame" }, this.group);
    this.sign = element("path", { class: "sign", d: box.op ? signPath(box.op) : "" }, this.group);
    this.operands = ["above", "below"].map((side) => element("rect", { class: `operand ${side}` }, this.group));
    this.seam = element("path", { class: "seam" }, this.group);
    this.stack = element("rect", { class: "stack", rx: 1.5 }, this.group);
    this.slabs = element("path", { class: "slabs" }, this.group);
    this.face = element("rect", { class: "face", rx: 1.5 }, this.group);
    this.ghost = element("path", { class: "ghost" }, this.group);
    this.disagreeing = element("path", { class: "disagreeing" }, this.group);
    const named = box.failed ? ["left", "right"] : box.axes;
    this.labels = named.map((_, axis) => element("text", { class: "axis", "data-axis": axis }, this.group));
    this.labels.forEach((label, axis) => label.classList.toggle("wrong", box.failed || box.wrong.includes(axis)));
    this.word = element("text", { class: word.isName ? "name" : "op" }, this.group);
    this.word.textContent = word.text;
  }

  /**
   * What a screen reader says of it, and a pointer that rests on it is told.
   * @param {string} sentence
   */
  say(sentence) {
    put(this.group, { "aria-label": sentence });
    if (this.title.textContent !== sentence) this.title.textContent = sentence;
  }

  /** @param {{x: number, y: number}} at */
  moveTo(at) {
    put(this.group, { transform: `translate(${at.x} ${at.y})` });
  }

  /** @param {Record<string, string>} hues by their properties in CSS */
  paint(hues) {
    for (const [property, hue] of Object.entries(hues)) this.group.style.setProperty(property, hue);
  }

  /**
   * Whether it has to be drawn again to show this.
   * @param {import("./geometry.js").Cell} cell
   * @param {number[]} shape
   * @param {number[] | null} before
   * @returns {boolean}
   */
  isNew({ meeting }, shape, before) {
    const key = JSON.stringify([shape, before, meeting]);
    const isNew = key !== this.key;
    this.key = key;
    return isNew;
  }

  /**
   * Draws it with these sizes.
   * @param {import("./geometry.js").Cell} cell
   * @param {number[]} shape
   * @param {string[]} colours of its axes
   * @param {number[] | null} before the sizes that it had, where they are to be seen
   */
  draw(cell, shape, colours, before) {
    const { x, width, height } = cell.face;
    put(this.group, { "data-shape": shape.join(",") });
    // It ends before the sign of the next box, though a label may reach further.
    put(this.mark, { x: -4, y: -cell.up - 4, width: Math.min(cell.outer + 4, cell.width + 3) + 4, height: cell.up + cell.down + 8 });
    put(this.frame, { d: framePath(cell) });
    if (cell.edges) {
      this.fail(cell, cell.edges);
      return;
    }
    put(this.face, { x, y: -height / 2, width, height });
    put(this.slabs, { d: slabsPath(cell) });
    const stack = stackAt(cell);
    put(this.stack, cell.stacked ? { ...stack, width, height } : { x, y: 0, width: 0, height: 0 });
    put(this.disagreeing, { d: wrongPath(cell, this.wrong) });
    if (cell.meeting) this.join(cell.meeting, 0);
    this.label(cell, shape, colours, before);
  }

  /**
   * The two operands of a product instead of a sign, against each other along the edges that must be equal.
   * @param {import("./geometry.js").Meeting} meeting
   * @param {number} apart how far each stands from the line between them
   */
  join({ above, below, up, down }, apart) {
    put(this.sign, { d: "" });
    put(this.operands[0], { x: 1, y: -up - apart, width: above, height: up });
    put(this.operands[1], { x: 1, y: apart, width: below, height: down });
    if (!apart) put(this.seam, { d: `M1 0h${Math.max(above, below)}` });
  }

  /**
   * The call that failed.
   * @param {import("./geometry.js").Cell} cell
   * @param {string[]} edges what must be equal
   */
  fail({ meeting, down }, edges) {
    put(this.word, { x: 0, y: down - 4 });
    if (!meeting) {
      put(this.sign, { d: CROSS_PATH });
      return;
    }
    const { above, below } = meeting;
    this.join(meeting, 2);
    put(this.disagreeing, { d: `M1-2h${above}M1 2h${below}` });
    edges.forEach((edge, number) => {
      const [length, y] = number ? [below, LINE + 2] : [above, -5];
      this.write(number, [edge], length + 7, y, "start", []);
    });
  }

  /**
   * @param {import("./geometry.js").Cell} cell
   * @param {number[]} shape
   * @param {string[]} colours
   * @param {number[] | null} before
   */
  label(cell, shape, colours, before) {
    const { x, height } = cell.face;
    const number = (/** @type {number} */ axis) =>
      before && before[axis] !== shape[axis] ? `${before[axis]} → ${shape[axis]}` : String(shape[axis]);
    const changed = (/** @type {number} */ axis) => before !== null && before[axis] !== shape[axis];
    let left = x;
    for (const label of cell.leading) {
      const shown = changed(label.axis) || !label.symbol ? number(label.axis) : `${label.symbol} ${label.size}`;
      this.write(label.axis, [shown], left, -cell.up + LINE - 3, "start", colours);
      left += (Math.max(besides(label), changed(label.axis) ? shown.length - 1 : 0) + 1) * CHARACTER;
    }
    if (cell.rows) {
      const { axis, symbol } = cell.rows;
      const numbers = changed(axis) && before ? [`${before[axis]} →`, ` ${shape[axis]}`] : [String(shape[axis])];
      const lines = symbol && !changed(axis) ? [symbol, ...numbers] : numbers;
      this.write(axis, lines, x - 5, 4 - (lines.length - 1) * (LINE / 2), "end", colours);
    }
    if (cell.columns) {
      const { axis, symbol } = cell.columns;
      const shown = changed(axis) || !symbol ? number(axis) : `${symbol} ${shape[axis]}`;
      this.write(axis, [shown], x, height / 2 + LINE - 2, "start", colours);
    }
    const under = height / 2 + (cell.columns ? LINE - 2 : 0);
    put(this.word, { x, y: Math.max(under, 0) + LINE + 1 });
    this.labels.forEach((text, axis) => text.classList.toggle("changed", changed(axis)));
  }

  /**
   * @param {number} axis
   * @param {string[]} lines one text a line
   * @param {number} x
   * @param {number} y
   * @param {string} anchor
   * @param {string[]} colours
   */
  write(axis, lines, x, y, anchor, colours) {
    const text = this.labels[axis];
    put(text, { x, y, "text-anchor": anchor, fill: colours[axis] ?? "currentcolor" });
    if ((text.children.length || 1) !== lines.length) text.replaceChildren();
    if (lines.length === 1) setText(text, lines[0]);
    else lines.forEach((words, row) => setText(text.children[row] ?? element("tspan", { dy: row ? LINE : 0 }, text), words));
    for (const line of text.children) put(line, { x });
  }

  /**
   * The outline of what it was, from the same left edge and around the same middle: its face, and the farthest slab.
   * @param {import("./geometry.js").Cell | null} before
   * @param {import("./geometry.js").Cell} now
   */
  showGhost(before, now) {
    if (!before) {
      put(this.ghost, { d: "" });
      return;
    }
    const { width, height } = before.face;
    const reach = (before.slabs - 1) * before.slabStep;
    const outline = `h${width}v${height}h${-width}z`;
    const far = reach ? `M${now.face.x + reach} ${-height / 2 - reach * DEPTH_SLOPE}${outline}` : "";
    put(this.ghost, { d: `${far}M${now.face.x} ${-height / 2}${outline}` });
  }
}

/** The names of modules above their boxes. */
export class DrawnBands {
  /** @param {Element} parent */
  constructor(parent) {
    this.group = element("g", { class: "bands", "aria-hidden": "true" }, parent);
  }

  /**
   * @param {import("./bands.js").Band[]} bands
   * @param {[string, string, boolean][]} titles of modules: path, name
   * @returns {number} how many rows they take
   */
  show(bands, titles) {
    const rows = Math.max(0, ...bands.map(({ row }) => row + 1));
    while (this.group.children.length > bands.length) this.group.lastChild?.remove();
    bands.forEach(({ module, x, width, row }, at) => {
      const band = this.group.children[at] ?? element("g", { class: "band" }, this.group);
      const line = band.children[0] ?? element("path", {}, band);
      const text = band.children[1] ?? element("text", { class: "module" }, band);
      const y = (row - rows) * BAND;
      put(band, { "data-module": module });
      put(line, { d: `M${x} ${y + BAND - 2}v-5h${width}v5` });
      put(text, { x: x + 6, y: y + BAND - 4 });
      const name = titles.find(([path]) => path === module)?.[1] ?? module;
      setText(text, fittedName(` ${name} `, width - 12));
    });
    return rows;
  }
}
