"""A pair of steps opened: both tensors and their difference at one scale, and what made the pinned cell in each."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
import torch
from torch import Tensor

from engine import Step, Trace
from engine.compare import StepPair, Verdict
from engine.ops.access import AffineMap, Index, SameIndex
from engine.ops.notation import number
from pages.ui.app.markdown_escape import escaped
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.components.tensor_view.panel_numbers import largest
from pages.ui.components.tensor_view.player_types import PinExplanation
from pages.ui.state.url_step import Location
from pages.ui.views.explanation_view import explanation_of
from pages.ui.views.tensor_panels import panel_of

_MOST_TERMS = 8
_ALONE = "Of {side} alone."
_SHAPES = "The shapes differ, so there is no difference of numbers."
_AGREES = "The numbers are the same."
_ROUNDING = "Rounding explains all of the difference."
_MADE = "What it read still agreed: this step made the difference."
_MADE_TOO = "Given what the other step read, it still gives other numbers: it calls or weighs differently."
_HANDED_ON = "Given what the other step read, it gives the same numbers: this step handed the difference on."
_NO_TERMS = "What it is computed of is not known."


def draw(a: Trace, b: Trace, pair: StepPair, names: tuple[str, str]) -> None:
    """Draws a pair of steps.

    Args:
        a, b: the traces.
        pair: one of their pairs.
        names: what the two traces are called.
    """
    st.markdown(f"##### {escaped(pair.step.full_name)}")
    if pair.a is None or pair.b is None:
        trace, step, side = (b, pair.b, names[1]) if pair.a is None else (a, pair.a, names[0])
        assert step is not None  # a pair has one at least
        st.caption(_ALONE.format(side=escaped(side)))
        tensor_view([panel_of(trace, step)], key="compare.alone")
        return
    if pair.difference is None:
        st.caption(_SHAPES)
        panels = [_panel(trace, step, name) for trace, step, name in _sides(a, b, pair, names)]
        tensor_view(panels, key="compare.shapes")
        return
    st.caption(_why(pair))
    index = _difference_view(a, b, pair, names)
    for column, (trace, step, name) in zip(st.columns(2), _sides(a, b, pair, names), strict=True):
        with column:
            _cell(name, explanation_of(Location(trace, step), len(step.inputs), index, ()))


def _why(pair: StepPair) -> str:
    """Whether a step made its difference or handed it on."""
    if pair.verdict is Verdict.MADE_HERE:
        return _MADE if pair.inputs_agreed else _MADE_TOO
    return {Verdict.AGREES: _AGREES, Verdict.ROUNDING: _ROUNDING}.get(pair.verdict, _HANDED_ON)


def difference_panels(a: Trace, b: Trace, pair: StepPair, names: tuple[str, str]) -> list[Panel]:
    """Both tensors and second less first, whose colours end at the same number.

    Args:
        a, b: the traces.
        pair: a step of each.
        names: what the traces are called.

    Returns:
        The panels, in the order in which they stand.
    """
    assert pair.a is not None and pair.b is not None  # noqa: PT018  both or no difference
    first, second = pair.a.value.detach(), pair.b.value.detach()
    apart = _less(second, first)
    reach = max(_reach(value) for value in (first, second, apart))
    panels = [_panel(trace, step, name, reach) for trace, step, name in _sides(a, b, pair, names)]
    return [*panels, Panel("difference", apart, pair.b.axes, panels[1].labels, scale="diverging", largest=reach)]


def _difference_view(a: Trace, b: Trace, pair: StepPair, names: tuple[str, str]) -> Index:
    """Draws both tensors and their difference; the pinned cell's index, at first that of the largest difference."""
    assert pair.difference is not None  # the caller has looked
    panels = difference_panels(a, b, pair, names)
    shape = tuple(panels[0].value.shape)
    same = AffineMap(shape, tuple(SameIndex(axis) for axis in range(len(shape))))
    facts = _facts(pair)
    selection = tensor_view(
        panels,
        key="compare.difference",
        reads=[same, same],
        operation=OperationCard("−", formula=f"{names[1]} − {names[0]}", facts=tuple(facts.items())),
        pinned=(2, pair.difference.index),
    )
    pinned = selection.pinned
    return pair.difference.index if pinned is None or len(pinned[1]) != len(shape) else tuple(pinned[1])


def _facts(pair: StepPair) -> Mapping[str, str]:
    assert pair.difference is not None  # the caller has looked
    apart = pair.difference
    return {
        "largest": number(apart.largest, 3),
        "of the largest number": number(apart.relative, 3),
        "beyond rounding": f"{apart.share:.1%} of the elements",
    }


def _sides(
    a: Trace, b: Trace, pair: StepPair, names: tuple[str, str]
) -> tuple[tuple[Trace, Step, str], tuple[Trace, Step, str]]:
    assert pair.a is not None and pair.b is not None  # noqa: PT018  the caller has looked
    return (a, pair.a, names[0]), (b, pair.b, names[1])


def _panel(trace: Trace, step: Step, name: str, reach: float | None = None) -> Panel:
    shown = panel_of(trace, step)
    return Panel(
        title=step.name, value=shown.value, axes=shown.axes, labels=shown.labels, note=f"{name}, step {step.index}",
        role=shown.role, scale="diverging" if step.value.is_floating_point() else "auto", masked=shown.masked,
        footer=shown.footer, largest=reach,
    )  # fmt: skip


def _less(second: Tensor, first: Tensor) -> Tensor:
    if second.is_complex() or first.is_complex():
        return second.cpu() - first.cpu()
    apart = second.cpu().double() - first.cpu().double()
    # Two equal infinities are no distance apart.
    return torch.where(second.cpu() == first.cpu(), 0.0, apart).float()


def _reach(value: Tensor) -> float:
    return largest(value) if not value.is_complex() else float(value.abs().max())


def _cell(name: str, explained: PinExplanation) -> None:
    """The pinned cell of one trace: what happened, the arithmetic, and the largest terms."""
    st.markdown(f"**{escaped(name)}**")
    st.markdown(escaped(explained.sentence))
    if explained.arithmetic:
        st.code(explained.arithmetic, language=None, wrap_lines=True)
    terms = explained.terms[:_MOST_TERMS]
    if not terms:
        st.caption(_NO_TERMS)
        return
    columns = {
        "read": [" · ".join(factor.name for factor in line.factors) for line in terms],
        "numbers": [" · ".join(factor.value for factor in line.factors) for line in terms],
    }
    if len(terms) > 1:
        columns["comes to"] = [line.amount for line in terms]
    st.table(columns, hide_index=True)
    if explained.rest or len(explained.terms) > _MOST_TERMS:
        st.caption(explained.rest or f"{len(explained.terms) - _MOST_TERMS} more terms.")
