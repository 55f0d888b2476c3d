import dataclasses
import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from engine import Config, record, run
from engine.explain.invariants import checks
from engine.explain.torch_reference import torch_references
from engine.model.attention import MultiHeadAttention
from engine.model.layers import FeedForward, LayerNorm
from tests.engine.any_config import any_config

F = nn.functional
DTYPES = ("float32", "float64", "bfloat16", "float16")
TEXT = {"source": ["I go home", "I go"], "target": ["나는 집에 간다", "나는"]}


def told(trace, step):
    """What is said of a step, and whether it holds."""
    return {check.label: check.holds for check in checks(trace, step)}


def last(function, *tensors):
    trace = record(function, *tensors)
    return told(trace, trace.steps[-1])


def only(trace, step):
    (check,) = checks(trace, step)
    return check


def step_of(trace, op, place=-1):
    return [step for step in trace.steps if step.op == op][place]


# The built-in Transformer


def assert_all_hold(trace):
    for step in trace.steps:
        for check in checks(trace, step):
            assert check.holds, (step.full_name, step.op, check, trace.config)
            assert check.detail
            assert len(check.label) < 50


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    config=any_config(src_len=st.integers(1, 9), tgt_len=st.integers(1, 9), d_ff=st.integers(1, 30)), text=st.booleans()
)
def test_everything_holds_for_any_transformer(config, text):
    assert_all_hold(run(config, **(TEXT if text else {})))


