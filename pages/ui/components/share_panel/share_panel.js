// The link of this page, and the picture of the step as a vector file, as a bitmap and on the clipboard.

import { element } from "../mount/dom.js";
import { rendererOf } from "../mount/lifecycle.js";

const SHARPER = 2; // pixels of the bitmap to one of the picture: slides are shown large
const WORDS = {
  link: "The link is copied.",
  picture: "The picture is copied.",
  refused: "The browser does not let this page copy. Download it instead.",
};

class SharePanel {
  constructor(host) {
    const button = (text, press) => element("button", { type: "button", text, onclick: () => press().catch(() => this.say(WORDS.refused)) });
    this.outcome = element("output", {});
    this.root = element(
      "div",
      { class: "share", role: "group", "aria-label": "share this step" },
      button("Copy link", () => this.copyLink()),
      button("Copy picture", () => this.copyPicture()),
      button("Picture as PNG", async () => this.save(await bitmap(this.data.svg), "png")),
      button("Picture as SVG", async () => this.save(new Blob([this.data.svg], { type: "image/svg+xml" }), "svg")),
      this.outcome,
    );
    host.append(this.root);
  }

  /** @param {{ svg: string, file: string }} data */
  receive(data) {
    this.data = data;
  }

  close() {
    this.root.remove();
  }

  say(text) {
    this.outcome.textContent = text;
  }

  async copyLink() {
    await navigator.clipboard.writeText(window.location.href);
    this.say(WORDS.link);
  }

  async copyPicture() {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": bitmap(this.data.svg) })]);
    this.say(WORDS.picture);
  }

  save(blob, ending) {
    const address = URL.createObjectURL(blob);
    element("a", { href: address, download: `${this.data.file}.${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    this.say(`${this.data.file}.${ending}`);
  }
}

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
