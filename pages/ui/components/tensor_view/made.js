// What made the pinned number: a sentence, the formula, the arithmetic, and every number that went in, to walk to.

const AT_FIRST = 8;
const FIRST_CRUMBS = 2;
const LAST_CRUMBS = 5;

class MadeView {
  constructor(stage) {
    this.stage = stage;
    this.all = false;
    this.root = element("section", { class: "made", "aria-label": "what made the pinned number" });
  }

  receive(made) {
    const said = JSON.stringify(made);
    if (said === this.said) return;
    if (made?.name !== this.made?.name) this.all = false;
    if (!made?.trail.length) this.wholeWay = false;
    this.said = said;
    this.made = made;
    this.draw();
  }

  draw() {
    const { made } = this;
    this.root.replaceChildren();
    if (!made) return;
    if (made.trail.length) this.root.append(this.trail());
    this.root.append(element("p", { class: "sentence", text: made.sentence }));
    if (made.formula) this.root.append(this.arithmetic());
    if (made.terms.length) this.root.append(...this.terms());
  }

  // A long way keeps its ends; what lies between opens on demand.
  trail() {
    const { made, stage } = this;
    const crumbs = made.trail.map((crumb, place) =>
      element("button", { type: "button", class: "crumb", text: crumb.label, title: `back to ${crumb.says}`, onclick: () => stage.back(place) }),
    );
    const hidden = this.wholeWay ? 0 : crumbs.length - FIRST_CRUMBS - LAST_CRUMBS;
    if (hidden > 1) {
      crumbs.splice(FIRST_CRUMBS, hidden, element("button", {
        type: "button", class: "more", text: `${hidden} more`, "data-focus": "made:way",
        onclick: () => { this.wholeWay = true; this.draw(); },
      }));
    }
    const parts = [...crumbs, element("b", { text: made.name, "aria-current": "true" })];
    const separated = parts.flatMap((part, i) => (i ? [element("span", { class: "then", "aria-hidden": "true", text: " ◂ " }), part] : [part]));
    return element("nav", { class: "trail", "aria-label": "the way here" }, ...separated);
  }

  arithmetic() {
    const { formula, arithmetic, verdict, agrees } = this.made;
    return element(
      "div",
      { class: "sum" },
      element("code", { class: "line", text: formula }),
      element("code", { class: "line strong", text: arithmetic }),
      verdict ? element("p", { class: agrees ? "verdict" : "verdict wrong", text: verdict }) : null,
    );
  }

  terms() {
    const { made } = this;
    const shown = this.all ? made.terms : made.terms.slice(0, AT_FIRST);
    const hidden = made.terms.length - shown.length;
    const rows = shown.map((term) => this.term(term));
    const parts = [
      element("p", { class: "heading", text: made.heading }),
      element("ol", { class: "terms" }, ...rows),
    ];
    const more = hidden > 0 && element("button", {
      type: "button", class: "more", text: `Show ${hidden} more`, "data-focus": "made:more",
      onclick: () => { this.all = true; this.draw(); },
    });
    const rest = made.rest && (this.all || !hidden) ? element("span", { class: "rest", text: made.rest }) : null;
    if (more || rest) parts.push(element("p", { class: "after" }, ...[more, rest].filter(Boolean)));
    return parts;
  }

  term({ factors, amount, share }) {
    const bar = element("i", { class: share < 0 ? "share minus" : "share", "aria-hidden": "true" });
    bar.style.width = `${Math.abs(share) * 50}%`;
    const read = factors.flatMap((factor, i) => (i ? [element("span", { class: "times", text: "·" }), this.factor(factor)] : [this.factor(factor)]));
    return element(
      "li",
      {},
      element("span", { class: "read" }, ...read),
      amount ? element("span", { class: "amount", text: amount }) : null,
      amount ? element("span", { class: "scale", "aria-hidden": "true" }, bar) : null,
    );
  }

  factor({ name, value, cell, panel }) {
    const { stage } = this;
    if (!cell) return element("span", { class: "factor" }, element("b", { text: value }));
    const lit = (on) => () => stage.hover(on && panel !== null ? stage.views[panel] : null, cell.index);
    return element(
      "button",
      {
        type: "button", class: "factor", title: `walk to ${name}`, "data-cell": `${cell.step}:${cell.index.join(".")}`,
        onclick: () => stage.go({ step: cell.step, cell: cell.index, panel: cell.panel, trail: "walk" }),
        onpointerenter: lit(true), onpointerleave: lit(false), onfocus: lit(true), onblur: lit(false),
      },
      element("span", { class: "name", text: name }),
      element("b", { text: value }),
    );
  }
}
