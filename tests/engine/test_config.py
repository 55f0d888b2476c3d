"""Settings: what they follow from, and what they say when they cannot be run."""

import dataclasses
import math
import pickle
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, ConfigError
from engine.config import ACTIVATIONS, CHOICES, DEVICES, DTYPES, LIMITS, OUTPUTS, TOKENIZERS, TRAINED, WEIGHTS

SIZES = tuple(LIMITS)
SWITCHES = ("norm_first", "padding_mask", "causal_mask")
FIELDS = (*SIZES, *CHOICES, *SWITCHES)
FOLLOWING = ("d_k", "d_v", "d_ff", "tokenizer")


class Nasty:
    """Refuses to be printed, compared or asked whether it is true."""

    def __repr__(self):
        raise RuntimeError("no")

    def __bool__(self):
        raise RuntimeError("no")

    def __eq__(self, other):
        raise RuntimeError("no")

    __hash__ = None


def problems(**given):
    with pytest.raises(ConfigError) as caught:
        Config(**given)
    return caught.value.problems


def remedied(given):
    """The settings with the first remedy of every problem applied, as a person would read it."""
    better = dict(given)
    for problem in problems(**given):
        text = re.fullmatch(r"(?:nearest:|use) ([^,]+)(?:, .+)?", problem.remedy).group(1)
        switches = {"True": True, "False": False}
        better[problem.field] = switches[text] if text in switches else int(text) if text.isdigit() else text
    return better


def remedies(problem):
    return [int(text) for text in problem.remedy.removeprefix("nearest: ").split(", ")]


def test_the_usual_widths_follow_from_d_model_and_heads():
    config = Config(d_model=48, heads=6)
    assert (config.d_k, config.d_v, config.d_ff) == (8, 8, 192)


def test_widths_that_are_given_stay():
    config = Config(d_model=48, heads=6, d_k=3, d_v=5, d_ff=7)
    assert (config.d_k, config.d_v, config.d_ff) == (3, 5, 7)


def test_a_config_is_frozen_hashable_and_equal_by_value():
    config = Config(batch=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.batch = 4
    assert {config: "here"}[Config(batch=3, d_k=8)] == "here"
    assert pickle.loads(pickle.dumps(config)) == config


def test_heads_that_do_not_divide_are_refused_with_both_neighbours():
    (problem,) = problems(d_model=30, heads=4)
    assert str(problem) == "d_model must be a multiple of heads: 30 is not a multiple of 4; nearest: 28, 32"


def test_heads_need_not_divide_where_both_widths_are_given():
    assert Config(d_model=30, heads=4, d_k=5, d_v=6).d_model == 30
    assert len(problems(d_model=30, heads=4, d_k=5)) == 1


def test_a_config_error_is_a_value_error_with_a_line_for_every_problem():
    with pytest.raises(ValueError, match="batch") as caught:
        Config(batch=0, src_len="five", d_model=30, dtype="int8", norm_first=1, seed=-1)
    assert [problem.field for problem in caught.value.problems] == [
        "batch", "src_len", "seed", "dtype", "norm_first", "d_model",
    ]  # fmt: skip
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    for line, problem in zip(lines, caught.value.problems, strict=True):
        assert problem.rule in line
        assert problem.value in line
        assert problem.remedy in line


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ({"batch": 0}, [1]),
        ({"batch": 2.4}, [2]),
        ({"batch": -math.inf}, [1]),
        ({"batch": math.inf}, [2**16]),
        ({"batch": 1e300}, [2**16]),
        ({"batch": 10**5000}, [2**16]),
        ({"batch": math.nan}, [1]),
        ({"batch": np.int64(7)}, [7]),
        ({"batch": Fraction(22, 7)}, [3]),
        ({"batch": True}, [1]),
        ({"seed": 2.0**63}, [2**63 - 1]),
        ({"vocab_size": 3}, [4]),
        # A nearest d_model that the heads do not divide, or the other way round, would be refused again.
        ({"d_model": 0, "heads": 4}, [4]),
        ({"d_model": 30.2, "heads": 4}, [28, 32]),
        ({"d_model": 10**9, "heads": 1000}, [65000]),
        ({"heads": 5000, "d_model": 32}, [32]),
        ({"heads": 2.9, "d_model": 32}, [2]),
    ],
)
def test_the_remedy_is_the_nearest_value_that_works(given, nearest):
    (problem,) = problems(**given)
    assert remedies(problem) == nearest
    for value in nearest:
        assert Config(**{**given, problem.field: value})


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 40),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.sampled_from([*DTYPES, *DEVICES, *ACTIVATIONS, *OUTPUTS, *WEIGHTS, *TOKENIZERS, "RELU", "float128"]),
    st.sampled_from([np.array([1, 2]), np.int64(4), np.float32(3.5), torch.tensor([1, 2]), torch.tensor(3)]),
    st.sampled_from([int, Config, print, object(), Ellipsis, Decimal("NaN"), "x" * 10_000, 10**5000, "two\nlines"]),
    st.builds(Nasty),
)


