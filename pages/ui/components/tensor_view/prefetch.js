// Keeps the stages that may be asked for next where the stage on screen finds them. They come in a message of their own,
// after everything that is to be seen at once.

/**
 * Streamlit calls this with every such message.
 *
 * @param {{ data: Uint8Array }} update the stages as bundle.py joins them
 */
export default function ({ data }) {
  globalThis[Symbol.for("tensor-shape-explorer.prefetched")] = data;
  window.dispatchEvent(new Event("shape-strip:ahead"));
}
