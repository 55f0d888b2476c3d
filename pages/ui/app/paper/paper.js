// Paper is white: a page that is shown dark is printed in the colours of the light theme, and is dark again afterwards.

const COLOUR = /#(?:[0-9a-f]{8}|[0-9a-f]{6})\b|rgba?\([^()]*\)/gi;
const TABLES = "[data-testid=stDataFrame] canvas"; // Streamlit's, which nobody else can draw again
const TURNED = "invert(1) hue-rotate(180deg)";
const MIDDLE = -30; // of the lightest and the darkest channel of a colour, how far below twice their middle
const DRAWN = ["fill", "stroke", "style"]; // attributes of pictures that Python coloured

/**
 * A piece of CSS with the light theme's colours in the place of the dark theme's; their opacity is kept.
 *
 * @param {string} css
 * @param {Record<string, string>} light the light colours by the dark ones, all as #rrggbb
 * @param {(dark: string) => string} [other] what becomes of a colour that is not of the theme; by default it stays
 * @returns {string}
 */
export function recoloured(css, light, other = (dark) => dark) {
  return css
    .replace(/color-scheme: ?dark/g, "color-scheme: light")
    .replace(COLOUR, (colour) => {
      const { dark, alpha } = parsed(colour);
      const to = light[dark] ?? other(dark);
      return to === dark ? colour : to + alpha;
    });
}

/**
 * A light colour as dark as it was light, of the same hue: for the colours of a picture that mix those of several axes.
 * What can be read on white stays, as in a picture that Python drew before the page turned dark.
 *
 * @param {string} colour
 * @returns {string}
 */
export function mirrored(colour) {
  const channels = channelsOf(colour);
  const shift = 255 - Math.max(...channels) - Math.min(...channels);
  if (shift > MIDDLE) return colour;
  return hex(channels.map((channel) => channel + shift));
}

/**
 * @param {any} window
 * @param {Record<string, string>} light
 */
export function printLight(window, light) {
  let undo = [];
  const { document } = window;
  const change = (css, write, other) => {
    const changed = recoloured(css, light, other);
    if (changed === css) return;
    write(changed);
    undo.push(() => write(css));
  };
  const visit = (rules) => {
    for (const rule of rules) {
      if (rule.style) change(rule.style.cssText, (css) => (rule.style.cssText = css));
      if (rule.cssRules) visit(rule.cssRules);
    }
  };
  window.addEventListener("beforeprint", () => {
    const app = document.querySelector(".stApp");
    if (!app || undo.length || window.getComputedStyle(app).colorScheme !== "dark") return;
    for (const sheet of document.styleSheets) visit(sheet.cssRules);
    for (const name of DRAWN) {
      for (const node of app.querySelectorAll(`[${name}]`)) {
        change(node.getAttribute(name), (css) => node.setAttribute(name, css), node.closest("svg") ? mirrored : undefined);
      }
    }
    for (const canvas of app.querySelectorAll(TABLES)) {
      canvas.style.filter = TURNED;
      undo.push(() => (canvas.style.filter = ""));
    }
  });
  window.addEventListener("afterprint", () => {
    for (const step of undo.reverse()) step();
    undo = [];
  });
}

function parsed(colour) {
  if (colour.startsWith("#")) return { dark: colour.slice(0, 7).toLowerCase(), alpha: colour.slice(7) };
  const [red, green, blue, opacity = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  const alpha = opacity < 1 ? Math.round(255 * opacity).toString(16).padStart(2, "0") : "";
  return { dark: hex([red, green, blue]), alpha };
}

function channelsOf(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

function hex(channels) {
  return `#${channels.map((channel) => Math.round(channel).toString(16).padStart(2, "0")).join("")}`;
}
