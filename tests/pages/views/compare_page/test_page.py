"""The page that compares two traces, in Streamlit's own test harness."""

import json

import pytest

from engine import Config, compare, run, save_trace
from engine.ops.notation import number
from pages.ui.traces.opened import OPENED
from pages.ui.traces.trace_analyses import comparison_of
from tests.pages.shown import stage
from tests.pages.test_pages import opened, words

PAGE = "pages/compare.py"
SIZES = {"reads": "tokens", "encoder_layers": "1", "decoder_layers": "1"}
CONFIG = Config(encoder_layers=1, decoder_layers=1)


def on(**query):
    app = opened(PAGE, **SIZES, **query)
    assert not app.exception
    assert not app.error
    return app


def line(app):
    (proto,) = [element.proto for element in app.get("bidi_component") if element.proto.id.endswith("-compare.line")]
    return json.loads(proto.json)


def test_a_bare_page_opens_the_first_difference_that_a_mask_switched_off_makes():
    app = on()
    assert app.info[0].value == "They part at `causal_mask.ones`, which is a step of the shown trace alone."
    drawn = {element.proto.id.rpartition("-")[2] for element in app.get("bidi_component")}
    assert {"compare.a", "compare.line", "compare.b", "compare.alone"} <= drawn
    data = line(app)
    assert data["chosen"] == data["first"]
    assert data["pairs"][data["first"]][0] == "alone"


def test_another_dtype_is_rounding_and_no_difference():
    app = on(against="dtype-bfloat16")
    assert not app.info
    assert app.success[0].value == "The two traces have the same numbers, up to rounding."
    kinds = {kind for kind, _, _ in line(app)["pairs"]}
    assert "rounding" in kinds
    assert not kinds & {"made", "alone"}


def test_both_sums_of_the_cell_that_differs_most_stand_side_by_side():
    app = on(against="activation-gelu")
    a, b = run(CONFIG), run(CONFIG.change(activation="gelu"))
    first = compare(a, b).first
    index = first.difference.index
    panels = stage(app, "compare.difference")["panels"]
    assert [panel["title"] for panel in panels] == [first.a.name, first.b.name, "difference"]
    assert len({panel["scale"]["largest"] for panel in panels}) == 1
    assert stage(app, "compare.difference")["pinned"] == {"panel": 2, "index": list(index)}
    shown = words(app)
    for step in (first.a, first.b):
        assert any(code.value.endswith(number(step.value[index].item(), 6)) for code in app.code)
    assert "**the shown trace**" in shown
    assert "**activation gelu**" in shown


def test_the_pair_of_the_address_is_opened_and_a_press_leads_back():
    app = on(against="activation-gelu", pair="3")
    assert line(app)["chosen"] == 3
    [button] = [button for button in app.button if button.key == "compare.first"]
    button.click().run()
    assert line(app)["chosen"] == line(app)["first"]
    note = on(against="activation-gelu", pair="9999").warning[0].value
    assert "pair=9999" in note


def test_a_saved_trace_is_compared_with_another(tmp_path):
    path = tmp_path / "other.trace"
    save_trace(run(CONFIG.change(seed=3)), path)
    with open(path, "rb") as file:
        name = OPENED.add("other.trace", file)
    app = on(against=f"file:{name}")
    expected = comparison_of(run(CONFIG), OPENED.get(name).trace)
    assert len(line(app)["pairs"]) == len(expected.pairs)
    assert f"`{expected.first.step.full_name}`" in app.info[0].value.replace("\\", "")


@pytest.mark.parametrize("against", ["file:gone", "nonsense"])
def test_what_is_not_there_is_said(against):
    app = opened(PAGE, **SIZES, against=against)
    assert not app.exception
    assert "not open" in (app.error[0].value if app.error else "not open")
    if against == "nonsense":
        assert "against=nonsense" in app.warning[0].value
