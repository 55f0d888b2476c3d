"""FLOPs and chains as counted, against the closed forms of the paper's table 1."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import record
from engine.labs.long_range import code
from engine.labs.long_range.costs import LENGTHS, Flops, chain, chains, crossing, flops, flops_over_lengths
from engine.labs.script_cells import cells
from engine.model.attention import MultiHeadAttention


@settings(max_examples=15)
@given(st.integers(1, 12), st.integers(1, 12))
def test_the_flops_are_two_for_every_term_of_every_product(n, d):
    assert flops(n, d) == Flops(
        rnn=2 * 2 * n * d * d,
        both=2 * 2 * 2 * n * d * d,
        between=2 * 2 * n * n * d,
        attention=2 * 2 * n * n * d + 4 * 2 * n * d * d,
    )


def test_the_engines_own_count_of_the_products_is_the_same():
    trace = record(MultiHeadAttention(8, 1, 8, 8), torch.zeros(1, 5, 8), torch.zeros(1, 5, 8))
    products = sum(step.flops for step in trace.steps if step.op == "matmul")
    biases = sum(step.value.numel() for step in trace.steps if step.op == "linear")
    linear = sum(step.flops for step in trace.steps if step.op == "linear")
    assert flops(5, 8).between == products
    assert flops(5, 8).attention == products + linear - biases


@pytest.mark.parametrize("width", [4, 11, 16, 32])
def test_rnn_and_attention_meet_where_n_is_d_and_with_projections_nowhere(width):
    counted = flops_over_lengths(width)
    assert counted[2] == flops(LENGTHS[2], width)
    rnn = tuple(one.rnn for one in counted)
    assert crossing(LENGTHS, tuple(one.between for one in counted), rnn) == pytest.approx(width)
    assert all(one.attention > one.rnn for one in counted)
    assert crossing(LENGTHS, tuple(one.attention for one in counted), rnn) == LENGTHS[0]


def test_a_crossing_between_two_lengths_is_on_the_straight_line_of_the_logarithms():
    # 4x² and 100x meet at x = 25.
    lengths = (2, 10, 80)
    assert crossing(lengths, (16, 400, 25600), (200, 1000, 8000)) == pytest.approx(25)
    assert crossing(lengths, (1, 2, 3), (2, 3, 4)) is None
    assert crossing(lengths, (1, 3, 5), (2, 3, 4)) == 10


@settings(max_examples=10)
@given(st.integers(2, 20), st.integers(2, 5))
def test_a_chain_through_the_rnn_is_three_operations_a_token_and_through_attention_always_the_same(n, d):
    # A step of the RNN: product with bias, sum, tanh. Attention: W_V, weights·V, W_O; by way of the weights
    # W_K, Q·Kᵀ, ÷ √d_k, softmax, weights·V, W_O.
    found = chains(n, d)
    assert (found["rnn"].longest, found["rnn"].shortest) == (3 * n, 3 * n)
    assert (found["both"].longest, found["both"].shortest) == (3 * n, 3 * n)
    assert (found["attention"].longest, found["attention"].shortest) == (6, 3)


def test_a_chain_is_counted_by_hand_and_refused_where_there_is_none():
    token, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    found = chain((token.tanh().tanh() + token.view(1, 2)) * other, token)
    assert (found.longest, found.shortest) == (4, 2)
    with pytest.raises(ValueError, match="not computed from the token"):
        chain(other * 2, token)


def test_the_script_prints_what_was_counted(capsys):
    usual, threads = torch.get_default_dtype(), torch.get_num_threads()
    try:
        exec(cells(code(9, 12, "2"))["FLOPs of one layer"], {})
    finally:
        torch.set_default_dtype(usual)
        torch.set_num_threads(threads)
    counted = flops(9, 12)
    assert capsys.readouterr().out == (
        f"RNN {counted.rnn}\n"
        f"RNN both ways {counted.both}\n"
        f"attention between tokens {counted.between}\n"
        f"attention with its projections {counted.attention}\n"
    )
