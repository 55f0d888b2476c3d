// What a step that only moves numbers does to a tensor that is too large to be drawn by cells: whole axes as slabs.
// A slab, a head mostly, has one colour before and after; along the tokens it goes from dark to light.

import { element } from "../mount/dom.js";
import { axisName, groupDigits, isOne, positionName } from "./format.js";
import { originColour } from "./origin_colormap.js";
import { packed } from "./paint.js";

const SLAB_ROOM = 172; // px that the slabs of a tensor may take in height
const SIDE_ROOM = 34; // px left of them, for what runs down
const CAPTION = 17;
const FACE_GAP = 9;
const SLAB_SCALES = [3.2, 2.8, 2.4, 2, 1.7, 1.4, 1.2, 1, 0.8];
const MOST_FACETS = 16; // more are not told apart: the first of them, and the last
const FEW = 4; // of more than that as many are enough to be understood
const LITTLE = 0.26; // of the cells of a tensor: a quarter with what rounding adds
const SAMPLES = 64; // points along a side at which a slab is asked for its colour

/**
 * @param {number} size of an axis
 * @returns {number} the side of a face, as the strip draws it
 */
function faceSide(size) {
  return 6 + 6 * Math.log2(Math.max(1, size));
}

/**
 * The axis that lays the faces of a tensor side by side: the last of those before rows and columns, unless it is the batch.
 *
 * @param {{ axes: AxisData[] }} panel
 * @returns {number | null}
 */
export function facetAxis({ axes }) {
  const axis = axes.length - 3;
  return axis < 0 || axes[axis].symbol === "B" ? null : axis;
}

/**
 * Where along an axis of the step an element of one of its tensors is.
 *
 * @param {AxisDigit} digit
 * @param {Index} index
 * @returns {number}
 */
export function positionAlong({ axis, step, size }, index) {
  return Math.floor(index[axis] / step) % size;
}

function acrossOf(face, width) {
  return Math.max(0, Math.floor((width - SIDE_ROOM) / (face + FACE_GAP)));
}

/**
 * How large the faces are that fit at a scale, and which of them are drawn.
 *
 * @param {{ axes: AxisData[] }} panel
 * @param {number} width
 * @param {number} scale
 * @returns {{ width: number, height: number, positions: number[], hidden: number }} `hidden` of them stand before the last
 */
export function facesAt({ axes }, width, scale) {
  const along = facetAxis({ axes });
  const count = along === null ? 1 : axes[along].size;
  const face = {
    width: Math.round(scale * faceSide(axes[axes.length - 1].size)),
    height: Math.round(scale * faceSide(axes.length > 1 ? axes[axes.length - 2].size : 1)),
  };
  const across = acrossOf(face.width, width);
  const down = Math.max(0, Math.floor(SLAB_ROOM / (face.height + CAPTION)));
  const fit = count > MOST_FACETS ? Math.min(down, 1) * across : down * across;
  const all = count <= Math.min(fit, MOST_FACETS);
  const first = all ? count : Math.max(0, Math.min(fit, MOST_FACETS) - 2); // the mark of the gap takes the room of one
  const positions = Array.from({ length: first }, (_, position) => position);
  if (!all) positions.push(count - 1);
  return { ...face, positions, hidden: count - positions.length };
}

/**
 * The largest scale at which both tensors of a step fit.
 *
 * @param {PanelData[]} panels
 * @param {number[]} widths
 * @returns {number}
 */
export function slabScale(panels, widths) {
  const fits = (scale) => panels.every((panel, side) => {
    const { positions, hidden, width, height } = facesAt(panel, widths[side], scale);
    const isEnough = hidden ? positions.length + hidden > MOST_FACETS && positions.length >= FEW : true;
    return isEnough && width <= widths[side] - SIDE_ROOM && height + CAPTION <= SLAB_ROOM;
  });
  return SLAB_SCALES.find(fits) ?? SLAB_SCALES[SLAB_SCALES.length - 1];
}

/**
 * One tensor of a step as slabs.
 *
 * @param {PanelData} panel
 * @param {{ slab: AxisDigit, token: AxisDigit }} digits
 * @param {number} width
 * @param {number} scale
 * @param {Theme} theme
 * @returns {HTMLElement}
 */
export function slabPicture(panel, digits, width, scale, theme) {
  const faces = facesAt(panel, width, scale);
  const along = facetAxis(panel);
  const colour = originColour({ shape: [digits.slab.size, digits.token.size] }, { token: 0, features: [1] });
  const figures = faces.positions.map((position) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    Object.assign(canvas.style, { width: `${faces.width}px`, height: `${faces.height}px` });
    paintFace(canvas, panel, digits, along === null ? null : position, colour);
    const name = along === null || isOne(panel.axes[along]) ? null : element("figcaption", { text: positionName(panel, along, position) });
    if (name) name.style.color = theme.axis(panel.axes[along].symbol);
    return element("figure", {}, name, canvas);
  });
  if (faces.hidden) figures.splice(-1, 0, element("figure", { class: "left-out", title: `${groupDigits(faces.hidden)} more` }, "…"));
  const rows = panel.rowAxis === null ? null : sideName(panel, panel.rowAxis, "down", theme);
  const columns = panel.columnAxis === null ? null : sideName(panel, panel.columnAxis, "across", theme);
  const faceList = element("div", { class: "faces" }, ...figures);
  const lines = Math.ceil(figures.length / acrossOf(faces.width, width));
  faceList.style.maxWidth = `${Math.ceil(figures.length / lines) * (faces.width + FACE_GAP)}px`; // equally many in a line
  return element("div", { class: "slabs", role: "img", "aria-label": describedSlabs(panel, faces.hidden) }, rows, faceList, columns);
}

