"""The sentences about an ending, whatever is told of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sandbox.code_run import EndingKind, ending_from

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("kind", "line", "lines", "error", "message", "signal", "status", "seconds", "target")


@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING | st.sampled_from(list(EndingKind))))
def test_whatever_the_code_says_of_its_end_becomes_a_sentence(told):
    ending = ending_from(told, 10.0, 2**31, 64)
    assert isinstance(ending.kind, EndingKind)
    assert len(ending.sentence) < 3000
    assert ending.line is None or ending.line > 0
    assert all(type(line) is int for line in ending.lines)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"kind": "raised", "line": 7, "error": "E", "message": "no"}, "Line 7 raised E: no"),
        ({"kind": "raised", "line": 7, "error": "E", "message": ""}, "Line 7 raised E."),
        ({"kind": "raised", "error": "E", "message": "no"}, "It raised E: no"),
        ({"kind": "syntax_error", "line": 2, "message": "odd"}, "Line 2 is not Python: odd"),
        ({"kind": "timed_out"}, "It was stopped after 10 s, the time that code may take here."),
        ({"kind": "out_of_memory", "line": 3}, "Line 3 asked for more memory than 2.0 GiB, which code may take here."),
        ({"kind": "crashed", "signal": 11}, "It crashed: SIGSEGV ended its process."),
        ({"kind": "crashed", "signal": 99}, "It crashed: signal 99 ended its process."),
        ({"kind": "exited", "status": 3}, "It ended its process by itself, with status 3, before it returned."),
        ({"kind": "nothing known"}, "It ended the process that watches it; what it computed is lost."),
    ],
)
def test_endings_are_told_in_whole_sentences(told, sentence):
    assert ending_from(told, 10.0, 2**31, 64).sentence == sentence
