"""What a link may say in more ways than one, what it may not say, and what other weights leave as it was."""

import pytest

from engine.runtime.decode import MOST_STEPS
from pages.ui.state.settings import RANDOM, TRAINED, first, from_query
from pages.ui.state.size_rules import Memory, choose_weights


@pytest.mark.parametrize("text", ["1", "true", "True", "TRUE", "on", "On", "yes", "YES"])
def test_a_switch_is_turned_on_by_any_of_its_words_in_any_case(text):
    settings, notes = from_query({"weights": "random", "norm_first": text})
    assert (settings.config.norm_first, notes) == (True, ())


@pytest.mark.parametrize("text", ["0", "false", "False", "FALSE", "off", "Off", "no", "NO"])
def test_a_switch_is_turned_off_by_any_of_its_words_in_any_case(text):
    settings, notes = from_query({"weights": "random", "causal_mask": text})
    assert (settings.config.causal_mask, notes) == (False, ())


@pytest.mark.parametrize(
    ("upto", "step"),
    [("0", 0), ("7", 7), (str(MOST_STEPS - 1), MOST_STEPS - 1), ("999", MOST_STEPS - 1), ("1000", MOST_STEPS - 1)],
)
def test_a_link_cannot_ask_for_a_step_of_decoding_beyond_the_last(upto, step):
    settings, _ = from_query({"upto": upto})
    assert settings.upto == step


def test_other_weights_leave_dtype_device_and_output_as_they_were():
    query = {"dtype": "float64", "device": "cpu", "output": "softmax"}
    kept, notes = from_query(query)
    assert notes == ()
    assert kept.config != first().config
    memory = Memory()
    for weights in (RANDOM, TRAINED, RANDOM):
        kept, memory = choose_weights(kept, memory, weights, lambda: "2026-11-21")
        assert kept.config.weights == weights
        assert {name: getattr(kept.config, name) for name in query} == query
