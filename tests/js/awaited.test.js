import assert from "node:assert/strict";
import test from "node:test";

import { AwaitedMoves } from "../../pages/ui/components/shape_strip/awaited.js";

const at = (H) => ({ H, d_k: 32 / H });
const moved = (H) => ({ sizes: at(H), released: true });

test("an answer to an earlier move, or to none, leaves the strip where the last move put it", () => {
  const moves = new AwaitedMoves();
  const [first, last] = [moved(16), moved(8)];
  moves.add(first, at(4));
  moves.add(last, at(4));
  assert.equal(moves.unheardBy(at(4)), last);
  assert.equal(moves.unheardBy(at(16)), last);
  assert.equal(moves.unheardBy({ ...at(16), S: 18 }), last); // an axis that no slider has
});

test("after the answer to the last move every message is taken", () => {
  const moves = new AwaitedMoves();
  moves.add(moved(16), at(4));
  moves.add(moved(8), at(4));
  assert.equal(moves.unheardBy(at(8)), null);
  assert.equal(moves.unheardBy(at(16)), null);
});

test("what PyTorch came to is shown also where it was foreseen otherwise", () => {
  const moves = new AwaitedMoves();
  moves.add(moved(16), at(4));
  assert.equal(moves.unheardBy({ H: 16, d_k: 3 }), null);
});

test("a move back is answered by what stood there before", () => {
  const moves = new AwaitedMoves();
  moves.add(moved(16), at(4));
  moves.add(moved(4), at(4));
  assert.equal(moves.unheardBy(at(4)), null);
});

test("once Python has answered without other shapes, what it sends is taken", () => {
  const moves = new AwaitedMoves();
  moves.add(moved(16), at(4));
  moves.answered();
  assert.equal(moves.unheardBy(at(4)), null);
});
