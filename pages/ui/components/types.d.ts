// What goes between Python and the components, and between their modules. Read by the type checker alone.

// --- Streamlit

type Send = (name: string, value: any) => void;

/** How a component tells Python of what a person did: a state is kept, a trigger is said once. */
interface Streamlit {
  setStateValue: Send;
  setTriggerValue: Send;
}

interface ComponentUpdate extends Streamlit {
  data: any;
  parentElement: HTMLElement | ShadowRoot;
}

/** What a component draws. */
interface View {
  receive(data: any, streamlit: Streamlit): void;
  close(): void;
}

// --- tensors

/** The full index of an element, one number for each axis. */
type Index = number[];
/** first, first + step, … below end */
type IndexRange = [first: number, end: number, step: number];
/** A set of elements: one range for each axis. */
type Box = IndexRange[];
/** The first index that is drawn of an axis, and how many are. */
type AxisWindow = [start: number, count: number];

interface CellAddress {
  /** of the tensor in the stage */
  number: number;
  index: Index;
}

type Rgb = [red: number, green: number, blue: number];
/** A colour on a light and on a dark page. */
type Tone = [light: string, dark: string];
type ScaleKind = keyof typeof import("./tensor_view/colormap.js").SCALES | "ids" | "bool";
type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

interface AxisData {
  symbol: string | null;
  /** the same in all tensors whose axis means the same positions */
  key: string;
  size: number;
  start: number;
  count: number;
  labels: string[] | string[][] | null;
  /** whether there are labels for each row of the batch */
  byRow: boolean;
  /** the axis of the output along which this one of size 1 repeats */
  every?: string | null;
}

interface PanelData {
  title: string;
  note: string;
  role: string;
  footer: string;
  dtype: string;
  /** axes whose facets run down, and across */
  rows: number[];
  columns: number[];
  axes: AxisData[];
  scale: { kind: ScaleKind; largest: number | null };
  values: Numbers | null;
  masked: Uint8Array | null;
  hatched: string;
  // from here on worked out in the browser
  number: number;
  shape: number[];
  strides: number[];
  rowAxis: number | null;
  columnAxis: number | null;
  empty: boolean;
}

/** Which indices of an input's axis an element of the output reads: engine/ops/access.py describes it. */
interface AxisAccess {
  out?: number;
  start?: number;
  step?: number;
  all?: boolean;
  upto?: number;
  at?: number | (number | null)[];
  sum?: { out: number; times?: number; div?: number; mod?: number }[];
  wrap?: string;
  ids?: Table;
  true?: number;
  axis?: number;
  rank?: number[];
  div?: number;
  mod?: number;
  count?: number;
  window?: number;
  every?: number;
  taps?: number;
  of?: number;
  block?: number;
  per?: number;
  size?: number;
  share?: number;
  landing?: number;
  landed?: number;
  pad?: number;
}

/** indices to look up: an input, by its number, or numbers that the call itself gives */
type Table = number | { shape: number[]; numbers: number[] };

interface Condition {
  out?: number;
  first?: number;
  end?: number;
  minus?: number;
  region?: ([first: number, end: number] | null)[];
  inside?: boolean;
  ids?: Table;
  at?: (number | null)[];
  is?: boolean;
  missed?: AccessMap;
}

interface AccessMap {
  kind: string;
  axes?: AxisAccess[];
  when?: Condition;
  axis?: number;
  ids?: number;
  rest?: AxisAccess[];
  space?: number[];
  match?: { ids: Table; at: (number | null)[]; out: number }[];
  own?: (number | null)[];
  last?: boolean;
}

interface ControlData {
  key: string;
  symbol: string | null;
  size: number;
  start: number;
  count: number;
  parts: string[];
  in: string[];
}

interface OperationData {
  title: string;
  formula: [text: string, style: string][];
  code: string;
  /** line, first column, column after the last */
  mark: [number, number, number] | null;
  facts: [name: string, fact: string][];
  badges: [statement: string, holds: boolean, detail: string][];
  why: string;
  /** what in the line of code can't be true */
  objections: string[];
  folded: [name: string, fact: string][];
  lab: [question: string, address: string] | null;
  inside: InnerSteps | null;
}

/** What a fused call does, in plain operations. */
interface InnerSteps {
  sentence: string;
  steps: { name: string; shape: string; step: number }[];
  within: number[];
}

interface Glossary {
  [symbol: string]: { name: string; meaning: string; tones: Tone[]; tone: Tone };
}

interface StageData {
  panels: PanelData[];
  /** the last panel; worked out in the browser */
  output: PanelData;
  operation: OperationData | null;
  reads: AccessMap[];
  controls: ControlData[];
  at: Record<string, number>;
  pinned: { panel: number; index: Index } | null;
  /** the number of the last thing of each kind that Python has heard of */
  seen: { view?: number; pinned?: number; go?: number };
  axes: Glossary;
  roles: Record<string, Tone>;
  player: PlayerData | null;
  explanation: ExplanationData | null;
  travel: { token: number | null; features: number[]; keeps: boolean; beside?: AccessMap | null; slabs: SlabData | null } | null;
}

/** Where an element is along a named axis, by its index along an axis of a tensor: floor(index / step) % size. */
interface AxisDigit {
  axis: number;
  step: number;
  size: number;
}

/** Whole axes of a step that only moves its cells: `sides` are its input and its output. */
interface SlabData {
  symbol: string;
  token: string;
  sides: { slab: AxisDigit; token: AxisDigit }[];
}

