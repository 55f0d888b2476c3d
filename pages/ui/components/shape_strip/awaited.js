// The sizes that were asked for and not answered yet: an answer to an earlier move says nothing of them.

/** @typedef {Record<string, number>} Sizes lengths of axes by their symbols */
/** @typedef {{sizes: Sizes, released: boolean, moved?: unknown}} Move */

/** The moves of sizes, from the last one that was answered on. */
export class AwaitedMoves {
  constructor() {
    this.answered();
  }

  /** @param {Move} move the last one @param {Sizes} before what stood there until then */
  add(move, before) {
    this.earlier.push(this.last?.sizes ?? before);
    this.last = move;
  }

  answered() {
    /** @type {Move | null} */
    this.last = null;
    /** @type {Sizes[]} */
    this.earlier = [];
  }

  /**
   * The move that a message does not know of yet; null where it answers the last one, or anything else.
   *
   * @param {Sizes} sizes those of the message
   */
  unheardBy(sizes) {
    if (this.last && !areEqual(sizes, this.last.sizes) && this.earlier.some((before) => areEqual(sizes, before))) return this.last;
    this.answered();
    return null;
  }
}

// Whether all axes that both have are equally long.
function areEqual(sizes, others) {
  return Object.keys(sizes).every((axis) => !(axis in others) || sizes[axis] === others[axis]);
}
