// Numbers and cells in words.

const MINUS = "−";

// The shortest text that gives back exactly this number in its type, with a proper minus sign.
function exact(panel, value) {
  if (typeof value === "bigint") return value.toString().replace("-", MINUS);
  if (panel.dtype === "bool") return value ? "True" : "False";
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return `${MINUS}∞`;
  if (Object.is(value, -0)) return `${MINUS}0.0`;
  const text = panel.values instanceof Float32Array ? shortestSingle(value) : String(value);
  const isFloat = panel.values instanceof Float32Array || panel.values instanceof Float64Array;
  const pointed = isFloat && /^-?\d+$/.test(text) ? `${text}.0` : text;
  return pointed.replaceAll("-", MINUS);
}

function shortestSingle(value) {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return tidy(Number(text));
  }
  return tidy(Number(value.toPrecision(9)));
}

function tidy(number) {
  return String(number);
}

// A numeral for a cell: three significant digits, or two where `places` is 1. A number that rounds to nothing is "0.00",
// so that "0" and "−0" are only said of what is exactly zero.
function short(panel, value, places) {
  if (typeof value === "bigint" || panel.scale.kind === "ids") return String(value).replace("-", MINUS);
  if (panel.dtype === "bool" || panel.scale.kind === "bool") return value ? "T" : "F";
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "∞";
  if (value === -Infinity) return `${MINUS}∞`;
  if (value === 0) return Object.is(value, -0) ? `${MINUS}0` : "0";
  if (panel.scale.kind === "probability" && value === 1) return "1";
  const size = Math.abs(value);
  const sign = value < 0 ? MINUS : "";
  if (size >= 9999.5 || isTiny(panel)) return sign + scientific(size);
  const text = size.toFixed(size >= 99.5 ? 0 : size >= 9.95 ? Math.min(1, places - 1) : places);
  return (Number(text) === 0 ? "" : sign) + text;
}

// Everything so small that only powers of ten tell it apart.
function isTiny(panel) {
  return panel.scale.kind === "diverging" && panel.scale.largest < 0.005;
}

function scientific(size) {
  const [digits, power] = size.toExponential(0).split("e");
  return `${digits}e${power.replace("+", "").replace("-", MINUS)}`;
}

function axisName(panel, axis) {
  return panel.axes[axis].symbol ?? `axis ${axis}`;
}

// An axis kept only so that shapes line up. An input's repeats along an axis of the output.
function isOne({ symbol, size }) {
  return symbol === "1" && size === 1;
}

// Of one that repeats nowhere there is nothing to say at the edge.
function isSilent(panel, axis) {
  return isOne(panel.axes[axis]) && !panel.axes[axis].every;
}

function repeats({ panels, reads, output }) {
  panels.slice(0, -1).forEach((panel, number) => {
    panel.axes.forEach((axis, place) => {
      const out = output.axes[reads[number]?.axes?.[place]?.out];
      if (isOne(axis) && out?.size > 1) axis.every = out.symbol;
    });
  });
}

// "H 3", and "axis 0 = 3" where the axis has no name
function placeName(panel, axis, position) {
  return `${axisName(panel, axis)} ${panel.axes[axis].symbol ? "" : "= "}${position}`;
}

// What a facet can be called, the most telling first: "S 2 home", "S 2", "2".
function facetNames(panel, axis, position) {
  const { every } = panel.axes[axis];
  if (every) return [`every ${every}`, "every"];
  const plain = placeName(panel, axis, position);
  const token = sharedLabel(panel.axes[axis], position);
  return [...(token === null ? [] : [`${plain} ${token}`]), plain, String(position)];
}

// The label of a position where it is the same for every sentence that is drawn; a facet can stand for several.
function sharedLabel({ labels, byRow, start }, position) {
  if (!labels) return null;
  const found = new Set((byRow ? labels : [labels]).map((list) => list[position - start]));
  return found.size === 1 ? [...found][0] : null;
}

// [text, axis symbol or null] runs: query[B=0, H=1, S=2 “home”, d_k=3]
function cellRuns(panel, index) {
  const runs = [[panel.title, null, "title"], ["[", null]];
  index.forEach((i, axis) => {
    if (axis) runs.push([", ", null]);
    if (isOne(panel.axes[axis])) runs.push([i, null]);
    else runs.push([axisName(panel, axis), panel.axes[axis].symbol], [`=${i}`, null]);
    const label = labelOf(panel, axis, index);
    if (label !== null) runs.push([` “${label}”`, null]);
  });
  runs.push(["]", null]);
  return runs;
}

function valueText(panel, index) {
  const at = place(panel, index);
  if (at < 0) return null;
  if (!panel.values) return "no value";
  return exact(panel, panel.values[at]);
}

function isMasked(panel, index) {
  const at = place(panel, index);
  return at >= 0 && !!panel.masked?.[at];
}

// The same for ears: "scores, B 0, H 1, S 2 home, S 3 go: 0.1843"
function spoken(panel, index) {
  const named = panel.axes.map((_, axis) => axis).filter((axis) => !isOne(panel.axes[axis]));
  const places = named.map((axis) => [axisName(panel, axis), index[axis], labelOf(panel, axis, index)].filter((x) => x !== null).join(" "));
  const at = place(panel, index);
  const value = at < 0 ? "not in view" : panel.values ? spokenValue(panel, panel.values[at]) : "no value";
  return `${[panel.title, ...places].join(", ")}: ${value}${isMasked(panel, index) ? ", masked" : ""}`;
}

function spokenValue(panel, value) {
  if (typeof value === "bigint" || !Number.isFinite(value) || Number.isInteger(value)) {
    return exact(panel, value).replace("∞", "infinity").replace(MINUS, "minus ");
  }
  return String(Number(value.toPrecision(4))).replace("-", MINUS);
}

function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function plural(count, word) {
  return `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
}

// "reads 256 cells of query (40 in view), 8 of key_t", or for an input "read by 5 cells of scores".
function readsText(parts, verb) {
  const said = parts
    .filter((part) => part.total)
    .map((part, i) => {
      const hidden = part.inView < part.total ? ` (${part.inView ? grouped(part.inView) : "none"} in view)` : "";
      return `${i ? grouped(part.total) : plural(part.total, "cell")} of ${part.title}${hidden}`;
    });
  return said.length ? `${verb} ${said.join(", ")}` : "";
}