@pytest.mark.parametrize("dtype", DTYPES)
def test_everything_holds_for_a_wider_transformer(dtype):
    assert_all_hold(
        run(Config(src_len=24, tgt_len=17, d_model=64, heads=4, encoder_layers=1, decoder_layers=1, dtype=dtype))
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", DTYPES)
def test_everything_holds_on_a_gpu(dtype):
    assert_all_hold(run(Config(d_model=64, heads=4, dtype=dtype, device="cuda"), **TEXT))


@pytest.mark.parametrize("norm_first", [False, True])
def test_what_is_said_of_the_steps_of_a_transformer(norm_first):
    trace = run(Config(encoder_layers=1, decoder_layers=1, norm_first=norm_first), **TEXT)
    attention = "decoder.layers.0.self_attention"
    norm = "decoder.layers.0.feed_forward_norm"
    view, permute = trace.find_all(f"{attention}.query")[1:]
    # Of 16 pairs the future takes 6 in either sentence; in the second, two tokens of padding take 3 more.
    hidden, shown = 4 * (6 + 9), 4 * (10 + 7)
    assert {
        "embedded": list(told(trace, trace.find("target_embedding.embedded"))),
        "future": list(told(trace, trace.find("causal_mask.future"))),
        "view": list(told(trace, view)),
        "permute": list(told(trace, permute)),
        "masked": list(told(trace, trace.find(f"{attention}.masked"))),
        "weights": list(told(trace, trace.find(f"{attention}.weights"))),
        "mixed": list(told(trace, trace.find_all(f"{attention}.mixed")[0])),
        "output": list(told(trace, trace.find(f"{attention}.output"))),
        "normalised": list(told(trace, trace.find(f"{norm}.normalised"))),
        "shifted": list(told(trace, trace.find(f"{norm}.shifted"))),
        "fed": list(told(trace, trace.find("decoder.layers.0.feed_forward.output"))),
        "log probabilities": list(told(trace, trace.find("log_probabilities"))),
    } == {
        "embedded": ["equals torch.nn.Embedding"],
        "future": ["query t sees keys 0..t"],
        "view": ["256 numbers before and after"],
        "permute": ["256 numbers before and after"],
        "masked": [f"{hidden} masked cells are −∞", f"{shown} others unchanged"],
        "weights": ["rows sum to 1", f"{hidden} masked cells are 0"],
        "mixed": ["equals scaled_dot_product_attention"],
        "output": ["equals torch.nn.MultiheadAttention"],
        "normalised": ["mean 0", "variance 1"],
        "shifted": ["equals torch.nn.LayerNorm"],
        "fed": ["equals Linear → ReLU → Linear"],
        "log probabilities": ["exponentials of rows sum to 1"],
    }


@settings(max_examples=20)
@given(dtype=st.sampled_from(DTYPES), activation=st.sampled_from(("relu", "gelu")), seed=st.integers(0, 999))
def test_every_check_fails_where_the_numbers_are_others(dtype, activation, seed):
    trace = run(Config(encoder_layers=1, decoder_layers=1, dtype=dtype, activation=activation), **TEXT)
    draws = torch.Generator().manual_seed(seed)
    failed = set()
    for step in trace.steps:
        value = step.value
        other = ~value if value.dtype == torch.bool else torch.randn(value.shape, generator=draws).to(value) * 9
        for check in checks(trace, dataclasses.replace(step, value=other)):
            assert not check.holds, (step.full_name, check)
            failed.add(check.label.lstrip("0123456789, "))
    assert len(failed) == 14


@settings(max_examples=30)
@given(place=st.integers(0, 10**6), op=st.sampled_from(("softmax", "view", "permute", "contiguous", "masked_fill")))
def test_one_wrong_number_among_many_is_noticed(place, op):
    trace = run(Config(encoder_layers=1, decoder_layers=1), **TEXT)
    step = step_of(trace, op)
    other = step.value.reshape(-1).clone()
    other[place % other.numel()] = 7.0
    other = other.view(step.shape)
    assert not all(told(trace, dataclasses.replace(step, value=other)).values())


def test_numbers_that_are_missing_are_noticed():
    trace = record(lambda x: x.permute(1, 0), torch.arange(6.0).view(2, 3))
    check = only(trace, dataclasses.replace(trace.steps[0], value=torch.zeros(3)))
    assert (check.holds, check.detail) == (False, "6 before, 3 after")


def test_a_trace_of_a_wider_dtype_is_held_to_finer_rounding():
    trace = run(Config(encoder_layers=1, decoder_layers=1, dtype="float64"))
    for step in trace.steps:
        if step.value.is_floating_point():
            rounded = dataclasses.replace(step, value=step.value.float().double())
            for check in checks(trace, rounded):
                unchanged = torch.equal(rounded.value, step.value)
                assert check.holds is unchanged or "cells are" in check.label, (step.full_name, check)


# Softmax


@pytest.mark.parametrize(
    ("dim", "shape", "says"),
    [
        (-1, (2, 3, 4), "rows sum to 1"),
        (2, (2, 3, 4), "rows sum to 1"),
        (-2, (2, 3, 4), "columns sum to 1"),
        (1, (2, 3, 4), "columns sum to 1"),
        (0, (2, 3, 4), "lines sum to 1"),
        (0, (), "rows sum to 1"),
    ],
)
def test_a_softmax_sums_to_1_along_its_own_axis(dim, shape, says):
    assert last(lambda x: x.softmax(dim), torch.randn(shape)) == {says: True}
    assert last(lambda x: x.log_softmax(dim), torch.randn(shape)) == {f"exponentials of {says}": True}


def test_the_measured_sum_is_told():
    trace = record(lambda x: x.softmax(-1), torch.zeros(2, 4))
    assert only(trace, trace.steps[0]).detail == "the furthest of 2 rows sums to exactly 1"
    twice = dataclasses.replace(trace.steps[0], value=torch.tensor([[0.25] * 4, [0.5] * 4]))
    assert only(trace, twice).detail == "the furthest of 2 rows sums to 1 + 1"
    less = dataclasses.replace(trace.steps[0], value=torch.tensor([[0.25] * 4, [0.125] * 4]))
    assert only(trace, less).detail == "the furthest of 2 rows sums to 1 − 0.5"


def test_a_row_that_is_masked_whole_does_not_sum_to_1_and_says_why():
    def program(scores, mask):
        return scores.masked_fill(mask, -math.inf).softmax(-1)

    mask = torch.tensor([[True, True, True], [False, False, True]])
    trace = record(program, torch.randn(2, 3), mask)
    sums, zeros = checks(trace, trace.steps[-1])
    assert not sums.holds
    assert sums.detail == "the sum of 1 of 2 rows is NaN, because every score there is −∞"
    assert not zeros.holds
    assert zeros.label == "4 masked cells are 0"
    assert zeros.detail == "3 of 4 not 0, the largest NaN"


def test_a_nan_that_no_mask_made_is_not_blamed_on_one():
    trace = record(lambda x: x.softmax(-1), torch.tensor([[math.nan, 1.0], [0.0, 1.0]]))
    assert only(trace, trace.steps[0]).detail == "the sum of 1 of 2 rows is NaN"


def test_scores_masked_with_0_leave_weight_where_the_mask_hides():
    def program(scores, mask):
        return scores.masked_fill(mask, 0.0).softmax(-1)

    trace = record(program, torch.zeros(1, 4), torch.tensor([[False, True, False, False]]))
    assert told(trace, trace.steps[-1]) == {"rows sum to 1": True, "1 masked cell is 0": False}
    assert checks(trace, trace.steps[-1])[1].detail == "1 of 1 not 0, the largest 0.25"


def test_scores_that_are_minus_infinity_without_a_mask_count_as_masked():
    assert last(lambda x: x.softmax(-1), torch.tensor([0.0, -math.inf, -math.inf])) == {
        "rows sum to 1": True,
        "2 masked cells are 0": True,
    }


# Masks


def test_a_mask_that_hides_a_query_from_itself_is_not_causal():
    def program(scores, diagonal):
        future = torch.ones(4, 4, dtype=torch.bool).triu(diagonal=diagonal)
        return scores.masked_fill(future.unsqueeze(0), -math.inf)

    for diagonal, holds in ((1, True), (0, False), (2, False)):
        trace = record(program, torch.randn(2, 4, 4), diagonal)
        assert told(trace, step_of(trace, "triu")) == {"query t sees keys 0..t": holds}


def test_a_triangle_that_masks_nothing_is_not_called_causal():
    assert last(lambda x: x.triu(1), torch.ones(3, 3, dtype=torch.bool)) == {}


@pytest.mark.parametrize(("fill", "shown"), [(-math.inf, "−∞"), (-1e9, "−1e+09"), (0.5, "0.5"), (math.nan, "NaN")])
def test_masked_cells_have_the_value_that_was_given(fill, shown):
    mask = torch.tensor([True, False, False])
    said = last(lambda x, mask: x.masked_fill(mask, fill), torch.randn(2, 3), mask)
    assert said == {f"2 masked cells are {shown}": True, "4 others unchanged": True}


def test_a_mask_that_hides_nothing_claims_nothing():
    said = last(lambda x, mask: x.masked_fill(mask, 1.0), torch.randn(2), torch.tensor([False, False]))
    assert said == {"2 others unchanged": True}


# Layout


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.view(6, 4),
        lambda x: x.reshape(-1),
        lambda x: x.view_as(torch.ones(6, 4)),
        lambda x: x.transpose(0, 2).reshape(4, 6),
        lambda x: x.permute(2, 0, 1),
        lambda x: x.transpose(-1, 0),
        lambda x: x.mT,
        lambda x: x.unsqueeze(1),
        lambda x: x.unsqueeze(1).squeeze(),
        lambda x: x.permute(1, 2, 0).contiguous(),
        lambda x: x.clone(),
        lambda x: x.flatten(0, 1),
    ],
)
def test_what_moves_numbers_keeps_them_all(function):
    for x in (torch.randn(2, 3, 4), torch.arange(24).view(2, 3, 4), torch.full((2, 3, 4), math.nan)):
        assert last(function, x) == {"24 numbers before and after": True}


