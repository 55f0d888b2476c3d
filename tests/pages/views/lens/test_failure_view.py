"""What failed, as the page shows it: torch's own line, the operands, and in red the edges that do not agree."""

import re

import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import record
from pages.ui.views.lens.failure_view import failure_html


def failed(program, *inputs):
    try:
        record(program, *inputs)
    except Exception as error:
        return error, error.trace
    raise AssertionError("it did not fail")


def wrong_edges(html):
    return re.findall(r'<span class="edge wrong"[^>]*>([^<]*)</span>', html)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(2, 6), st.integers(2, 6))
def test_the_edges_that_differ_are_red_and_no_others(rows, columns, left, right):
    if left == right:
        return
    error, trace = failed(lambda x, y: x @ y, torch.rand(rows, left), torch.rand(right, columns))
    html = failure_html(trace.failure, len(trace.steps), dark=False)
    assert wrong_edges(html) == [str(left), str(right)]
    assert html.count('class="edge') == 4
    assert str(error) in html


def test_text_of_a_program_is_text_on_the_page():
    def program(x):
        return x.view(len("<script>alert(1)</script>"), 3)

    _, trace = failed(program, torch.rand(2, 3))
    html = failure_html(trace.failure, 0, dark=True)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_what_is_not_of_torch_is_shown_too():
    def program(x):
        raise KeyError(str(x * 2) and "head")

    _, trace = failed(program, torch.rand(2))
    html = failure_html(trace.failure, len(trace.steps), dark=False)
    assert "KeyError" in html
    assert "1 step ran before it." in html
