// What lights up on a stage because of the cell that is pointed at or pinned.

import { besideOf, readBoxes, readerBoxes } from "./dependencies.js";

/**
 * For each panel, the boxes that light up because of the active cell.
 *
 * @param {StageData} data
 * @param {CellAddress | null} active
 * @returns {Box[][]}
 */
export function litBoxes(data, active) {
  const { panels, output } = data;
  const lit = panels.map(() => []);
  if (!active || !data.reads.length) return lit;
  const panel = panels[active.number];
  const beside = besideOf(data);
  if (beside && panel === beside.output) lit[0] = readBoxes(beside, panels[0], active.index);
  else if (panel === output) panels.slice(0, -1).forEach((input, i) => (lit[i] = readBoxes(data, input, active.index)));
  else {
    lit[output.number] = readerBoxes(data, panel, active.index);
    if (beside) lit[beside.output.number] = readerBoxes(beside, panel, active.index);
  }
  return lit;
}