def test_a_permutation_by_other_axes_is_noticed():
    trace = record(lambda x: x.permute(0, 2, 1), torch.randn(3, 3, 3))
    step = trace.steps[0]
    assert told(trace, step) == {"27 numbers before and after": True}
    assert told(trace, dataclasses.replace(step, value=step.value.permute(0, 2, 1))) == {
        "27 numbers before and after": False
    }


def test_large_counts_are_written_with_commas_and_one_is_one():
    assert last(lambda x: x.view(-1), torch.randn(40, 32)) == {"1,280 numbers before and after": True}
    assert last(lambda x: x.view(1), torch.tensor(2.0)) == {"1 number before and after": True}


# Normalisation


def normed(x, *, correction=0, eps=1e-5):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=correction) + eps).sqrt()


def affine(x, weight, bias, **how):
    return normed(x, **how) * weight + bias


def by_rsqrt(x, weight, bias):
    centred = x - x.mean(-1, keepdim=True)
    normalised = centred * torch.rsqrt((centred**2).mean(-1, keepdim=True) + 1e-5)
    return bias + weight * normalised


def by_standard_deviation(x, weight, bias):  # The Annotated Transformer's
    mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
    return weight * (x - mean) / (std + 1e-6) + bias


def by_deviation_first(x, weight, bias):
    return weight * ((x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6)) + bias


