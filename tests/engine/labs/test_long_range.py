"""The influence of the first token on the last output, against the chain rule written out and torch's own modules."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.labs.long_range import (
    LONGEST,
    RECURRENT,
    SEEDS,
    code,
    halves,
    influence,
    layers,
    maps,
    mean,
    reach,
    spectral_radius,
)

kinds = st.sampled_from(tuple(RECURRENT))


@settings(max_examples=8)
@given(st.integers(2, 9), st.integers(2, 6), kinds)
def test_the_rnns_influence_is_the_product_of_its_steps_that_the_chain_rule_says(length, width, recurrent):
    # ∂h_t/∂h_(t−1) = diag(1 − h_t²) W_hh, and ∂h_0/∂x_0 = diag(1 − h_0²) W_ih.
    found = influence(length, width, recurrent)
    for seed in (0, SEEDS - 1):
        made = layers(length, width, recurrent, seed)
        states = made.rnn(made.tokens.unsqueeze(0))[0][0].detach()
        slopes = [torch.diag(1 - state**2) for state in states]
        jacobian = slopes[0] @ made.rnn.weight_ih_l0.detach()
        for slope in slopes[1:]:
            jacobian = slope @ made.rnn.weight_hh_l0.detach() @ jacobian
        assert found.rnn[seed, -1].item() == pytest.approx(jacobian.norm().item(), rel=1e-9)


@pytest.mark.parametrize("length", [2, 7])
def test_attentions_influence_is_that_of_torchs_own_multihead_attention(length):
    found = influence(length, 6, "1")
    made = layers(length, 6, "1", seed=3)
    ours, theirs = made.attention, nn.MultiheadAttention(6, 1, batch_first=True, dtype=torch.float64)
    theirs.in_proj_weight = nn.Parameter(torch.cat([ours.w_q.weight, ours.w_k.weight, ours.w_v.weight]))
    theirs.in_proj_bias = nn.Parameter(torch.cat([ours.w_q.bias, ours.w_k.bias, ours.w_v.bias]))
    theirs.out_proj.load_state_dict(ours.w_o.state_dict())

    def last(x):
        return theirs(x[None], x[None], x[None], need_weights=False)[0][0, -1]

    jacobian = torch.autograd.functional.jacobian(last, made.tokens)
    assert found.attention[3, -1].item() == pytest.approx(jacobian[:, 0].norm().item(), rel=1e-9)


def test_reach_of_a_matrix_is_its_norm_for_the_token_it_reads_and_0_for_the_others():
    matrix = torch.arange(6, dtype=torch.float64).view(3, 2)
    found = reach(lambda x: x[:, 1] @ matrix.T, torch.ones(4, 2, dtype=torch.float64))
    assert found.tolist() == [0, math.sqrt(0 + 1 + 4 + 9 + 16 + 25), 0, 0]


@settings(max_examples=8)
@given(st.integers(3, 9), st.integers(2, 6), kinds)
def test_a_second_direction_changes_nothing_at_the_last_output_and_all_in_the_final_states(length, width, recurrent):
    found = influence(length, width, recurrent)
    torch.testing.assert_close(found.both, found.rnn, rtol=1e-9, atol=0)
    # The backward half's final state reads the first token last: one step, whatever the length.
    made = layers(length, width, recurrent, seed=0)
    output = made.both(made.tokens.unsqueeze(0))[0][0].detach()
    one_step = torch.diag(1 - output[0, width:] ** 2) @ made.both.weight_ih_l0_reverse.detach()
    both = math.hypot(one_step.norm().item(), found.rnn[0, -1].item())
    assert found.per_token["both"][0, 0].item() == pytest.approx(both, rel=1e-9)


@pytest.mark.parametrize("recurrent", RECURRENT)
def test_the_recurrent_weights_have_the_spectral_radius_that_was_asked_for(recurrent):
    found = influence(4, 16, recurrent)
    if RECURRENT[recurrent] is None:
        weights = layers(4, 16, recurrent, 0).both.parameters()
        assert all(weight.abs().max() <= 1 / 4 for weight in weights)
        # The circular law: entries of variance 1/(3d) have their eigenvalues within √(1/3).
        assert found.radius.mean().item() == pytest.approx(math.sqrt(1 / 3), rel=0.15)
    else:
        torch.testing.assert_close(found.radius, torch.full((SEEDS,), RECURRENT[recurrent]))


def test_the_spectral_radius_of_a_rotation_is_1_and_of_a_nilpotent_matrix_0():
    assert spectral_radius(torch.tensor([[0.0, -1.0], [1.0, 0.0]])) == pytest.approx(1)
    assert spectral_radius(torch.tensor([[0.0, 5.0], [0.0, 0.0]])) == pytest.approx(0)


def test_without_tanh_the_influence_is_that_of_a_linear_rnn_unrolled():
    made = layers(5, 4, "1.5", seed=2)
    tokens = made.tokens.clone().requires_grad_()
    state = torch.zeros(4, dtype=torch.float64)
    for token in tokens:
        state = made.rnn.weight_ih_l0 @ token + made.rnn.weight_hh_l0 @ state
    rows = [torch.autograd.grad(number, tokens, retain_graph=True)[0][0] for number in state]
    assert influence(5, 4, "1.5").linear[2, -1].item() == pytest.approx(torch.stack(rows).norm().item(), rel=1e-9)


def test_a_small_radius_vanishes_and_a_large_one_explodes_and_attention_does_not_mind():
    # tanh′ is at most 1, so a radius below 1 fades at least about as fast as its powers.
    small, large = (influence(24, 16, recurrent) for recurrent in ("0.5", "3"))
    assert mean(small.rnn)[-1] < mean(small.linear)[-1] < 10 * 0.5**22 * mean(small.linear)[0]
    assert mean(large.rnn)[-1] > mean(large.rnn)[0]
    assert mean(large.linear)[-1] > 3**21 * mean(large.linear)[0]
    assert torch.equal(small.attention, large.attention)


def test_a_shorter_sentence_is_the_beginning_of_a_longer_one_with_the_same_weights():
    short, long = layers(3, 5, "2", seed=1), layers(LONGEST, 5, "2", seed=1)
    assert torch.equal(short.tokens, long.tokens[:3])
    assert torch.equal(short.rnn.weight_hh_l0, long.rnn.weight_hh_l0)
    torch.testing.assert_close(influence(9, 5, "2").rnn[:, :3], influence(6, 5, "2").rnn[:, :3])


def test_the_maps_show_the_future_unread_by_one_direction_alone_and_rows_that_sum_to_1():
    found = maps(6, 5, "1")
    for name, shares in found.items():
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(6, dtype=torch.float64))
        future = torch.ones(6, 6, dtype=torch.bool).triu(1)
        assert torch.equal(shares == 0, future if name == "rnn" else torch.zeros_like(future))
    last = influence(6, 5, "1").per_token["attention"][0]
    torch.testing.assert_close(found["attention"][-1], last / last.sum())


@settings(max_examples=15)
@given(st.integers(1, 12), st.integers(2, 8), kinds)
def test_both_halves_are_two_rnns_of_torch_one_of_them_on_the_sentence_backwards(length, width, recurrent):
    found = halves(length, width, recurrent)
    made = layers(length, width, recurrent, 0)
    backward = nn.RNN(width, width, dtype=torch.float64)
    weights = made.both.state_dict()
    backward.load_state_dict({name: weights[f"{name}_reverse"] for name in backward.state_dict()})
    with torch.no_grad():
        torch.testing.assert_close(found.forward, made.rnn(made.tokens.unsqueeze(0))[0][0])
        torch.testing.assert_close(found.backward, backward(made.tokens.flip(0))[0].flip(0))
    assert found.output.shape == (length, 2 * width)
    assert found.difference < 1e-12
    assert found.equal == (found.difference == 0)


def test_the_mean_over_seeds_is_geometric():
    assert mean(torch.tensor([[1.0, 2.0], [100.0, 8.0]], dtype=torch.float64)) == pytest.approx([10, 4])


@pytest.mark.parametrize("sizes", [(6, 5, "PyTorch's default"), (9, 4, "2")])
def test_the_code_prints_what_the_experiment_found(sizes, capsys):
    usual, threads = torch.get_default_dtype(), torch.get_num_threads()
    try:
        exec(code(*sizes), {})
    finally:
        torch.set_default_dtype(usual)
        torch.set_num_threads(threads)
    found = influence(*sizes)
    assert capsys.readouterr().out.splitlines()[:6] == [
        f"{name} {mean(values)[place]:.3g} for {words} words"
        for name, values in (("recurrent", found.rnn), ("attention", found.attention), ("bidirectional", found.both))
        for place, words in ((0, 2), (-1, sizes[0]))
    ]
