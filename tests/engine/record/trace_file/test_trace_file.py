"""A trace that was saved and opened is the trace that was saved."""

from __future__ import annotations

import gc
import json
import math
import os

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from engine import (
    Config,
    GPT2Config,
    Leaf,
    LlamaConfig,
    Step,
    Trace,
    explain,
    findings,
    open_trace,
    record,
    recording,
    run,
    save_trace,
    trained_config,
)
from engine.explain.replay import CallReplay, CannotReplayError
from engine.export.csv_tables import csv_bytes, write_steps, write_values
from engine.ops.terms import Term
from engine.record.trace_file import manifest
from engine.record.trace_file.container import ALIGNMENT
from tests.engine.record.trace_file.foreign_programs import PROGRAMS

BUILT_IN = {
    "random": lambda: run(Config(batch=2, src_len=5, tgt_len=4, d_model=32, heads=4)),
    "text": lambda: run(Config(heads=2, d_model=16), source="I go home", target="나는 집에 간다"),
    "trained": lambda: run(trained_config(), source="21 November 2026"),
    "bfloat16": lambda: run(Config(dtype="bfloat16")),
    "todays llama": lambda: run(LlamaConfig(device="cpu", heads=4, kv_heads=2, layers=1, d_model=16, length=5)),
    "without numbers": lambda: run(GPT2Config(device="meta", layers=1)),
}


def traced(name: str) -> Trace:
    """The live trace of one of the programs."""
    if name in BUILT_IN:
        return BUILT_IN[name]()
    function, args, kwargs = PROGRAMS[name]()
    return record(function, *args, **kwargs)


@pytest.fixture(params=[*BUILT_IN, *PROGRAMS], scope="module")
def pair(request, tmp_path_factory) -> tuple[Trace, Trace]:
    """A live trace, and the same from its file."""
    live = traced(request.param)
    return live, open_trace(save_trace(live, tmp_path_factory.mktemp("pair") / "run.trace"))


