// What is too large to draw whole is reached here: one control for each axis of which something is left out.

import { element } from "../mount/dom.js";
import { groupDigits } from "./format.js";
import { clamp } from "./layout.js";

const SEGMENTS = 8;

export class Control {
  /**
   * @param {ControlData} control
   * @param {Stage} stage
   */
  constructor(control, stage) {
    this.control = control;
    this.stage = stage;
    const known = stage.data.axes[control.symbol];
    const name = element("b", { text: control.symbol ?? `axis ${control.key.split(":")[1]}` });
    stage.colour(name, "--hue", known?.tone);
    this.name = [known?.name ?? name.textContent, scopeOf(control)].filter(Boolean).join(", ");
    this.root = element(
      "div",
      { class: "control", role: "group", "data-chooser": control.key, "aria-label": this.name, title: known?.meaning },
      name,
      scopeOf(control) ? element("span", { class: "where", text: scopeOf(control) }) : null,
      ...(this.segmented ? this.segments() : this.stepper()),
    );
    this.show();
  }

  get segmented() {
    return this.control.count === 1 && this.control.size <= SEGMENTS;
  }

  segments() {
    this.buttons = Array.from({ length: this.control.size }, (_, i) =>
      element("button", {
        type: "button", text: i, "data-focus": `${this.control.key}:${i}`, "aria-label": `${this.name} ${i}`,
        onclick: () => this.go(i),
      }),
    );
    return [element("span", { class: "segments" }, ...this.buttons)];
  }

  stepper() {
    const { control, name } = this;
    const step = (label, sign, glyph) =>
      element("button", {
        type: "button", text: glyph, "aria-label": `${label} ${name}`, title: label, "data-focus": `${control.key}:${label}`,
        onclick: () => this.go(control.start + sign * control.count),
      });
    this.before = step("previous", -1, "‹");
    this.after = step("next", 1, "›");
    this.input = element("input", {
      type: "number", min: 0, max: control.size - control.count, inputmode: "numeric",
      "aria-label": control.count === 1 ? name : `first ${name} shown`, "data-focus": `${control.key}:input`,
      onchange: () => this.go(Math.round(Number(this.input.value) || 0)),
    });
    this.input.style.width = `${String(control.size).length + 0.5}ch`;
    this.tail = element("span", { class: "tail" });
    return [element("span", { class: "stepper" }, this.before, this.input, this.tail, this.after)];
  }

  go(start) {
    const { control } = this;
    control.start = clamp(start, 0, control.size - control.count);
    this.show();
    this.stage.show(control.key, control.start);
  }

  /** @param {ControlData} control */
  receive(control) {
    this.control = control;
    this.show();
  }

  show() {
    const { start, count, size } = this.control;
    if (this.segmented) {
      this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === start)));
      return;
    }
    this.input.value = String(start);
    this.tail.textContent = count === 1 ? `of ${groupDigits(size)}` : `– ${start + count - 1} of ${groupDigits(size)}`;
    // aria-disabled rather than disabled: a button that loses focus strands the keyboard
    this.before.setAttribute("aria-disabled", String(start === 0));
    this.after.setAttribute("aria-disabled", String(start + count >= size));
  }
}

// "rows" or "columns" where the axis is one everywhere; the tensor's name where only one has it and others could.
function scopeOf(control) {
  return control.parts.length === 1 ? control.parts[0] : "";
}
