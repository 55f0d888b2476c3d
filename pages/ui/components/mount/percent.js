// Probabilities in words, as pages/ui/views/percentage.py writes them: their spaces do not break.

/**
 * A probability in two significant figures, in per cent. What is not certain is never rounded to certainty.
 *
 * @param {number} share
 * @returns {string}
 */
export function percent(share) {
  if (Number.isNaN(share)) return "NaN";
  if (share >= 0.995) return share === 1 ? "100\u00a0%" : ">\u00a099\u00a0%";
  if (share < 0.0001) return share === 0 ? "0\u00a0%" : "<\u00a00.01\u00a0%";
  // The digits that two significant figures leave, once 9.96 has become 10.
  const digits = 1 - Math.floor(Math.log10(Number((100 * share).toExponential(1))));
  return `${(100 * share).toFixed(Math.max(0, digits))}\u00a0%`;
}
