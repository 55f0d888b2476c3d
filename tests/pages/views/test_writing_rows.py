"""The names of the decoder's rows on the attention page."""

from __future__ import annotations

from pages.ui.views.attention.writing_rows import query_names

from engine import Config, decode, run, trained_config
from pages.ui.state.settings import DATE
from tests.pages.shown import stage
from tests.pages.test_pages import opened


def test_a_row_of_the_trained_decoder_says_what_was_read_and_what_is_written_after_it():
    written = decode(DATE, trained_config())
    trace = run(trained_config(), DATE, written.text)
    names = query_names(trace, "T", 0)
    read = ["⟨begin⟩", *written.text]
    assert names == tuple(f"{r} → {w}" for r, w in zip(read, [*written.text, "⟨end⟩"], strict=True))
    assert query_names(trace, "S", 0) == trace.labels["S"][0]


def test_random_weights_write_nothing_that_a_row_could_be_named_by():
    trace = run(Config(device="cpu"), "I go home", "나는 집에 간다")
    assert query_names(trace, "T", 0) == trace.labels["T"][0]
    assert query_names(trace, None, 0) is None


def test_the_page_names_the_rows_of_cross_attention_so():
    app = opened("pages/attention.py", weights="trained", kind="cross")
    assert not app.exception
    weights = stage(app, "attention.stage")["panels"][-1]
    assert weights["axes"][0]["labels"][:3] == ["⟨begin⟩ → 2", "2 → 0", "0 → 2"]
    assert weights["axes"][1]["labels"][0] == "⟨begin⟩"
