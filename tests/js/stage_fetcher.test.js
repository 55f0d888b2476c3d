import assert from "node:assert/strict";
import test from "node:test";

globalThis.window = /** @type {any} */ (new EventTarget());
const { StageFetcher } = await import("../../pages/ui/components/tensor_view/stage_fetcher.js");

const stageOf = ({ go = 0, view = 0, pinned = 0, moves = 0 }) => ({ seen: { go, view, pinned }, player: { moves } });

/** A fetcher of a page that shows a stage, whose person has sent this many requests and moves. */
function fetcherOf({ shown = {}, sent = {}, moves = 0 }) {
  const fetcher = new StageFetcher(/** @type {any} */ ({ data: stageOf(shown), sent: { go: 0, view: 0, pinned: 0, ...sent } }));
  fetcher.close(); // what it hears is a test of its own
  fetcher.moves = moves;
  return fetcher;
}

test("the answer to the last press is shown", () => {
  assert.ok(fetcherOf({ moves: 1 }).isNext(stageOf({ moves: 1 })));
  assert.ok(fetcherOf({ sent: { go: 1 } }).isNext(stageOf({ go: 1 })));
});

test("an answer is not shown once a person has gone on", () => {
  assert.ok(!fetcherOf({ moves: 2 }).isNext(stageOf({ moves: 1 })));
  assert.ok(!fetcherOf({ sent: { go: 2 } }).isNext(stageOf({ go: 1 })));
  for (const kind of ["go", "view", "pinned"]) {
    assert.ok(!fetcherOf({ moves: 1, sent: { [kind]: 1 } }).isNext(stageOf({ moves: 1 })), kind);
  }
});

test("an answer is not shown where the page was sooner", () => {
  assert.ok(!fetcherOf({ moves: 1, shown: { moves: 1 } }).isNext(stageOf({ moves: 1 })));
  assert.ok(!fetcherOf({ sent: { go: 1 }, shown: { go: 1 } }).isNext(stageOf({ go: 1 })));
});

test("what the page draws for an earlier move than is shown is older, and nothing else is", () => {
  const fetcher = fetcherOf({ shown: { moves: 2 } });
  assert.deepEqual([1, 2, 3].map((moves) => fetcher.isOlder(stageOf({ moves }))), [true, false, false]);
  assert.ok(!fetcherOf({}).isOlder(/** @type {any} */ ({ seen: {}, player: null })));
});

test("a stage that is drawn already is passed over once, and one that differs in a byte is drawn", () => {
  const fetcher = fetcherOf({});
  assert.ok(!fetcher.hasDrawn(new Uint8Array([1, 2])));
  fetcher.drawn = new Uint8Array([1, 2]);
  assert.ok(fetcher.hasDrawn(new Uint8Array([1, 2])));
  assert.ok(!fetcher.hasDrawn(new Uint8Array([1, 2])));
  for (const other of [[1, 3], [1], [1, 2, 3]]) {
    fetcher.drawn = new Uint8Array([1, 2]);
    assert.ok(!fetcher.hasDrawn(new Uint8Array(other)), String(other));
  }
});

test("a size that is let go is asked for with the ticket of the stage, and not where sizes lead nowhere", async () => {
  const asked = [];
  globalThis.document = /** @type {any} */ ({ baseURI: "http://here/base/page" });
  globalThis.fetch = /** @type {any} */ (async (address) => asked.push(String(address)) && { status: 204 });
  const letGo = (stage) => {
    const fetcher = new StageFetcher(/** @type {any} */ (stage));
    const detail = { moved: { name: "heads", value: 4, turn: 3 }, shown: null };
    window.dispatchEvent(Object.assign(new Event("shape-strip:sizes"), { detail }));
    fetcher.close();
    return detail.shown;
  };
  const root = { dataset: {} };
  await letGo({ root, data: { player: { ticket: "t/1", moves: 0 } } });
  assert.deepEqual(root.dataset, { busy: "page" });
  assert.equal(letGo({ data: { player: { ticket: "t", moves: null } } }), null);
  assert.equal(letGo({ data: { player: null } }), null);
  assert.equal(letGo({}), null);
  assert.deepEqual(asked, ["http://here/base/direct/t/1?size=heads&value=4&moves=3"]);
});

test("the stage goes to a box that is pressed in the strip of its own trace, and leaves every other to Python", () => {
  const player = { ticket: "t", run: "a", step: 1, within: null };
  const pressed = (detail, changed = {}) => {
    const went = [];
    const stage = { data: { player: { ...player, ...changed } }, go: (request) => went.push(request) };
    const fetcher = new StageFetcher(/** @type {any} */ (stage));
    const event = Object.assign(new Event("shape-strip:pick", { cancelable: true }), { detail });
    const isLeft = window.dispatchEvent(event);
    fetcher.close();
    return [went, isLeft];
  };
  assert.deepEqual(pressed({ run: "a", step: 5 }), [[{ step: 5 }], false]);
  assert.deepEqual(pressed({ run: "a", step: 1 }), [[], false]);
  assert.deepEqual(pressed({ run: "b", step: 5 }), [[], true]);
  assert.deepEqual(pressed({ run: "a", step: 5 }, { ticket: "" }), [[], true]);
  assert.deepEqual(pressed({ run: "a", step: 5 }, { within: { step: 3 } }), [[], true]);
});
