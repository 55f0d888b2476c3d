// The editor of somebody's own code: the inputs above, the shape that each line made beside it, Run.

import { element } from "../mount/dom.js";
import { rendererOf } from "../mount/lifecycle.js";
import { InputTable } from "./input_table.js";
import { lineMarks } from "./line_marks.js";
import { keptDraft, keepDraft } from "./draft.js";

const CODEMIRROR = "tensorShapeExplorerCodeMirror"; // a component of its own brings it, once
const FRAMED = "This page is shown inside another one. Open it in a tab of its own to run code.";
const REST = 600; // ms without a key until Python is told of the text

/**
 * What Python sends.
 * @typedef {object} EditorData
 * @property {string} text
 * @property {number} revision grows when the text is another by Python's hand
 * @property {boolean} linked whether the text came with the address
 * @property {boolean} canRun
 * @property {string} status
 * @property {import("./input_table.js").TableData} table
 * @property {string | null} ran the text that the marks are of
 * @property {import("./line_marks.js").Mark[]} marks
 * @property {{line: number, message: string, of: string} | null} problem
 */

class CodeEditor {
  /** @param {ShadowRoot | HTMLElement} host */
  constructor(host) {
    this.table = new InputTable((change) => this.send?.("input", change));
    this.runButton = element("button", { class: "run", type: "button", onclick: () => this.run() }, "Run ");
    this.runButton.append(element("kbd", { text: navigator.platform.startsWith("Mac") ? "⌘ ↵" : "Ctrl ↵" }));
    this.status = element("p", { class: "status", role: "status" });
    this.holder = element("div", { class: "holder" });
    const bar = element("div", { class: "bar" }, this.runButton, this.status);
    this.root = element("section", { class: "editor", "aria-label": "Your code" }, this.table.root, bar, this.holder);
    host.append(this.root);
    this.arrived = () => this.receive(this.data, { setTriggerValue: this.send });
  }

  close() {
    clearTimeout(this.resting);
    window.removeEventListener("code-editor:library", this.arrived);
    this.view?.destroy();
    this.root.remove();
  }

  /** @param {EditorData} data */
  receive(data, { setTriggerValue }) {
    this.data = data;
    this.send = setTriggerValue;
    this.table.receive(data.table, data.canRun);
    this.runButton.hidden = !data.canRun;
    this.status.textContent = data.status;
    const cm = globalThis[CODEMIRROR];
    if (!cm) {
      window.addEventListener("code-editor:library", this.arrived, { once: true });
      return;
    }
    if (!this.view) this.open(cm, data);
    else if (data.revision !== this.revision) this.replace(data.text);
    this.revision = data.revision;
    this.mark(data);
  }

  open(cm, data) {
    const draft = keptDraft(data.text, data.linked);
    const text = draft ?? data.text;
    this.marks = lineMarks(cm, (step) => this.send("go", { step }));
    this.view = new cm.EditorView({
      root: this.root.getRootNode(),
      parent: this.holder,
      state: cm.EditorState.create({ doc: text, extensions: this.extensions(cm, data) }),
    });
    if (text !== data.text) this.send("edit", { text });
  }

  extensions(cm, data) {
    const runs = { key: "Mod-Enter", preventDefault: true, run: () => this.run() };
    const tab = { key: "Tab", run: (view) => indent(cm, view), shift: cm.indentLess };
    return [
      cm.keymap.of([runs, tab, ...cm.defaultKeymap, ...cm.historyKeymap]),
      cm.lineNumbers(),
      cm.highlightSpecialChars(),
      cm.history(),
      cm.indentUnit.of("    "),
      cm.EditorState.tabSize.of(4),
      cm.EditorState.readOnly.of(!data.canRun),
      cm.indentOnInput(),
      cm.bracketMatching(),
      new cm.LanguageSupport(cm.pythonLanguage),
      cm.syntaxHighlighting(highlighting(cm)),
      this.marks.extension,
      cm.EditorView.contentAttributes.of({ "aria-label": "Your code", spellcheck: "false", autocorrect: "off" }),
      cm.EditorView.updateListener.of((update) => this.edited(update)),
      cm.EditorView.domEventHandlers({ blur: () => this.tell() }),
    ];
  }

  get text() {
    return this.view.state.doc.toString();
  }

  edited(update) {
    if (!update.docChanged) return;
    keepDraft(this.data.text, this.text);
    this.root.classList.toggle("stale", this.text !== this.data.ran);
    if (this.isReplacing) return;
    this.isUntold = true;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.tell(), REST);
  }

  // Tells Python of the text, from which it reads the inputs.
  tell() {
    if (!this.isUntold) return;
    this.isUntold = false;
    clearTimeout(this.resting);
    this.send("edit", { text: this.text });
  }

  run() {
    if (!this.view || !this.data.canRun) return true;
    // In a frame another page could lay itself over the button, and have it pressed.
    if (window.top !== window) {
      this.status.textContent = FRAMED;
      return true;
    }
    this.isUntold = false;
    clearTimeout(this.resting);
    keepDraft(this.text, this.text);
    this.turn = (this.turn ?? 0) + 1;
    this.status.textContent = "Running";
    this.send("run", { text: this.text, turn: this.turn });
    return true;
  }

  replace(text) {
    this.isReplacing = true;
    this.isUntold = false;
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
    this.isReplacing = false;
    keepDraft(text, text);
  }

  mark(data) {
    const text = this.text;
    this.root.classList.toggle("stale", data.ran !== null && text !== data.ran);
    // What was typed since moves the marks that stand; new ones are of a text that is not there any more.
    const marks = text === data.ran ? data.marks : data.ran === null ? [] : null;
    const problem = data.problem === null ? null : text === data.problem.of ? data.problem : undefined;
    this.marks.show(this.view, marks, problem);
  }
}

function indent(cm, view) {
  if (view.state.selection.ranges.some((range) => !range.empty)) return cm.indentMore(view);
  view.dispatch(view.state.update(view.state.replaceSelection("    "), { scrollIntoView: true, userEvent: "input" }));
  return true;
}

function highlighting({ HighlightStyle, tags }) {
  return HighlightStyle.define([
    { tag: [tags.keyword, tags.operatorKeyword, tags.self], class: "keyword" },
    { tag: [tags.string, tags.special(tags.string)], class: "string" },
    { tag: [tags.number, tags.bool, tags.null], class: "number" },
    { tag: tags.comment, class: "comment" },
    { tag: [tags.definition(tags.className), tags.function(tags.definition(tags.variableName))], class: "defined" },
  ]);
}

export default rendererOf((host) => new CodeEditor(host));
