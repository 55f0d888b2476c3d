// Stages that the browser fetches by itself when a person goes to a step or lets a size go. Python draws them too, but
// Streamlit goes over the whole page for that. Python hears of the press once its answer is painted.

import { afterPaint } from "../mount/after_paint.js";
import { onceAtRest } from "../mount/at_rest.js";
import { AnswersAhead, questionOf } from "./answers_ahead.js";
import { bundledStage, decode, prefetchedStage } from "./decode.js";

const [FETCHED_STRIP, FETCHED_STAGE] = [0, 1]; // what an answer holds, as fetched.py joins it
const PRESENT = 2 ** 32 - 1; // what lies beside the stages that are sent ahead
const KIND = "application/octet-stream";
const REQUESTS = ["view", "pinned", "go"];

/** Fetches the stages that follow the one on the page. */
export class StageFetcher {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.moves = 0; // of the sizes, as far as the browser knows
    this.moved = { name: "", other: 0 }; // the size that was moved last, and the number of the last move of another
    this.unheard = -1; // the number of a press of which Python turned out never to have heard
    this.giveUp = () => {}; // waiting for the answer to a press
    this.drawn = null; // the bytes of a fetched stage, until Python has drawn the same
    this.ahead = new AnswersAhead((question) => answerTo(this.stage.data?.player?.ticket, question));
    this.listening = new AbortController();
    const follow = (/** @type {any} */ { detail }) => detail.moved && this.follow(detail);
    window.addEventListener("shape-strip:sizes", follow, { signal: this.listening.signal });
    const pick = (/** @type {any} */ event) => this.takes(event.detail) && event.preventDefault();
    window.addEventListener("shape-strip:pick", pick, { signal: this.listening.signal });
    const want = (/** @type {any} */ { detail }) => {
      this.beginAhead(); // the message may have come before there was a stage to hear of it
      this.ahead.want(detail);
    };
    window.addEventListener("shape-strip:likely", want, { signal: this.listening.signal });
    window.addEventListener("shape-strip:ahead", () => this.beginAhead(), { signal: this.listening.signal });
  }

  close() {
    this.giveUp();
    this.listening.abort();
    this.ahead.forget();
  }

  /**
   * The stage of a step as far as it was sent ahead, for this run of the model and these parts of the axes.
   *
   * @param {number} step
   * @returns {StageData | null}
   */
  prefetched(step) {
    const { run, sent } = this.stage;
    const bytes = prefetchedStage(step);
    const data = bytes && decode(bytes);
    return data && data.player.run === run && (data.seen.view ?? 0) >= sent.view ? data : null;
  }

  // Python has drawn the page, and said so in the message with the stages that it sends ahead.
  beginAhead() {
    const bytes = prefetchedStage(PRESENT);
    this.ahead.begin(bytes && JSON.parse(new TextDecoder().decode(bytes)), this.moves);
  }

  /**
   * A person goes to another step, whose stage was not sent ahead.
   *
   * @param {NavigationRequest & { n: number }} request
   */
  go(request) {
    const { stage } = this;
    afterPaint(this.fetch({ step: request.step, go: request.n }), () => stage.send("go", request));
  }

  /**
   * The box of a step was pressed in the strip: the stage goes there, where it can and shows the same trace.
   *
   * @param {{ run: string, step: number }} detail
   * @returns {boolean} whether it goes
   */
  takes({ run, step }) {
    const { player } = this.stage.data ?? {};
    if (!player?.ticket || player.run !== run || player.within) return false;
    if (step !== player.step) this.stage.go({ step });
    return true;
  }

  /**
   * A size was let go.
   *
   * @param {{ moved: { name: string, value: number, turn: number }, shown: Promise<void> | null }} detail
   */
  follow(detail) {
    const { name, value, turn } = detail.moved;
    const other = name === this.moved.name ? this.moved.other : this.moves;
    this.moves = turn;
    this.moved = { name, other };
    const { player } = this.stage.data ?? {};
    if (!player || player.moves === null) return;
    const coming = this.ahead.to(name, value, turn);
    this.ahead.want([]); // what is beside another value now, the sliders tell once the page is drawn
    this.waitForPage();
    detail.shown = this.fetch(questionOf(name, value, turn, other), coming);
  }

  /**
   * Shows what the server answers, unless a person has gone on or the run of the page was sooner.
   *
   * @param {Record<string, string | number>} question as fetched.py describes it
   * @param {Promise<Answer | null>} [ahead] the answer, where it was asked for ahead: once it has come, it is shown in
   *     the frame of the press
   */
  async fetch(question, ahead) {
    const { stage } = this;
    const answer = (ahead && (await ahead)) || (await answerTo(stage.data.player.ticket, question));
    const data = answer && decode(answer.bytes);
    if (!data || !stage.root.isConnected || !this.isNext(data)) return;
    if (data.seen.go !== stage.data.seen.go) stage.selection.pin = null;
    stage.run = data.player.run;
    this.drawn = answer.bytes;
    stage.take(data, false);
    this.waitForPage();
    window.dispatchEvent(new CustomEvent("shape-strip:fetched", { detail: answer.strip }));
  }

  /**
   * Marks the stage as long as Python has not answered what was asked for last.
   *
   * @param {StageData} data
   */
  showBusy({ seen }) {
    const { root, sent } = this.stage;
    root.removeAttribute("data-busy");
    root.toggleAttribute("data-busy", (seen.view ?? 0) < sent.view);
  }

  // What is shown is no longer, or not only, what the page has drawn; unlike where numbers are missing, nothing pales.
  waitForPage() {
    this.stage.root.dataset.busy = "page";
  }

  /**
   * Whether a stage answers all that a person has done, and the one on the page does not.
   *
   * @param {StageData} next
   * @returns {boolean}
   */
  isNext({ seen, player }) {
    const { data, sent } = this.stage;
    const isLatest = REQUESTS.every((kind) => (seen[kind] ?? 0) >= sent[kind]) && (player.moves ?? 0) >= this.moves;
    return isLatest && ((seen.go ?? 0) > (data.seen.go ?? 0) || (player.moves ?? 0) > (data.player.moves ?? 0));
  }

  /**
   * Whether what Python has drawn answers less than a person has done, and must not undo it.
   *
   * Streamlit can lose a press, where a person goes back while it is on its way: once nothing is under way any more,
   * the page is where Python says.
   *
   * @param {StageData} data
   * @returns {boolean}
   */
  refuses(data) {
    const { stage } = this;
    this.giveUp();
    const isEarlier = (data.seen.go ?? 0) < stage.sent.go && stage.sent.go !== this.unheard;
    if (!isEarlier && (data.player?.moves ?? 0) >= (stage.data?.player?.moves ?? 0)) return false;
    this.giveUp = onceAtRest(() => {
      this.unheard = stage.sent.go;
      stage.take(data, false, null);
    });
    return true;
  }

  /**
   * Whether Python now draws the very stage that was fetched before.
   *
   * @param {Uint8Array} bytes
   * @returns {boolean}
   */
  hasDrawn(bytes) {
    const { drawn } = this;
    this.drawn = null;
    return drawn !== null && drawn.length === bytes.length && drawn.every((byte, at) => byte === bytes[at]);
  }
}

/**
 * The strip and the stage that the server answers with.
 * @typedef {{ strip: object, bytes: Uint8Array }} Answer
 */

/**
 * What the server answers.
 *
 * @param {string | undefined} ticket
 * @param {Record<string, string | number>} question
 * @returns {Promise<Answer | null>} null where only the run of the page can tell
 */
async function answerTo(ticket, question) {
  if (!ticket) return null;
  const query = Object.entries(question).map((pair) => pair.map(encodeURIComponent).join("="));
  const address = new URL(`direct/${ticket}?${query.join("&")}`, document.baseURI);
  try {
    const answer = await fetch(address, { cache: "no-store" });
    // A proxy that does not know this address may answer it with a page of its own.
    if (answer.status !== 200 || answer.headers.get("content-type") !== KIND) return null;
    const joined = new Uint8Array(await answer.arrayBuffer());
    const strip = JSON.parse(new TextDecoder().decode(bundledStage(FETCHED_STRIP, joined)));
    return { strip, bytes: bundledStage(FETCHED_STAGE, joined) };
  } catch {
    return null; // the server is gone, and Streamlit says so
  }
}
