// Answers to moves of a size, fetched before a person makes them: to where a thumb rests, and to what the arrow keys lead
// to next. They hold for the page as Python has drawn it last, and for nothing else.

const MOST_BYTES = 4_000_000;

/**
 * What Python said when it last drew the page.
 * @typedef {object} Present
 * @property {number} offer the number under which it answers what is asked ahead
 * @property {number | null} moves how many moves of a size it knew of; null where none leads to another stage
 */

/** @typedef {import("./stage_fetcher.js").Answer} Answer */

/** The answers that are kept for the present page. */
export class AnswersAhead {
  /** @param {(question: Record<string, string | number>) => Promise<Answer | null>} ask */
  constructor(ask) {
    this.ask = ask;
    /** @type {Present | null} null as long as a press is on its way to Python */
    this.present = null;
    /** @type {{ name: string, value: number }[]} */
    this.wanted = [];
    /** @type {Map<string, Promise<Answer | null>>} null where the server has no answer */
    this.kept = new Map();
    this.bytes = 0;
    this.isAsking = false;
  }

  /**
   * Python has drawn the page: what was kept for another is of no use.
   *
   * @param {Present | null} present
   * @param {number} moves how many moves of a size a person has made here
   */
  begin(present, moves) {
    if (present?.offer !== this.present?.offer) this.forget();
    this.present = (present?.moves ?? 0) >= moves ? present : null;
    this.askNext();
  }

  /** What was kept is of no use. */
  forget() {
    this.present = null;
    this.kept = new Map();
    this.bytes = 0;
  }

  /**
   * Asks for these answers, one after the other, in the place of those that were wanted before.
   *
   * @param {{ name: string, value: number }[]} moves
   */
  want(moves) {
    this.wanted = moves;
    this.askNext();
  }

  async askNext() {
    const { present, kept } = this;
    const next = this.wanted.find(({ name, value }) => !kept.has(keyOf(name, value)));
    if (!present || !next || this.isAsking || this.bytes > MOST_BYTES) return;
    this.isAsking = true;
    const coming = this.ask(questionOf(next.name, next.value, (present.moves ?? 0) + 1, 0, present.offer));
    kept.set(keyOf(next.name, next.value), coming);
    const answer = await coming;
    this.isAsking = false;
    if (kept === this.kept) this.bytes += answer?.bytes.length ?? 0;
    this.askNext();
  }

  /**
   * What was asked ahead for a move.
   *
   * @param {string} name of the size
   * @param {number} value
   * @param {number} move its number
   * @returns {Promise<Answer | null> | undefined} undefined where nothing was, for this page
   */
  to(name, value, move) {
    return move === (this.present?.moves ?? 0) + 1 ? this.kept.get(keyOf(name, value)) : undefined;
  }
}

function keyOf(name, value) {
  return `${name} ${value}`;
}

/**
 * What the server is asked when a size is moved, as fetched.py describes it.
 *
 * @param {string} name of the size
 * @param {number} value
 * @param {number} moves the number of the move
 * @param {number} other the number of the last move of another size
 * @param {number | null} [ahead] the offer, where nobody has moved it yet
 * @returns {Record<string, string | number>}
 */
export function questionOf(name, value, moves, other, ahead = null) {
  return { size: name, value, moves, other, ...(ahead !== null && { ahead }) };
}
