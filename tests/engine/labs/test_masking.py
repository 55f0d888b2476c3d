"""Masks counted by hand, and the weights under them from the keys that may be seen alone."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.masking import FILLS, KINDS, code, fillers, masked
from engine.labs.masking.after import afterwards

given_sizes = given(
    st.sampled_from(KINDS),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(2, 6),
    st.integers(2, 6),
    st.integers(1, 5),
)


def hides(found, kind, b, query, key):
    padding = kind != "causal" and key >= found.scores.size(-1) - found.pads[b]
    future = kind != "padding" and key > query
    return bool(padding or future)


@settings(max_examples=40)
@given_sizes
def test_a_score_is_hidden_where_its_key_is_padding_or_the_future(kind, batch, heads, target, source, padded):
    found = masked(kind, batch, heads, target, source, padded)
    keys = source if kind == "padding" else target
    assert found.scores.shape == (batch, heads, target, keys)
    shapes = {"padding": (batch, 1, 1, keys), "causal": (1, 1, keys, keys), "both": (batch, 1, keys, keys)}
    assert found.mask.shape == shapes[kind]
    assert found.pads.tolist() == [0] * (batch - 1) + [0 if kind == "causal" else min(padded, keys - 1)]
    hidden = 0
    for b, h, query, key in torch.cartesian_prod(*map(torch.arange, found.scores.shape)).tolist():
        if hides(found, kind, b, query, key):
            hidden += 1
            assert found.masked[b, h, query, key] == -math.inf
            assert found.weights[b, h, query, key] == 0
        else:
            assert found.masked[b, h, query, key] == found.scores[b, h, query, key]
    assert found.hidden == hidden > 0
    assert found.largest == 0


@settings(max_examples=20)
@given_sizes
def test_the_weights_are_those_of_the_visible_keys_alone(kind, batch, heads, target, source, padded):
    found = masked(kind, batch, heads, target, source, padded)
    for b, h, query in torch.cartesian_prod(*map(torch.arange, found.scores.shape[:3])).tolist():
        row = found.scores[b, h, query]
        seen = [key for key in range(len(row)) if not hides(found, kind, b, query, key)]
        torch.testing.assert_close(found.weights[b, h, query][seen], row[seen].softmax(dim=-1))


@pytest.mark.parametrize("fill", FILLS)
def test_a_filler_leaves_the_weight_that_its_exponential_says(fill):
    found = masked("both", 2, 2, 5, 5, 2, fill=FILLS[fill])
    scores = found.masked.double()
    weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
    assert found.largest == pytest.approx(weights[found.mask.expand_as(weights)].max().item(), rel=1e-5)
    assert (found.largest == 0) == (fill in ("−∞", "−1e9"))


def test_fillers_in_every_dtype_leave_nothing_something_or_an_error():
    said = {(one.fill, one.dtype): one for one in fillers()}
    assert len(said) == len(FILLS) * 3
    for dtype in ("float32", "bfloat16", "float16"):
        assert said["−∞", dtype].largest == 0
        assert said["−10", dtype].largest == pytest.approx(said["−10", "float32"].largest, rel=1e-2)
        assert said["0", dtype].largest > said["−10", dtype].largest > 0
    assert said["−1e9", "float32"].largest == said["−1e9", "bfloat16"].largest == 0
    assert said["−1e9", "float16"].largest is None
    with pytest.raises(RuntimeError) as raised:
        torch.zeros(1, dtype=torch.float16).masked_fill(torch.ones(1, dtype=torch.bool), -1e9)
    assert said["−1e9", "float16"].error == str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", FILLS)
def test_the_code_prints_the_mask_and_the_largest_weight_of_a_hidden_key(kind, fill, capsys):
    sizes = (kind, 3, 2, 4, 5, 2)
    exec(code(*sizes, fill, changed=1, left=1, visible=2, raised=4), {})
    hides, largest = capsys.readouterr().out.splitlines()[:2]
    expected = masked(*sizes, fill=FILLS[fill])
    shape, scores = tuple(expected.mask.shape), expected.scores.numel()
    assert hides == f"a mask {shape} hides {expected.hidden} of {scores} scores"
    assert float(largest.rpartition(" ")[2]) == pytest.approx(expected.largest, rel=1e-3)


@pytest.mark.parametrize(("length", "place", "left", "visible"), [(5, 2, 2, 3), (2, 0, 1, 1), (6, 5, 5, 1)])
def test_the_code_prints_what_a_changed_token_an_empty_row_and_a_late_zero_do(length, place, left, visible, capsys):
    exec(code("causal", 1, 1, length, length, 0, changed=place, left=left, visible=visible, raised=4), {})
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[5:] == [
        f"rows that a changed token moves: {list(range(place, length))}",
        f"rows with NaN after layer 0 are {left} of {length}",
        f"rows with NaN after layer 1 are {length} of {length}",
        f"rows with NaN after layer 2 are {length} of {length}",
    ]
    total, same, inside, multiplied, renormalised = (float(line.rpartition(" ")[2]) for line in lines[:5])
    found = afterwards(length, visible, 4.0)
    assert total == pytest.approx(found.multiplied[0].sum().item(), rel=1e-3)
    assert multiplied == pytest.approx(found.multiplied.diff(dim=0).abs().max().item(), rel=1e-3)
    assert inside == 0
    assert max(same, renormalised) < 1e-5
