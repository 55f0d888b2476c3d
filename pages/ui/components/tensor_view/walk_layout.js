// How the tensors of a step stand on a walk: all at one cell scale, in columns, so that all of them and the side with
// the card and the sum are on one screen.

import { axisName } from "./format.js";
import { clamp, computeLayout, sentBox, sizeOf } from "./layout.js";
import { numeralSize } from "./numerals.js";

const SIDE_BY_SIDE = 900; // px from which tensors stand side by side
const ROOMY_STAGE = 1180;
const SIDE_WIDTH = { narrow: 292, wide: 392 };
const COLUMN_GAP = 24;
// px that the tensors may take, with what stands around them
const STAGE_HEIGHT = { most: 330, least: 215 };
const READ_OUT = 46; // px of the line at the lower edge of the window
const BAR_HEIGHT = 76;
const AROUND_CANVAS = 86; // px of a panel that are no canvas: title, shape, legend, the gap to the next
const CHIP_LETTER = 7.6;
const CHIP_GAP = 13;
const CELL_SIZES = [2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 46];
const TALLEST_CELL = 26;
const SQUARE_UP_TO = 12; // px from which a cell need not be square
const MOST_IDS = 40; // columns and rows of ids up to which their numerals are shown
const IDS_SHARE = 0.45; // of the room for all tensors that ids may take for that
// Tensors side by side have their rows aligned: worth more than cells a little larger.
const ALIGNED_BONUS = 1.4;

/**
 * Where each tensor of a step stands, and its scale.
 *
 * @param {PanelData[]} panels the inputs, then the output
 * @param {number} width of the stage, in CSS pixels
 * @param {Theme} theme
 * @param {boolean} hasBar whether a bar stands below the tensors
 * @param {number} height that is left for the tensors on the screen
 * @returns {{ columns: string, rows: number, placements: { column: number, row: number, span: number }[],
 *     sizes: Space[], side: string } | null} null where the stage is too narrow for more than one column
 */
export function walkLayout(panels, width, theme, hasBar, height = STAGE_HEIGHT.most) {
  if (width < SIDE_BY_SIDE) return null;
  const side = width >= ROOMY_STAGE ? SIDE_WIDTH.wide : SIDE_WIDTH.narrow;
  const room = width - side - COLUMN_GAP;
  const measured = panels.map((panel) => panelMeasurer(panel, theme, room));
  const chosen = columnArrangements(panels.length)
    .map((columns) => fittedColumns(columns, measured, room, height - (hasBar ? BAR_HEIGHT : 0)))
    .reduce((best, other) => (other.score > best.score ? other : best));
  return describedColumns(chosen, measured, room, side, height);
}

/**
 * The height that is left for the tensors below what stands above them, as long as the page is not scrolled.
 *
 * @param {HTMLElement} flow what holds the tensors
 * @returns {number}
 */
export function roomBelow(flow) {
  return Math.round(clamp(innerHeight - topUnscrolled(flow) - READ_OUT, STAGE_HEIGHT.least, STAGE_HEIGHT.most));
}

/**
 * How far below the top of the window something begins, as long as the page is not scrolled.
 *
 * @param {HTMLElement} part
 * @returns {number} in CSS pixels
 */
export function topUnscrolled(part) {
  return part.getBoundingClientRect().top + (document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0);
}

// Every way to stand in columns in order: the inputs may stand one below the other, the output stands alone.
function columnArrangements(count) {
  let ways = [[]];
  for (let panel = 0; panel < count - 1; panel++) {
    ways = ways.flatMap((columns) => [
      [...columns, [panel]],
      ...(columns.length ? [[...columns.slice(0, -1), [...columns.at(-1), panel]]] : []),
    ]);
  }
  return ways.map((columns) => [...columns, [count - 1]]);
}

// How wide a panel is at a scale, how high without its cells, and how many rows of cells it has.
function panelMeasurer(panel, theme, room) {
  const known = new Map();
  const ids = cellOfIds(panel, theme, room);
  return (scale) => {
    if (!known.has(scale)) known.set(scale, panelExtent(panel, scale, theme, ids));
    return known.get(scale);
  };
}

