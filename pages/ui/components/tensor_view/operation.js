// The card of an operation: its line of code, its formula, why it is done, what must hold. All of it text.

import { element } from "../mount/dom.js";

const COMMENT_WORD = /[A-Za-z_]\w*|./gsu;
const PRODUCTS = ["matmul", "bmm", "mm"];
const FORMULA_STYLES = { "": "span", i: "i", sub: "sub", sup: "sup" };

/**
 * @param {OperationData} operation
 * @param {Stage} stage
 * @returns {HTMLElement}
 */
export function operationCard(operation, stage) {
  return element(
    "section",
    { class: "operation", "aria-label": `operation ${operation.title}` },
    element("div", { class: "heading" }, element("h3", { text: operation.title }), meetingAxes(operation, stage), labLink(operation.lab)),
    operation.code ? codeBlock(operation, stage) : null,
    ...operation.objections.map((sentence) => element("p", { class: "objection", text: sentence })),
    formulaLine(operation.formula),
    operation.why ? element("p", { class: "why", text: operation.why }) : null,
    factList(operation.facts),
    innerSteps(operation.inside, stage),
    badgeList(operation.badges),
    foldedFacts(operation.folded, stage),
  );
}

// The matrices of a product in its order, the edges against each other that must be equal: S 18 [d_k 16] @ [d_k 16] S 18.
function meetingAxes(operation, stage) {
  const inputs = stage.data.panels.slice(0, -1);
  if (!PRODUCTS.includes(operation.title) || inputs.length !== 2 || inputs.some(({ axes }) => axes.length < 2)) return null;
  const [left, right] = inputs.map((panel, input) => panel.axes.slice(-2).map((axis, number) => {
    const isShared = number !== input;
    const edge = element("span", { class: isShared ? "edge shared" : "edge", text: `${axis.symbol ?? ""} ${axis.size}`.trim() });
    stage.colour(edge, "--hue", stage.data.axes[axis.symbol]?.tone);
    return edge;
  }));
  return element("span", { class: "meets", title: "The framed edges must be equal." }, left[0], " ", left[1], " @ ", right[0], " ", right[1]);
}

// The lab that asks about this operation, with the sizes of this run.
function labLink(lab) {
  if (!lab) return null;
  const [question, address] = lab;
  return element("a", { class: "lab", href: address, target: "_self", title: question, "aria-label": `Lab: ${question}`, text: "?" });
}

// What is asked for rarely. Opened once, it stays open from step to step.
function foldedFacts(facts, stage) {
  if (!facts.length) return null;
  const details = element("details", { class: "more-facts", ontoggle: () => (stage.showsFacts = details.open) }, element("summary", { text: "Cost, memory, strides" }), factList(facts));
  details.open = !!stage.showsFacts;
  return details;
}

function innerSteps(inside, stage) {
  if (!inside) return null;
  const items = inside.steps.map(({ name, shape, step }) => element(
    "li",
    {},
    element(
      "button",
      { type: "button", class: "inner", title: `open ${name} inside`, onclick: () => stage.go({ step, within: inside.within }) },
      element("b", { text: name }),
      element("span", { text: shape }),
    ),
  ));
  return element("div", { class: "inside" }, element("p", { text: inside.sentence }), element("ol", { "aria-label": "steps inside" }, ...items));
}

// A badge says what holds; pressed, it says what was measured.
function badgeList(badges) {
  if (!badges.length) return null;
  const measured = element("p", { class: "measured", "aria-live": "polite" });
  const items = badges.map(([statement, holds, detail]) => {
    const button = element(
      "button",
      { type: "button", class: holds ? "badge" : "badge wrong", title: detail, onclick: () => (measured.textContent = measured.textContent === detail ? "" : detail) },
      element("span", { "aria-hidden": "true", text: holds ? "✓ " : "✕ " }),
      element("span", { class: "unseen", text: holds ? "holds: " : "does not hold: " }),
      statement,
    );
    return element("li", {}, button);
  });
  return element("div", { class: "checks" }, element("ul", { class: "badges", "aria-label": "what must hold" }, ...items), measured);
}

function formulaLine(runs) {
  if (!runs.some(([words]) => words)) return null;
  const parts = runs.map(([words, style]) => element(FORMULA_STYLES[style] ?? "span", { text: words }));
  return element("p", { class: "formula" }, ...parts);
}

function codeBlock(operation, stage) {
  const block = element("pre", {});
  operation.code.split("\n").forEach((line, number) => {
    const marked = operation.mark?.[0] === number ? operation.mark.slice(1) : null;
    block.append(element("code", { class: "line" }, ...lineParts(line, marked, stage)));
  });
  return block;
}

// The line cut where the mark begins and ends and where the comment begins.
function lineParts(line, marked, stage) {
  const comment = line.indexOf("#");
  const cuts = [...new Set([0, ...(marked ?? []), comment < 0 ? line.length : comment, line.length])]
    .filter((cut) => cut >= 0 && cut <= line.length)
    .sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, i) => {
    const words = line.slice(from, cuts[i + 1]);
    if (marked && from >= marked[0] && from < marked[1]) return element("mark", { text: words });
    if (comment >= 0 && from >= comment) return commentPart(words, stage);
    return element("span", { text: words });
  });
}

function commentPart(words, stage) {
  const part = element("span", { class: "comment" });
  let inShape = 0;
  for (const word of words.match(COMMENT_WORD) ?? []) {
    if (word === "(") inShape++;
    if (word === ")") inShape--;
    const known = inShape > 0 ? stage.data.axes[word] : null;
    const run = element("span", { text: word, class: known ? "axis" : null });
    if (known) stage.colour(run, "--hue", known.tone);
    part.append(known ? run : word);
  }
  return part;
}

function factList(facts) {
  if (!facts.length) return null;
  return element("dl", {}, ...facts.flatMap(([name, fact]) => [element("dt", { text: name }), element("dd", { text: fact })]));
}
