import dataclasses
import math

import einops
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import Config, record, run
from engine.explain.memory_layout import describe_strides, einops_check, einops_pattern, einops_sizes


def rearranged(step):
    """The step made again by einops from the pattern alone."""
    return einops.rearrange(step.inputs[0].value, einops_pattern(step), **einops_sizes(step))


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(
    batch=st.integers(1, 2),
    length=st.integers(1, 3),
    heads=st.integers(1, 3),
    d_k=st.integers(1, 3),
    d_v=st.integers(1, 3),
)
def test_every_layout_step_of_any_transformer_equals_its_einops_form(batch, length, heads, d_k, d_v):
    config = Config(
        batch=batch,
        src_len=length,
        tgt_len=3,
        d_model=heads * 2,
        heads=heads,
        d_k=d_k,
        d_v=d_v,
        encoder_layers=1,
        decoder_layers=1,
    )
    checked = 0
    for step in run(config).steps:
        if einops_pattern(step) is not None:
            assert torch.equal(rearranged(step), step.value)
            checked += 1
        else:
            assert step.op not in ("view", "permute", "transpose", "unsqueeze"), step.full_name
    assert checked >= 30


def test_heads_are_split_moved_and_merged_in_einops_words():
    trace = run(Config(encoder_layers=1, decoder_layers=1))
    attention = "encoder.layers.0.self_attention"
    _, split, moved = trace.find_all(f"{attention}.query")
    assert einops_pattern(split) == "B S (H d_k) -> B S H d_k"
    assert einops_sizes(split) == {"d_k": 8}
    assert einops_pattern(moved) == "B S H d_k -> B H S d_k"
    assert einops_pattern(trace.find(f"{attention}.key_t")) == "B H S d_k -> B H d_k S"
    assert einops_pattern(trace.find(f"{attention}.concat")) == "B S H d_v -> B S (H d_v)"
    assert einops_pattern(trace.find("source_padding_mask.per_query")) == "B S -> B 1 S"
    assert einops_pattern(trace.find("causal_mask.per_head")) == "T T2 -> 1 T T2"
    assert einops_pattern(trace.find(f"{attention}.scores")) is None


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(shape=st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple), data=st.data())
def test_any_regrouping_of_unnamed_axes_equals_its_einops_form(shape, data):
    other = list(shape)
    place = data.draw(st.integers(0, len(other) - 1))
    if data.draw(st.booleans()):
        other[place : place + 2] = [math.prod(other[place : place + 2])]
    other.insert(data.draw(st.integers(0, len(other))), 1)
    order = data.draw(st.permutations(range(len(other))))

    def program(x):
        grouped = x.view(other)
        turned = grouped.permute(order)
        turned.squeeze()
        turned.reshape(-1)
        return grouped.view(shape)

    for step in record(program, torch.arange(math.prod(shape)).view(shape)).steps:
        assert torch.equal(rearranged(step), step.value)


def test_a_view_across_the_edges_of_several_axes_has_no_single_pattern():
    (step,) = record(lambda x: x.view(4, 6), torch.rand(3, 8)).steps
    assert einops_pattern(step) is None
    assert einops_sizes(step) == {}


def test_a_view_a_copy_and_nothing_are_told_apart_by_their_strides():
    def program(x):
        turned = x.transpose(0, 1)
        copied = turned.contiguous()
        copied.contiguous()
        return copied.exp()

    turned, copied, again, computed = (describe_strides(step) for step in record(program, torch.rand(2, 3)).steps)
    assert turned == "A view: strides (3, 1) became (1, 3); no number moved."
    assert copied == (
        "A copy: strides (1, 3) became (2, 1); every number was written anew. It was needed because a view merges only "
        "axes that lie one after the other in memory: for (3, 2) that is strides (2, 1)."
    )
    assert again == "Nothing happened: with strides (2, 1), copied was contiguous already."
    assert computed is None


@pytest.mark.parametrize("op", ["view", "permute", "transpose", "unsqueeze", "contiguous"])
def test_every_layout_step_of_the_transformer_has_its_story(op):
    steps = [step for step in run(Config(encoder_layers=1, decoder_layers=1)).steps if step.op == op]
    assert steps
    for step in steps:
        assert str(step.stride) in describe_strides(step)


def test_the_einops_form_is_run_and_compared_with_the_step():
    steps = run(Config()).steps
    checked = [step for step in steps if einops_pattern(step) is not None]
    assert {step.op for step in checked} >= {"view", "permute", "transpose", "unsqueeze"}
    for step in checked:
        check = einops_check(step)
        assert check.holds
        assert check.detail == f"0 of {step.value.numel():,} number{'s' * (step.value.numel() != 1)} differ"
    assert einops_check(next(step for step in steps if step.op == "softmax")) is None


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        (lambda value: value.flip(0), "12 of 12 numbers differ"),
        (lambda value: value.contiguous().view(3, 4), "einops makes the shape (4, 3)"),
    ],
)
def test_a_step_that_is_not_its_einops_form_is_found_out(wrong, detail):
    step = record(lambda x: x.transpose(0, 1), torch.arange(12).view(3, 4)).steps[-1]
    check = einops_check(dataclasses.replace(step, value=wrong(step.value)))
    assert not check.holds
    assert check.detail == detail
