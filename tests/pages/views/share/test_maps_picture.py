"""The picture of attention maps, read as the SVG that it is; and what stands beside the maps to take along."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
import torch
from streamlit.testing.v1 import AppTest

from engine import record, save_trace
from pages.ui.traces.opened import OPENED
from pages.ui.views.share.maps_picture import MapsPicture, maps_svg
from tests.pages.shown import unfolded
from tests.pages.test_pages import ROOT

_SVG = "{http://www.w3.org/2000/svg}"
_EYE = torch.stack([torch.eye(3), torch.full((3, 3), 1 / 3)])


def picture(**changed) -> ET.Element:
    given = {
        "title": "Cross-attention",
        "axes": (("B", 1), ("H", 2), ("T", 3), ("S", 3)),
        "layers": [("layer 0", _EYE), ("layer 1", _EYE.flip(0))],
        "heads": ("head 0", "head 1"),
        "rows": ("2", "0", "⟨end⟩"),
        "keys": ("a", "<", "⟨end⟩"),
        "chosen": 1,
        "sentence": "Writing 0, having read 2",
    }
    return ET.fromstring(maps_svg(MapsPicture(**given | changed)))


def texts(svg: ET.Element) -> list[str]:
    return [element.text or "" for element in svg.iter(f"{_SVG}text")]


def test_the_picture_has_title_shape_rows_keys_and_legend():
    words = texts(picture())
    assert words[:2] == ["Cross-attention", "Writing 0, having read 2"]
    assert words[2:7] == ["weights", "B 1", "H 2", "T 3", "S 3"]
    assert words.count("head 0") == words.count("head 1") == 2
    assert words.count("a") == words.count("<") == 4
    assert words.count("⟩") == 8
    assert "white 0 · dark 1 · a row sums to 1 · framed: Writing 0, having read 2" in words


def test_every_weight_is_a_cell_as_dark_as_it_is_large_and_the_chosen_row_is_framed_in_every_map():
    rects = list(picture().iter(f"{_SVG}rect"))
    cells = [rect for rect in rects if rect.get("width") == "11"]
    assert len(cells) == 4 * 9
    first = [rect.get("fill") for rect in cells[:9]]
    assert first == [("#3e207a" if row == key else "#ffffff") for row in range(3) for key in range(3)]
    assert {rect.get("fill") for rect in cells[9:18]} == {"#bfb5d3"}
    frames = [rect for rect in rects if rect.get("class") == "chosen"]
    assert len(frames) == 4
    middle = float(frames[0].get("y")) + float(frames[0].get("height")) / 2
    assert abs(middle - (float(cells[3].get("y")) + 5.5)) < 1


def test_a_long_text_is_drawn_in_part_and_says_so_and_words_are_turned():
    names = tuple(f"word{index}" for index in range(50))
    svg = picture(layers=[("layer 0", torch.full((2, 50, 50), 0.02))], rows=names, keys=names)
    assert "the first 40 rows and 40 keys of 50 and 50" in texts(svg)
    assert "word39" in texts(svg)
    assert "word40" not in texts(svg)
    assert len([group for group in svg.iter(f"{_SVG}g") if "rotate" in group.get("transform", "")]) == 80


@pytest.fixture
def fused(tmp_path):
    """The name of an opened trace whose attention is one fused call, and what the call did inside."""
    torch.manual_seed(0)
    attend = torch.nn.functional.scaled_dot_product_attention
    trace = record(attend, *(torch.randn(1, 2, 4, 3) for _ in range(3)))
    with open(save_trace(trace, tmp_path / "fused.trace"), "rb") as file:
        return OPENED.add("fused.trace", file), trace


def test_beside_the_maps_are_the_matrix_and_the_python_of_the_chosen_head_also_inside_a_fused_call(
    fused, tmp_path, monkeypatch, capsys
):
    name, trace = fused
    makers: dict[str, Callable[[], bytes]] = {}
    monkeypatch.setattr("streamlit.download_button", lambda label, data, *_, **__: makers.update({label: data}))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params.update({"trace": name, "head": "1"})
    app = unfolded(app.switch_page("pages/attention.py").run(), "attention.share")
    assert not app.exception
    [inside] = [step.inside for step in trace.steps if step.inside is not None]
    weights = inside.find("weights")
    _, *rows = csv.reader(io.StringIO(makers["B 0, H 1 as a matrix"]().decode()))
    assert torch.equal(torch.tensor([[float(cell) for cell in row[1:]] for row in rows]), weights.value[0, 1])
    monkeypatch.chdir(tmp_path)
    exec(app.code[-1].value, {})
    assert capsys.readouterr().out == f"{weights.axes} {weights.shape}\n{weights.value}\n"
