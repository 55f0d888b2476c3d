"""A block as boxes: every tensor of it once, after what it was made of, whoever's program it is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from engine import Config, record, run
from engine.graph.module_paths import is_inside
from engine.graph.strip import (
    MOST_BOXES,
    SMALL_STEPS,
    default_folded,
    parts_of,
    small_runs,
    strip_of,
    symbol_sizes,
)
from tests.engine.record.trace_file import foreign_programs

ATTENTION = "encoder.layers.0.self_attention"


@pytest.fixture(scope="module")
def trace():
    return run(Config(device="cpu"))


def named(strip, name, op):
    [place] = [place for place, box in enumerate(strip.boxes) if (box.name, box.op) == (name, op)]
    return place


def test_every_step_of_the_block_is_a_box_with_its_own_shape(trace):
    strip = strip_of(trace, ATTENTION)
    steps = [step for step in trace.steps if step.path == ATTENTION]
    assert [box.step for box in strip.boxes if box.op] == [step.index for step in steps]
    for box in strip.boxes:
        step = trace.steps[box.step]
        assert (box.name, box.axes, box.shape) == (step.name, step.axes, step.shape)
        assert box.itemsize * step.value.numel() == step.nbytes


def test_boxes_stand_after_what_they_were_made_of_and_read_what_the_step_read(trace):
    for module in ("", "encoder", "decoder.layers.1", ATTENTION, "decoder.layers.0.cross_attention"):
        for place, box in enumerate(strip_of(trace, module, ()).boxes):
            assert all(parent < place for parent in box.parents)
    strip = strip_of(trace, ATTENTION)
    for box in strip.boxes:
        if box.op:
            read = [one.index for one in trace.steps[box.step].inputs if one.kind == "step"]
            assert [strip.boxes[parent].step for parent in box.parents] == read


def test_query_key_and_value_are_lines_of_their_own_until_a_product_joins_them(trace):
    strip = strip_of(trace, ATTENTION)
    lanes = {
        name: {box.lane for box in strip.boxes if box.name == name and box.op in ("linear", "view", "permute")}
        for name in ("query", "key", "value")
    }
    assert all(len(lane) == 1 for lane in lanes.values())
    assert len(set.union(*lanes.values())) == 3
    assert strip.boxes[named(strip, "key_t", "transpose")].lane in lanes["key"]
    assert strip.boxes[named(strip, "scores", "matmul")].lane in lanes["query"]
    assert strip.boxes[named(strip, "output", "linear")].lane in lanes["query"]


def test_only_what_scales_masks_or_copies_is_small(trace):
    small = [(box.name, box.op) for box in strip_of(trace, ATTENTION).boxes if box.is_small]
    assert small == [("scaled", "div"), ("masked", "masked_fill"), ("mixed", "contiguous")]


def test_an_added_mask_is_small_and_an_added_tensor_is_not():
    def program(scores, attention_mask, other):
        masked = scores + attention_mask
        total = masked + other
        product = total * scores
        return product

    boxes = strip_of(record(program, torch.rand(2, 3, 3), torch.zeros(3, 3), torch.rand(2, 3, 3))).boxes
    assert {box.name: box.is_small for box in boxes if box.op} == {
        "masked": True,
        "total": False,
        "product": False,
    }


@pytest.mark.parametrize("module", ["", "encoder", "decoder.layers.1"])
def test_a_folded_block_has_a_box_a_call_that_reads_what_the_call_read_from_outside(trace, module):
    folded = parts_of(trace, module)
    strip = strip_of(trace, module, folded)
    steps = [step for step in trace.steps if is_inside(step.path, module)]
    covered = sum(box.folded or (1 if box.op else 0) for box in strip.boxes)
    assert covered == len(steps)
    for box in strip.boxes:
        if not box.folded:
            continue
        inside = set(range(box.first, box.first + box.folded))
        assert box.step in inside
        read = {
            one.index
            for index in inside
            for one in trace.steps[index].inputs
            if one.kind == "step" and one.index not in inside
        }
        shown = {strip.boxes[parent] for parent in box.parents}
        assert all(
            index in {parent.step for parent in shown}
            or any(parent.folded and parent.first <= index < parent.first + parent.folded for parent in shown)
            for index in read
        )


def test_a_folded_module_shows_what_others_read_of_it(trace):
    strip = strip_of(trace, "")
    [encoder] = [box for box in strip.boxes if box.name == "encoder"]
    read = {
        one.index
        for step in trace.steps
        if step.path.startswith("decoder")
        for one in step.inputs
        if one.kind == "step"
    }
    assert encoder.step in read
    assert encoder.step == encoder.first + encoder.folded - 1


def test_a_module_called_twice_is_two_boxes_and_no_box_waits_for_itself():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
            self.norm = nn.LayerNorm(4)

        def forward(self, x):
            hidden = self.inner(x)
            shifted = hidden * 2
            return self.inner(shifted)

    trace = record(Twice(), torch.rand(2, 4))
    strip = strip_of(trace, "", parts_of(trace, ""))
    assert all(parent < place for place, box in enumerate(strip.boxes) for parent in box.parents)
    assert len([box for box in strip.boxes if box.name == "shifted"]) == 1


def test_a_block_of_more_steps_than_an_eye_follows_is_folded(trace):
    for module in ("", "encoder", "encoder.layers.0", ATTENTION):
        count = sum(is_inside(step.path, module) for step in trace.steps)
        assert bool(default_folded(trace, module)) == (count > MOST_BOXES)
        assert len(strip_of(trace, module).boxes) <= MOST_BOXES


def test_what_nothing_happened_to_has_no_box_and_its_readers_read_what_was_handed_on():
    def program(x):
        same = x.to(x.dtype)
        empty = torch.tensor([])
        joined = torch.cat([empty, same.view(-1)])
        return joined + 1

    strip = strip_of(record(program, torch.rand(2, 3)))
    assert [(box.name, box.op) for box in strip.boxes] == [("x", ""), ("view", "view"), ("add", "add")]
    assert [box.parents for box in strip.boxes] == [(), (0,), (1,)]


def test_contiguous_is_drawn_between_its_neighbours_whether_or_not_it_had_to_copy():
    for heads in (1, 2):
        sizes = {"heads": heads, "d_model": 8, "encoder_layers": 1, "decoder_layers": 1}
        trace = run(Config(**sizes, device="cpu"))
        strip = strip_of(trace, ATTENTION)
        copied, concat = named(strip, "mixed", "contiguous"), named(strip, "concat", "view")
        assert trace.steps[strip.boxes[copied].step].memory == ("same" if heads == 1 else "new")
        assert strip.boxes[copied].parents == (named(strip, "mixed", "permute"),)
        assert strip.boxes[concat].parents == (copied,)


def test_a_weight_is_an_operand_of_a_product_and_otherwise_part_of_the_operation():
    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.rand(4, 4))
            self.linear = nn.Linear(4, 4)

        def forward(self, x):
            product = x @ self.w
            return self.linear(product)

    strip = strip_of(record(Weighted(), torch.rand(2, 4)))
    assert [box.name for box in strip.boxes if not box.op] == ["x", "w"]


@given(
    batch=st.integers(1, 3),
    src_len=st.integers(1, 6),
    heads=st.sampled_from([1, 2, 4]),
    d_k=st.integers(1, 5),
    d_v=st.integers(1, 5),
)
def test_every_named_axis_is_as_long_as_the_sizes_of_the_config_say(batch, src_len, heads, d_k, d_v):
    sizes = {"batch": batch, "src_len": src_len, "heads": heads, "d_k": d_k, "d_v": d_v}
    config = Config(**sizes, d_model=8, encoder_layers=1, decoder_layers=1, device="cpu")
    foreseen = symbol_sizes(config)
    for box in strip_of(run(config), ATTENTION).boxes:
        for symbol, size in zip(box.axes, box.shape, strict=True):
            factors = [1 if factor == "1" else foreseen[factor] for factor in symbol.split("*")]
            assert size == torch.tensor(factors).prod()


def test_a_llama_block_is_drawn_whole_with_its_queries_keys_and_values_on_lines_of_their_own():
    model, arguments, inputs = foreign_programs.llama()
    with torch.no_grad():
        trace = record(model, *arguments, **inputs)
    strip = strip_of(trace, "model.layers.0")
    assert 40 <= len(strip.boxes) <= MOST_BOXES
    assert all(box.shape == trace.steps[box.step].shape for box in strip.boxes if box.step is not None)
    assert 0 not in {size for box in strip.boxes for size in box.shape}
    [attended] = [box for box in strip.boxes if box.op == "scaled_dot_product_attention"]
    assert len({strip.boxes[parent].lane for parent in attended.parents}) == 3


def failed(program, *arguments):
    """The strip of a program that raises."""
    with pytest.raises(RuntimeError) as raised:
        record(program, *arguments)
    return strip_of(raised.value.trace)


def test_a_product_that_failed_is_the_last_box_and_the_inner_edges_of_its_operands_are_marked():
    def program(q, k):
        query = q * 2
        return query @ k

    strip = failed(program, torch.rand(2, 6, 8), torch.rand(2, 6, 8))
    last = strip.boxes[-1]
    assert (last.is_failed, last.name, last.op, last.shape, last.step) == (True, "query @ k", "matmul", (), None)
    left, right = (strip.boxes[parent] for parent in last.parents)
    assert (left.name, left.wrong) == ("query", (2,))  # 8 columns
    assert (right.name, right.wrong) == ("k", (1,))  # 6 rows
    assert all(not box.wrong for box in strip.boxes if box not in (left, right))


def test_weights_are_drawn_where_a_layer_cannot_read_its_input():
    strip = failed(nn.Linear(7, 5), torch.rand(2, 6))
    last = strip.boxes[-1]
    operands = {strip.boxes[parent].shape: strip.boxes[parent].wrong for parent in last.parents}
    assert operands[2, 6] == (1,)
    assert operands[5, 7] == (1,)


def test_a_call_that_failed_stands_only_in_the_blocks_that_its_operands_are_of():
    class Inner(nn.Module):
        def forward(self, x):
            rows = x * 2
            return rows @ rows

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
            self.second = Inner()

        def forward(self, x):
            return self.second(self.first(x))

    with pytest.raises(RuntimeError) as raised:
        record(Outer(), torch.rand(3, 4))
    trace = raised.value.trace
    assert strip_of(trace, "second").boxes[-1].is_failed
    assert strip_of(trace, "").boxes[-1].is_failed
    assert not any(box.is_failed for box in strip_of(trace, "first").boxes)


def test_a_run_of_small_steps_folds_into_one_box_that_reads_what_they_read(trace):
    strip = strip_of(trace, ATTENTION, {SMALL_STEPS})
    [run_of] = [box for box in strip.boxes if box.op == SMALL_STEPS]
    assert (run_of.name, run_of.folded, run_of.is_small) == ("scaled, masked", 2, True)
    assert [strip.boxes[parent].name for parent in run_of.parents] == ["scores", "mask"]
    assert trace.steps[run_of.step].name == "masked"
    readers = [box.name for box in strip.boxes if strip.boxes.index(run_of) in box.parents]
    assert readers == ["weights"]
    assert len(strip.boxes) == len(strip_of(trace, ATTENTION, ()).boxes) - 1


def test_small_steps_that_do_not_go_on_from_each_other_are_no_run():
    def program(x, y):
        scaled = x * 2
        other = y * 3
        halved = other / 2
        return scaled @ halved

    runs = small_runs(record(program, torch.rand(3, 3), torch.rand(3, 3)).steps)
    assert runs == {1: 1, 2: 1}


def test_one_module_of_a_block_folds_and_the_others_stay_open(trace):
    module = "encoder.layers.0"
    strip = strip_of(trace, module, {f"{module}.self_attention"})
    assert [box.name for box in strip.boxes if box.folded] == [f"{module}.self_attention"]
    steps = [step for step in trace.steps if is_inside(step.path, module) and "self_attention." not in f"{step.path}."]
    shown = {box.step for box in strip.boxes if box.op and not box.folded}
    assert shown == {step.index for step in steps if step.memory != "same" or step.op == "contiguous"}


@pytest.mark.parametrize("norm_first", [False, True])
def test_two_given_tensors_of_one_name_are_called_what_the_block_calls_them(norm_first):
    trace = run(Config(norm_first=norm_first, encoder_layers=1, decoder_layers=1, device="cpu"))
    strip = strip_of(trace, "decoder.layers.0.cross_attention")
    steps = {box.name: trace.steps[box.step] for box in strip.boxes if not box.op}
    assert set(steps) == {"query_input", "memory", "mask"}
    assert steps["query_input"].path.startswith("decoder.")
    assert steps["memory"].path.startswith("encoder")
    assert {steps["query_input"].name, steps["memory"].name} == {"shifted"}


def test_a_given_tensor_with_a_name_of_its_own_keeps_it(trace):
    assert [box.name for box in strip_of(trace, ATTENTION).boxes if not box.op] == ["placed", "mask"]
