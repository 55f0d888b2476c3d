"""The tour through one head in Streamlit's own test harness."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from engine import Config, run
from pages.ui.app.tour_stops import STOPS
from pages.ui.state.url_step import step_from_key, step_to_key

ROOT = Path(__file__).parents[3]


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in {"weights": "random", **query}.items():
        app.query_params[name] = value
    return app.run()


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def test_the_stops_are_steps_of_the_built_in_model_in_the_order_of_the_data():
    trace = run(Config(device="cpu"))
    steps = [step_from_key(trace, stop.step) for stop in STOPS]
    assert [(step.name, step.op) for step in steps] == [
        ("query", "linear"),
        ("query", "view"),
        ("query", "permute"),
        ("key_t", "transpose"),
        ("scores", "matmul"),
        ("masked", "masked_fill"),
        ("weights", "softmax"),
        ("mixed", "matmul"),
    ]
    indices = [step.index for step in steps]
    assert indices == sorted(indices)
    for stop, step in zip(STOPS, steps, strict=True):
        assert stop.step.split(":")[0] == step.full_name
        assert stop.step.split(":")[1] == step.op
        assert step_from_key(trace, step_to_key(trace, step)) is step


def test_next_leads_from_stop_to_stop_and_takes_the_bar_away_at_the_last():
    app = opened(tour="1", step=STOPS[0].step)
    for number, stop in enumerate(STOPS, start=1):
        assert f"Stop {number} of {len(STOPS)}: {stop.title}." in texts(app)
        shown = app.query_params["step"]
        assert stop.step.startswith(shown[0] if isinstance(shown, list) else shown)
        if number < len(STOPS):
            app = app.button(key="tour.next").click().run()
    app = app.button(key="tour.next").click().run()
    assert not app.exception
    assert "Stop " not in texts(app)


def test_the_tour_can_be_left_at_any_stop():
    app = opened(tour="3", step=STOPS[2].step)
    app = app.button(key="tour.end").click().run()
    assert not app.exception
    assert "Stop " not in texts(app)


def test_without_a_mask_there_is_no_stop_at_masked_fill():
    app = opened(tour="6", padding_mask="0", causal_mask="0")
    assert "Stop 6 of 7: Scores become weights." in texts(app)


@pytest.mark.parametrize("asked", ["0", "9", "-1", "two", "²", ""])
def test_a_stop_that_is_not_there_shows_the_page_without_a_bar(asked):
    app = opened(tour=asked)
    assert not app.exception
    assert "Stop " not in texts(app)


def test_the_stop_at_masked_fill_leads_to_two_sentences_of_which_one_has_padding_to_hide_and_back():
    stop = STOPS[5]

    def link(**query: str) -> tuple[str, dict[str, list[str]]]:
        app = opened(tour="6", step=stop.step, **query)
        assert "Stop 6 of 8" in texts(app)
        [element] = [link.proto for link in app.get("page_link") if "sentence" in link.proto.label]
        return element.label, parse_qs(element.query_string)

    usual = link(weights="trained")[1]["source"]
    assert usual == ["21 November 2026\n3 May 1999"]
    label, query = link(weights="trained", source="June 2019")
    assert (label, query["source"]) == ("On two sentences →", [f"June 2019\n{stop.second}"])
    label, query = link(weights="trained", source=query["source"][0])
    assert (label, query["source"], query["tour"], query["step"]) == (
        "On one sentence →",
        ["June 2019"],
        ["6"],
        [stop.step],
    )
