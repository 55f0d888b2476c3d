// The sizes that were asked for and not answered yet: an answer to an earlier move says nothing of them.

/** @typedef {Record<string, number>} Sizes lengths of axes by their symbols */

/** The moves of sizes, from the last one that was answered on. */
export class AwaitedMoves {
  constructor() {
    this.answered();
  }

  /** @param {Sizes} sizes after the last move @param {Sizes} before what stood there until the first */
  add(sizes, before) {
    this.earlier.push(this.last ?? before);
    this.last = sizes;
  }

  answered() {
    /** @type {Sizes | null} */
    this.last = null;
    /** @type {Sizes[]} */
    this.earlier = [];
  }

  /**
   * Whether a message does not know of the last move yet: it has the sizes of an earlier one.
   *
   * @param {Sizes} sizes those of the message
   */
  areUnheardBy(sizes) {
    if (this.last && !areEqual(sizes, this.last) && this.earlier.some((before) => areEqual(sizes, before))) return true;
    this.answered();
    return false;
  }
}

// Whether all axes that both have are equally long.
function areEqual(sizes, others) {
  return Object.keys(sizes).every((axis) => !(axis in others) || sizes[axis] === others[axis]);
}