ROWS = torch.tensor([[1.0, 2.0, 4.0, 9.0], [-3.0, 0.5, 0.25, 8.0]])
WEIGHT, BIAS = torch.tensor([1.0, 0.5, 2.0, -1.0]), torch.tensor([0.0, 1.0, -1.0, 3.0])


def test_a_normalised_row_has_mean_0_and_the_variance_that_eps_leaves():
    trace = record(normed, torch.tensor([[1.0, 3.0]]))
    mean, variance = checks(trace, trace.steps[-1])
    assert (mean.label, mean.holds, mean.detail) == ("mean 0", True, "the furthest of 1 row has mean 0")
    # The variance of 1 and 3 is 1: 1 / (1 + 1e-5) is left.
    assert (variance.label, variance.holds) == ("variance 1", True)
    assert variance.detail == "the furthest of 1 row has variance 0.99999; eps = 1e−05"


def test_a_row_that_hardly_varies_is_not_said_to_have_variance_1():
    assert last(normed, torch.tensor([[1.0, 1.001], [1.0, 3.0]])) == {"mean 0": True, "variance v / (v + eps)": True}


def test_dividing_by_the_unbiased_variance_does_not_leave_variance_1():
    assert last(lambda x: normed(x, correction=1), ROWS) == {"mean 0": True, "variance 1": False}
    assert last(lambda x, w, b: affine(x, w, b, correction=1), ROWS, WEIGHT, BIAS) == {
        "equals torch.nn.LayerNorm": False
    }


def test_a_norm_without_eps_fails_on_a_constant_row():
    x = torch.cat([ROWS, torch.full((1, 4), 2.0)])
    trace = record(lambda x: normed(x, eps=0.0), x)
    mean, variance = checks(trace, trace.steps[-1])
    assert (mean.label, mean.holds, mean.detail) == ("mean 0", False, "the mean of 1 of 3 rows is not a number")
    assert (variance.label, variance.holds) == ("variance 1", False)


