"""Pins, choosers and trails as texts of the address."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, run
from pages.ui.components.tensor_view.player_types import Cell
from pages.ui.state.url_pin import (
    cell_at,
    cell_text,
    exists,
    is_view,
    pin_at,
    pin_text,
    trail_at,
    trail_text,
    view_at,
    view_text,
)

TRACE = run(Config(batch=2, src_len=3, tgt_len=2, d_model=4, heads=2, encoder_layers=1, decoder_layers=1))
SCORES = TRACE.find("encoder.layers.0.self_attention.scores")


@st.composite
def cells(draw):
    step = draw(st.sampled_from(TRACE.steps))
    panel = draw(st.sampled_from([None, *range(len(step.inputs))]))
    shape = (step if panel is None else step.inputs[panel]).value.shape
    return Cell(step.index, tuple(draw(st.integers(0, size - 1)) for size in shape), panel)


@given(cell=cells())
def test_a_cell_written_into_the_address_is_read_back_as_the_same_cell(cell):
    assert cell_at(TRACE, cell.step, cell_text(cell.index, cell.panel)) == cell
    step = TRACE.steps[cell.step]
    pinned = (len(step.inputs) if cell.panel is None else cell.panel, cell.index)
    assert pin_at(TRACE, step, pin_text(step, pinned)) == pinned


@given(way=st.lists(cells(), max_size=30))
def test_a_trail_written_into_the_address_is_read_back_cell_by_cell(way):
    assert trail_at(TRACE, trail_text(way) or "") == tuple(way)


@given(
    starts=st.dictionaries(st.sampled_from(["H", "S", "S.2", "d_k", "d_model", "0:1", "H*d_k"]), st.integers(1, 2**20))
)
def test_what_the_choosers_show_is_read_back_from_the_address(starts):
    assert view_at(view_text(starts) or "") == starts


@given(
    starts=st.dictionaries(st.sampled_from(["H", "S", "S.2", "d_k", "H*d_k"]), st.integers(0, 2**20)),
    junk=st.text("xyz\u202e<", min_size=1, max_size=8),
)
def test_a_text_of_choosers_is_told_from_one_that_is_so_only_in_part(starts, junk):
    text = "_".join(f"{axis}-{start}" for axis, start in starts.items())
    assert is_view(text)
    assert not is_view(f"{text}_{junk}")
    assert not is_view(f"{junk}-")


def test_a_window_that_begins_at_0_needs_no_words_in_the_address():
    assert view_text({"H": 0, "S": 0}) is None
    assert view_text({"H": 0, "d_k": 8}) == "d_k-8"


@given(text=st.text(max_size=40))
@settings(max_examples=300)
def test_any_text_in_the_address_names_an_existing_cell_or_none(text):
    found = cell_at(TRACE, SCORES.index, text)
    assert found is None or exists(TRACE, found)
    assert all(exists(TRACE, cell) for cell in trail_at(TRACE, text))
    assert all(start >= 0 for start in view_at(text).values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.0.0",
        "0.0.0.3",
        "2.0.0.0",
        "-1.0.0.0",
        "0.0.0.0.0",
        "i2.0",
        "i9.0.0.0.0",
        "x",
        "٠.0.0.0",
        "1e1.0.0.0",
    ],
)
def test_a_cell_the_tensor_does_not_have_is_no_pin(text):
    assert SCORES.shape == (2, 2, 3, 3)
    assert pin_at(TRACE, SCORES, text) is None


def test_a_pin_names_the_output_and_an_input_by_its_number():
    assert pin_text(SCORES, (2, (1, 0, 2, 1))) == "1.0.2.1"
    assert pin_text(SCORES, (0, (1, 0, 2, 1))) == "i0.1.0.2.1"
    assert pin_text(SCORES, None) is None


def test_a_trail_ends_where_a_cell_does_not_exist():
    good = Cell(SCORES.index, (0, 0, 0, 0))
    assert trail_at(TRACE, f"{trail_text([good])}_999-0.0_{trail_text([good])}") == (good,)


def test_of_a_way_too_long_for_an_address_the_last_two_hundred_cells_are_kept():
    text = trail_text([Cell(number, (number,), None) for number in range(205)])
    assert text.split("_") == [f"{number}-{number}" for number in range(5, 205)]
