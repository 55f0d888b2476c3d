import assert from "node:assert/strict";
import test from "node:test";

import { onceAtRest } from "../../pages/ui/components/mount/at_rest.js";
import { handClock } from "./clock.js";

/** A page whose server is in this state, and how often it was found at rest. */
function page() {
  const seen = { state: "running", calls: 0, call: () => (seen.calls += 1) };
  globalThis.document = /** @type {any} */ ({ querySelector: () => ({ getAttribute: () => seen.state }) });
  return seen;
}

test("a page is at rest when its server has run nothing for a second, and that is said once", (t) => {
  const seen = page();
  const passes = handClock(t);
  onceAtRest(seen.call);
  passes(100);
  assert.equal(seen.calls, 0);
  seen.state = "notRunning";
  passes(3);
  assert.equal(seen.calls, 0);
  passes(1);
  assert.equal(seen.calls, 1);
  passes(100);
  assert.equal(seen.calls, 1);
});

test("a run meanwhile begins the second anew", (t) => {
  const seen = page();
  const passes = handClock(t);
  onceAtRest(seen.call);
  seen.state = "notRunning";
  passes(3);
  seen.state = "running";
  passes(1);
  seen.state = "notRunning";
  passes(3);
  assert.equal(seen.calls, 0);
  passes(1);
  assert.equal(seen.calls, 1);
});

test("who has given up is not called", (t) => {
  const seen = page();
  const passes = handClock(t);
  const giveUp = onceAtRest(seen.call);
  seen.state = "notRunning";
  giveUp();
  passes(100);
  assert.equal(seen.calls, 0);
});
