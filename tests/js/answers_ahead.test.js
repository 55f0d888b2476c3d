import assert from "node:assert/strict";
import test from "node:test";

const { AnswersAhead, questionOf } = await import("../../pages/ui/components/tensor_view/answers_ahead.js");

const turn = () => new Promise((done) => setTimeout(done));
const move = (value, name = "heads") => ({ name, value });

/** Answers that come when a test says so: what was asked, and a way to answer the oldest question. */
function server() {
  const asked = [];
  const waiting = [];
  const ahead = new AnswersAhead((question) => {
    asked.push(question);
    return new Promise((done) => waiting.push(done));
  });
  const answer = async (bytes = 10) => {
    const given = bytes === null ? null : { bytes: new Uint8Array(bytes) };
    waiting.shift()(given);
    await turn();
    return given;
  };
  return { ahead, asked, answer };
}

test("what is wanted is asked for one after the other, under the page's offer and as its next move", async () => {
  const { ahead, asked, answer } = server();
  ahead.want([move(4), move(2)]);
  assert.deepEqual(asked, []); // the page has not been drawn yet
  ahead.begin({ offer: 7, moves: 3 }, 3);
  assert.deepEqual(asked, [questionOf("heads", 4, 4, 0, 7)]);
  const four = await answer();
  assert.deepEqual(asked.at(-1), { size: "heads", value: 2, moves: 4, other: 0, ahead: 7 });
  assert.equal(await ahead.to("heads", 4, 4), four);
  assert.equal(asked.length, 2);
});

test("another wish takes the place of what was not asked for yet, and nothing is asked for twice", async () => {
  const { ahead, asked, answer } = server();
  ahead.begin({ offer: 1, moves: 0 }, 0);
  ahead.want([move(4), move(5), move(6)]);
  ahead.want([move(8), move(4)]);
  for (let i = 0; i < 2; i++) await answer();
  assert.deepEqual(asked.map(({ value }) => value), [4, 8]);
  ahead.want([]);
  ahead.begin({ offer: 1, moves: 0 }, 0); // the same message once more
  assert.equal(asked.length, 2);
});

test("an answer is for its size, its value and the page's next move alone", async () => {
  const { ahead, answer } = server();
  ahead.begin({ offer: 1, moves: 2 }, 2);
  ahead.want([move(4)]);
  await answer();
  assert.ok(ahead.to("heads", 4, 3));
  assert.equal(ahead.to("heads", 8, 3), undefined);
  assert.equal(ahead.to("d_model", 4, 3), undefined);
  for (const other of [1, 2, 4]) assert.equal(ahead.to("heads", 4, other), undefined);
});

test("nothing is kept once the page is drawn anew, or a person has done what it does not show", async () => {
  for (const change of [(ahead) => ahead.begin({ offer: 2, moves: 0 }, 0), (ahead) => ahead.forget()]) {
    const { ahead, answer } = server();
    ahead.begin({ offer: 1, moves: 0 }, 0);
    ahead.want([move(4), move(5)]);
    ahead.want([]);
    await answer();
    change(ahead);
    assert.equal(ahead.to("heads", 4, 1), undefined);
  }
});

test("an answer that comes after the page was drawn anew is not kept for it", async () => {
  const { ahead, asked, answer } = server();
  ahead.begin({ offer: 1, moves: 0 }, 0);
  ahead.want([move(4)]);
  ahead.begin({ offer: 2, moves: 0 }, 0);
  assert.equal(ahead.to("heads", 4, 1), undefined);
  await answer();
  assert.deepEqual(asked.map((question) => question.ahead), [1, 2]); // asked again, of the page as it is now
});

test("nothing is asked for as long as the page lacks a move", () => {
  const { ahead, asked } = server();
  ahead.want([move(4)]);
  ahead.begin({ offer: 1, moves: 1 }, 2);
  assert.deepEqual(asked, []);
  assert.equal(ahead.to("heads", 4, 2), undefined);
  ahead.begin({ offer: 2, moves: 2 }, 2);
  assert.equal(asked.length, 1);
  // A stage that was made anew has counted none of the moves that the page knows of.
  const { ahead: late, asked: then } = server();
  late.want([move(4)]);
  late.begin({ offer: 9, moves: 5 }, 0);
  assert.equal(then[0].moves, 6);
});

test("a refusal is kept too, and is not asked for again", async () => {
  const { ahead, asked, answer } = server();
  ahead.begin({ offer: 1, moves: 0 }, 0);
  ahead.want([move(4)]);
  await answer(null);
  ahead.want([move(4)]);
  assert.equal(asked.length, 1);
  assert.equal(await ahead.to("heads", 4, 1), null);
});

test("four million bytes are kept at the most, and one answer more", async () => {
  const { ahead, asked, answer } = server();
  ahead.begin({ offer: 1, moves: 0 }, 0);
  ahead.want([1, 2, 3, 4, 5].map((value) => move(value)));
  await answer(3_999_999);
  await answer(10);
  assert.equal(asked.length, 2);
  ahead.begin({ offer: 2, moves: 0 }, 0);
  assert.equal(asked.length, 3);
});
