// The colours of boxes and their axes, for a light and a dark page.

/** @param {[string, string]} tone */
function either([light, dark]) {
  return `light-dark(${light}, ${dark})`;
}

/**
 * @param {import("./strip.js").StripData} data
 * @param {import("./shapes.js").BoxData} box
 */
export function axisColours(data, box) {
  return box.axes.map((axis) => either(data.tones[axis ?? ""]));
}

/**
 * The colour of a box; of a product also those of its two operands and of the edges that they share.
 * @param {import("./strip.js").StripData} data
 * @param {import("./shapes.js").BoxData} box
 * @returns {Record<string, string>}
 */
export function boxHues(data, box) {
  const hue = (/** @type {number | undefined} */ at) => either(data.hues[data.boxes[at]?.hue ?? ""] ?? data.hues[""]);
  const [left, right] = box.parents;
  const shared = data.boxes[left]?.axes.at(-1);
  return {
    "--hue": hue(data.boxes.indexOf(box)),
    "--above": hue(left),
    "--below": hue(right),
    "--seam": either(data.tones[shared ?? ""]),
  };
}
