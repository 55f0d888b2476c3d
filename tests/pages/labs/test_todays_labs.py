"""The labs about today's models, as a person meets them."""

import pytest

from tests.pages.labs.opened import answers, lab, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

USUAL = {
    "rotary": {"score": "stays the same", "slowest": "less than a quarter turn"},
    "key_heads": {"scores": "as many as before", "cache": "half as large or less"},
    "kv_cache": {"computed": "of that token alone", "grows": "the tokens"},
    "shifted_loss": {"counted": "5", "twice": "larger"},
}


@pytest.mark.parametrize("key", USUAL)
def test_a_lab_computes_its_answers_where_its_sliders_begin(key):
    app = revealed(lab(key))
    assert not app.exception
    assert answers(app) == USUAL[key]


def test_with_a_key_head_for_each_the_cache_stays_as_it_is():
    app = revealed(lab("key_heads", kv_heads=4, group=1))
    assert answers(app)["cache"] == "as large as before"
    panel = stage(app, "labs.key_heads.kept")["panels"][0]
    assert [axis["size"] for axis in panel["axes"]] == [4, 5, 8]


def test_a_small_base_turns_the_last_pair_far():
    assert answers(revealed(lab("rotary", pairs=16, base=100)))["slowest"] == "more than one turn"


def test_the_loss_says_which_positions_are_left_out():
    assert words(revealed(lab("shifted_loss", length=6, padding=3))).count("| left out |") == 4
