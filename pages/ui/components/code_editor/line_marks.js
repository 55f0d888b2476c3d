// Beside each line of code the shape that it made; the line that failed, and why.

import { element } from "../mount/dom.js";

/**
 * A shape beside a line.
 * @typedef {object} Mark
 * @property {number} line from 1
 * @property {[string, string, string][]} sizes text of each axis, and its colour on a light and on a dark page
 * @property {string} more "×3" where the line made several
 * @property {string} title
 * @property {string} go the step, as the address names it
 */

/**
 * What shows marks in an editor.
 *
 * @param {any} cm CodeMirror
 * @param {(step: string) => void} go
 */
export function lineMarks(cm, go) {
  const [setMarks, setProblem] = [cm.StateEffect.define(), cm.StateEffect.define()];
  const shapes = field(cm, setMarks, (state, marks) =>
    cm.RangeSet.of(
      marks.filter(({ line }) => line <= state.doc.lines).map((mark) => shapeMarker(cm, mark, go).range(state.doc.line(mark.line).from)),
      true,
    ),
  );
  const problems = field(cm, setProblem, (state, problem) => problemOf(cm, state, problem));
  return {
    extension: [
      shapes,
      problems,
      cm.EditorView.decorations.from(problems),
      cm.gutter({ side: "after", class: "shapes", markers: (view) => view.state.field(shapes) }),
    ],
    /**
     * @param {any} view
     * @param {Mark[] | null} marks null leaves those that stand
     * @param {{line: number, message: string} | null | undefined} problem undefined leaves it
     */
    show(view, marks, problem) {
      const effects = marks === null ? [] : [setMarks.of(marks)];
      if (problem !== undefined) effects.push(setProblem.of(problem));
      if (effects.length) view.dispatch({ effects });
    },
  };
}

// A set of marks that moves with the text, and is made anew by an effect.
function field(cm, effect, make) {
  return cm.StateField.define({
    create: () => cm.RangeSet.empty,
    update(marks, transaction) {
      for (const change of transaction.effects) if (change.is(effect)) return make(transaction.state, change.value);
      return marks.map(transaction.changes);
    },
  });
}

function shapeMarker({ GutterMarker }, { sizes, more, title, go: step }, go) {
  const marker = new GutterMarker();
  marker.toDOM = () => {
    const axes = sizes.flatMap(([text, light, dark], axis) => {
      const size = element("b", { text });
      size.style.color = `light-dark(${light}, ${dark})`;
      return axis ? [", ", size] : [size];
    });
    const count = more ? element("i", { text: ` ${more}` }) : null;
    const attributes = { class: "shape", type: "button", title, "aria-label": title };
    return element("button", { ...attributes, onclick: () => go(step) }, "(", ...axes, ")", count);
  };
  return marker;
}

function problemOf(cm, state, problem) {
  if (!problem) return cm.Decoration.none;
  const line = state.doc.line(Math.min(Math.max(problem.line, 1), state.doc.lines));
  const widget = new cm.WidgetType();
  widget.eq = () => false;
  widget.toDOM = () => element("p", { class: "problem", role: "alert", text: problem.message });
  const marked = [cm.Decoration.line({ class: "wrong" }).range(line.from)];
  if (problem.message) marked.push(cm.Decoration.widget({ widget, block: true, side: 1 }).range(line.to));
  return cm.Decoration.set(marked);
}
