import assert from "node:assert/strict";
import test from "node:test";

import { AwaitedMoves } from "../../pages/ui/components/shape_strip/awaited.js";

const at = (H) => ({ H, d_k: 32 / H });

test("an answer to an earlier move, or to none, leaves the strip where the last move put it", () => {
  const moves = new AwaitedMoves();
  moves.add(at(16), at(4));
  moves.add(at(8), at(4));
  assert.equal(moves.areUnheardBy(at(4)), true);
  assert.equal(moves.areUnheardBy(at(16)), true);
  assert.equal(moves.areUnheardBy({ ...at(16), S: 18 }), true); // an axis that no slider has
});

test("after the answer to the last move every message is taken", () => {
  const moves = new AwaitedMoves();
  moves.add(at(16), at(4));
  moves.add(at(8), at(4));
  assert.equal(moves.areUnheardBy(at(8)), false);
  assert.equal(moves.areUnheardBy(at(16)), false);
});

test("what PyTorch came to is shown also where it was foreseen otherwise", () => {
  const moves = new AwaitedMoves();
  moves.add(at(16), at(4));
  assert.equal(moves.areUnheardBy({ H: 16, d_k: 3 }), false);
});

test("a move back is answered by what stood there before", () => {
  const moves = new AwaitedMoves();
  moves.add(at(16), at(4));
  moves.add(at(4), at(4));
  assert.equal(moves.areUnheardBy(at(4)), false);
});

test("once Python has answered without other shapes, what it sends is taken", () => {
  const moves = new AwaitedMoves();
  moves.add(at(16), at(4));
  moves.answered();
  assert.equal(moves.areUnheardBy(at(4)), false);
});
