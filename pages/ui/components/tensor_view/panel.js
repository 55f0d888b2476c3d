// One tensor on the page: title, shape, canvases, legend, statistics. It draws what the stage tells it to.

// element("p", { class: "note", text: "…" }, child, …): text is always text, never HTML.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A canvas with a second one on top for what is pointed at, so that hovering never redraws the tensor.
class Plate {
  // Canvases that are no longer shown are drawn on again: to get the context of a new one takes milliseconds.
  constructor(spare = []) {
    this.base = spare.pop() ?? element("canvas", { "aria-hidden": "true" });
    this.marks = spare.pop() ?? element("canvas", { "aria-hidden": "true", class: "marks" });
    this.root = element("div", { class: "plate" }, this.base, this.marks);
  }

  lay(layout, look) {
    this.layout = layout;
    this.look = look;
    this.root.style.width = `${layout.width}px`;
    this.root.style.height = `${layout.height}px`;
    this.drawn = null;
    this.tinted = null;
  }

  draw(pixels) {
    paintTensor(this.context(this.base), this.layout, pixels, this.look);
  }

  mark(marks) {
    const wanted = JSON.stringify(marks);
    if (this.drawn === wanted) return;
    if (this.drawn === null && !marks.dim && !marks.lit.length && !marks.active && !marks.pin) {
      this.marks.width = 0; // nothing to show: a canvas of full size would be painted for it
      return;
    }
    const context = this.drawn === null ? this.context(this.marks) : this.marks.getContext("2d");
    this.drawn = wanted;
    paintMarks(context, this.layout, marks, this.look);
  }

  // The context of a cleared canvas, scaled so that we draw in CSS pixels and see device pixels.
  context(canvas) {
    const { width, height } = this.layout;
    canvas.width = Math.round(width * this.look.ratio);
    canvas.height = Math.round(height * this.look.ratio);
    const context = canvas.getContext("2d");
    context.scale(this.look.ratio, this.look.ratio);
    return context;
  }
}

class PanelView {
  constructor(panel, stage) {
    this.panel = panel;
    this.stage = stage;
    this.last = null; // where the keyboard was
    this.id = `${stage.id}-${panel.number}`;
    this.plate = new Plate(stage.spare);
    this.grid = this.buildGrid();
    this.plate.root.append(this.grid);
    this.scroller = element("div", { class: "scroller", onscroll: () => this.overflow.show(this.overflow.measure()) }, this.plate.root);
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
      const chip = element(
        "span",
        { class: "chip", title, role: "listitem" },
        ...(isOne(axis) ? [] : [element("span", { class: "symbol", text: axisName(panel, number) }), " "]),
        element("b", { text: axis.size }),
      );
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
    grid.addEventListener("keydown", (event) => stage.key(this, event));
    grid.addEventListener("focus", () => grid.matches(":focus-visible") && stage.focus(this));
    grid.addEventListener("blur", () => stage.blur(this));
    return grid;
  }

  listen(target, layout) {
    const under = (event) => {
      const bounds = target.getBoundingClientRect();
      return hit(layout(), event.clientX - bounds.left, event.clientY - bounds.top);
    };
    target.addEventListener("pointermove", (event) => event.pointerType !== "touch" && this.stage.hover(this, under(event)));
    target.addEventListener("pointerleave", () => this.stage.hover(null, null));
    target.addEventListener("click", (event) => this.stage.click(this, under(event)));
  }

  get drawable() {
    return !this.panel.empty && !!this.panel.values;
  }

  // New numbers in the same shape.
  receive(panel) {
    this.panel = panel;
  }

