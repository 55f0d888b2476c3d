"""What a browser fetches by itself is what the run of the page then draws: the same bytes."""

from __future__ import annotations

import gc
import json
import struct
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest
from torch import nn

from engine import record
from engine.ops import reads
from pages.ui.components.tensor_view import Stage, stage_bytes
from pages.ui.state import direct_answers
from pages.ui.state.direct_answers import DirectAnswers
from pages.ui.views.instrument.player import player_of
from pages.ui.views.operation_card import card_of
from pages.ui.views.rearrange_animation import travel_of
from pages.ui.views.tensor_panels import step_panels
from tests.pages.shown import Size, present, report, sent_bytes, sent_json, stage
from tests.pages.test_pages import opened

SCORES = "encoder.layers.0.self_attention.scores"
TOKENS = {"reads": "tokens", "d_model": "16", "heads": "2", "encoder_layers": "1", "decoder_layers": "1"}
# A size, what it is moved to, and what else the link says.
MOVES = {
    "length": ("src_len", 7, TOKENS | {"step": SCORES}),
    "heads": ("heads", 4, TOKENS | {"step": SCORES}),
    "width": ("d_model", 32, TOKENS | {"step": SCORES}),
    "a pinned cell": ("heads", 4, TOKENS | {"step": SCORES, "pin": "0.1.2.3"}),
    "a pin that the smaller size has not": ("src_len", 2, TOKENS | {"step": SCORES, "pin": "0.1.2.3"}),
    "part of a long axis": ("heads", 4, TOKENS | {"step": SCORES, "src_len": "256", "at": "S-100"}),
    "the whole model as the strip": ("batch", 3, TOKENS | {"step": SCORES, "scope": "."}),
    "trained weights that become random": ("heads", 2, {"weights": "trained", "step": SCORES}),
    "a model of today": ("heads", 2, {"model": "gpt2", "step": "layers.0.attention.scores"}),
}


