// What Python is told of a press whose answer the browser fetches itself, once that is painted.

const LONGEST_WAIT = 250; // ms

/**
 * Tells Python when something is painted, and before a person does anything else. Told at once, Streamlit would go over
 * the page and the server run it while the person still waits.
 *
 * @param {Promise<unknown>} shown
 * @param {() => void} tell
 */
export function afterPaint(shown, tell) {
  const waiting = new AbortController();
  const now = () => {
    if (waiting.signal.aborted) return;
    waiting.abort();
    clearTimeout(timer);
    tell();
  };
  const timer = setTimeout(now, LONGEST_WAIT);
  shown.then(() => requestAnimationFrame(() => setTimeout(now)));
  for (const kind of ["pointerdown", "keydown", "pagehide"]) window.addEventListener(kind, now, { capture: true, signal: waiting.signal });
}