def is_size(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_trained(given):
    return isinstance(given.get("weights"), str) and given["weights"] == "trained"


def broken(given):
    """The fields that break a rule of their own, worked out apart from the engine's code."""
    fields = set()
    if is_trained(given):
        fixed = {**TRAINED, "tokenizer": "characters"}
        for name, only in fixed.items():
            value = given.get(name, getattr(Config(), name) if name not in FOLLOWING else None)
            same = type(value) is type(only) and value == only
            if not same and not (value is None and name in FOLLOWING):
                fields.add(name)
        given = {name: value for name, value in given.items() if name not in fixed}
    for name, value in given.items():
        if name in SIZES:
            low, high = LIMITS[name]
            free = value is None and name in FOLLOWING
            ok = free or (is_size(value) and low <= value <= high)
        elif name in CHOICES:
            ok = (isinstance(value, str) and value in CHOICES[name]) or (value is None and name in FOLLOWING)
        else:
            ok = value is True or value is False
        if not ok:
            fields.add(name)
    return fields


@settings(max_examples=400)
@given(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=7))
def test_any_settings_at_all_are_either_valid_or_refused_with_every_problem_and_a_remedy_that_works(given):
    wrong = broken(given)
    d_model, heads = given.get("d_model", 32), given.get("heads", 4)
    split = given.get("d_k") is None or given.get("d_v") is None
    uneven = not is_trained(given) and split and not {"d_model", "heads"} & wrong and d_model % heads != 0
    if not wrong and not uneven:
        assert hash(Config(**given)) == hash(Config(**given))
        return
    found = problems(**given)
    assert sorted(problem.field for problem in found) == sorted([*wrong, *(["d_model"] if uneven else [])])
    for problem in found:
        assert problem.rule
        assert problem.value
        assert problem.remedy
        assert "\n" not in str(problem)
        assert len(str(problem)) < 300
    better = remedied(given)
    assert isinstance(Config(**better), Config)


@settings(max_examples=200)
@given(st.integers(1, 2**16), st.integers(1, 2**10))
def test_the_neighbours_of_an_uneven_d_model_are_the_nearest_multiples_and_work(d_model, heads):
    if d_model % heads == 0:
        assert Config(d_model=d_model, heads=heads).d_k * heads == d_model
        return
    (problem,) = problems(d_model=d_model, heads=heads)
    below, above = d_model - d_model % heads, d_model - d_model % heads + heads
    assert remedies(problem) == [near for near in (below, above) if 1 <= near <= 2**16]
    for near in remedies(problem):
        assert Config(d_model=near, heads=heads).d_model == near


def test_change_lets_usual_widths_follow_and_leaves_others_alone():
    usual = Config(d_model=32, heads=4).change(d_model=48)
    assert (usual.d_k, usual.d_v, usual.d_ff) == (12, 12, 192)
    apart = Config(d_model=32, heads=4, d_k=3, d_v=5, d_ff=7).change(d_model=48)
    assert (apart.d_k, apart.d_v, apart.d_ff) == (3, 5, 7)
    assert usual.change(heads=6).d_k == 8
    assert apart.change(d_k=None).d_k == 12


def test_change_keeps_everything_else_and_the_config_it_came_from():
    config = Config(batch=3, dtype="float64", norm_first=True, seed=5)
    changed = config.change(src_len=9)
    assert dataclasses.asdict(changed) == {**dataclasses.asdict(config), "src_len": 9}
    assert config.src_len == 5


def test_change_of_nothing_changes_nothing_even_where_heads_do_not_divide():
    for config in (Config(), Config(d_k=3), Config(d_model=30, heads=4, d_k=7, d_v=7)):
        assert config.change() == config
        assert config.change(batch=7).d_k == config.d_k


def test_change_to_something_invalid_is_refused():
    with pytest.raises(ConfigError, match="nearest: 28, 32"):
        Config().change(d_model=30)
    with pytest.raises(TypeError):
        Config().change(widht=3)


def test_trained_weights_have_sizes_of_their_own_and_each_other_one_is_a_problem():
    found = problems(weights="trained", d_model=30, heads=8, vocab_size=85, activation="gelu", norm_first=True)
    assert [problem.field for problem in found] == ["d_model", "heads", "norm_first", "activation"]
    assert str(found[0]) == "trained weights have d_model 64: 30; use 64, or weights random"
    assert str(found[3]) == "trained weights have activation relu: 'gelu'; use relu, or weights random"


def test_with_trained_weights_lengths_dtype_device_masks_output_and_seed_are_free():
    free = {
        "batch": 3, "src_len": 30, "tgt_len": 11, "dtype": "float64", "device": "cpu", "padding_mask": False,
        "causal_mask": False, "output": "softmax", "seed": 5,
    }  # fmt: skip
    config = Config(weights="trained", **TRAINED, **free)
    assert {name: getattr(config, name) for name in (*free, *TRAINED)} == {**free, **TRAINED}
    assert set(free) | set(TRAINED) | {"weights", "tokenizer"} == {field.name for field in dataclasses.fields(Config)}


@pytest.mark.parametrize("field", TRAINED)
def test_a_size_of_the_trained_weights_can_be_changed_only_along_with_the_weights(field):
    config = Config(weights="trained", **TRAINED)
    other = {"norm_first": True, "activation": "gelu"}.get(field) or 2 * TRAINED[field]
    with pytest.raises(ConfigError, match=f"trained weights have {field} "):
        config.change(**{field: other})
    moved = config.change(weights="random", **{field: other})
    assert (getattr(moved, field), moved.weights) == (other, "random")
    assert moved.change(weights="trained", **TRAINED) == config


def test_trained_weights_read_characters_and_random_ones_words_unless_the_tokenizer_is_given():
    assert Config().tokenizer == "words"
    assert Config(tokenizer="characters").tokenizer == "characters"
    trained = Config(weights="trained", **TRAINED)
    assert trained.tokenizer == "characters"
    assert trained.change(weights="random", heads=8).tokenizer == "characters"
    with pytest.raises(ConfigError) as caught:
        Config(weights="trained", **TRAINED, tokenizer="words")
    [problem] = caught.value.problems
    assert (problem.field, problem.rule) == ("tokenizer", "trained weights have tokenizer characters")