def block_of(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def same_numbers(one: Tensor, other: Tensor) -> bool:
    if one.is_meta or other.is_meta:
        return one.is_meta == other.is_meta
    if one.layout == torch.sparse_coo:
        return torch.equal(one.coalesce().values(), other.coalesce().values())
    return torch.equal(one.isnan(), other.isnan()) and torch.equal(
        one.detach().nan_to_num(0.123), other.detach().nan_to_num(0.123)
    )


def term_text(term: Term) -> str:
    factors = [(factor.index, factor.value, factor.role) for factor in term.factors]
    return repr((term.contribution, term.role, term.share, factors))


def parent_of(parent: Step | Leaf) -> object:
    if isinstance(parent, Step):
        return parent.index
    if parent.kind == "argument":
        return (parent.kind, str(parent))
    return (parent.kind, parent.name, parent.axes, tuple(parent.value.shape), parent.value.stride())


def test_every_step_has_its_name_text_shape_and_memory(pair):
    live, opened = pair
    assert len(live.steps) == len(opened.steps)
    for a, b in zip(live.steps, opened.steps, strict=True):
        for name in ("index", "op", "name", "path", "axes", "source", "memory", "call", "output", "shape", "dtype"):
            assert getattr(a, name) == getattr(b, name), (a, name)
        assert a.source is None or a.source.code == b.source.code
        assert (a.stride, a.is_contiguous, a.is_view, a.nbytes) == (b.stride, b.is_contiguous, b.is_view, b.nbytes)


def test_every_number_is_the_same(pair):
    live, opened = pair
    for a, b in zip(live.steps, opened.steps, strict=True):
        assert same_numbers(a.value, b.value), a
        for mine, theirs in zip(a.inputs, b.inputs, strict=True):
            assert same_numbers(mine.value, theirs.value), (a, mine)


def test_every_parent_is_the_same(pair):
    live, opened = pair
    for a, b in zip(live.steps, opened.steps, strict=True):
        assert list(map(parent_of, a.parents)) == list(map(parent_of, b.parents))


def test_what_shared_memory_shares_it(pair):
    live, opened = pair

    def tensors(trace: Trace) -> list[Tensor]:
        read = [[step.value, *(parent.value for parent in step.inputs)] for step in trace.steps]
        return [tensor for row in read for tensor in row if tensor.layout == torch.strided]

    def partition(trace: Trace) -> list[int]:
        first: dict[int, int] = {}
        return [first.setdefault(block_of(tensor), place) for place, tensor in enumerate(tensors(trace))]

    assert partition(live) == partition(opened)
    assert live.nbytes == opened.nbytes


def test_the_same_tensor_object_is_one_object(pair):
    live, opened = pair
    for a, b in zip(live.steps, opened.steps, strict=True):
        assert [one.value is a.value for one in a.inputs] == [one.value is b.value for one in b.inputs]


def test_both_csv_files_are_the_same_bytes(pair):
    live, opened = pair
    for write in (write_steps, write_values):
        assert csv_bytes(lambda file, write=write: write(live.steps, file)) == csv_bytes(
            lambda file, write=write: write(opened.steps, file)
        )


def test_what_is_said_of_the_whole_trace_is_the_same(pair):
    live, opened = pair
    assert opened.config == live.config
    assert opened.variant == live.variant
    assert opened.modes == live.modes
    assert opened.labels == live.labels
    assert opened.sizes == live.sizes
    assert {name: tensor.shape for name, tensor in opened.inputs.items()} == {
        name: tensor.shape for name, tensor in live.inputs.items()
    }
    assert {i: [s.index for s in steps] for i, steps in live.consumers.items()} == {
        i: [s.index for s in steps] for i, steps in opened.consumers.items()
    }


def test_every_explanation_is_the_same(pair):
    live, opened = pair
    for a, b in zip(live.steps, opened.steps, strict=True):
        if a.value.is_meta or not a.value.numel() or a.value.layout != torch.strided or a.value.is_complex():
            continue
        index = tuple(size // 2 for size in a.shape)
        mine, theirs = explain(live, a, index), explain(opened, b, index)
        assert mine.sentence == theirs.sentence
        assert (mine.formula, mine.arithmetic, mine.agrees, mine.count) == (
            theirs.formula,
            theirs.arithmetic,
            theirs.agrees,
            theirs.count,
        )
        assert list(map(term_text, mine.terms[:20])) == list(map(term_text, theirs.terms[:20]))


def test_what_is_suspicious_in_it_is_the_same(pair):
    live, opened = pair

    def told(trace: Trace) -> list[object]:
        return [(f.rule, f.step and f.step.index, f.sentence, [s.index for s in f.also]) for f in findings(trace)]

    assert told(opened) == told(live)


def test_calls_are_made_again_with_other_numbers_as_on_the_live_trace(pair):
    live, opened = pair

    def changed(trace: Trace, place: int) -> object:
        step = trace.steps[place]
        floats = [item.value for item in step.inputs if item.value.is_floating_point()]
        if not floats:
            return None
        operands = [item.value.flip(-1) if item.value is floats[0] else item.value for item in step.parents]
        try:
            return CallReplay(trace).again(step, operands)
        except CannotReplayError:
            return "cannot"

    for place in range(0, len(live.steps), 1 + len(live.steps) // 60):
        mine, theirs = changed(live, place), changed(opened, place)
        if isinstance(mine, Tensor):
            assert same_numbers(mine, theirs), live.steps[place]
        else:
            assert mine == theirs, live.steps[place]


def test_every_call_is_made_again_from_the_file(pair):
    live, opened = pair
    for a, b in zip(live.steps, opened.steps, strict=True):
        again = b.recompute()
        assert (again.shape, again.dtype) == (a.value.shape, a.value.dtype)
        if not again.is_meta and again.layout == torch.strided:
            torch.testing.assert_close(again, a.value.detach(), rtol=1e-3, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("way", ["record", "recording"])
def test_the_modes_of_the_recording_are_kept(tmp_path, way):
    def forward(x: Tensor) -> Tensor:
        return x @ x

    def recorded() -> Trace:
        if way == "record":
            return record(forward, torch.ones(2, 2))
        with recording() as rec:
            forward(torch.ones(2, 2))
        return rec.trace

    with torch.autocast("cpu", torch.bfloat16):
        autocast = recorded()
    with torch.no_grad():
        without = recorded()
    with torch.inference_mode():
        inference = recorded()
    modes = [open_trace(save_trace(live, tmp_path / "run.trace")).modes for live in (autocast, without, inference)]
    assert [(mode.gradients, mode.inference, dict(mode.autocast)) for mode in modes] == [
        (True, False, {"cpu": "bfloat16"}),
        (False, False, {}),
        (False, True, {}),
    ]


def test_every_fused_call_opens_as_it_did(pair):
    live, opened = pair
    for a, b in zip(live.steps, opened.steps, strict=True):
        if a.inside is None:
            assert b.inside is None
            continue
        assert [(s.name, s.op, s.axes, s.shape, s.stride) for s in a.inside.steps] == [
            (s.name, s.op, s.axes, s.shape, s.stride) for s in b.inside.steps
        ]
        assert all(same_numbers(s.value, t.value) for s, t in zip(a.inside.steps, b.inside.steps, strict=True))
        assert a.inside_difference == b.inside_difference


def test_the_programs_open_fused_calls_of_every_kind():
    ops = {step.op for name in ("fused_encoder", "gpt2", "lstm") for step in traced(name).steps if step.inside}
    assert ops == {
        "_transformer_encoder_layer_fwd",
        "_native_multi_head_attention",
        "multi_head_attention_forward",
        "scaled_dot_product_attention",
        "lstm",
    }


def test_a_trace_from_a_file_can_be_saved_again(pair, tmp_path):
    live, opened = pair
    again = open_trace(save_trace(opened, tmp_path / "again.trace"))
    for a, b in zip(live.steps, again.steps, strict=True):
        assert (a.name, a.stride, a.source) == (b.name, b.stride, b.source)
        assert (a.inside is None) == (b.inside is None)
    assert again.modules == live.modules


def test_a_large_fused_layer_is_opened_to_be_saved_only_where_somebody_opened_it(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "MOST_OPENED", 0)
    live = traced("fused_encoder")
    fused = [step for step in live.steps if step.op == "_transformer_encoder_layer_fwd"]
    assert fused[1].inside is not None
    opened = open_trace(save_trace(live, tmp_path / "run.trace"))
    assert [opened.steps[step.index].inside is None for step in fused] == [True, False]


def test_modules_are_kept_with_their_class_their_switch_and_their_sizes(tmp_path):
    live = traced("gpt2")
    opened = open_trace(save_trace(live, tmp_path / "run.trace"))
    assert opened.modules == live.modules
    attention = opened.modules["transformer.h.1.attn"]
    assert attention.kind.endswith("GPT2Attention")
    assert (attention.training, attention.sizes["num_heads"], attention.sizes["head_dim"]) == (False, 2, 8)
    assert opened.modules[""].sizes["config.n_embd"] == 16


def test_what_was_written_to_after_the_recording_is_not_passed_off_as_recorded(tmp_path):
    live = record(lambda x: (x + 1) * 2, torch.zeros(3))
    live.steps[0].value.fill_(9)
    opened = open_trace(save_trace(live, tmp_path / "run.trace"))
    assert [step.overwritten for step in opened.steps] == [True, False]
    assert opened.steps[0].unreadable == live.steps[0].unreadable


def test_a_failing_run_is_saved_with_its_failure(tmp_path):
    def forward(query: Tensor, key: Tensor) -> Tensor:
        doubled = query * 2  # (B, L, d_k)
        scores = doubled @ key
        return scores

    with pytest.raises(RuntimeError) as raised:
        record(forward, torch.randn(2, 6, 8), torch.randn(2, 6, 8))
    live = raised.value.trace
    opened = open_trace(save_trace(live, tmp_path / "failed.trace"))
    assert opened.failure.note == live.failure.note
    assert opened.failure.edges == live.failure.edges
    assert [operand.shape_text for operand in opened.failure.operands] == ["(B 2, L 6, d_k 8)", "(2, 6, 8)"]
    assert opened.failure.operands[0].origin is opened.steps[0]
    assert opened.failure.operands[1].origin.name == "key"


def test_the_file_is_one_that_safetensors_reads_with_every_block_at_an_even_address(tmp_path):
    live = run(Config())
    path = save_trace(live, tmp_path / "run.trace")
    length = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + length])
    offsets = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
    assert all((8 + length + begin) % ALIGNMENT == 0 for begin, _ in offsets)
    with safe_open(path, framework="pt") as file:
        listed = json.loads(bytes(file.get_tensor("manifest").tolist()))
        blocks, sizes = listed["tensors"]["storage"], listed["storages"]["nbytes"]
        for block in blocks:
            assert file.get_tensor(f"storage.{block}").numel() >= sizes[block]
        step = next(step for step in live.steps if step.name == "scores")
        block = blocks[listed["steps"]["tensor"][step.index]]
        numbers = file.get_tensor(f"storage.{block}").view(torch.float32)
        assert numbers[: math.prod(step.shape)].tolist() == step.value.flatten().tolist()


def test_memory_of_a_parameter_tied_to_another_is_kept_once(tmp_path):
    weight = torch.nn.Parameter(torch.randn(100, 100))

    def forward(x: Tensor) -> Tensor:
        return torch.nn.functional.linear(x, weight) @ weight.T

    path = save_trace(record(forward, torch.randn(1, 100)), tmp_path / "tied.trace")
    assert os.path.getsize(path) < 1.5 * 100 * 100 * 4


def test_an_opened_trace_outlives_its_file_and_a_write_stays_out_of_it(tmp_path):
    path = save_trace(record(lambda x: x + 1, torch.zeros(1000)), tmp_path / "run.trace")
    opened = open_trace(path)
    opened.steps[0].value.fill_(7)
    assert open_trace(path).steps[0].value.unique().tolist() == [1.0]
    path.unlink()
    gc.collect()
    assert opened.steps[0].value.unique().tolist() == [7.0]


def test_a_call_that_cannot_be_made_again_from_a_file_says_so(tmp_path):
    opened = open_trace(save_trace(record(lambda x: x + torch.randn(2), torch.zeros(2)), tmp_path / "run.trace"))
    with pytest.raises(ValueError, match=r"^randn can't be made again: .* to make this call again, record the program"):
        opened.steps[0].recompute()
    assert torch.equal(opened.steps[1].recompute(), opened.steps[1].value)


def test_opening_loads_none_of_the_numbers(tmp_path):
    resident = pytest.importorskip("psutil").Process().memory_full_info
    live = record(lambda x: x + 1, torch.zeros(64 * 2**20 // 4))
    path = save_trace(live, tmp_path / "large.trace")
    del live
    gc.collect()
    before = resident().rss
    opened = open_trace(path)
    assert opened.steps[0].shape == (16 * 2**20,)
    assert resident().rss - before < 16 * 2**20
