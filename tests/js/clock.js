// Timers that are due when a test says so.

/**
 * Puts a clock that a test moves in the place of this test's timers.
 *
 * @param {{ after: (restore: () => void) => void }} t the test
 * @returns {(times: number) => void} lets all timers that wait come due, so often
 */
export function handClock(t) {
  const { setTimeout, clearTimeout } = globalThis;
  const waiting = new Map();
  let last = 0;
  globalThis.setTimeout = /** @type {any} */ ((call) => (waiting.set(++last, call), last));
  globalThis.clearTimeout = /** @type {any} */ ((number) => waiting.delete(number));
  t.after(() => Object.assign(globalThis, { setTimeout, clearTimeout }));
  return (times) => {
    for (let turn = 0; turn < times; turn += 1) {
      const due = [...waiting.values()];
      waiting.clear();
      due.forEach((call) => call());
    }
  };
}