def fetched(app: AppTest, **question: Any) -> tuple[dict[str, Any], bytes] | None:
    """The strip and the stage that the browser of this page would fetch."""
    ticket = stage(app)["player"]["ticket"]
    if "size" in question:
        question = {"other": 0} | question
    answer = client().get(f"/direct/{ticket}", params=question)
    if answer.status_code == 204:
        return None
    assert answer.headers["cache-control"] == "no-store"
    count, _, length, _, stage_length = struct.unpack_from("<5I", answer.content)
    assert count == 2
    first = 24
    second = first + -(-length // 8) * 8
    return json.loads(answer.content[first : first + length]), answer.content[second : second + stage_length]


def without_map(strip: dict[str, Any]) -> dict[str, Any]:
    """What is sent of a strip for a moved size: the map of the model, which has the same blocks, follows by itself."""
    assert "map" in strip
    return {name: value for name, value in strip.items() if name != "map"}


def client(base: str = "") -> TestClient:
    return TestClient(Starlette(routes=direct_answers.routes(base)))


@pytest.mark.parametrize("case", MOVES)
def test_a_moved_size_is_fetched_as_the_page_then_draws_it(case):
    name, value, query = MOVES[case]
    app = opened("app.py", **query)
    sent = fetched(app, size=name, value=value, moves=1)
    before = sent_bytes(app, "stage")
    Size(app, name).set_value(value).run()
    assert not app.exception
    assert sent == (without_map(sent_json(app, "strip")), sent_bytes(app, "stage"))
    assert sent[1] != before


@pytest.mark.parametrize("case", ["length", "heads", "a pinned cell", "the whole model as the strip"])
def test_what_is_asked_ahead_is_what_is_answered_when_the_size_is_let_go(case):
    name, value, query = MOVES[case]
    app = opened("app.py", **query)
    assert present(app)["moves"] == 0
    sent = fetched(app, size=name, value=value, moves=1, ahead=present(app)["offer"])
    assert sent is not None
    assert sent == fetched(app, size=name, value=value, moves=1)
    Size(app, name).set_value(value).run()
    assert sent == (without_map(sent_json(app, "strip")), sent_bytes(app, "stage"))


def test_what_is_asked_ahead_is_answered_from_the_page_that_asks_alone():
    app = opened("app.py", **TOKENS, step=SCORES)
    before = present(app)["offer"]
    Size(app, "heads").set_value(4).run()
    assert present(app) == {"offer": before + 1, "moves": 1}
    assert fetched(app, size="src_len", value=7, moves=2, ahead=before) is None
    assert fetched(app, size="src_len", value=7, moves=2, ahead=before + 1)[0]["sizes"]["H"] == 4


def test_a_size_is_not_answered_from_settings_that_lack_the_move_of_another():
    app = opened("app.py", **TOKENS, step=SCORES)
    assert fetched(app, size="src_len", value=7, moves=2, other=1) is None
    Size(app, "heads").set_value(4).run()
    assert fetched(app, size="src_len", value=7, moves=2, other=1)[0]["sizes"]["H"] == 4


@pytest.mark.parametrize(
    "query",
    [
        {**TOKENS, "src_len": "256", "tgt_len": "256", "heads": "16", "d_model": "512"},
        {**TOKENS, "encoder_layers": "6", "decoder_layers": "6", "d_model": "512", "vocab_size": "2000"},
        {"model": "gpt2", "step": "layers.0.attention.scores"},
    ],
)
def test_a_run_that_takes_long_is_made_when_it_is_asked_for_and_not_ahead(query):
    app = opened("app.py", **({"step": SCORES} | query))
    assert fetched(app, size="heads", value=2, moves=1, ahead=present(app)["offer"]) is None
    assert fetched(app, size="heads", value=2, moves=1) is not None


def test_an_answer_ahead_gives_way_to_one_that_is_waited_for_and_to_another_ahead():
    answers = DirectAnswers()
    ahead, plain = {"ahead": "1"}, {}
    held, inside = threading.Event(), threading.Semaphore(0)

    def slow(question: Mapping[str, str]) -> bytes:
        inside.release()
        assert held.wait(10)
        return b"done"

    assert answers.offer(slow) == 1
    for first, second in ((ahead, ahead), (plain, ahead)):
        held.clear()
        with ThreadPoolExecutor() as threads:
            waited_for = threads.submit(answers.answer, first)
            assert inside.acquire(timeout=10)
            assert answers.answer(second) is None
            held.set()
            assert waited_for.result(10) == b"done"
    held.set()
    assert answers.answer(ahead) == answers.answer(plain) == b"done"


@pytest.mark.parametrize("trouble", [None, RuntimeError("a run that fails")])
def test_no_garbage_is_looked_for_while_a_person_waits_and_it_is_afterwards(trouble: Exception | None):
    answers, seen, is_on = DirectAnswers(), [], threading.Event()

    def answer(question: Mapping[str, str]) -> bytes:
        seen.append(gc.isenabled())
        if trouble is not None:
            raise trouble
        return b"done"

    answers.offer(answer)
    with mock.patch.object(direct_answers.gc, "enable", side_effect=lambda: is_on.set()), suppress(RuntimeError):
        client().get(f"/direct/{answers.ticket}")
        assert seen == [False]
        assert is_on.wait(10)
    gc.enable()


def test_a_run_of_the_page_waits_for_nothing_that_is_made_ahead():
    answers = DirectAnswers()
    heard: list[str] = []

    def answer(question: Mapping[str, str]) -> bytes:
        answers.go_first()  # would wait for half a second if it counted
        heard.append("ahead")
        return b""

    answers.offer(answer)
    with mock.patch.object(direct_answers, "_PATIENCE", 3600):
        answers.answer({"ahead": "1"})
    assert heard == ["ahead"]


@pytest.mark.parametrize("query", [{}, {"pin": "0.1.2.3"}, {"src_len": "256", "at": "S-100"}])
def test_another_step_is_fetched_as_the_page_then_draws_it(query):
    app = opened("app.py", **TOKENS, step=SCORES, **query)
    for number, step in enumerate((40, 3), 1):
        sent = fetched(app, step=step, go=number)
        way = {"step": step, "cell": None, "panel": None, "keeps_pin": False, "trail": None, "within": None}
        report(app, "stage", go={**way, "n": number})
        assert stage(app)["player"]["step"] == step
        assert sent == (sent_json(app, "strip"), sent_bytes(app, "stage"))


def test_after_a_move_the_same_question_is_answered_from_the_new_sizes():
    app = opened("app.py", **TOKENS, step=SCORES)
    before = fetched(app, step=40, go=1)
    Size(app, "heads").set_value(4).run()
    after = fetched(app, step=40, go=1)
    assert before[1] != after[1]
    # Four heads, and a length of seven with those four.
    Size(app, "src_len").set_value(7).run()
    assert dict(sent_json(app, "strip")["sizes"], H=4, S=7) == sent_json(app, "strip")["sizes"]


def test_two_visitors_are_each_answered_from_their_own_sizes():
    one, other = opened("app.py", **TOKENS, step=SCORES), opened("app.py", **{**TOKENS, "heads": "4"}, step=SCORES)
    assert stage(one)["player"]["ticket"] != stage(other)["player"]["ticket"]
    assert fetched(one, size="src_len", value=7, moves=1)[0]["sizes"]["H"] == 2
    assert fetched(other, size="src_len", value=7, moves=1)[0]["sizes"]["H"] == 4


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"step": "9999", "go": "1"},
        {"step": "x", "go": "1"},
        {"step": "3"},
        {"size": "heads", "value": "0", "moves": "1"},
        {"size": "src_len", "value": "100000", "moves": "1"},
        {"size": "seed_of_all", "value": "1", "moves": "1"},
        {"size": "heads", "value": "4", "moves": "1", "other": "x"},
        {"size": "heads", "value": "4", "moves": "1", "ahead": "x"},
        {"size": "heads", "value": "4", "moves": "1", "ahead": "0"},
    ],
)
def test_a_question_without_an_answer_is_left_to_the_page(question):
    assert fetched(opened("app.py", **TOKENS, step=SCORES), **question) is None


