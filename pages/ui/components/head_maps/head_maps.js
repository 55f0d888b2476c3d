// Attention maps side by side. A press on a tile shows its row in all maps at once, before Python has heard of it.

import { element, focusOn, listenForPresses } from "../mount/dom.js";
import { rendererOf } from "../mount/lifecycle.js";
import { percent } from "../mount/percent.js";
import { drawMap, leastWidth, shade } from "./one_map.js";

const FEW_MAPS = 32; // of more, none has labels of its own
const TOP = 3; // keys that are named for each map
const GAP = 18; // px between two maps

class HeadMaps {
  constructor(host) {
    this.tiles = element("div", { class: "tiles", role: "radiogroup" });
    this.sentence = element("p", { class: "sentence", "aria-live": "polite" });
    this.matters = element("p", { class: "matters" });
    this.sharpest = element("p", { class: "soft" });
    this.keysLabel = element("p", { class: "label" });
    this.keys = element("div", { class: "keys" });
    this.label = element("p", { class: "label" });
    this.maps = element("div", {});
    this.side = element("div", { class: "side" });
    this.root = element(
      "section",
      { class: "maps" },
      element(
        "div",
        {},
        this.label, this.tiles, this.sentence, this.matters,
        element("div", { class: "keys-line" }, this.keysLabel, this.sharpest), this.keys, this.maps,
      ),
      this.side,
    );
    host.append(this.root);
    this.turn = 0;
    listenForPresses(this.tiles, "button", (tile) => this.press({ row: Number(tile.dataset.row) }));
    this.tiles.addEventListener("keydown", (event) => this.step(event));
    listenForPresses(this.maps, ".map", (map) => this.press({ layer: Number(map.dataset.layer), head: Number(map.dataset.head) }));
    this.maps.addEventListener("click", (event) => this.pressCell(event), { capture: true });
    this.maps.addEventListener("pointermove", (event) => this.point(event));
    this.leaving = new AbortController();
    const again = { signal: this.leaving.signal };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(), again);
    for (const kind of ["resize", "beforeprint", "afterprint"]) window.addEventListener(kind, () => this.draw(), again);
  }

  close() {
    this.leaving.abort();
    this.root.remove();
  }

  /** @param {HeadMapsData} data */
  receive(data, { setTriggerValue }) {
    this.send = setTriggerValue;
    // An answer to an earlier press must not set back what has been pressed since.
    const chosen = data.heard < this.turn && this.chosen ? this.chosen : data.chosen;
    this.turn = Math.max(this.turn, data.heard);
    this.chosen = { ...chosen, row: Math.min(chosen.row, data.rows.length - 1) };
    const signature = signatureOf(data, this.chosen);
    if (signature === this.signature) return; // so that nobody who points at a map loses it
    this.data = data;
    this.weights = floats(data.weights);
    this.draw();
  }

  press(change) {
    this.chosen = { ...this.chosen, ...change };
    this.turn += 1;
    this.draw();
    this.send("press", { ...this.chosen, turn: this.turn });
  }

  step(event) {
    const last = this.data.rows.length - 1;
    const { row } = this.chosen;
    const to = { ArrowLeft: row - 1, ArrowUp: row - 1, ArrowRight: row + 1, ArrowDown: row + 1, Home: 0, End: last }[event.key];
    if (to === undefined || to < 0 || to > last) return;
    event.preventDefault();
    event.stopPropagation();
    this.press({ row: to });
    focusOn(this.tiles, "[aria-checked=true]");
  }

  // A press inside a map chooses the row under the pointer too.
  pressCell(event) {
    const cell = this.cellAt(event);
    if (!cell) return;
    event.stopPropagation();
    const { layer, head } = event.target.closest(".map").dataset;
    this.press({ row: cell.row, layer: Number(layer), head: Number(head) });
  }

  point(event) {
    const cell = this.cellAt(event);
    if (!cell) return;
    const { layer, head } = event.target.closest(".map").dataset;
    const weight = this.weightOf(Number(layer), Number(head), cell.row)[cell.key];
    const { rows, keys } = this.data;
    const title = `${rows[cell.row].name} · ${keys[cell.key]}: ${percent(weight)}, ${weight}`;
    if (event.target.title !== title) event.target.title = title;
  }

  cellAt(event) {
    const cells = event.target.closest(".cells");
    if (!cells) return null;
    const box = cells.getBoundingClientRect();
    const { first, count, keys } = this.data;
    const within = (share, size) => Math.min(size - 1, Math.max(0, Math.floor(share * size)));
    return {
      row: first + within((event.clientY - box.top) / box.height, count),
      key: within((event.clientX - box.left) / box.width, keys.length),
    };
  }

  /** The weights of one row of one map; those of a row that was not sent are empty. */
  weightOf(layer, head, row) {
    const { heads, keys, first, count } = this.data;
    if (row < first || row >= first + count) return new Float32Array();
    const at = ((layer * heads.length + head) * count + row - first) * keys.length;
    return this.weights.subarray(at, at + keys.length);
  }

  draw() {
    if (!this.data) return;
    this.signature = signatureOf(this.data, this.chosen);
    const { rows, layers, heads, words } = this.data;
    const { layer, head } = this.chosen;
    const row = rows[this.chosen.row];
    this.root.classList.toggle("wide", rows.some(({ choices }) => choices.length));
    this.label.textContent = words.tiles;
    this.tiles.setAttribute("aria-label", words.tiles);
    this.drawTiles();
    this.sentence.textContent = row.sentence;
    this.matters.textContent = row.matters;
    this.keysLabel.textContent = fill(words.keys, { map: mapName(layers[layer], heads[head]) });
    this.drawKeys();
    this.drawMaps();
    this.sharpest.textContent = this.sharpestText();
    this.drawSide(row);
  }

  drawTiles() {
    const { rows } = this.data;
    const signature = JSON.stringify(rows.map(({ tile, below, exact }) => [tile, below, exact]));
    if (signature !== this.tilesDrawn) {
      this.tilesDrawn = signature;
      this.tiles.replaceChildren(
        ...rows.map(({ tile, below, exact, name }, at) =>
          element(
            "button",
            { type: "button", role: "radio", "data-row": at, title: exact, "aria-label": name },
            element("b", { text: tile }),
            below ? element("small", { text: below }) : null,
          ),
        ),
      );
    }
    [...this.tiles.children].forEach((tile, at) => {
      tile.setAttribute("aria-checked", String(at === this.chosen.row));
      tile.setAttribute("tabindex", at === this.chosen.row ? "0" : "-1");
    });
  }

  drawKeys() {
    const { keys } = this.data;
    const { layer, head, row } = this.chosen;
    const weights = this.weightOf(layer, head, row);
    this.keys.replaceChildren(
      ...keys.map((key, at) => {
        const weight = weights[at] ?? NaN;
        const share = weight >= 0.005 ? percent(weight) : "";
        const cell = element("span", { title: `${key}: ${weight}` }, element("b", { text: key }), element("small", { text: share }));
        return shade(cell, weight);
      }),
    );
  }

  drawMaps() {
    const { layers, heads, rows, keys, words } = this.data;
    const row = rows[this.chosen.row];
    const few = layers.length * heads.length <= FEW_MAPS;
    const [byLayer, byHead] = row.even;
    const focused = this.maps.querySelector(":focus")?.getAttribute("aria-label");
    this.maps.style.setProperty("--columns", String(columnsIn(this.maps.clientWidth, heads.length, leastWidth(this.data, few))));
    const cell = getComputedStyle(this.root).caretColor;
    this.maps.replaceChildren(
      ...layers.flatMap((name, layer) => [
        element(
          "div",
          { class: "layer" },
          element("h5", { text: name }),
          element("span", { class: "soft", text: byLayer.length ? fill(words.even, { share: byLayer[layer] }) : "" }),
        ),
        element(
          "div",
          { class: "grid" },
          ...heads.map((title, head) => {
            const isChosen = layer === this.chosen.layer && head === this.chosen.head;
            const weights = this.weightOf(layer, head, this.chosen.row);
            const even = byHead.length ? byHead[layer][head] : "";
            return drawMap(this.data, { layer, head, title, weights, even, few, isChosen, cell }, {
              row: this.chosen.row, rowsOf: (at) => this.weightOf(layer, head, at), top: topKeys(weights, keys),
            });
          }),
        ),
      ]),
    );
    if (focused) focusOn(this.maps, `[aria-label="${CSS.escape(focused)}"]`);
  }

  sharpestText() {
    const { layers, heads, keys, words } = this.data;
    let best = { weight: 0, layer: 0, head: 0, key: 0 };
    layers.forEach((_, layer) =>
      heads.forEach((__, head) =>
        this.weightOf(layer, head, this.chosen.row).forEach((weight, key) => {
          if (weight > best.weight) best = { weight, layer, head, key };
        }),
      ),
    );
    if (!best.weight || layers.length * heads.length < 2) return "";
    const map = mapName(layers[best.layer], heads[best.head]);
    return fill(words.sharpest, { map, share: percent(best.weight), key: keyName(keys, best.key) });
  }

  drawSide({ choices, rest }) {
    if (!choices.length) {
      this.side.replaceChildren();
      return;
    }
    const line = ({ token, probability, short, exact }) =>
      element(
        "tr",
        { title: exact },
        element("th", { scope: "row", text: token }),
        element("td", {}, element("i", { style: `width: ${(100 * probability).toFixed(2)}%` })),
        element("td", { text: short }),
      );
    this.side.replaceChildren(
      element(
        "div",
        {},
        element("h5", { text: this.data.words.next }),
        element("table", { class: "ranking" }, element("tbody", {}, ...choices.map(line))),
        element("p", { class: "soft", text: rest }),
      ),
    );
  }
}

