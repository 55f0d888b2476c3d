"""The calibration error: worked out by hand, and measured on answers decoded one by one."""

import math
from datetime import date

import pytest
import torch

from engine import decode
from engine.pretrained.calibration import BINS, Answered, Calibration, calibration
from engine.pretrained.odd_inputs import OddInput, kinds, odd_inputs
from engine.pretrained.pretrained import build, trained_config
from engine.pretrained.trainer import CPU

CONFIG = trained_config(device="cpu")
MODEL = build(CONFIG, CPU)


def answered(probability, right=True, of=1):
    """An answer to a text that could mean ``of`` dates, one of them or none."""
    dates = frozenset(date(2020, 3, 13 + number) for number in range(of))
    return Answered(OddInput("some", "text", dates), "2020-03-13" if right else "2021-01-01", probability)


def error(*answers):
    return Calibration(answers).error


def test_who_is_always_sure_and_always_right_has_no_error():
    assert error(*[answered(1.0)] * 5) == 0


def test_who_is_sure_and_never_right_is_wrong_by_all_of_it():
    assert error(*[answered(1.0, right=False)] * 5) == 1


def test_in_one_bin_too_much_makes_up_for_too_little_and_between_bins_it_does_not():
    # 0.81 and 0.85 are in the 13th of 15 bins: their mean is 0.83, and half of them are right.
    assert error(answered(0.81), answered(0.85, right=False)) == pytest.approx(0.33)
    # 0.95 is in another: 1/3 · 0.05 + 2/3 · 0.33
    assert error(answered(0.95), answered(0.81), answered(0.85, right=False)) == pytest.approx(0.05 / 3 + 0.66 / 3)


def test_one_of_several_dates_that_a_text_could_mean_is_right_by_its_share():
    assert answered(0.5, of=2).right == 0.5
    assert error(*[answered(0.5, of=2)] * 3) == 0
    assert error(*[answered(0.25, of=4)] * 3) == 0
    assert answered(0.5, right=False, of=2).right == 0


def test_certainty_has_a_bin():
    assert BINS == 15
    assert error(answered(1.0), answered(0.0, right=False)) == 0
    # 0.9 is in the bin before: 1/2 · 1 + 1/2 · 0.1
    assert error(answered(1.0, right=False), answered(0.9)) == pytest.approx(0.55)


def test_the_mean_probability_and_the_share_that_is_right_are_plain_means():
    some = Calibration((answered(0.9), answered(0.5, right=False), answered(0.1, of=2)))
    assert some.probability == pytest.approx(0.5)
    assert some.right == pytest.approx(0.5)


def test_the_answers_are_those_of_decoding_each_input_alone():
    some = odd_inputs()[::40]
    measured = calibration(MODEL, some)
    for asked, answer in zip(some, measured.answers, strict=True):
        alone = decode(asked.text, CONFIG, model=MODEL)
        assert answer.odd_input is asked
        assert answer.text == alone.text
        assert answer.probability == pytest.approx(alone.probability, rel=1e-4)
    assert measured.probability == pytest.approx(sum(a.probability for a in measured.answers) / len(some))


def test_a_model_that_spreads_evenly_over_the_vocabulary_is_as_sure_as_chance():
    model = build(CONFIG, CPU)
    torch.nn.init.zeros_(model.projection.weight)
    torch.nn.init.zeros_(model.projection.bias)
    measured = calibration(model, odd_inputs()[:3])
    assert [answer.probability for answer in measured.answers] == pytest.approx([math.pow(85, -16)] * 3)


def test_every_kind_is_measured_apart():
    measured = calibration(MODEL, odd_inputs()[::25])
    apart = [measured.of_kind(kind) for kind in kinds()]
    assert [len(each.answers) for each in apart] == [3] * 8
    assert measured.right == pytest.approx(sum(each.right for each in apart) / 8)


def test_the_surest_answer_to_what_is_impossible_passes_over_what_is_not():
    impossible = OddInput("some", "31 June 2021", frozenset({date(2021, 6, 1)}), impossible=True)
    low, high = Answered(impossible, "2021-06-01", 0.1), Answered(impossible, "2021-06-31", 0.4)
    some = Calibration((answered(0.9), low, high))
    assert some.surest_impossible is high
    assert str(high) == "31 June 2021 → 2021-06-31, with a probability of 0.4"
