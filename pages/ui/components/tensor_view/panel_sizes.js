// How the width of the page is shared between the tensors of a stage.

import { GAP, clamp, numeralHeight, sentBox, sideGutter, sizeOf, sum } from "./layout.js";

const WIDE = 900; // px from which inputs and output stand side by side
const ROOMY = 1180;
const CARD = { narrow: 264, wide: 304 };
const SPACE = 28;
const STACKED = 600; // px that inputs one below the other may take

/**
 * Divides the width between inputs, operation and output.
 *
 * @param {PanelData[]} panels the inputs, then the output
 * @param {number} width of the stage, in CSS pixels
 * @param {boolean} hasCard whether something stands between inputs and output
 * @param {Theme} theme
 * @returns {{ columns: string | null, sizes: { width: number, height: number }[] }} `columns` as CSS grid columns, null
 *     where the tensors stand one below the other; the room that each tensor gets
 */
export function panelSizes(panels, width, hasCard, theme) {
  const inputs = panels.slice(0, -1);
  if (!inputs.length || width < WIDE) {
    return { columns: null, sizes: panels.map(() => ({ width, height: inputs.length ? 360 : 480 })) };
  }
  const card = hasCard ? (width >= ROOMY ? CARD.wide : CARD.narrow) : 0;
  const room = width - (card ? card + SPACE : 0) - SPACE;
  const wanted = panels.map((panel) => wantedWidth(panel, theme));
  const left = Math.max(...wanted.slice(0, -1));
  const right = wanted.at(-1);
  const share = left + right <= room ? left + (room - left - right) / 2 : clamp((room * left) / (left + right), room * 0.36, room * 0.64);
  const [before, after] = [Math.floor(share), Math.floor(room - share)];
  // inputs that stand one below the other stay low, unless all of them have numerals in not much more room
  const numbered = inputs.map((panel) => numeralHeight(panel, before, theme));
  const height = (i) => (inputs.length === 1 ? 360 : sum(numbered) <= STACKED ? Math.max(210, numbered[i]) : 210);
  return {
    columns: card ? `${before}px ${card}px ${after}px` : `${before}px ${after}px`,
    sizes: [...inputs.map((_, i) => ({ width: before, height: height(i) })), { width: after, height: 360 }],
  };
}

// Roughly how wide a tensor would like to be, to divide the room between the sides.
function wantedWidth(panel, theme) {
  const box = sentBox(panel);
  const columns = panel.columns.reduce((product, axis) => product * box[axis][1], 1);
  const cells = sizeOf(box, panel.columnAxis) * columns;
  const rows = sizeOf(box, panel.rowAxis) * panel.rows.reduce((product, axis) => product * box[axis][1], 1);
  const each = cells <= 12 && rows <= 12 ? 46 : 13;
  return Math.max(220, cells * each + columns * GAP + sideGutter(panel, box, theme).width);
}