  lay(space, look) {
    const { panel } = this;
    this.space = space;
    this.look = look;
    this.footer.textContent = panel.footer;
    this.grid.setAttribute("aria-label", this.described());
    if (!this.drawable) {
      this.legend.replaceChildren();
      return;
    }
    const box = panel.axes.map((axis) => [axis.start, axis.count]);
    this.layout = layOut(panel, box, space, look);
    this.legend.replaceChildren(...legendOf(panel, look, this.layout.cell));
    this.pixels = pixelsOf(panel, look);
    this.plate.lay(this.layout, look);
    this.plate.draw(this.pixels);
    this.root.dataset.geometry = JSON.stringify(this.geometry());
    this.layZoom(null);
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
  layZoom(index) {
    const { panel, layout } = this;
    const wanted = this.stage.enlarges(this) && !layout.cell.numerals && layout.blocks.length > 1;
    if (!wanted) return this.dropZoom();
    const at = index ?? this.zoomed ?? leadOf(layout, 0);
    const facets = [...panel.rows, ...panel.columns];
    const box = panel.axes.map(({ start, count }, axis) => {
      if (!facets.includes(axis)) return [start, count];
      return [clamp(at[axis], start, start + count - 1), 1];
    });
    const zoomLayout = layOutFacet({ ...panel, rows: [], columns: [] }, box, { width: this.space.width, height: 300 }, this.look);
    if (!zoomLayout.cell.numerals) return this.dropZoom();
    this.zoomed = at;
    if (!this.zoom) {
      this.zoom = new Plate();
      this.zoomTitle = element("p", { class: "zoomed" });
      this.zoomBody = element("div", { class: "scroller" }, this.zoom.root);
      this.listen(this.zoom.root, () => this.zoom.layout);
      this.footer.after(this.zoomTitle, this.zoomBody);
    }
    this.zoomTitle.replaceChildren(...this.zoomName(box, facets));
    this.zoom.lay(zoomLayout, this.look);
    this.zoom.draw(this.pixels);
    this.stage.travel?.tint(this);
    return undefined;
  }

  zoomName(box, facets) {
    const named = facets
      .filter((axis) => !isOne(this.panel.axes[axis]))
      .sort((a, b) => a - b)
      .flatMap((axis, n) => {
        const name = element("b", { text: placeName(this.panel, axis, box[axis][0]) });
        name.style.color = this.look.axis(this.panel.axes[axis].symbol);
        return n ? [" · ", name] : [name];
      });
    return [...named, ", enlarged"];
  }

  dropZoom() {
    this.zoomTitle?.remove();
    this.zoomBody?.remove();
    this.zoom = null;
  }

  mark(marks) {
    this.root.dataset.lit = marks.inView;
    this.root.dataset.reads = marks.total;
    // A view that is taken away with the focus on it refreshes the stage before the new views are laid out.
    if (!this.drawable || !this.plate.layout) return;
    this.plate.mark(marks);
    const shown = marks.active ?? marks.pin;
    if (this.zoom || (shown && this.stage.enlarges(this))) this.follow(shown);
    // numerals stay readable: nothing steps back in the enlarged facet
    this.zoom?.mark({ ...marks, dim: false });
  }

  follow(index) {
    const facets = [...this.panel.rows, ...this.panel.columns];
    if (!index || !this.zoomed || place(this.panel, index) < 0) return;
    if (facets.some((axis) => index[axis] !== this.zoomed[axis])) this.layZoom(index);
  }

  // Keep the cell that the keyboard is on in sight: inside its box, and above the read-out.
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

// A layout of a single facet: the leading axes are fixed by the box and take no room.
function layOutFacet(panel, box, space, look) {
  const layout = layOut(panel, box, space, look);
  layout.blocks.forEach((block) => box.forEach(([start], axis) => {
    if (axis !== panel.rowAxis && axis !== panel.columnAxis) block.lead[axis] = start;
  }));
  return layout;
}

// The numeric scale, which way rows and columns run, and the glyphs that are in view.
function legendOf(panel, look, cell) {
  const parts = [];
  const { kind, largest } = panel.scale;
  const found = census(panel);
  if (kind === "probability") parts.push(bar(kind, look, ["0", "1"]));
  else if (kind === "diverging") {
    const end = largest ? legendNumber(largest) : "0";
    parts.push(bar(kind, look, largest ? [MINUS + end, "0", `+${end}`] : ["0"]));
  } else if (kind === "bool") parts.push(swatch("yes", "true"), swatch("no", "false"));
  if (found.masked) parts.push(swatch("masked", "masked"));
  if (found.nan && !spells(cell)) parts.push(swatch("nan", "not a number"));
  if (found.plus && !spells(cell)) parts.push(swatch("plus", "+∞"));
  if (found.minus && !spells(cell)) parts.push(swatch("minus", `${MINUS}∞`));
  if (found.beyond) parts.push(element("span", { class: "key", text: `${grouped(found.beyond)} beyond the scale` }));
  if (panel.shape.length > 1) parts.push(directions(panel, look));
  return parts;
}

function legendNumber(value) {
  const text = value >= 0.01 && value < 10_000 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
  return text.replace("-", MINUS).replace("e+", "e");
}

function bar(kind, look, numbers) {
  const colours = ramp(kind, look);
  const stops = Array.from({ length: 9 }, (_, i) => colours[Math.round((i / 8) * (colours.length - 1))]);
  const strip = element("span", { class: "strip" });
  strip.style.background = `linear-gradient(to right, ${stops.map((rgb) => `rgb(${rgb})`).join(", ")})`;
  const ticks = element("span", { class: "ticks" }, ...numbers.map((number) => element("span", { text: number })));
  return element("span", { class: "bar", role: "img", "aria-label": `colour scale ${numbers.join(", ")}` }, strip, ticks);
}

function swatch(name, words) {
  return element("span", { class: "key" }, element("i", { class: `swatch ${name}`, "aria-hidden": "true" }), words);
}

function directions(panel, look) {
  const name = (axis, arrow, words) => {
    if (isOne(panel.axes[axis])) return [];
    const symbol = element("b", { text: `${axisName(panel, axis)} ${arrow}` });
    symbol.style.color = look.axis(panel.axes[axis].symbol);
    return [`${words} `, symbol];
  };
  return element("span", { class: "directions" }, ...name(panel.rowAxis, "↓", "rows"), " ", ...name(panel.columnAxis, "→", "columns"));
}