// --- the walk: player_types.py describes these

interface Segment {
  label: string;
  first: number;
  count: number;
}

interface JumpData {
  label: string;
  tooltip: string;
  step: number | null;
  keeps_pin: boolean;
  along: number | null;
  by: number;
}

interface PlayerData {
  run: string;
  step: number;
  last: number;
  path: string[];
  levels: Segment[][];
  jumps: JumpData[];
  /** seconds that autoplay stays at a step */
  dwell: number;
  /** the fused call that the walk is inside of */
  within: { label: string; step: number; within: number[] } | null;
  /** with which other stages are fetched; "" where they cannot be */
  ticket: string;
  /** how many moves of a size the stage answers; null where another size is not fetched */
  moves: number | null;
}

interface FactorData {
  name: string;
  value: string;
  cell: { step: number; index: Index; panel: number | null; within: number[] } | null;
  panel: number | null;
}

interface TermData {
  factors: FactorData[];
  amount: string;
  share: number;
}

interface ExplanationData {
  name: string;
  sentence: string;
  formula: string;
  arithmetic: string;
  verdict: string;
  agrees: boolean;
  heading: string;
  terms: TermData[];
  rest: string;
  trail: { label: string; tooltip: string }[];
}

interface NavigationRequest {
  step: number;
  cell?: Index | null;
  panel?: number | null;
  keeps_pin?: boolean;
  /** "walk" to go on along the arithmetic, a number to go back to that breadcrumb */
  trail?: "walk" | number | null;
  /** the fused calls that the step lies inside of; those of the step on screen where nothing is said */
  within?: number[] | null;
}

// --- drawing

/** In CSS pixels. */
interface Size {
  width: number;
  height: number;
}

/** The room a tensor gets; on a walk also the size of its cells, and how high its head is at least. */
interface Space extends Size {
  cell?: { width: number; height: number; numerals?: boolean };
  head?: number;
}

interface Theme {
  dark: boolean;
  paper: string;
  /** the page's colour, which 0 has */
  zero: Rgb;
  ink: string;
  soft: string;
  line: string;
  hatch: string;
  veil: string;
  font: string;
  mono: string;
  /** the size of a cell's numeral, and how wide a digit is */
  numeral: number;
  digit: number;
  /** device pixels for a CSS pixel */
  ratio: number;
  cell: Rgb;
  yes: Rgb;
  /** how wide words are at a font size */
  measure: (words: string, size: number) => number;
  /** the colour of an axis */
  axis: (symbol: string | null) => string;
}

interface CellSize extends Size {
  numerals: boolean;
  decimals?: number;
}

/** One facet: where it stands, and its index along the axes that facets run along. */
interface Block {
  x: number;
  y: number;
  lead: Index;
  i: number;
  j: number;
}

interface Layout extends Size {
  panel: PanelData;
  box: AxisWindow[];
  cell: CellSize;
  side: { levels: number[]; labelled: boolean; labels: number; width: number };
  head: {
    levels: number[];
    labelled: boolean;
    labels: number;
    slant: number;
    overhang: number;
    each: boolean;
    height: number;
    lift: number;
  };
  xs: number[];
  ys: number[];
  down: Index[];
  across: Index[];
  blocks: Block[];
  rows: number;
  columns: number;
  firstRow: number;
  firstColumn: number;
  blockWidth: number;
  blockHeight: number;
}

/** A rectangle of cells inside one facet. */
interface Region {
  x: number;
  y: number;
  columns: number;
  rows: number;
}

/** What is pointed at in one tensor. `dim` lets everything else step back. */
interface Marks {
  lit: Box[];
  active: Index | null;
  pin: Index | null;
  dim: boolean;
}

type Stage = import("./tensor_view/stage.js").Stage;
type PanelView = import("./tensor_view/panel.js").PanelView;

// --- other components

interface BlockMapData {
  here: string;
  scopes: [value: string, title: string][];
  scope: string;
}

/** Words, kind, and for an axis its colours on a light and on a dark page. */
type CodeRun = [words: string, kind: string, light?: string, dark?: string];

interface CodeData {
  location: string;
  function: string;
  note: string;
  lines: { number: number; runs: CodeRun[]; go: string; tooltip: string }[];
}

interface RibbonData {
  name: string;
  shape: number[];
  stride: number[];
  axes: string[];
  order: number[];
  reading: number[];
  above: string;
  below: string;
  label: string;
  tones: Tone[];
}

interface AgreementLineData {
  pairs: [string, number, string][];
  chosen: number | null;
  first: number | null;
}

interface LineTableData {
  head: string[];
  rows: { kind: string; cells: { text?: string; code?: string; shape?: [string, number, string, string][] }[] }[];
  chosen: number | null;
}

interface MapRow {
  tile: string;
  below: string;
  name: string;
  sentence: string;
  exact: string;
  choices: { token: string; probability: number; short: string; exact: string }[];
  rest: string;
  matters: string;
  /** what becomes of the probability with even weights: by layer, and by layer and map */
  even: [string[], string[][]];
}

interface HeadMapsData {
  rows: MapRow[];
  keys: string[];
  layers: string[];
  heads: string[];
  words: { tiles: string; keys: string; sharpest: string; even: string; evenShort: string; evenHead: string; next: string };
  chosen: { row: number; layer: number; head: number };
  /** the first row that was sent, and how many were */
  first: number;
  count: number;
  /** float32 numbers by layer, map, row and key, in base64 */
  weights: string;
  /** the last press that Python has heard of */
  heard: number;
}
