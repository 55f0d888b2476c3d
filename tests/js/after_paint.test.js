import assert from "node:assert/strict";
import test from "node:test";

globalThis.window = /** @type {any} */ (new EventTarget());
const { afterPaint } = await import("../../pages/ui/components/mount/after_paint.js");

/** What has been told, in order, with a frame that comes when it is called for. */
function page() {
  const told = [];
  const frames = [];
  globalThis.requestAnimationFrame = (frame) => frames.push(frame);
  return { told, frames, tell: (what) => () => told.push(what) };
}

test("Python is told after the frame in which the answer is painted", async () => {
  const { told, frames, tell } = page();
  afterPaint(Promise.resolve(), tell("a"));
  assert.deepEqual(told, []);
  await Promise.resolve();
  await Promise.resolve();
  frames.forEach((frame) => frame(0));
  assert.deepEqual(told, []);
  await new Promise((done) => setTimeout(done));
  assert.deepEqual(told, ["a"]);
});

test("Python is told before anything that a person does next, and once", async () => {
  for (const kind of ["pointerdown", "keydown", "pagehide"]) {
    const { told, tell } = page();
    afterPaint(new Promise(() => {}), tell(1));
    window.dispatchEvent(new Event(kind));
    afterPaint(new Promise(() => {}), tell(2));
    window.dispatchEvent(new Event(kind));
    window.dispatchEvent(new Event(kind));
    assert.deepEqual(told, [1, 2], kind);
  }
});

test("an answer that does not come holds nothing up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { told, tell } = page();
  afterPaint(new Promise(() => {}), tell("a"));
  t.mock.timers.tick(1000);
  assert.deepEqual(told, ["a"]);
});