function sideName(panel, axis, way, theme) {
  const name = element("span", { class: way, text: `${axisName(panel, axis).replaceAll("*", "·")} ${panel.axes[axis].size}` });
  name.style.color = theme.axis(panel.axes[axis].symbol);
  return name;
}

function describedSlabs(panel, hidden) {
  const axes = panel.axes.map((axis, number) => `${axisName(panel, number)} ${axis.size}`).join(", ");
  return `${panel.title} as whole slabs: ${axes}${hidden ? `; ${groupDigits(hidden)} slabs are left out before the last` : ""}`;
}

// One point for each cell of a face, or for as many as can be told apart.
function paintFace(canvas, panel, { slab, token }, position, colour) {
  const [rows, columns] = [panel.shape.at(-2) ?? 1, panel.shape.at(-1) ?? 1];
  canvas.height = Math.min(rows, SAMPLES);
  canvas.width = Math.min(columns, SAMPLES);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const index = panel.axes.map(() => 0);
  if (position !== null) index[panel.axes.length - 3] = position;
  for (let y = 0; y < canvas.height; y++) {
    if (panel.rowAxis !== null) index[panel.rowAxis] = Math.floor(((y + 0.5) * rows) / canvas.height);
    for (let x = 0; x < canvas.width; x++) {
      if (panel.columnAxis !== null) index[panel.columnAxis] = Math.floor(((x + 0.5) * columns) / canvas.width);
      pixels[y * canvas.width + x] = packed(colour([positionAlong(slab, index), positionAlong(token, index)]));
    }
  }
  context.putImageData(image, 0, 0);
}

/** How a step is drawn that only moves its cells and is too large for all of them: as slabs, or some of its numbers. */
export class SlabMode {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.keeps = null; // whether a person wants slabs; null until one of the two was pressed
    const button = (text, slabs) => element("button", { type: "button", text, "data-focus": `slabs:${text}`, onclick: () => this.choose(slabs) });
    this.buttons = [button("slabs", true), button("numbers", false)];
    const segments = element("span", { class: "segments", role: "group", "aria-label": "slabs or numbers" }, ...this.buttons);
    this.choice = element("span", { class: "control slab-choice" }, element("span", { text: "Drawn as" }), segments);
    this.note = element("p", { class: "note slab-note" });
  }

  /** @returns {boolean} whether there is something to choose between */
  get isOffered() {
    const { data, animation } = this.stage;
    return !!data.player && !!animation && !!data.travel.slabs && data.panels.some(({ axes }) => axes.some(({ count, size }) => count < size));
  }

  // Whether so little of a tensor is drawn by cells that nobody could see what became of it.
  get isMostlyHidden() {
    const share = ({ axes }) => axes.reduce((part, { symbol, count, size }) => (symbol === "B" ? part : (part * count) / size), 1);
    return this.stage.data.panels.some((panel) => share(panel) < LITTLE);
  }

  /** Draws what a person wants; a cell that the walk leads to is among the numbers. */
  receive() {
    this.draw(this.isOffered && (this.keeps ?? (this.isMostlyHidden && !this.stage.selection.pin)));
  }

  choose(slabs) {
    this.keeps = slabs;
    this.draw(slabs);
    this.stage.relayout();
  }

  draw(slabs) {
    this.isOn = slabs;
    this.stage.root.toggleAttribute("data-slabs", slabs);
    this.buttons.forEach((button, number) => button.setAttribute("aria-pressed", String(slabs === (number === 0))));
  }

  /**
   * @param {{ width: number }[]} sizes of the tensors
   * @param {Theme} theme
   */
  relayout(sizes, theme) {
    const { views, data, animation } = this.stage;
    const widths = sizes.map(({ width }) => width);
    const scale = this.isOn ? slabScale(data.panels, widths) : 1;
    views.forEach((view, side) => {
      view.showSlabs(this.isOn ? slabPicture(view.panel, data.travel.slabs.sides[side], widths[side], scale, theme) : null);
    });
    if (!this.isOn) return;
    this.note.replaceChildren(...this.words(theme));
    animation.root.prepend(this.note);
  }

  // What the colours mean.
  words(theme) {
    const { travel, panels } = this.stage.data;
    const axis = (name) => {
      const part = element("b", { text: name });
      part.style.color = theme.axis(name);
      return part;
    };
    const [batch] = panels[0].axes;
    const alike = batch.symbol === "B" && batch.size > 1 ? "; shown is the first of the batch, the others move alike." : ".";
    return ["No number is left out of a slab: a colour for each ", axis(travel.slabs.symbol), ", dark to light along ", axis(travel.slabs.token), alike];
  }
}
