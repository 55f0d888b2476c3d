// Stages that the browser fetches by itself, while Python begins the run that the same press asks for.

import { bundledStage } from "./decode.js";

const [STRIP, STAGE] = [0, 1]; // what the answer holds, as fetched.py joins it

/**
 * @param {string} ticket of this session
 * @param {Record<string, string | number>} question as fetched.py describes it
 * @returns {Promise<{ strip: any, bytes: Uint8Array } | null>} null where only the run of the page can tell
 */
export async function fetchStage(ticket, question) {
  const query = Object.entries(question).map((pair) => pair.map(encodeURIComponent).join("="));
  const address = new URL(`direct/${ticket}?${query.join("&")}`, document.baseURI);
  const answer = await fetch(address, { cache: "no-store" }).catch(() => null); // the server is gone; Streamlit says so
  if (answer?.status !== 200) return null;
  const joined = new Uint8Array(await answer.arrayBuffer());
  const strip = JSON.parse(new TextDecoder().decode(bundledStage(STRIP, joined)));
  return { strip, bytes: bundledStage(STAGE, joined) };
}
