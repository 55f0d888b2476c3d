// The colour of a cell by where it started, the same wherever it goes.

// Hue and darkest lightness of each token. Found by search: as far apart as can be, also for colour-blind eyes.
const TOKENS = [[284, 0.5], [95, 0.64], [319, 0.36], [200, 0.64], [17, 0.44], [228, 0.56], [6, 0.58], [111, 0.52]];
const NEXT_ROUND = 24; // degrees that the hues turn where there are more tokens than that
const [LIGHTER, CHROMA] = [0.26, 0.13];

/**
 * The colours of the cells of a tensor: each token has a hue, each feature a lightness.
 *
 * @param {{ shape: number[] }} panel
 * @param {{ token: number | null, features: number[] }} axes by number; the features outermost first
 * @returns {(index: Index) => Rgb}
 */
export function originColour(panel, { token, features }) {
  const known = new Map();
  const count = features.reduce((product, axis) => product * panel.shape[axis], 1);
  return (index) => {
    const row = token === null ? 0 : index[token];
    const feature = features.reduce((sum, axis) => sum * panel.shape[axis] + index[axis], 0);
    const key = row * count + feature;
    if (!known.has(key)) {
      const [hue, dark] = TOKENS[row % TOKENS.length];
      const round = Math.floor(row / TOKENS.length);
      known.set(key, oklch(dark + LIGHTER * (count > 1 ? feature / (count - 1) : 0.5), CHROMA, hue + NEXT_ROUND * round));
    }
    return known.get(key);
  };
}

// OKLCH to sRGB; less vivid where the screen has no such colour.
export function oklch(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  if (chroma > 0.01 && linear.some((v) => v < -0.001 || v > 1.001)) return oklch(lightness, chroma * 0.94, hue);
  return linear.map((v) => {
    const light = Math.min(1, Math.max(0, v));
    return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
  });
}
