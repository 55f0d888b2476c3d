// How much room the numerals of a tensor take.

import { formatShort } from "./format.js";

const NUMERAL_HEIGHT = 27;
const BESIDE = 2.5; // px between the numerals of two cells; each has the colour of its own cell behind it

/**
 * The smallest cell that every numeral in the box fits into.
 *
 * @param {PanelData} panel
 * @param {number} decimals
 * @param {Theme} theme
 * @returns {Size}
 */
export function numeralSize(panel, decimals, theme) {
  if (panel.scale.kind === "bool") return { width: 18, height: 18 };
  let longest = 0;
  const values = panel.values ?? [];
  const stride = Math.max(1, Math.floor(values.length / 600));
  for (let at = 0; at < values.length; at += stride) {
    longest = Math.max(longest, formatShort(panel, values[at], decimals).length);
  }
  return { width: Math.max(panel.scale.kind === "ids" ? 20 : 28, Math.ceil(longest * theme.digit + BESIDE)), height: NUMERAL_HEIGHT };
}
