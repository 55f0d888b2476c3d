// One tensor on the page: title, shape, canvases, legend, statistics. It draws what the stage tells it to.

import { element } from "../mount/dom.js";
import { shapeChip } from "../mount/shape_chip.js";
import { sentOffset } from "./decode.js";
import { ONE } from "./dependencies.js";
import { axisName, isOne, positionName, spokenCell } from "./format.js";
import { LayeredCanvas } from "./layered_canvas.js";
import { cellAt, clamp, computeLayout, facetLayout, regions, sentBox } from "./layout.js";
import { legendOf } from "./legend.js";
import { Overflow } from "./overflow.js";
import { pixelsOf } from "./paint.js";
import { leadOf } from "./paint_labels.js";

/** A tensor with everything that stands around it, and the pointer and the keys on its cells. */
export class PanelView {
  /**
   * @param {PanelData} panel
   * @param {Stage} stage
   */
  constructor(panel, stage) {
    this.panel = panel;
    this.stage = stage;
    this.lastIndex = null; // where the keyboard was
    this.id = `${stage.id}-${panel.number}`;
    this.canvas = new LayeredCanvas(stage.spare);
    this.grid = this.buildGrid();
    this.canvas.root.append(this.grid);
    this.scroller = element("div", { class: "scroller", onscroll: () => this.overflow.show(this.overflow.measure()) }, this.canvas.root);
    this.overflow = new Overflow(this);
    this.body = element("div", { class: "body" }, this.scroller);
    this.legend = element("div", { class: "legend" });
    this.footer = element("p", { class: "footer" });
    this.zoom = null;
    this.root = element(
      "section",
      { class: "panel", "data-panel": panel.title, "data-number": panel.number, "aria-labelledby": `${this.id}-title` },
      this.title(),
      this.chips(),
      this.body,
      this.overflow.root,
      this.legend,
      this.footer,
    );
    if (panel.empty || !panel.values) this.body.replaceChildren(this.nothing());
  }

  title() {
    const { panel, stage } = this;
    const mark = panel.role ? element("span", { class: "role", "aria-hidden": "true", "data-role": panel.role }) : null;
    const name = element("h3", { id: `${this.id}-title`, text: panel.title });
    const note = panel.note ? element("span", { class: "note", text: panel.note }) : null;
    if (mark) stage.colour(mark, "--hue", stage.data.roles[panel.role]);
    return element("div", { class: "title" }, mark, name, note);
  }

  chips() {
    const { panel, stage } = this;
    const chips = panel.axes.map((axis, number) => {
      const known = stage.data.axes[axis.symbol];
      const meaning = known ? [known.name, known.meaning].filter(Boolean).join(": ") : "an axis whose name is not known";
      const title = isOne(axis) ? `an axis of size 1: repeats along ${axis.every ?? "the other tensor's axis"}` : meaning;
      const chip = shapeChip(isOne(axis) ? null : axisName(panel, number), axis.size, { title, role: "listitem" });
      stage.underline(chip, axis.symbol);
      return chip;
    });
    if (!chips.length) chips.push(element("span", { class: "chip scalar", text: "a single number", role: "listitem" }));
    return element("div", { class: "chips", role: "list", "aria-label": "shape" }, ...chips);
  }

  nothing() {
    const words = this.panel.empty ? "No elements: one axis has length 0." : "A shape without numbers: nothing was computed.";
    return element("p", { class: "nothing", text: words });
  }

  // The canvas is invisible to a screen reader; this grid with one cell, the current one, stands for it.
  buildGrid() {
    const { panel, stage } = this;
    this.cell = element("span", { role: "gridcell", id: `${this.id}-cell` });
    this.row = element("span", { role: "row", class: "unseen here" }, this.cell);
    const grid = element(
      "div",
      {
        class: "grid", role: "grid", tabindex: "0", "data-focus": `grid:${panel.number}`,
        "aria-activedescendant": `${this.id}-cell`, "aria-readonly": "true",
        "aria-rowcount": panel.shape.at(-2) ?? 1, "aria-colcount": panel.shape.at(-1) ?? 1,
      },
      this.row,
    );
    this.listen(grid, () => this.layout);
    grid.addEventListener("keydown", (event) => stage.selection.key(this, event));
    grid.addEventListener("focus", () => grid.matches(":focus-visible") && stage.selection.focus(this));
    grid.addEventListener("blur", () => stage.selection.blur(this));
    return grid;
  }

  listen(target, layout) {
    const { selection } = this.stage;
    const under = (event) => {
      const bounds = target.getBoundingClientRect();
      return cellAt(layout(), event.clientX - bounds.left, event.clientY - bounds.top);
    };
    target.addEventListener("pointermove", (event) => event.pointerType !== "touch" && selection.hover(this, under(event)));
    target.addEventListener("pointerleave", () => selection.hover(null, null));
    target.addEventListener("click", (event) => selection.click(this, under(event)));
  }

  /** @param {HTMLElement | null} slabs what is shown instead of the cells */
  showSlabs(slabs) {
    if (!slabs && !this.slabs) return;
    this.slabs?.remove();
    this.slabs = slabs;
    if (slabs) this.body.prepend(slabs);
  }

  get drawable() {
    return !this.panel.empty && !!this.panel.values;
  }

  /**
   * Takes new numbers in the same shape.
   *
   * @param {PanelData} panel
   */
  receive(panel) {
    this.panel = panel;
  }

