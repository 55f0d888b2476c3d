// On a narrow screen the tensors of a step stand one below the other, as high as they come to. What stands below the
// stage would move at every step, and the page with it where it is scrolled to its end.

/** The height that a stage keeps from step to step. */
export class HeldHeight {
  constructor() {
    this.tallest = 0;
    this.width = 0;
  }

  /**
   * Lets a stage be as high as that. To ask how high a step comes is to have the page laid out.
   *
   * @param {HTMLElement} root of the stage
   * @param {HTMLElement} last what stands last in it
   * @param {number} width of the stage, in CSS pixels
   * @param {boolean} isPinned
   */
  hold(root, last, width, isPinned) {
    const isWide = root.hasAttribute("data-wide");
    const least = isWide ? 0 : this.least(last.offsetTop + last.offsetHeight, width, innerHeight, isPinned);
    root.style.minHeight = least ? `${least}px` : "";
  }

  /**
   * The least height of the stage: that of the tallest step so far, as far as it leaves no more than a screen empty.
   *
   * @param {number} height of the step on the stage, in CSS pixels
   * @param {number} width of the stage: where it is another one, nothing before it counts
   * @param {number} screen the height of the window
   * @param {boolean} isPinned whether a sum stands there as well, which goes when the number is let go
   * @returns {number}
   */
  least(height, width, screen, isPinned) {
    if (width !== this.width) [this.width, this.tallest] = [width, 0];
    if (!isPinned) this.tallest = Math.max(this.tallest, height);
    return Math.min(this.tallest, height + screen);
  }
}
