"""The ways of the first word, against what the layers read and against the paper's table 1."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.long_range.paths import KERNEL, convolved, way_of, word_paths


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 24), st.integers(2, 6))
def test_the_paths_are_as_long_as_the_papers_table_has_them(n, d):
    paths = word_paths(n, d)
    assert paths["attention"].positions == (n - 1,)
    assert paths["rnn"].positions == tuple(range(n))
    assert paths["bottleneck"].positions == tuple(range(n + 1))
    assert paths["convolution"].steps == math.ceil((n - 1) / (KERNEL - 1))
    assert paths["convolution"].positions[-1] == n - 1
    stops = (0, *paths["convolution"].positions)
    assert all(after - before < KERNEL for before, after in itertools.pairwise(stops))


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 24), st.integers(2, 6))
def test_attention_reads_every_number_and_a_state_has_the_same_size_at_any_length(n, d):
    carried = {name: path.carried for name, path in word_paths(n, d).items()}
    assert carried == {"attention": n * d, "convolution": min(n, KERNEL) * d, "rnn": d, "bottleneck": d}


@pytest.mark.parametrize("n", [2, 3, 6, 9])
def test_with_one_layer_less_no_gradient_reaches_the_first_word(n):
    torch.manual_seed(0)
    layers = [torch.nn.Conv1d(2, 2, KERNEL) for _ in range(word_paths(n, 2)["convolution"].steps)]
    for count, reaches in ((len(layers), True), (len(layers) - 1, False)):
        words = [torch.randn(1, 2, requires_grad=True) for _ in range(n)]
        below = words
        for layer in layers[:count]:
            below = convolved(layer, below)
        (gradient,) = torch.autograd.grad(below[-1].sum(), words[0], allow_unused=True)
        assert (gradient is not None and bool(gradient.any())) is reaches


def test_a_causal_convolution_by_position_is_torchs_own_over_a_padded_sentence():
    torch.manual_seed(1)
    layer, words = torch.nn.Conv1d(3, 3, KERNEL), torch.randn(7, 1, 3)
    by_position = torch.stack(convolved(layer, list(words)), dim=2)
    whole = layer(torch.nn.functional.pad(words.permute(1, 2, 0), (KERNEL - 1, 0)))
    torch.testing.assert_close(by_position, whole)


def test_the_way_with_the_fewest_states_is_found_and_none_where_there_is_none():
    word, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    first = word.tanh()
    second = first.tanh()
    output = second * word.exp() + second
    positions = {first.grad_fn: 0, second.grad_fn: 1, output.grad_fn: 2}
    assert way_of(word, output, positions) == (2,)
    assert way_of(word, second, positions) == (0, 1)
    assert way_of(other, output, positions) is None
