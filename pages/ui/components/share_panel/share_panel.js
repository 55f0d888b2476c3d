// The link of this page, and the pictures of the step and of the strip, as vector files, bitmaps and on the clipboard.

import { element } from "../mount/dom.js";
import { rendererOf } from "../mount/lifecycle.js";
import { stripOnPage, stripPicture } from "./strip_picture.js";

const SHARPER = 2; // pixels of the bitmap to one of the picture: slides are shown large
const WORDS = {
  link: "The link is copied.",
  picture: "The picture is copied.",
  noStrip: "There is no strip on this page.",
  linkRefused: "The browser does not let this page copy. This is the link: press Ctrl C, or ⌘ C on a Mac.",
  pictureRefused: "The browser does not let this page copy. Take “Picture as PNG” instead.",
  failed: "The picture could not be made. Take “Picture as SVG” instead.",
};

class SharePanel {
  constructor(host) {
    const button = (text, press) => element("button", { type: "button", text, onclick: () => press().catch(() => this.say(WORDS.failed)) });
    this.outcome = element("output", {});
    this.link = element("input", { type: "text", readonly: true, hidden: true, "aria-label": "link" });
    this.ofStrip = [
      button("Strip as PNG", () => this.saveStrip(async (svg) => this.save(await bitmap(svg), "png", this.data.strip.file))),
      button("Strip as SVG", () => this.saveStrip((svg) => this.save(vector(svg), "svg", this.data.strip.file))),
    ];
    this.root = element(
      "div",
      { class: "share", role: "group", "aria-label": "share this step" },
      button("Copy link", () => this.copyLink()),
      button("Copy picture", () => this.copyPicture()),
      button("Picture as PNG", async () => this.save(await bitmap(this.data.svg), "png")),
      button("Picture as SVG", async () => this.save(vector(this.data.svg), "svg")),
      ...this.ofStrip,
      this.outcome,
      this.link,
    );
    host.append(this.root);
  }

  /** @param {{ svg: string, file: string, strip: any }} data `strip` is null on a page without one */
  receive(data) {
    this.data = data;
    for (const button of this.ofStrip) button.hidden = !data.strip;
  }

  close() {
    this.root.remove();
  }

  say(text) {
    this.outcome.textContent = text;
    this.link.hidden = true;
  }

  // A page without a secure address has no clipboard, and a browser may refuse it.
  async copyLink() {
    try {
      await navigator.clipboard.writeText(window.location.href);
      this.say(WORDS.link);
    } catch {
      this.say(WORDS.linkRefused);
      this.link.value = window.location.href;
      this.link.hidden = false;
      this.link.select();
    }
  }

  async copyPicture() {
    const picture = bitmap(this.data.svg);
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
      this.say(WORDS.picture);
    } catch {
      await picture;
      this.say(WORDS.pictureRefused);
    }
  }

  /** @param {(svg: string) => void | Promise<void>} keep */
  async saveStrip(keep) {
    const drawing = stripOnPage(document);
    if (drawing) await keep(stripPicture(drawing, this.data.strip));
    else this.say(WORDS.noStrip);
  }

  save(blob, ending, file = this.data.file) {
    const address = URL.createObjectURL(blob);
    element("a", { href: address, download: `${file}.${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    this.say(`${file}.${ending}`);
  }
}

const vector = (svg) => new Blob([svg], { type: "image/svg+xml" });

/**
 * @param {string} svg
 * @returns {Promise<Blob>}
 */
async function bitmap(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = element("canvas", { width: image.width * SHARPER, height: image.height * SHARPER });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("empty"))), "image/png"));
}

export default rendererOf((host) => new SharePanel(host));