def test_the_mean_of_another_axis_is_no_normalisation_of_rows():
    def program(x):
        return (x - x.mean(0, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()

    assert last(program, ROWS) == {}


@pytest.mark.parametrize(("function", "holds"), [(affine, True), (by_rsqrt, True), (by_deviation_first, False)])
def test_a_layer_norm_written_out_is_held_against_torchs(function, holds):
    assert last(function, ROWS, WEIGHT, BIAS) == {"equals torch.nn.LayerNorm": holds}


def test_a_weight_applied_before_dividing_is_no_known_form_and_nothing_is_said():
    assert last(by_standard_deviation, ROWS, WEIGHT, BIAS) == {}


def test_the_layer_norm_compared_with_is_torchs_module():
    x = torch.randn(2, 3, 4)
    trace = record(LayerNorm(4), x)
    expected = nn.LayerNorm(4, dtype=torch.float64)(x.double())
    (comparison,) = torch_references(trace.steps[-1])
    assert torch.equal(comparison.expected, expected)
    assert comparison.tolerance.max() < 1e-5


# Attention


def split(x, heads):
    return x.view(*x.shape[:2], heads, -1).permute(0, 2, 1, 3)


def attend(
    x, weights, *, scale, merge=lambda mixed: mixed.permute(0, 2, 1, 3), dim=-1, split=split, mask=None, fill=-math.inf
):
    query, key, value = (split(F.linear(x, weight), 2) for weight in weights[:3])
    scores = query @ key.transpose(-2, -1)
    scaled = scores * scale if scale else scores
    masked = scaled if mask is None else scaled.masked_fill(mask, fill)
    mixed = masked.softmax(dim) @ value
    return F.linear(merge(mixed).reshape(x.shape), weights[3])


def attended(**how):
    """What is said of the mix of the values and of the whole, for two heads of width 3."""
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(2, 5, 6, generator=draws)
    weights = [torch.randn(6, 6, generator=draws) for _ in range(4)]
    trace = record(lambda x: attend(x, weights, **how), x)
    return told(trace, step_of(trace, "matmul")), told(trace, trace.steps[-1])


ALONE, WHOLE = "equals scaled_dot_product_attention", "equals torch.nn.MultiheadAttention"
SCALE = 1 / math.sqrt(3)


def test_attention_written_by_somebody_else_is_recognised():
    assert attended(scale=SCALE) == ({ALONE: True}, {WHOLE: True})
    assert attended(scale=SCALE, mask=torch.ones(5, 5).bool().triu(1)) == ({ALONE: True}, {WHOLE: True})


def test_attention_without_a_scale_is_not_torchs():
    assert attended(scale=None) == ({ALONE: True}, {WHOLE: False})


def test_the_scale_that_differs_is_told():
    x, weights = torch.randn(2, 5, 6), [torch.randn(6, 6) for _ in range(4)]
    trace = record(lambda x: attend(x, weights, scale=None), x)
    assert only(trace, trace.steps[-1]).detail.endswith(" away, which scales by 0.5774, not 1")


def test_softmax_over_the_queries_is_not_torchs_attention():
    assert attended(scale=SCALE, dim=-2) == ({ALONE: False}, {WHOLE: False})


def test_masking_with_0_is_not_torchs_attention():
    mask = torch.ones(5, 5).bool().triu(1)
    assert attended(scale=SCALE, mask=mask, fill=0.0) == ({ALONE: False}, {WHOLE: False})


def test_heads_that_are_merged_without_being_moved_back_are_noticed():
    assert attended(scale=SCALE, merge=lambda mixed: mixed) == ({ALONE: True}, {WHOLE: False})


def test_rows_cut_into_heads_across_tokens_are_noticed():
    across = lambda x, heads: x.view(x.shape[0], heads, x.shape[1], -1)  # noqa: E731
    assert attended(scale=SCALE, split=across) == ({ALONE: True}, {WHOLE: False})


def test_attention_over_tokens_that_come_before_sentences_is_compared_alone():
    def across(x, heads):
        return x.view(*x.shape[:2], heads, -1).permute(1, 2, 0, 3)

    said = attended(scale=SCALE, split=across, merge=lambda mixed: mixed.permute(2, 0, 1, 3))
    assert said == ({ALONE: True}, {})


def test_a_product_with_something_that_is_no_softmax_is_no_attention():
    assert last(lambda x: (x @ x.mT).relu() @ x, torch.randn(2, 3, 3)) == {}
    assert last(lambda x: x.relu().softmax(-1) @ x, torch.randn(2, 3, 3)) == {}


@pytest.mark.parametrize("masked", [False, True])
def test_the_attention_compared_with_is_torchs_module(masked):
    own = MultiHeadAttention(8, 2, 4, 4).requires_grad_(False)
    x, memory = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    mask = torch.tensor([False, False, False, True, True]) if masked else None
    theirs = nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64).requires_grad_(False)
    theirs.in_proj_weight.copy_(torch.cat([own.w_q.weight, own.w_k.weight, own.w_v.weight]))
    theirs.in_proj_bias.copy_(torch.cat([own.w_q.bias, own.w_k.bias, own.w_v.bias]))
    theirs.out_proj.weight.copy_(own.w_o.weight)
    theirs.out_proj.bias.copy_(own.w_o.bias)
    padding = None if mask is None else mask.expand(2, 5)
    expected, _ = theirs(x.double(), memory.double(), memory.double(), key_padding_mask=padding)
    (comparison,) = torch_references(record(own, x, memory, mask).steps[-1])
    torch.testing.assert_close(comparison.expected, expected)
    assert comparison.tolerance.max() < 1e-3


# Feed-forward and embedding


@pytest.mark.parametrize(("activation", "module"), [("relu", nn.ReLU()), ("gelu", nn.GELU())])
def test_the_feed_forward_network_compared_with_is_torchs_modules_in_a_row(activation, module):
    own, x = FeedForward(4, 9, activation), torch.randn(2, 3, 4)
    trace = record(own, x)
    (comparison,) = torch_references(trace.steps[-1])
    torch.testing.assert_close(comparison.expected, nn.Sequential(own.w_1, module, own.w_2).double()(x.double()))
    assert comparison.tolerance.max() < 1e-3


def test_weights_changed_since_the_recording_no_longer_make_the_result():
    own = FeedForward(4, 9, "relu")
    trace = record(own, torch.randn(2, 3, 4))
    assert told(trace, trace.steps[-1]) == {"equals Linear → ReLU → Linear": True}
    with torch.no_grad():
        own.w_1.weight.mul_(2)
    assert told(trace, trace.steps[-1]) == {"equals Linear → ReLU → Linear": False}


def test_of_a_table_that_was_changed_since_the_recording_nothing_is_claimed():
    table = nn.Embedding(5, 3)
    trace = record(table, torch.tensor([1, 4]))
    assert only(trace, trace.steps[0]).detail == "none of 6 numbers differs"
    with torch.no_grad():
        table.weight[4, 0] = 50.0
    assert checks(trace, trace.steps[0]) == ()


# Nothing said, and nothing raised


def test_a_trace_without_numbers_claims_nothing():
    trace = record(lambda x: x.softmax(-1).view(-1), torch.randn(2, 3, device="meta"))
    assert [checks(trace, step) for step in trace.steps] == [(), ()]


def test_an_unknown_operation_claims_nothing():
    assert last(lambda x: torch.cross(x, x, dim=0), torch.ones(3)) == {}


def test_a_comparison_that_would_take_long_is_not_made():
    def program(x, weight):
        return F.linear(F.linear(x, weight).relu(), weight)

    assert last(program, torch.randn(8, 256), torch.randn(256, 256)) == {"equals Linear → ReLU → Linear": True}
    assert last(program, torch.randn(512, 256), torch.randn(256, 256)) == {}
    assert last(affine, torch.randn(9, 4), WEIGHT, BIAS) == {"equals torch.nn.LayerNorm": True}
    assert last(affine, torch.randn(80_000, 4), WEIGHT, BIAS) == {}
    assert last(normed, torch.randn(80_000, 4)) == {}
    assert last(lambda x: x.view(-1), torch.zeros(2000, 1001)) == {}


PROGRAMS = [
    lambda x: x.view(-1),
    lambda x: x.view(torch.uint8),
    lambda x: x.softmax(-1),
    lambda x: x.softmax(0, dtype=torch.float32),
    lambda x: x.log_softmax(0),
    lambda x: x.permute(*range(x.dim())[::-1]),
    lambda x: x.t(),
    lambda x: x.unsqueeze(0).squeeze(),
    lambda x: x.masked_fill(x == x, 1),
    lambda x: x.masked_fill(torch.ones(2, 1, 1, 1, dtype=torch.bool), 1),
    lambda x: x.clone().masked_fill_(x == x, 0).softmax(-1),
    lambda x: (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True),
    lambda x: affine(x, x, x),
    lambda x: affine(x, x[0], x[0]),
    lambda x: normed(x) * 2 + 1,
    lambda x: F.embedding(x, torch.randn(9, 2)),
    lambda x: F.linear(F.gelu(F.linear(x, x)), x),
    lambda x: (x @ x.mT / 2).softmax(-1) @ x,
    lambda x: (x[0] @ x.mT).softmax(-1) @ x,
    lambda x: (x @ x.mT).masked_fill(x == x, -9).softmax(-1) @ x,
    lambda x: x.to_sparse().clone(),
    lambda x: x.to_sparse().softmax(-1),
    lambda x: torch.nested.nested_tensor([x, x]).contiguous(),
    lambda x: x.triu(1).contiguous(),
    lambda x: torch.vmap(lambda y: y.softmax(-1).view(-1))(x),
    lambda x: x.expand(3, *x.shape).contiguous(),
    lambda x: x.t_().view(-1),
    lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.quint8).view(-1),
    lambda x: attend(x, [x[0]] * 4, scale=0.5),
]
KINDS = [
    *(
        getattr(torch, name)
        for name in (*DTYPES, "int64", "int8", "uint8", "bool", "complex64", "float8_e4m3fn", "uint16")
    )
]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=250)
@given(
    program=st.sampled_from(PROGRAMS),
    dtype=st.sampled_from(KINDS),
    device=st.sampled_from(("cpu", "cpu", "cpu", "meta")),
    shape=st.one_of(st.lists(st.integers(0, 4), max_size=4), st.just([2, 2]), st.just([2, 4, 4])),
    infinite=st.booleans(),
)
def test_nothing_is_ever_raised(program, dtype, device, shape, infinite):
    x = (torch.arange(math.prod(shape)).view(shape) % 7).to(dtype)
    if infinite and x.is_floating_point() and x.numel() and dtype.itemsize > 1:
        x.view(-1)[0] = math.inf
    try:
        trace = record(program, x.to(device))
    except (
        RuntimeError,
        ValueError,
        TypeError,
        IndexError,
        AssertionError,
    ):  # torch refuses this program for such numbers
        return
    for step in trace.steps:
        for check in checks(trace, step):
            assert check.label
            assert check.detail
