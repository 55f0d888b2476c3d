"""What a head gives to the output, held against torch.nn.MultiheadAttention."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from engine.labs.why_split import code, random_tokens, removed, self_attention, split, wide

sizes = {"heads": st.integers(2, 8), "d_k": st.integers(1, 8), "length": st.integers(2, 8)}


def torchs(heads, d_k, layer, cut=None):
    """PyTorch's own attention with this layer's weights, of so many heads, and with one block of W_O at 0."""
    theirs = torch.nn.MultiheadAttention(layer.w_o.out_features, heads, batch_first=True).eval()
    parts = (layer.w_q, layer.w_k, layer.w_v)
    w_o = layer.w_o.weight.clone()
    if cut is not None:
        w_o[:, cut * d_k : (cut + 1) * d_k] = 0
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([part.weight for part in parts]),
            "in_proj_bias": torch.cat([part.bias for part in parts]),
            "out_proj.weight": w_o,
            "out_proj.bias": layer.w_o.bias,
        }
    )
    return theirs


def run(theirs, x):
    with torch.no_grad():
        output, weights = theirs(x, x, x, average_attn_weights=False)
    return output[0], weights[0]


@settings(max_examples=12)
@given(**sizes)
def test_output_and_weights_are_those_of_pytorchs_attention_whole_without_a_head_and_with_one_wide_head(
    heads, d_k, length
):
    layer, x = self_attention(heads, d_k), random_tokens(heads, d_k, length)
    whole = split(heads, d_k, length)
    output, weights = run(torchs(heads, d_k, layer), x)
    torch.testing.assert_close(whole.output, output, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole.weights, weights, atol=1e-5, rtol=1e-5)
    without, _ = run(torchs(heads, d_k, layer, cut=heads - 1), x)
    torch.testing.assert_close(removed(heads, d_k, length, heads - 1).output, without, atol=1e-5, rtol=1e-5)
    broad, pattern = run(torchs(1, d_k, layer), x)
    one = wide(heads, d_k, length)
    torch.testing.assert_close(one.weights, pattern, atol=1e-5, rtol=1e-5)
    assert one.output_difference == pytest.approx((broad - output).abs().max().item(), abs=1e-5)


@settings(max_examples=12)
@given(**sizes)
def test_the_contributions_and_the_bias_add_up_to_the_output_and_so_does_a_loop(heads, d_k, length):
    whole = split(heads, d_k, length)
    w_o = self_attention(heads, d_k).w_o
    for head in range(heads):
        block = w_o.weight[:, head * d_k : (head + 1) * d_k]
        torch.testing.assert_close(whole.contributions[head], whole.mixed[head] @ block.T, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(whole.contributions.sum(dim=0) + w_o.bias, whole.output, atol=1e-5, rtol=1e-5)
    assert max(whole.sum_difference, whole.loop_difference, whole.loop_weights_difference) < 1e-5


@settings(max_examples=12)
@given(**sizes, head=st.integers(0, 7))
def test_without_a_head_the_output_moves_by_what_the_head_gave_and_no_other_head_notices(heads, d_k, length, head):
    head %= heads
    without, own = removed(heads, d_k, length, head), split(heads, d_k, length).contributions[head]
    assert without.moved == pytest.approx(own.abs().max().item(), abs=1e-5)
    assert without.beyond_own < 1e-5
    assert without.others_equal


@settings(max_examples=12)
@given(**sizes)
def test_splitting_costs_what_theory_says(heads, d_k, length):
    one, width = wide(heads, d_k, length), heads * d_k
    cost, other = one.split_cost, one.wide_cost
    assert cost.parameters == other.parameters == 4 * (width * width + width)
    # Four projections with their biases, scores and mix (paper, table 1).
    assert cost.products == other.products == 4 * (2 * length * width + length) * width + 4 * length**2 * width
    assert cost.others == heads * other.others == heads * 5 * length**2
    with FlopCounterMode(display=False) as counted:
        x = random_tokens(heads, d_k, length)
        self_attention(heads, d_k)(x, x)
    assert counted.get_total_flops() == cost.products - 4 * length * width  # it leaves biases out


@settings(max_examples=12)
@given(**sizes)
def test_the_wide_heads_scores_are_the_sum_of_the_heads_scores_and_its_pattern_is_another(heads, d_k, length):
    one = wide(heads, d_k, length)
    assert one.score_difference < 1e-4
    assert one.weights.shape == (1, length, length)
    assert one.output_difference > 1e-4


@pytest.mark.parametrize("sizes", [(4, 4, 5, 0), (2, 1, 2, 1), (8, 8, 8, 7)])
def test_the_code_prints_what_the_experiment_found(sizes, capsys):
    exec(code(*sizes), {})
    heads, d_k, length, head = sizes
    *differences, split_looks, wide_looks, last = capsys.readouterr().out.splitlines()
    added, moved, beyond_own, looped, broad = (float(line.rpartition(" ")[2]) for line in (*differences, last))
    for printed, weights in (
        (split_looks, split(heads, d_k, length).weights),
        (wide_looks, wide(heads, d_k, length).weights),
    ):
        assert printed.endswith(f" most at word {weights[:, -1].argmax(dim=-1).tolist()}")
    assert max(added, beyond_own, looped) < 1e-5
    assert moved == pytest.approx(removed(heads, d_k, length, head).moved, rel=1e-3)
    assert broad == pytest.approx(wide(heads, d_k, length).output_difference, rel=1e-3)
