import assert from "node:assert/strict";
import test from "node:test";

import { rendererOf } from "../../pages/ui/components/mount/lifecycle.js";

/** A component that notes what happens to it. */
function component() {
  const log = [];
  const renderer = rendererOf((host) => {
    log.push(["made", host]);
    return { receive: (data, streamlit) => log.push(["given", data, streamlit]), close: () => log.push(["closed"]) };
  });
  return { log, renderer };
}

test("a view is made once and given every update, with the ways to tell Python", () => {
  const { log, renderer } = component();
  const parentElement = { isConnected: true };
  const ways = { setStateValue() {}, setTriggerValue() {} };
  renderer({ data: 1, parentElement, ...ways });
  renderer({ data: 2, parentElement, ...ways });
  assert.deepEqual(log, [["made", parentElement], ["given", 1, ways], ["given", 2, ways]]);
});

test("a view outlives an update that was overtaken and is closed once when it has left the page", () => {
  const { log, renderer } = component();
  const parentElement = { isConnected: true };
  const [overtaken, last] = [1, 2].map((data) => renderer({ data, parentElement }));
  overtaken();
  assert.equal(log.filter(([what]) => what === "closed").length, 0);
  parentElement.isConnected = false;
  overtaken();
  last();
  assert.equal(log.filter(([what]) => what === "closed").length, 1);
  parentElement.isConnected = true;
  renderer({ data: 3, parentElement });
  assert.equal(log.filter(([what]) => what === "made").length, 2);
});

test("each parent has a view of its own", () => {
  const { log, renderer } = component();
  const parents = [{ isConnected: true }, { isConnected: true }];
  parents.forEach((parentElement) => renderer({ data: 0, parentElement }));
  assert.deepEqual(log.filter(([what]) => what === "made").map(([, host]) => host), parents);
});