@pytest.mark.parametrize("base", ["foo", "/foo/", "teams/foo"])
def test_below_another_path_the_browser_is_answered_with_and_without_it(base):
    app = opened("app.py", **TOKENS, step=SCORES)
    address = f"/direct/{stage(app)['player']['ticket']}"
    question = {"size": "src_len", "value": 7, "moves": 1, "other": 0}
    answers = [client(base).get(path + address, params=question) for path in ("", f"/{base.strip('/')}")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert client(base).get(f"/bar{address}", params=question).status_code == 404
    assert client().get(f"/foo{address}", params=question).status_code == 404


def test_nobody_is_answered_without_a_ticket():
    assert client().get("/direct/anything", params={"step": 3, "go": 1}).status_code == 204


def test_sizes_that_cannot_be_run_are_left_to_the_page():
    app = opened("app.py", **{**TOKENS, "device": "cuda"}, step=SCORES)
    assert fetched(app, size="src_len", value=7, moves=1) is None


# Operations on tensors as large as the sliders allow, and larger.
LARGE = {
    "weights (8, 16, 256, 256)": lambda: (lambda scores: scores.softmax(-1), (torch.randn(8, 16, 256, 256),)),
    "query (8, 256, 1024)": lambda: (nn.Linear(1024, 1024), (torch.randn(8, 256, 1024),)),
    "logits (16, 64, 4096)": lambda: (nn.Linear(512, 4096), (torch.randn(16, 64, 512),)),
    "a stack of 24 (256, 256)": lambda: (lambda *parts: torch.stack(parts), [torch.randn(256, 256) for _ in range(24)]),
    "permute of (16, 256, 16, 64)": lambda: (lambda x: x.permute(0, 2, 1, 3), (torch.randn(16, 256, 16, 64),)),
}


@pytest.mark.parametrize("case", LARGE)
def test_a_stage_of_large_tensors_is_at_most_300_kb(case):
    program, given = LARGE[case]()
    with torch.no_grad():
        trace = record(program, *given)
    step = trace.steps[-1]
    travel = travel_of(step)
    shown = Stage(
        step_panels(trace, step),
        reads=reads(step),
        operation=card_of(trace, step, {}, ()),
        player=player_of(trace, step, travel is not None, ()),
        travel=travel,
    )
    assert 10_000 < len(stage_bytes(shown, {}, {"view": 0, "pinned": 0, "go": 0})) <= 300_000
