"""Which tensors can have no number below 0: never said of one that has, and said of those that people know."""

import pytest
import torch
from torch.nn import functional as F

from engine import Config, record, run
from engine.explain.value_range import is_never_negative


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("switches", [{}, {"norm_first": True, "activation": "gelu", "output": "softmax"}], ids=str)
def test_no_number_below_zero_where_none_is_said_to_be_possible(switches, seed):
    trace = run(Config(d_model=8, heads=2, vocab_size=9, device="cpu", seed=seed, **switches))
    said = {step.name for step in trace.steps if is_never_negative(step)}
    assert {"weights", "variance", "safe", "deviation", "frequency"} <= said
    assert not {"scores", "query", "mixed", "normalised", "sine", "exponent", "placed"} & said
    for step in trace.steps:
        if is_never_negative(step):
            assert not bool((step.value < 0).any()), step.full_name


def test_relu_is_and_gelu_is_not():
    for activation, expected in (("relu", True), ("gelu", False)):
        trace = run(Config(d_model=8, heads=2, device="cpu", activation=activation))
        assert is_never_negative(trace.find("encoder.layers.0.feed_forward.active")) is expected


def squares(x):
    even, odd = x**2, x**3
    kept = even.reshape(-1)
    less = kept - 1.0
    more = kept + 1.0
    shifted = kept + -1.0
    mixed = F.softmax(x, -1) @ x
    return odd, less, more, shifted, mixed, kept * kept


def test_what_follows_is_as_large_as_what_it_reads_allows():
    trace = record(squares, torch.randn(4, 4))
    said = {step.name: is_never_negative(step) for step in trace.steps}
    assert all(said[name] for name in ("even", "kept", "more"))
    assert not any(said[name] for name in ("odd", "less", "shifted", "mixed"))