// Ids say nothing by colour: where there are few, their cells have the size of their numerals at every scale.
function cellOfIds(panel, theme, room) {
  if (panel.scale.kind !== "ids" || panel.empty || !panel.values || panel.rows.length || panel.columns.length) return null;
  const [across, down] = [panel.columnAxis, panel.rowAxis].map((axis) => sizeOf(sentBox(panel), axis));
  const cell = numeralSize(panel, 0, theme);
  return across <= MOST_IDS && down <= MOST_IDS && across * cell.width <= IDS_SHARE * room ? cell : null;
}

function panelExtent(panel, scale, theme, ids) {
  if (panel.empty || !panel.values) return { width: 200, head: 0, height: 60, rows: 0, ids };
  const cell = ids ?? { width: scale, height: 0 };
  const layout = computeLayout(panel, sentBox(panel), { width: Infinity, height: Infinity, cell }, theme);
  const rows = ids ? 0 : layout.rows * layout.ys.length;
  return { width: Math.max(layout.width, chipsWidth(panel)), head: layout.head.height, height: layout.height, rows, ids };
}

// Roughly how wide the shape is above a panel: it keeps to one line.
function chipsWidth(panel) {
  const letters = panel.axes.reduce((total, { size }, axis) => total + `${axisName(panel, axis)} ${size}`.length, 0);
  return clamp(letters * CHIP_LETTER + panel.axes.length * CHIP_GAP, 150, 260);
}

function fittedColumns(columns, measured, room, height) {
  const left = room - COLUMN_GAP * (columns.length - 1);
  const fits = (scale) => columnWidths(columns, measured, scale).reduce((total, each) => total + each, 0) <= left;
  const wide = CELL_SIZES.findLast(fits) ?? CELL_SIZES[0];
  const heights = columns.map((column) => {
    const parts = column.map((panel) => measured[panel](wide));
    const around = parts.reduce((total, part) => total + part.height + AROUND_CANVAS, 0);
    const rows = parts.reduce((total, part) => total + part.rows, 0);
    return rows ? (height - around) / rows : TALLEST_CELL;
  });
  const most = Math.max(wide, SQUARE_UP_TO);
  const highest = Math.min(TALLEST_CELL, most, ...heights);
  const high = Math.max(CELL_SIZES[0], highest < 4 ? Math.floor(2 * highest) / 2 : Math.floor(highest));
  const across = Math.min(wide, Math.max(high * 2, SQUARE_UP_TO), 46);
  const isRow = columns.every((column) => column.length === 1);
  const overflow = (fits(wide) ? 1 : 0.5) * clamp(Math.min(...heights) / CELL_SIZES[0], 0.1, 1);
  return { columns, wide: high >= 16 ? wide : across, high, score: Math.min(wide, high * 1.5) * (isRow ? ALIGNED_BONUS : 1) * overflow };
}

function columnWidths(columns, measured, scale) {
  return columns.map((column) => Math.max(...column.map((panel) => measured[panel](scale).width)));
}

function describedColumns({ columns, wide, high }, measured, room, side, height) {
  const widths = columnWidths(columns, measured, wide);
  const free = room - COLUMN_GAP * (columns.length - 1);
  const wanted = widths.reduce((total, each) => total + each, 0);
  // what is left over is shared; where nothing is, each gets less, and scrolls
  const given = widths.map((each) => Math.floor(wanted > free ? (each / wanted) * free : each + (free - wanted) / widths.length));
  const rows = Math.max(...columns.map((column) => column.length));
  const placements = [];
  const sizes = [];
  const heads = columns.map(([first]) => measured[first](wide).head);
  columns.forEach((column, number) => column.forEach((panel, row) => {
    const last = row === column.length - 1;
    placements[panel] = { column: number + 1, row: row + 1, span: last ? rows - row : 1 };
    sizes[panel] = {
      width: given[number], height, cell: { ...(measured[panel](wide).ids ?? { width: wide, height: high }), numerals: true },
      head: row === 0 ? Math.max(...heads) : 0,
    };
  }));
  return { columns: [...given.map((each) => `${each}px`), `${side}px`].join(" "), rows, placements, sizes, side: `${side}px` };
}
