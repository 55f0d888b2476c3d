"""What a notebook shows of a trace, a step and an explanation."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import torch

from engine import Config, explain, record, run
from engine.explain.axis_colours import axis_colour
from pages.ui.app import palette

LIMIT = 300_000


def parsed(text: str) -> ET.Element:
    """The HTML, which is written so that XML reads it too; it may hold nothing that runs or is fetched."""
    tree = ET.fromstring(text)
    for element in tree.iter():
        assert element.tag not in ("script", "img", "link", "iframe", "object", "style")
        assert not any(name.startswith("on") or name in ("href", "src") for name in element.attrib)
    assert len(text.encode()) <= LIMIT
    return tree


@pytest.fixture(scope="module")
def trace():
    return run(Config(batch=2, src_len=5, tgt_len=4, d_model=32, heads=4))


def test_a_trace_is_a_table_of_its_steps_by_module(trace):
    tree = parsed(trace._repr_html_())
    names = [row[1].text for row in tree.iter("tr") if row[0].tag == "td"]
    assert names == [step.name for step in trace.steps]
    assert "encoder.layers.0.self_attention · " in "".join(
        summary.text for summary in tree.iter("summary") if summary.text
    )
    assert repr(trace) == f"Trace(steps={len(trace.steps)})"


def test_what_a_prompt_prints_of_a_step_and_an_explanation_has_shape_and_value(trace):
    scores = trace.find("encoder.layers.0.self_attention.scores")
    assert repr(scores) == (
        f"Step({scores.index} encoder.layers.0.self_attention.scores: matmul, (B 2, H 4, S 5, S 5), torch.float32)"
    )
    assert repr(record(lambda x: x > 0, torch.rand(2, 3)).steps[0]) == "Step(0 gt: gt, (2, 3), torch.bool)"
    explained = explain(trace, scores, (0, 1, 2, 3))
    value = float(scores.value[0, 1, 2, 3])
    assert repr(explained) == f"Explanation(encoder.layers.0.self_attention.scores[0, 1, 2, 3] = {value:.6g})"


def test_an_axis_without_a_name_is_its_size_alone():
    text = "".join(parsed(record(lambda x: x * 2, torch.rand(2, 3))._repr_html_()).itertext())
    assert "2 · 3" in text
    assert "?" not in text


def test_a_long_trace_lists_its_first_steps_and_says_how_many_are_left():
    def program(x):
        for _ in range(3000):
            x = x + 1
        return x

    tree = parsed(record(program, torch.zeros(1))._repr_html_())
    listed = len([row for row in tree.iter("tr") if row[0].tag == "td"])
    assert 500 < listed < 3000
    assert f"{3000 - listed:,} more steps are not listed" in "".join(tree.itertext())


def test_a_step_shows_its_axes_its_code_and_the_corner_of_its_numbers(trace):
    scores = trace.find("encoder.layers.0.self_attention.scores")
    tree = parsed(scores._repr_html_())
    text = "".join(tree.itertext())
    assert "B 2 · H 4 · S 5 · S 5" in text
    underlined = {axis.text: axis.get("style") for axis in tree.iter("span")}
    assert f"2px solid {axis_colour('H')};" in underlined["H 4"]
    assert "query @ key_t" in text
    numbers = [cell.text for cell in list(tree.iter("table"))[1].iter("td")]
    assert numbers == [f"{number:.3g}" for number in scores.value[0, 0].flatten().tolist()]


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.new_full((3, 400, 400), float("nan")),
        lambda x: x.new_zeros(0, 3),
        lambda x: x.sum() - torch.inf,
        lambda x: x.to(torch.complex64),
        lambda x: x.to_sparse(),
        lambda x: x.to("meta"),
        lambda x: x > 0,
    ],
)
def test_every_kind_of_tensor_has_a_picture_or_none(make):
    for step in record(make, torch.arange(6.0).view(2, 3)).steps:
        parsed(step._repr_html_())


def test_text_of_a_program_is_shown_and_never_read_as_html():
    trace = record(lambda x: x.__add__(len("<script>alert(1)</script>")), torch.zeros(2))
    assert "<script>alert(1)</script>" in "".join(parsed(trace._repr_html_()).itertext())


def test_an_explanation_shows_its_sentence_and_its_largest_terms(trace):
    scores = trace.find("encoder.layers.0.self_attention.scores")
    explanation = explain(trace, scores, (0, 1, 2, 3))
    tree = parsed(explanation._repr_html_())
    assert explanation.sentence in "".join(tree.itertext())
    assert len([row for row in tree.iter("tr") if row[0].tag == "td"]) == 8


@pytest.mark.parametrize("symbol", [*palette.AXIS, None, "1", "H*d_k", "3*d_model", "width", "L + 1", "é"])
def test_an_axis_has_a_colour_between_the_two_that_it_has_in_the_app(symbol):
    light, colour, dark = palette.axis_colour(symbol), axis_colour(symbol), palette.axis_colour(symbol, dark=True)
    for at in (1, 3, 5):
        low, middle, high = (int(tone[at : at + 2], 16) for tone in (light, colour, dark))
        assert min(low, high) <= middle <= max(low, high)


def test_a_failed_trace_says_so():
    with pytest.raises(RuntimeError) as raised:
        record(lambda x: (x * 2) @ x, torch.rand(2, 5, 8))
    trace = raised.value.trace
    assert repr(trace) == "Trace(steps=1, failed in matmul)"
    assert trace.failure.note in "".join(parsed(trace._repr_html_()).itertext())
