import assert from "node:assert/strict";
import test from "node:test";

import { handClock } from "./clock.js";

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

test("what the page draws for less than a person has done is refused, and nothing else is", () => {
  const asks = (of, message) => {
    const fetcher = fetcherOf(of);
    const isRefused = fetcher.refuses(message);
    fetcher.giveUp();
    return isRefused;
  };
  assert.deepEqual([1, 2, 3].map((moves) => asks({ shown: { moves: 2 } }, stageOf({ moves }))), [true, false, false]);
  assert.deepEqual([1, 2, 3].map((go) => asks({ sent: { go: 2 } }, stageOf({ go }))), [true, false, false]);
  assert.ok(!asks({}, /** @type {any} */ ({ seen: {}, player: null })));
});

test("where a press was lost, the page is where Python says once nothing is under way, until the next press", (t) => {
  const seen = { state: "running" };
  globalThis.document = /** @type {any} */ ({ querySelector: () => ({ getAttribute: () => seen.state }) });
  const passes = handClock(t);
  const fetcher = fetcherOf({ sent: { go: 2 } });
  const taken = [];
  fetcher.stage.take = (data) => taken.push(data);
  const message = stageOf({ go: 1 });
  assert.ok(fetcher.refuses(message));
  passes(100);
  assert.deepEqual(taken, []); // the server may be at the answer
  seen.state = "notRunning";
  passes(8);
  assert.deepEqual(taken, [message]);
  assert.ok(!fetcher.refuses(stageOf({ go: 1 })));
  fetcher.stage.sent.go = 3;
  assert.ok(fetcher.refuses(stageOf({ go: 2 })));
  assert.ok(!fetcher.refuses(stageOf({ go: 3 }))); // the answer has come
  passes(100);
  assert.deepEqual(taken, [message]);
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
  assert.deepEqual(asked, ["http://here/base/direct/t/1?size=heads&value=4&moves=3&other=0"]);
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

/** A stage on a page with a person at its sliders: what is asked, answered when a test says so, and what is shown. */
function personAtSliders() {
  const asked = [];
  const waiting = [];
  const shown = [];
  globalThis.CustomEvent ??= /** @type {any} */ (Event);
  globalThis.document = /** @type {any} */ ({ baseURI: "http://here/" });
  globalThis.fetch = /** @type {any} */ ((address) => {
    asked.push(Object.fromEntries(new URL(address).searchParams));
    return new Promise((done) => waiting.push(done));
  });
  const stage = {
    root: { dataset: {}, isConnected: true }, selection: {}, sent: { go: 0, view: 0, pinned: 0 },
    data: { seen: {}, player: { ticket: "t", moves: 0 } },
    take: (data) => ((stage.data = data), shown.push(data.player.said)),
  };
  const fetcher = new StageFetcher(/** @type {any} */ (stage));
  let turns = 0;
  const letGo = (value, name = "heads") => {
    const detail = { moved: { name, value, turn: ++turns }, shown: /** @type {any} */ (null) };
    window.dispatchEvent(Object.assign(new Event("shape-strip:sizes"), { detail }));
    return detail.shown;
  };
  const likely = (...moves) => window.dispatchEvent(Object.assign(new Event("shape-strip:likely"), { detail: moves }));
  const answer = async (at, moves, said) => {
    waiting[at](said === null ? { status: 204 } : { status: 200, headers: OCTETS, arrayBuffer: async () => answerOf({ moves, said }) });
    await new Promise((done) => setTimeout(done, 5));
  };
  const drawn = (offer, moves) => {
    globalThis[Symbol.for("tensor-shape-explorer.prefetched")] = bundleOf([[2 ** 32 - 1, json({ offer, moves })]]);
    window.dispatchEvent(new Event("shape-strip:ahead"));
  };
  return { asked, shown, letGo, likely, answer, drawn, stage, close: () => fetcher.close() };
}

const OCTETS = new Headers({ "content-type": "application/octet-stream" });
const json = (value) => new TextEncoder().encode(JSON.stringify(value));
const padded = (length) => Math.ceil(length / 8) * 8;

/** Stages as bundle.py joins them. */
function bundleOf(stages) {
  const head = padded(4 + 8 * stages.length);
  const bytes = new Uint8Array(stages.reduce((length, [, data]) => length + padded(data.length), head));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, stages.length, true);
  let offset = head;
  stages.forEach(([step, data], at) => {
    view.setUint32(4 + 8 * at, step, true);
    view.setUint32(8 + 8 * at, data.length, true);
    bytes.set(data, offset);
    offset += padded(data.length);
  });
  return bytes;
}

/** A strip and a stage as the server answers. */
function answerOf({ moves, said }) {
  const header = json({ panels: [], seen: {}, player: { ticket: "t", run: said, moves, said } });
  const stage = new Uint8Array(4 + header.length);
  new DataView(stage.buffer).setUint32(0, header.length, true);
  stage.set(header, 4);
  return bundleOf([[0, json({})], [1, stage]]).buffer;
}

test("what was asked ahead is shown when the size is let go, without another question", async () => {
  const { asked, shown, letGo, likely, answer, drawn, close } = personAtSliders();
  drawn(5, 0);
  likely({ name: "heads", value: 4 });
  assert.deepEqual(asked, [{ size: "heads", value: "4", moves: "1", other: "0", ahead: "5" }]);
  await answer(0, 1, "four heads");
  await letGo(4);
  assert.deepEqual(shown, ["four heads"]);
  assert.equal(asked.length, 1);
  close();
});

test("what is on its way when the size is let go is waited for, and a refusal is followed by a plain question", async () => {
  const { asked, shown, letGo, likely, answer, drawn, close } = personAtSliders();
  drawn(5, 0);
  likely({ name: "heads", value: 4 });
  letGo(4);
  assert.equal(asked.length, 1);
  await answer(0, 1, null);
  assert.deepEqual(asked[1], { size: "heads", value: "4", moves: "1", other: "0" });
  await answer(1, 1, "four heads");
  assert.deepEqual(shown, ["four heads"]);
  close();
});

test("back and forth between sizes with answers out of order, only the last is shown", async () => {
  const { asked, shown, letGo, likely, answer, drawn, close } = personAtSliders();
  drawn(5, 0);
  likely({ name: "heads", value: 4 }); // 0
  letGo(8); // 1: was not asked ahead
  letGo(4); // 2: was, but for the move before
  letGo(8); // 3
  await answer(3, 3, "eight again");
  await answer(0, 1, "four ahead");
  await answer(2, 2, "four");
  await answer(1, 1, "eight");
  assert.deepEqual(shown, ["eight again"]);
  assert.deepEqual(asked.map(({ value, ahead }) => [value, ahead]), [["4", "5"], ["8", undefined], ["4", undefined], ["8", undefined]]);
  close();
});

test("an answer from before the page was drawn anew is not shown, and nothing is once the stage has left the page", async () => {
  const { asked, shown, letGo, likely, answer, drawn, stage, close } = personAtSliders();
  drawn(5, 0);
  likely({ name: "heads", value: 4 });
  await answer(0, 1, "four, of the text before");
  likely();
  drawn(6, 0);
  letGo(4);
  assert.equal(asked[1].ahead, undefined);
  stage.root.isConnected = false;
  await answer(1, 1, "four");
  assert.deepEqual(shown, []);
  close();
});

test("the server is told of the last move of another size, which it may not have heard of", () => {
  const { asked, letGo, close } = personAtSliders();
  letGo(4);
  letGo(8);
  letGo(16, "d_model");
  letGo(2);
  assert.deepEqual(asked.map(({ moves, other }) => [moves, other]), [["1", "0"], ["2", "0"], ["3", "2"], ["4", "3"]]);
  close();
});

test("what is no answer is left to the page: a refusal, another's page, half a message, no server", async () => {
  const page = new TextEncoder().encode("<!doctype html><p>not found</p>").buffer;
  const none = [
    async () => ({ status: 204, headers: OCTETS }),
    async () => ({ status: 502, headers: OCTETS, arrayBuffer: async () => answerOf({ moves: 1, said: "x" }) }),
    async () => ({ status: 200, headers: new Headers({ "content-type": "text/html" }), arrayBuffer: async () => answerOf({ moves: 1, said: "x" }) }),
    async () => ({ status: 200, headers: OCTETS, arrayBuffer: async () => page }),
    async () => ({ status: 200, headers: OCTETS, arrayBuffer: () => Promise.reject(new Error("cut off")) }),
    () => Promise.reject(new TypeError("Failed to fetch")),
  ];
  for (const answer of none) {
    const { shown, letGo, close } = personAtSliders();
    globalThis.fetch = /** @type {any} */ (answer);
    await letGo(4); // what is told to Python afterwards waits for this
    assert.deepEqual(shown, []);
    close();
  }
});

test("the server is asked beside the page, wherever that lies", async () => {
  const asked = [];
  for (const baseURI of ["http://here/", "http://here/walkthrough?step=3", "https://there.example/foo/", "https://there.example/foo/attention#x"]) {
    const { letGo, close } = personAtSliders();
    globalThis.document = /** @type {any} */ ({ baseURI });
    globalThis.fetch = /** @type {any} */ (async (address) => (asked.push(new URL(address).pathname, new URL(address).host), { status: 204 }));
    await letGo(4);
    close();
  }
  assert.deepEqual(asked, ["/direct/t", "here", "/direct/t", "here", "/foo/direct/t", "there.example", "/foo/direct/t", "there.example"]);
});

test("once a size is let go, what was likely before is not asked for again", async () => {
  const { asked, letGo, likely, answer, drawn, close } = personAtSliders();
  drawn(5, 0);
  likely({ name: "heads", value: 4 }, { name: "heads", value: 1 });
  letGo(4);
  await answer(0, 1, "four");
  drawn(6, 1);
  assert.deepEqual(asked.map(({ value, ahead }) => [value, ahead]), [["4", "5"]]);
  likely({ name: "heads", value: 8 });
  assert.deepEqual(asked.at(-1), { size: "heads", value: "8", moves: "2", other: "0", ahead: "6" });
  close();
});

test("what is likely is asked for too where Python's message came before the stage was made", async () => {
  const before = personAtSliders();
  before.close();
  before.drawn(8, 0);
  const { asked, likely, close } = personAtSliders();
  likely({ name: "heads", value: 4 });
  assert.deepEqual(asked.map(({ ahead }) => ahead), ["8"]);
  close();
});
