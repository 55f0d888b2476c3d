"""What the strip and the sizes are sent, and what a press and a move in them do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine import Config, run
from pages.ui.app.palette import axis_colour
from pages.ui.components.mount import script_of
from pages.ui.components.shape_strip import spoken
from pages.ui.state.settings import SOURCE, TARGET
from tests.pages.shown import control
from tests.pages.test_pages import opened

ROOT = Path(__file__).parents[3]
COMPONENTS = ROOT / "pages" / "ui" / "components"
ATTENTION = "encoder.layers.0.self_attention"


@pytest.fixture(scope="module")
def trace():
    return run(Config(), [SOURCE], [TARGET])


def sent(app, name):
    assert not app.exception
    drawn = [one for one in app.get("bidi_component") if one.proto.component_name.endswith(f".{name}")]
    return json.loads(drawn[0].proto.json)  # the map of the whole model is a strip too, and stands below


@pytest.mark.parametrize("page", ["app.py", "pages/walkthrough.py"])
def test_the_strip_is_sent_the_step_name_and_shape_of_every_tensor_of_the_block(page, trace):
    strip = sent(opened(page, **({} if page == "app.py" else {"step": f"{ATTENTION}.scores"})), "shape_strip")
    boxes = [(box["step"], box["name"], tuple(box["shape"])) for box in strip["boxes"] if box["op"]]
    assert boxes == [(step.index, step.name, step.shape) for step in trace.steps if step.path == ATTENTION]


def test_the_block_is_the_one_of_the_step_until_another_is_chosen(trace):
    step = "decoder.layers.1.cross_attention.weights"
    app = opened("pages/walkthrough.py", step=step)
    strip = sent(app, "shape_strip")
    assert strip["block"] == "decoder.layers.1.cross_attention"
    assert strip["here"] == trace.find(step).index
    blocks = {title: is_beside for _, title, is_beside in strip["blocks"]}
    assert [title for title, is_beside in blocks.items() if not is_beside] == [
        "model",
        "decoder",
        "layer 1",
        "cross-attention",
    ]
    assert {"self-attention", "feed-forward"} <= {title for title, is_beside in blocks.items() if is_beside}
    strip = sent(opened("pages/walkthrough.py", step=step, scope="decoder.layers.1"), "shape_strip")
    assert strip["block"] == "decoder.layers.1"
    assert {box["name"] for box in strip["boxes"] if box["folded"]} >= {"decoder.layers.1.cross_attention"}


def test_every_axis_has_its_colour_and_every_role_its_hue():
    strip = sent(opened("pages/walkthrough.py", step=f"{ATTENTION}.scores"), "shape_strip")
    for symbol in ("H", "S", "d_k", "H*d_k"):
        assert strip["tones"][symbol] == [axis_colour(symbol), axis_colour(symbol, dark=True)]
    hues = {(box["name"], box["op"]): box["hue"] for box in strip["boxes"]}
    assert hues["query", "linear"] == hues["query", "permute"] == "query"
    assert hues["key_t", "transpose"] == "key"
    assert hues["masked", "masked_fill"] == "scores"


def test_each_value_of_a_slider_foresees_the_axes_that_the_config_then_has():
    sizes = sent(opened("pages/walkthrough.py", reads="tokens", d_model="48", heads="4"), "size_sliders")
    sliders = {slider["name"]: slider for slider in sizes["sliders"]}
    assert [slider["label"] for slider in sizes["sliders"]] == [
        "B batch",
        "S source length",
        "T target length",
        "H heads",
        "d_model",
    ]
    assert [int(value) for value in sliders["heads"]["foreseen"]] == [1, 2, 3, 4, 6, 8, 12, 16]
    for name, slider in sliders.items():
        assert slider["value"] == getattr(Config(d_model=48), name)
        for value, changes in slider["foreseen"].items():
            config = Config(d_model=48).change(**{name: int(value)})
            after = sizes["sizes"] | changes
            assert (after["B"], after["S"], after["T"]) == (config.batch, config.src_len, config.tgt_len)
            assert (after["H"], after["d_model"], after["d_k"]) == (config.heads, config.d_model, config.d_k)
            assert (after["d_v"], after["d_ff"], after["F"]) == (config.d_v, config.d_ff, config.d_model // 2)


def test_a_text_fixes_the_batch_and_the_lengths():
    sizes = sent(opened("pages/walkthrough.py"), "size_sliders")
    assert [slider["name"] for slider in sizes["sliders"]] == ["heads", "d_model"]
    assert [(size["symbol"], size["value"]) for size in sizes["fixed"]] == [("B", 1), ("S", 5), ("T", 4)]


def test_a_size_that_is_moved_is_what_its_slider_then_shows():
    app = opened("pages/walkthrough.py", step=f"{ATTENTION}.scores")
    control(app, "heads").set_value(8).run()
    [heads] = [slider for slider in sent(app, "size_sliders")["sliders"] if slider["name"] == "heads"]
    assert heads["value"] == 8
    [scores] = [box for box in sent(app, "shape_strip")["boxes"] if box["name"] == "scores"]
    assert scores["shape"] == [1, 8, 5, 5]


def test_axes_are_spoken_in_the_words_of_the_glossary():
    assert [spoken(symbol) for symbol in ("B", "H", "S", "d_k")] == [
        "batch",
        "heads",
        "source",
        "query and key width",
    ]


@pytest.mark.parametrize("script", ["shape_strip/strip.js", "size_sliders/size_sliders.js"])
def test_the_files_of_a_component_give_no_name_to_two_things(script):
    text = script_of(COMPONENTS / script)
    names = re.findall(r"^(?:const|let|function|class) (\w+)", _top_level(COMPONENTS / script), re.MULTILINE)
    assert len(names) >= 3
    assert len(names) == len(set(names))
    assert "import " not in re.sub(r"\".*?\"|//.*", "", text)
    assert text.count("export default") == 1


def _top_level(script):
    """The files of a script one after the other, with their indentation."""
    return "\n".join(path.read_text("utf-8").replace("export ", "") for path in sorted(script.parent.glob("*.js")))
