"""The picture of a step, read as the SVG that it is."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from engine import Config, record, run, save_trace
from pages.ui.traces.opened import OPENED
from pages.ui.views.share.share_view import python_of
from pages.ui.views.share.stage_picture import LETTER, stage_svg
from tests.pages.shown import unfolded
from tests.pages.test_pages import ROOT

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def trace():
    return run(Config(device="cpu"))


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{_SVG}text")]


def fills(svg: str) -> list[str]:
    """The colours of the cells, without the white of the page and the frames."""
    rects = list(ET.fromstring(svg).iter(f"{_SVG}rect"))
    return [rect.get("fill", "") for rect in rects[1:] if rect.get("width") == "11"]


def test_the_picture_says_name_step_code_and_every_shape(trace):
    scores = trace.find("encoder.layers.0.self_attention.scores")
    words = texts(stage_svg(scores))
    assert words[0] == f"encoder.layers.0.self_attention.scores · step {scores.index}"
    assert "scores = query @ key_t" in words
    assert words.count("H 4") == 3
    assert words.count("d_k 8") == 2
    assert {"query", "key_t", "scores", "→"} <= set(words)


def test_the_axes_of_weights_have_the_names_that_they_have_on_the_page(trace):
    words = texts(stage_svg(trace.find("source_embedding.embedded")))
    assert words.count("V 64") == 1
    assert words.count("d_model 32") == 2


def test_every_number_is_a_cell_and_its_colour_says_its_sign_and_size():
    trace = record(lambda x: x * 1.0, torch.tensor([[2.0, -2.0, 0.0, 1.0]]))
    cells = fills(stage_svg(trace.steps[0]))
    assert cells[:4] == cells[4:] == ["#a63618", "#215894", "#ffffff", "#d29a8c"]


def test_what_is_hidden_is_said():
    trace = record(lambda x: x + 1, torch.zeros(3, 4, 40, 50))
    words = texts(stage_svg(trace.steps[0]))
    assert words.count("the first 32 × 32 of each") == 2
    assert words.count("8 of 12 matrices") == 2
    assert "[1] [3]" in words


def places(svg: str) -> list[tuple[float, float, float]]:
    """Where each line of text begins, its baseline, and where it ends as a monospaced font sets it."""
    lines = [
        (line, float(line.get("x", 0)), float(line.get("y", 0))) for line in ET.fromstring(svg).iter(f"{_SVG}text")
    ]
    return [(x, y, x + len(line.text or "") * float(line.get("font-size", 0)) * LETTER) for line, x, y in lines]


@pytest.mark.parametrize("shape", [(2, 4, 18, 16), (2, 5, 3, 2), (8, 1, 1, 1), (1, 8, 3, 40)])
def test_a_picture_can_be_read_on_a_slide_and_no_label_lies_on_the_next(shape):
    trace = record(lambda x: x * 2, torch.rand(shape))
    svg = stage_svg(trace.steps[0])
    assert float(ET.fromstring(svg).get("width", 0)) < 1280
    one_tensor = places(svg)[2:]
    for at, (x, y, end) in enumerate(one_tensor):
        for other, below, _ in one_tensor[at + 1 :]:
            if below == y and other > x:
                assert end < other


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(2, 3, device="meta"),
        torch.eye(3).to_sparse(),
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(0, 3),
    ],
    ids=["meta", "sparse", "complex", "empty"],
)
def test_a_tensor_without_numbers_to_draw_says_so(value):
    trace = record(lambda x: x * 2, value)
    assert texts(stage_svg(trace.steps[0])).count("no numbers") == 2


@given(st.lists(st.integers(1, 5), max_size=5), st.sampled_from([torch.float32, torch.bool, torch.int64]))
@settings(max_examples=15, deadline=None)
def test_a_tensor_of_any_rank_and_dtype_is_drawn_with_names_escaped(shape, dtype):
    trace = record(lambda x: x.clone(), torch.ones(shape).to(dtype))
    ET.fromstring(stage_svg(trace.steps[0]))


def test_infinity_and_nan_are_drawn_without_a_colour():
    trace = record(lambda x: x + 0, torch.tensor([float("inf"), float("nan"), 1.0]))
    svg = stage_svg(trace.steps[0])
    assert svg.count("stroke-dasharray") == 4
    assert any("dashed ±∞ or NaN" in line for line in texts(svg))
    masked = record(lambda x: x + 0, torch.tensor([float("-inf"), 1.0]))
    assert any(line.endswith("dashed −∞") for line in texts(stage_svg(masked.steps[0])))
    assert "dashed" not in stage_svg(record(lambda x: x + 0, torch.ones(2)).steps[0])


def test_the_python_beside_a_tensor_makes_and_prints_it(trace, capsys):
    step = trace.find("encoder.layers.0.self_attention.query")
    earlier = trace.find_all("encoder.layers.0.self_attention.query")[0]
    script = "from engine import Config, run, save_csv\n\ntrace = run(Config(device='cpu'))\nsave_csv(trace.steps, 'x')"
    for which in (step, earlier):
        python = python_of(trace, which, script)
        assert "save_csv" not in python
        made: dict[str, object] = {}
        exec(python, made)
        assert torch.equal(made["step"].value, which.value)
    assert capsys.readouterr().out.count("tensor(") == 2


def test_the_python_of_a_saved_trace_opens_its_file_and_prints_the_tensor(trace, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_trace(trace, "run.trace")
    with open("run.trace", "rb") as file:
        name = OPENED.add("run.trace", file)
    which = trace.find("encoder.layers.0.self_attention.weights")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params.update({"trace": name, "step": which.full_name})
    python = unfolded(app.run(), "walk.csv").code[0].value
    exec(python, {})
    assert capsys.readouterr().out == f"{which.axes} {which.shape}\n{which.value}\n"
