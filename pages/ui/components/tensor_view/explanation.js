// What explains the pinned number: a sentence, the formula, the arithmetic, and every number that went in, to walk to.

import { element } from "../mount/dom.js";

const AT_FIRST = 8;
const FIRST_CRUMBS = 2;
const LAST_CRUMBS = 5;

/** The arithmetic of the pinned number, each of its factors a way to the step that made it. */
export class ExplanationView {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.showsAll = false;
    this.root = element("section", { class: "derivation", "aria-label": "what made the pinned number" });
  }

  /** @param {ExplanationData | null} explanation null where nothing is pinned */
  receive(explanation) {
    const signature = JSON.stringify(explanation);
    if (signature === this.signature) return;
    if (explanation?.name !== this.explanation?.name) this.showsAll = false;
    if (!explanation?.trail.length) this.showsWholeTrail = false;
    this.signature = signature;
    this.explanation = explanation;
    this.draw();
  }

  draw() {
    const { explanation } = this;
    this.root.replaceChildren();
    if (!explanation) return;
    if (explanation.trail.length) this.root.append(this.trail());
    this.root.append(element("p", { class: "sentence", text: explanation.sentence }));
    if (explanation.formula) this.root.append(this.arithmetic());
    if (explanation.terms.length) this.root.append(...this.terms());
  }

  // A long way keeps its ends; what lies between opens on demand.
  trail() {
    const { explanation, stage } = this;
    const crumbs = explanation.trail.map((crumb, level) =>
      element("button", { type: "button", class: "crumb", text: crumb.label, title: `back to ${crumb.tooltip}`, onclick: () => stage.back(level) }),
    );
    const hidden = this.showsWholeTrail ? 0 : crumbs.length - FIRST_CRUMBS - LAST_CRUMBS;
    if (hidden > 1) {
      crumbs.splice(FIRST_CRUMBS, hidden, element("button", {
        type: "button", class: "more", text: `${hidden} more`, "data-focus": "derivation:way",
        onclick: () => { this.showsWholeTrail = true; this.draw(); },
      }));
    }
    const parts = [...crumbs, element("b", { text: explanation.name, "aria-current": "true" })];
    const separated = parts.flatMap((part, i) => (i ? [element("span", { class: "then", "aria-hidden": "true", text: " ◂ " }), part] : [part]));
    return element("nav", { class: "trail", "aria-label": "the way here" }, ...separated);
  }

  arithmetic() {
    const { formula, arithmetic, verdict, agrees } = this.explanation;
    return element(
      "div",
      { class: "sum" },
      element("code", { class: "line", text: formula }),
      element("code", { class: "line strong", text: arithmetic }),
      verdict ? element("p", { class: agrees ? "verdict" : "verdict wrong", text: verdict }) : null,
    );
  }

  terms() {
    const { explanation } = this;
    const shown = this.showsAll ? explanation.terms : explanation.terms.slice(0, AT_FIRST);
    const hidden = explanation.terms.length - shown.length;
    const rows = shown.map((term) => this.term(term));
    const parts = [
      element("p", { class: "heading", text: explanation.heading }),
      element("ol", { class: "terms" }, ...rows),
    ];
    const more = hidden > 0 && element("button", {
      type: "button", class: "more", text: `Show ${hidden} more`, "data-focus": "derivation:more",
      onclick: () => { this.showsAll = true; this.draw(); },
    });
    const rest = explanation.rest && (this.showsAll || !hidden) ? element("span", { class: "rest", text: explanation.rest }) : null;
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
    const lit = (on) => () => stage.selection.hover(on && panel !== null ? stage.views[panel] : null, cell.index);
    return element(
      "button",
      {
        type: "button", class: "factor", title: `walk to ${name}`, "data-cell": `${cell.step}:${cell.index.join(".")}`,
        onclick: () => stage.go({ step: cell.step, cell: cell.index, panel: cell.panel, trail: "walk", within: cell.within }),
        onpointerenter: lit(true), onpointerleave: lit(false), onfocus: lit(true), onblur: lit(false),
      },
      element("span", { class: "name", text: name }),
      element("b", { text: value }),
    );
  }
}