/**
 * How many maps stand side by side: as many as fit, and in every line as many as in the others.
 *
 * @param {number} width of the page, in px
 * @param {number} maps of a layer
 * @param {number} least width of a map, in px
 */
export function columnsIn(width, maps, least) {
  const fit = Math.max(1, Math.min(maps, Math.floor((width + GAP) / (least + GAP))));
  return Math.ceil(maps / Math.ceil(maps / fit));
}

/** All that a drawing depends on. */
function signatureOf({ rows, keys, layers, heads, words, first, count, weights }, chosen) {
  return JSON.stringify([rows, keys, layers, heads, words, first, count, weights, chosen]);
}

function mapName(layer, head) {
  return [layer, head].filter(Boolean).join(" · ");
}

/** A key, with its position where another one looks the same. */
function keyName(keys, at) {
  return keys.indexOf(keys[at]) === keys.lastIndexOf(keys[at]) ? keys[at] : `${keys[at]} (${at})`;
}

function topKeys(weights, keys) {
  return [...weights]
    .map((weight, at) => ({ weight, at }))
    .filter(({ weight }) => weight >= 0.005)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, TOP)
    .map(({ weight, at }) => `${keyName(keys, at)} ${percent(weight)}`);
}

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

function floats(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

export default rendererOf((host) => new HeadMaps(host));
