"""One pass against one token at a time, against torch.nn's own layers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine import record
from engine.labs.all_at_once import (
    REPEATS,
    attention,
    changes,
    code,
    counted,
    one_at_a_time,
    parts,
    sentence,
    timed,
    whole_layer,
)

lengths, heads, widths = st.integers(1, 10), st.integers(1, 4), st.integers(1, 8)


def torchs(layer, width, heads):
    """torch.nn's encoder layer with the weights of ours."""
    theirs = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True).eval()
    ours = layer.self_attention
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(torch.cat([ours.w_q.weight, ours.w_k.weight, ours.w_v.weight]))
        theirs.self_attn.in_proj_bias.copy_(torch.cat([ours.w_q.bias, ours.w_k.bias, ours.w_v.bias]))
    theirs.self_attn.out_proj.load_state_dict(ours.w_o.state_dict())
    theirs.linear1.load_state_dict(layer.feed_forward.w_1.state_dict())
    theirs.linear2.load_state_dict(layer.feed_forward.w_2.state_dict())
    theirs.norm1.load_state_dict(layer.self_attention_norm.state_dict())
    theirs.norm2.load_state_dict(layer.feed_forward_norm.state_dict())
    return theirs


@settings(max_examples=25)
@given(lengths, heads, widths)
def test_one_token_at_a_time_with_keys_and_values_handed_in_is_torchs_encoder_layer(length, heads, d_k):
    made = sentence(length, heads, d_k)
    theirs = torchs(made.layer, heads * d_k, heads)
    with torch.no_grad():
        torch.testing.assert_close(one_at_a_time(made.layer, made.x), theirs(made.x), rtol=1e-4, atol=1e-5)
        alone = torch.cat([theirs(token) for token in made.x.split(1, dim=1)], dim=1)[0]
    found = whole_layer(length, heads, d_k)
    torch.testing.assert_close(found["alone"].apart, alone, rtol=1e-4, atol=1e-5)
    assert found["given"].difference < 1e-4
    assert torch.equal(found["given"].together, found["alone"].together)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=15)
@given(lengths, heads, widths)
def test_every_part_by_itself_gives_what_torch_gives_to_all_rows_up_to_rounding(dtype, length, heads, d_k):
    made = sentence(length, heads, d_k)
    found = {part.name: part for part in parts(length, heads, d_k, dtype)}
    assert list(found) == [
        "embedding",
        "self_attention.w_q",
        "self_attention.w_k",
        "self_attention.w_v",
        "self_attention_norm",
        "feed_forward",
        "feed_forward_norm",
    ]
    most = 1e-4 if dtype == "float32" else 1e-13
    for part in found.values():
        assert part.together.dtype == getattr(torch, dtype)
        assert part.difference <= most
        assert part.equal == torch.equal(part.together, part.apart) == (part.difference == 0)
    rows = made.x[0].to(getattr(torch, dtype))
    key = made.layer.self_attention.w_k.to(rows.dtype)
    torch.testing.assert_close(found["self_attention.w_k"].apart, rows @ key.weight.T + key.bias)
    normed, fed = found["self_attention_norm"].apart, made.layer.feed_forward.to(rows.dtype)
    hidden = (normed @ fed.w_1.weight.T + fed.w_1.bias).relu()
    torch.testing.assert_close(found["feed_forward"].apart, hidden @ fed.w_2.weight.T + fed.w_2.bias)
    closed = torch.nn.functional.layer_norm(normed + found["feed_forward"].together, (heads * d_k,))
    torch.testing.assert_close(found["feed_forward_norm"].apart, closed, rtol=1e-4, atol=1e-5)


def test_looking_a_token_up_is_the_same_in_every_bit():
    assert parts(8, 2, 16)[0].equal
    assert parts(8, 2, 16)[0].difference == 0


@settings(max_examples=15)
@given(lengths, heads, widths)
def test_a_token_alone_gets_its_own_value_back_from_attention(length, heads, d_k):
    made = sentence(length, heads, d_k)
    module = made.layer.self_attention
    found = attention(length, heads, d_k)
    with torch.no_grad():
        torch.testing.assert_close(found["alone"].apart, module.w_o(module.w_v(made.x))[0])
    assert found["given"].difference < 1e-5
    assert torch.equal(found["given"].together, found["alone"].together)


def test_alone_a_word_differs_from_itself_in_a_sentence_unless_it_is_the_whole_sentence():
    assert whole_layer(5, 2, 8)["alone"].difference > 0.1
    assert whole_layer(1, 2, 8)["alone"].difference == 0


@settings(max_examples=10)
@given(st.integers(2, 8), heads, st.integers(2, 8))
def test_replacing_a_word_changes_its_own_row_alone_but_every_row_of_attention(length, heads, d_k):
    found = changes(length, heads, d_k)
    diagonal = torch.eye(length, dtype=torch.bool)
    assert torch.equal(found["w_q"] > 0, diagonal)
    assert torch.equal(found["feed_forward"][~diagonal], torch.zeros(length * (length - 1)))
    assert (found["self_attention"] > 0).all()


def test_both_ways_take_the_same_flops_and_one_at_a_time_more_calls_for_every_token():
    found = [counted(length, 2, 4) for length in (1, 2, 3, 10)]
    assert all(one["together"].flops == one["apart"].flops for one in found)
    assert len({one["together"].calls for one in found}) == 1
    calls = [one["apart"].calls for one in found]
    each = calls[1] - calls[0]
    assert [calls[0], calls[0] + each, calls[0] + 2 * each, calls[0] + 9 * each] == calls
    assert each > found[0]["together"].calls / 2


def test_the_flops_hold_every_product_that_torch_counts_and_no_unknown_operation():
    made = sentence(6, 2, 4)
    trace = record(made.layer, made.x, None)
    assert all(step.flops is not None for step in trace.steps)
    assert all(step.flops is not None for step in record(one_at_a_time, made.layer, made.x).steps)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        made.layer(made.x, None)
    products = sum(step.flops for step in trace.steps if step.op == "matmul")
    linear = sum(step.flops - step.value.numel() for step in trace.steps if step.op == "linear")
    assert products + linear == counter.get_total_flops()
    assert counted(6, 2, 4)["together"].flops > counter.get_total_flops()


def test_times_come_for_every_length_up_to_the_one_asked_for_with_quartiles_in_order():
    found = timed(5, 1, 4)
    assert found.lengths == (1, 2, 4, 5)
    for rows in (found.together, found.apart):
        assert len(rows) == 4
        assert all(0 < low <= middle <= high for low, middle, high in rows)
    assert timed(1, 1, 4).lengths == (1,)
    assert REPEATS >= 5


@pytest.mark.parametrize("sizes", [(8, 2, 16), (3, 1, 5), (1, 1, 4)])
def test_the_code_prints_what_the_experiment_found(sizes, capsys):
    usual = torch.get_num_threads()
    try:
        exec(code(*sizes), {})
    finally:
        torch.set_num_threads(usual)
    lines = [line.rpartition(" ") for line in capsys.readouterr().out.splitlines()]
    fed, alone, given = (float(value) for _, _, value in lines[:3])
    assert [says for says, _, _ in lines[:3]] == [
        "feed-forward, one at a time: differs by",
        "layer, each word alone: differs by",
        "layer, keys and values handed in: differs by",
    ]
    found = whole_layer(*sizes)
    assert alone == pytest.approx(found["alone"].difference, rel=1e-2, abs=1e-5)
    assert fed < 1e-5
    assert given < 1e-5
    assert [says.partition(" ")[0] for says, _, unit in lines[3:] if unit == "ms"] == ["at_once", "one_at_a_time"]