  /**
   * @param {Size} space
   * @param {Theme} theme
   */
  relayout(space, theme) {
    const { panel } = this;
    this.space = space;
    this.theme = theme;
    this.footer.replaceChildren(...panel.footer.split(/(?= · )/).map((text) => element("span", { text })));
    this.footer.title = panel.footer; // it may be cut to one line
    this.grid.setAttribute("aria-label", this.described());
    if (!this.drawable) {
      this.legend.replaceChildren();
      return;
    }
    const box = sentBox(panel);
    this.layout = computeLayout(panel, box, space, theme);
    this.legend.replaceChildren(...legendOf(panel, theme, this.layout.cell));
    this.pixels = pixelsOf(panel, theme);
    this.canvas.relayout(this.layout, theme);
    this.canvas.draw(this.pixels);
    this.root.dataset.geometry = JSON.stringify(this.geometry());
    this.relayoutZoom(null);
  }

  // For whoever needs to know where a cell is: a test, a guided tour.
  geometry() {
    const { layout } = this;
    return {
      cell: [layout.cell.width, layout.cell.height],
      first: [layout.firstRow, layout.firstColumn],
      count: [layout.rows, layout.columns],
      facets: layout.blocks.map((block) => ({ lead: block.lead, x: block.x, y: block.y })),
    };
  }

  described() {
    const { panel } = this;
    const axes = panel.axes.map((axis, number) => (isOne(axis) ? "1" : `${axisName(panel, number)} ${axis.size}`)).join(" by ");
    return [`${panel.title}, ${axes || "a single number"}, ${panel.dtype}`, panel.footer, "Arrow keys move, Enter pins, Escape releases"]
      .filter(Boolean)
      .join(". ");
  }

  // One facet again, large enough for numerals, if the panel itself is too small for them. It follows the pointer.
  relayoutZoom(index) {
    const { panel, layout } = this;
    const wanted = this.stage.enlarges(this) && !layout.cell.numerals && layout.blocks.length > 1;
    if (!wanted) return this.dropZoom();
    const shown = index ?? this.zoomIndex ?? leadOf(layout, 0);
    const facets = [...panel.rows, ...panel.columns];
    const box = sentBox(panel).map(([start, count], axis) => (
      /** @type {AxisWindow} */ (facets.includes(axis) ? [clamp(shown[axis], start, start + count - 1), 1] : [start, count])
    ));
    const zoomLayout = facetLayout(panel, box, { width: this.space.width, height: 300 }, this.theme);
    if (!zoomLayout.cell.numerals) return this.dropZoom();
    this.zoomIndex = shown;
    if (!this.zoom) {
      this.zoom = new LayeredCanvas();
      this.zoomTitle = element("p", { class: "zoomed" });
      this.zoomBody = element("div", { class: "scroller" }, this.zoom.root);
      this.listen(this.zoom.root, () => this.zoom.layout);
      this.footer.after(this.zoomTitle, this.zoomBody);
    }
    this.zoomTitle.replaceChildren(...this.zoomName(box, facets));
    this.zoom.relayout(zoomLayout, this.theme);
    this.zoom.draw(this.pixels);
    this.stage.animation?.tint(this);
    return undefined;
  }

  zoomName(box, facets) {
    const named = facets
      .filter((axis) => !isOne(this.panel.axes[axis]))
      .sort((a, b) => a - b)
      .flatMap((axis, n) => {
        const name = element("b", { text: positionName(this.panel, axis, box[axis][0]) });
        name.style.color = this.theme.axis(this.panel.axes[axis].symbol);
        return n ? [" · ", name] : [name];
      });
    return [...named, ", enlarged"];
  }

  dropZoom() {
    this.zoomTitle?.remove();
    this.zoomBody?.remove();
    this.zoom = null;
  }

  /**
   * Draws what is pointed at in this tensor.
   *
   * @param {Marks & { total: number, inView: number }} marks `total` cells light up, of which `inView` were sent
   */
  mark(marks) {
    this.root.dataset.lit = String(marks.inView);
    this.root.dataset.reads = String(marks.total);
    // A view that is taken away with the focus on it refreshes the stage before the new views are laid out.
    if (!this.drawable || !this.canvas.layout) return;
    this.canvas.mark(marks);
    const shown = marks.active ?? marks.pin;
    if (this.zoom || (shown && this.stage.enlarges(this))) this.follow(shown);
    // numerals stay readable: nothing steps back in the enlarged facet
    this.zoom?.mark({ ...marks, dim: false });
  }

  /**
   * Tells a screen reader of the current cell.
   *
   * @param {Index | null} index null where it is not in this tensor
   * @param {Index | null} pinned what is pinned in this tensor
   */
  describeCell(index, pinned) {
    this.cell.textContent = index ? spokenCell(this.panel, index) : "";
    if (index) this.cell.setAttribute("aria-rowindex", String((index.at(-2) ?? 0) + 1));
    if (index) this.cell.setAttribute("aria-colindex", String((index.at(-1) ?? 0) + 1));
    this.cell.setAttribute("aria-selected", String(pinned !== null && String(pinned) === String(index ?? [])));
  }

  follow(index) {
    const facets = [...this.panel.rows, ...this.panel.columns];
    if (!index || !this.zoomIndex || sentOffset(this.panel, index) < 0) return;
    if (facets.some((axis) => index[axis] !== this.zoomIndex[axis])) this.relayoutZoom(index);
  }

  /**
   * Keeps the cell that the keyboard is on in sight: inside its box, and above the read-out.
   *
   * @param {Index} index
   */
  reveal(index) {
    const [region] = regions(this.layout, index.map(ONE));
    if (!region) return;
    const { style } = this.row;
    style.left = `${region.x}px`;
    style.top = `${region.y}px`;
    style.width = `${this.layout.cell.width}px`;
    style.height = `${this.layout.cell.height}px`;
    this.row.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
