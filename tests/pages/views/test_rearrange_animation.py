"""Which steps only move their cells, and that a cell keeps its colour from one of them to the next."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch

from engine import Config, Step, Trace, record, run
from engine.explain.memory_layout import einops_pattern
from engine.ops import reads
from pages.ui.components.tensor_view import AxisDigit
from pages.ui.views.rearrange_animation import travel_of

CONFIG = Config(
    batch=2, src_len=5, tgt_len=4, d_model=12, heads=3, d_k=4, d_v=2,
    encoder_layers=1, decoder_layers=1, vocab_size=9, device="cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def trace() -> Trace:
    return run(CONFIG)


def travelling(trace: Trace) -> list[Step]:
    return [step for step in trace.steps if travel_of(step)]


def test_views_permutes_and_transposes_travel_and_nothing_else_of_the_model_does(trace: Trace) -> None:
    moving = ("view", "permute", "transpose")
    assert [step.full_name for step in travelling(trace)] == [
        step.full_name for step in trace.steps if step.op in moving
    ]
    # waves of both positions, and of each of three attentions: q, k, v twice, key_t, mixed and concat
    assert len(travelling(trace)) == 2 + 3 * 9


def test_what_travels_can_be_said_in_einops(trace: Trace) -> None:
    assert all(einops_pattern(step) for step in travelling(trace))


def test_every_number_of_the_input_arrives_once_and_unchanged(trace: Trace) -> None:
    for step in travelling(trace):
        (source,) = step.inputs
        (read,) = reads(step) or ()
        arrived = [read.cells(index) for index in indices(step.shape)]
        assert all(len(cells) == 1 for cells in arrived)
        assert {cells[0] for cells in arrived} == set(indices(tuple(source.value.shape)))
        assert all(
            bool(step.value[index] == source.value[cells[0]])
            for index, cells in zip(indices(step.shape), arrived, strict=True)
        )


@pytest.mark.parametrize(
    ("made", "travels"),
    [
        (lambda x: x.reshape(6, 4), True),
        (lambda x: x.flatten(), True),
        (lambda x: x.unflatten(2, (2, 2)), True),
        (lambda x: x.swapaxes(0, 2), True),
        (lambda x: x.mT, True),
        (lambda x: x[0].t(), True),
        (lambda x: x[0, :1].t(), True),
        (lambda x: x.unsqueeze(1), False),
        (lambda x: x[:1].squeeze(0), False),
        (lambda x: x.view(2, 1, 3, 4), False),
        (lambda x: x.view(2, 3, 4), False),
        (lambda x: x.permute(0, 1, 2), False),
        (lambda x: x.contiguous(), False),
        (lambda x: x.clone(), False),
        (lambda x: x.view(torch.int32), False),
        (lambda x: x.expand(5, 2, 3, 4), False),
        (lambda x: x[:, 1:], False),
        (lambda x: x.relu(), False),
        (lambda x: x.sum(-1), False),
        (lambda x: x + 1, False),
        (lambda x: torch.cat([x, x]), False),
        (lambda x: torch.empty(0, 3).t(), False),
    ],
)
def test_in_anybodys_code_only_what_regroups_or_reorders_travels(
    made: Callable[[torch.Tensor], torch.Tensor], travels: bool
) -> None:
    trace = record(made, torch.arange(24.0).reshape(2, 3, 4))
    assert (travel_of(trace.steps[-1]) is not None) is travels


def test_a_cell_keeps_its_colour_from_the_linear_layer_to_the_scores_and_from_the_mix_to_the_output(
    trace: Trace,
) -> None:
    chains = [
        ("query:view", "query:permute"),
        ("key:view", "key:permute", "key_t:transpose"),
        ("mixed:permute", "concat:view"),
    ]
    attention = "encoder.layers.0.self_attention"
    named = {f"{step.name}:{step.op}": step for step in trace.steps if step.path == attention}
    for chain in chains:
        steps = [named[name] for name in chain]
        labels = colours(steps[0])
        assert len(labels.unique()) == labels.numel() / CONFIG.batch
        for step, following in pairwise(steps):
            labels = moved(step, labels)
            assert torch.equal(labels, colours(following))


def test_a_number_is_in_the_same_slab_and_at_the_same_token_before_and_after(trace: Trace) -> None:
    drawn = [step for step in travelling(trace) if (slabs := travel_of(step).slabs) and slabs.symbol == "H"]  # type: ignore[union-attr]
    # every view, permute and transpose of the three attentions; the waves of the positions have no heads
    assert {step.name for step in drawn} == {"query", "key", "key_t", "value", "mixed", "concat"}
    assert len(drawn) == 3 * 9
    for step in drawn:
        slabs = travel_of(step).slabs  # type: ignore[union-attr]
        assert slabs is not None
        (read,) = reads(step) or ()
        for index in indices(step.shape):
            before, after = ((side, at) for side, at in zip(slabs.sides, (read.cells(index)[0], index), strict=True))
            assert [position(digit, before[1]) for digit in (before[0].slab, before[0].token)] == [
                position(digit, after[1]) for digit in (after[0].slab, after[0].token)
            ]
        found = {position(slabs.sides[0].slab, index) for index in indices(tuple(step.inputs[0].value.shape))}
        assert found == set(range(CONFIG.heads))


@pytest.mark.parametrize(("name", "sizes"), [("query", (4, 1)), ("value", (2, 1))])
def test_the_heads_of_a_row_lie_as_far_apart_as_they_are_wide(name: str, sizes: tuple[int, int], trace: Trace) -> None:
    step = next(one for one in trace.steps if one.name == name and one.op == "view")
    slabs = travel_of(step).slabs  # type: ignore[union-attr]
    assert slabs is not None
    assert tuple(side.slab.step for side in slabs.sides) == sizes


def test_axes_without_names_have_no_slabs() -> None:
    trace = record(lambda x: x.permute(0, 2, 1, 3), torch.rand(2, 5, 3, 4))
    travel = travel_of(trace.steps[-1])
    assert travel is not None
    assert travel.slabs is None


def position(digit: AxisDigit, index: tuple[int, ...]) -> int:
    return index[digit.axis] // digit.step % digit.size


def colours(step: Step) -> torch.Tensor:
    """A number for the colour of each cell of a step's input."""
    travel = travel_of(step)
    assert travel is not None
    shape = tuple(step.inputs[0].value.shape)
    numbers = torch.zeros(shape, dtype=torch.long)
    for axis in (travel.token, *travel.features):
        assert axis is not None
        along = torch.arange(shape[axis]).view([-1 if other == axis else 1 for other in range(len(shape))])
        numbers = numbers * shape[axis] + along
    return numbers


def moved(step: Step, labels: torch.Tensor) -> torch.Tensor:
    (read,) = reads(step) or ()
    found = [int(labels[read.cells(index)[0]]) for index in indices(step.shape)]
    return torch.tensor(found).reshape(step.shape)


def indices(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [tuple(index) for index in torch.ones(shape).nonzero().tolist()]
