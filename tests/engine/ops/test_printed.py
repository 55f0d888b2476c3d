"""What is printed adds up by eye: the digits on the screen come to the result on the screen, or ≈ stands between."""

import itertools
import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import Config, explain, record, run
from engine.ops.notation import given as as_given
from engine.ops.notation import number
from engine.pretrained.pretrained import trained_config
from tests.engine.programs import DTYPES, PROGRAMS, numbers
from tests.engine.read_back import come_to, misprint, shows, sides

F = torch.nn.functional


def arithmetic(function, *tensors, at=()):
    trace = record(function, *tensors)
    return explain(trace, trace.steps[-1], at).arithmetic


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["random", "pre-norm", "trained"])
def test_the_digits_shown_of_every_step_of_the_model_come_to_the_result_shown(kind, dtype):
    if kind == "trained":
        config = trained_config(dtype=dtype, device="cpu")
    else:
        other = {"norm_first": True, "activation": "gelu", "output": "softmax"} if kind == "pre-norm" else {}
        config = Config(d_model=12, heads=2, encoder_layers=1, decoder_layers=1, dtype=dtype, device="cpu", **other)
    trace = run(config)
    draw = random.Random(f"{kind} {dtype}")
    cells = [(step, tuple(draw.randrange(size) for size in step.shape)) for step in trace.steps for _ in range(2)]
    wrong = [misprint(explain(trace, step, cell).arithmetic) for step, cell in cells]
    assert [line for line in wrong if line] == []


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(name=st.sampled_from(sorted(PROGRAMS)), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 999))
def test_the_digits_shown_of_any_operation_come_to_the_result_shown(name, dtype, seed):
    trace = record(PROGRAMS[name], numbers(seed, dtype))
    step = trace.steps[-1]
    for index in itertools.product(*map(range, step.shape)):
        assert misprint(explain(trace, step, index).arithmetic) == ""


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (F.gelu, -1.32, "= (−1.32) · Φ(−1.32) = −0.123311"),
        (torch.relu, -1.5, "= max(0, −1.5) = 0"),
        (torch.abs, -1.5, "= |−1.5| = 1.5"),
        (torch.neg, -1.5, "= −(−1.5) = 1.5"),
        (torch.square, -1.5, "= (−1.5)² = 2.25"),
        (torch.sqrt, 2.25, "= √2.25 = 1.5"),
        (torch.exp, -1.0, "= e^(−1) = 0.367879"),
        (torch.sigmoid, -1.0, "= 1 / (1 + e^−(−1)) = 0.268941"),
        (lambda x: x.clamp(-1.0, 2.0), -1.5, "= min(2, max(−1, −1.5)) = −1"),
        (lambda x: torch.maximum(x, x), -1.5, "= max(−1.5, −1.5) = −1.5"),
        (lambda x: x - 2.0, -1.5, "= −1.5 − 2 = −3.5"),
        (lambda x: x + x, -1.5, "= −1.5 + (−1.5) = −3"),
        (lambda x: torch.add(x, x, alpha=-2), -1.5, "= −1.5 + (−2) · (−1.5) = 1.5"),
        (lambda x: x**-2, -0.5, "= (−0.5)^(−2) = 4"),
        (lambda x: x.softmax(0), 3.0, "= 1 / 1 = 1"),
        (lambda x: x.mean(0, keepdim=True), 3.0, "= 3 / 1 = 3"),
        (lambda x: x.var(0, correction=0, keepdim=True), 3.0, "= (3 − 3)² / 1 = 0"),
        (lambda x: x.std(0, correction=0, keepdim=True), 3.0, "= √((3 − 3)² / 1) = 0"),
        (lambda x: ~x.long(), 5.0, "= ~5 = −6"),
        (lambda x: x.long() & 3, 6.0, "= (6 & 3) = 2"),
        (lambda x: (x > 1) & (x > 9), 6.0, "= (True and False) = False"),
    ],
)
def test_brackets_stand_only_where_they_are_needed(function, x, expected):
    assert arithmetic(function, torch.tensor([x], dtype=torch.float64), at=(0,)) == expected


def test_a_sum_has_as_many_digits_as_it_needs():
    x, y = (torch.tensor([value], dtype=torch.float64) for value in (1.23449, 0.56784))
    assert arithmetic(lambda x, y: x + y, x, y, at=(0,)) == "= 1.23449 + 0.56784 = 1.80233"
    # Seven digits agree, so that only what comes after them is left of the difference.
    near = torch.tensor([1.2344901], dtype=torch.float64)
    assert arithmetic(lambda x, y: x - y, near, x, at=(0,)) == "= 1.2344901 − 1.23449 = 1e−07"


def test_a_comparison_shows_the_digits_that_decide_it():
    x = torch.tensor([0.33333334], dtype=torch.float64)
    assert arithmetic(lambda x: x > 0.33333333, x, at=(0,)) == "= (0.33333334 > 0.33333333) = True"


def test_a_result_that_was_rounded_to_bfloat16_is_only_about_its_sum():
    x, y = torch.tensor([1.8984375]).bfloat16(), torch.tensor([0.00390625]).bfloat16()
    assert arithmetic(lambda x, y: x + y, x, y, at=(0,)) == "= 1.898 + 0.003906 ≈ 1.90625"


def test_numbers_that_do_not_make_the_recorded_one_are_not_said_to_be_about_it():
    x = torch.tensor([1.0])
    trace = record(lambda x: x + 1, x)
    x.data[0] = 50.0  # a write after the recording that torch does not count
    assert explain(trace, trace.steps[-1], (0,)).arithmetic == "= 50 + 1 ≠ 2"


def test_of_a_long_row_those_are_shown_that_come_nearest_to_being_the_largest():
    x = torch.tensor([1.0, 7.0, -3.0, 9.0, 2.0, 8.0])
    assert arithmetic(lambda x: x.amax(0), x) == "= max(9, 8, 7, 2, …) = 9"
    assert arithmetic(lambda x: x.amin(0), x) == "= min(−3, 1, 2, 7, …) = −3"


def test_the_quotient_in_a_softmax_sentence_comes_to_its_percentage():
    x = torch.randn(40, 7, generator=torch.Generator().manual_seed(0))
    trace = record(lambda x: x.softmax(-1), x)
    for index in itertools.product(range(40), range(7)):
        sentence = explain(trace, trace.steps[-1], index).sentence
        quotient, percent = sentence.split(": ")[1].split(" % of")[0].split(", ")
        assert number(100 * float(come_to(quotient)), 3) == percent, sentence


@pytest.mark.parametrize(("value", "text"), [(0.1, "0.1"), (-1 / 3, "−0.3333333333333333"), (2.0, "2"), (3, "3")])
def test_a_number_of_the_call_is_written_as_it_was_given(value, text):
    assert as_given(value) == text


def test_a_complex_number_is_written_by_its_parts():
    assert number(1 - 2j) == "1 − 2i"


@pytest.mark.parametrize(
    "printed",
    ["= 1 + 2 = 4", "= 0.3333 · 3 = 1", "= Φ((−1.32)) = 0.1", "= 1 / (1) = 1", "= max(0, (−1)) = 0", "= |(−1)| = 1"],
)
def test_the_reader_of_these_tests_finds_a_misprint(printed):
    assert misprint(printed)


def test_the_reader_of_these_tests_reads_every_sign():
    left, sign, result = sides("= ((1.5 − 2)² + 0.25 + 3 smaller terms (0.5)) / 2 ≈ 0.5")
    assert (come_to(left), sign, result) == (0.5, "≈", "0.5")
    assert shows("0.5", come_to(left))
