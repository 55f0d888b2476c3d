"""The texts that people type, on every page."""

import re

import pytest

from engine import Config, run
from tests.pages.shown import control, fixed_sizes, unfolded
from tests.pages.test_pages import PAGES, opened

EMOJI = "👨‍👩‍👧 🇰🇷 👍🏽 ☕"
MARKS = "`` `x` **b** $y$ <i> [a](b) :red[c] # _d_ =1+1 @x"
LAYERS = {"encoder_layers": "1", "decoder_layers": "1", "d_model": "8", "heads": "2"}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("나는 집에 간다", "그녀는 물을 마신다"),
        (EMOJI, EMOJI),
        (MARKS, MARKS),
        ("\n".join(["I go home"] * 20), "\n".join(["나는", "나는 집에 간다"] * 10)),
        ("q" * 250, "나는"),
    ],
    ids=["Korean only", "emoji", "marks", "20 lines", "250 unknown characters"],
)
def test_every_page_shows_any_text(page, source, target):
    app = opened(page, source=source, target=target, **LAYERS)
    assert not app.exception
    assert not app.error
    assert not app.warning
    assert control(app, "source").value == source
    sizes = run(Config(d_model=8, heads=2), source.split("\n"), target.split("\n")).config
    assert fixed_sizes(app) == {"B": sizes.batch, "S": sizes.src_len, "T": sizes.tgt_len}


def test_tokens_on_the_front_page_are_code_whatever_they_are():
    source = "`` ` **b $ <"
    app = unfolded(opened("app.py", source=source, target="`", **LAYERS), "front.model")
    reads, target = (one.value for one in app.markdown if one.value.startswith(("The encoder", "The decoder reads")))
    trace = run(Config(d_model=8, heads=2), [source], ["`"])
    assert target == "The decoder reads `⟨begin⟩` · `` ` ``"
    spans = reads.removeprefix("The encoder reads ").split(" · ")
    assert [re.fullmatch(r"(`+) ?(.*?) ?\1", span)[2] for span in spans] == list(trace.labels["S"][0])


def test_a_line_without_its_target_is_an_error_and_the_last_run_stays():
    app = opened("pages/attention.py", **LAYERS)
    before = [element.value for element in (*app.main.markdown, *app.main.caption)]
    control(app, "target").set_value("나는 집에 간다\n우리는 본다").run()
    assert not app.exception
    [error] = app.error
    assert error.value.casefold().startswith(
        "source and target must have the same number of sentences: 1 in the source, 2 in the target; "
        "add or delete lines until every source has its target. below is the last run that worked"
    )
    assert [element.value for element in (*app.main.markdown, *app.main.caption)] == before
    control(app, "source").set_value("I go home\nwe see").run()
    assert not app.error
    assert fixed_sizes(app) == {"B": 2, "S": 5, "T": 4}


def test_blank_lines_between_sentences_are_no_sentences():
    app = opened("app.py", source="\n\nI go home\n \n\twe see\n\n", target="나는\n\n우리는", **LAYERS)
    assert not app.error
    assert fixed_sizes(app) == {"B": 2, "S": 5, "T": 2}


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("I go home", "`home` · `⟨end⟩`"),
        ("q" * 12, " · `##q` and 2 more"),
        ("we\nI go home\nthe dog", "`⟨pad⟩`, and 2 more of them"),
        ("q" * 12 + "\nwe", " · `##q` and 2 more, and 1 more of them"),
    ],
    ids=["one short sentence", "one long sentence", "several", "several long ones"],
)
def test_the_front_page_counts_the_tokens_and_sentences_that_it_leaves_out(source, end):
    app = opened("app.py", source=source, target="\n".join(["나는"] * len(source.split("\n"))), **LAYERS)
    unfolded(app, "front.model")
    [encoder] = [block.value for block in app.markdown if block.value.startswith("The encoder reads ")]
    assert encoder.endswith(end)
