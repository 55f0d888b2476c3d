// The text as it is typed, kept by the browser for this tab: it outlasts a reload and whatever happens to the server.

const DRAFT = "tensor-shape-explorer.code";

/**
 * The text that was typed last, where it belongs to what Python sent.
 *
 * @param {string} text what Python sent
 * @param {boolean} linked whether it came with the address, and so is what somebody wants to see
 * @returns {string | null}
 */
export function keptDraft(text, linked) {
  const kept = stored();
  if (kept === null || (linked && kept.of !== text)) return null;
  return kept.text;
}

/**
 * Keeps a text.
 *
 * @param {string} of what Python knew when it was typed
 * @param {string} text
 */
export function keepDraft(of, text) {
  try {
    sessionStorage.setItem(DRAFT, JSON.stringify({ of, text }));
  } catch {
    // A browser may refuse to keep anything; the session still has what was told.
  }
}

function stored() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null");
    return typeof kept?.text === "string" && typeof kept?.of === "string" ? kept : null;
  } catch {
    return null;
  }
}
