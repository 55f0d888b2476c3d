"""What a stage is made of: the tensors, the operation between them, and what a person has selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.ops.access import AccessMap, Index
from pages.ui.components.tensor_view.player_types import PinExplanation, Player

if TYPE_CHECKING:
    import torch

    from pages.ui.components.tensor_view.window import Reads

AxisLabels = Sequence[str] | Sequence[Sequence[str]] | None


@dataclass(frozen=True)
class Panel:
    """One tensor to draw. The tensor is read, never changed, and only its drawn part leaves the device it is on.

    ``title`` and ``value`` are the name and the numbers.
    """

    title: str
    value: torch.Tensor
    axes: tuple[str | None, ...]  # symbols as in engine/axes.py; None where unknown
    labels: tuple[AxisLabels, ...] = ()  # per axis: names of its positions, or a list of them per index of axis 0
    note: str = ""  # small after the title, e.g. "from step 14"
    role: str = ""  # query, key, value, scores, weights, output...: the hue of the title's mark
    scale: str = "auto"  # a kind of colormap.js's SCALES, "ids" or "bool"; "auto" goes by the dtype
    masked: torch.Tensor | None = None  # bool, broadcastable to value's shape; True cells are hatched
    footer: str = ""  # one line under the tensor: its statistics
    largest: float | None = None  # where the colours end; by default at the tensor's own largest number
    hatched: str = "masked"  # what the hatched cells are, for the legend and the readout


@dataclass(frozen=True)
class Badge:
    """Something that must hold of a step, and whether it does; ``detail`` is what it says when pointed at."""

    label: str
    holds: bool = True
    detail: str = ""


@dataclass(frozen=True)
class InnerStep:
    """One step of what a fused call does: its name, its shape as text, and its index inside.

    Attributes:
        name: what the call's formula calls it.
        shape: its sizes, as people read them.
        step: its index in the trace of the inside.
    """

    name: str
    shape: str
    step: int


@dataclass(frozen=True)
class InnerSteps:
    """What a fused call does inside.

    Args:
        sentence: what is known of it.
        steps: its steps, each of which can be opened.
        within: the indices of the fused calls that they lie inside of, this one last.
    """

    sentence: str
    steps: Sequence[InnerStep] = ()
    within: tuple[int, ...] = ()


@dataclass(frozen=True)
class OperationCard:
    """The card of an operation. All of it is text: nothing is read as HTML.

    Attributes:
        title: the operation.
        why: why it is done here, in one sentence.
        objections: what in the line of code can't be true of these numbers, each a sentence.
        folded: what is asked for rarely; behind one press.
        lab: the question of a lab on this operation and the address that opens it; None where no lab is about it.
        inside: what a fused call does; None for one that is not fused.
    """

    title: str
    formula: str | Sequence[tuple[str, str]] = ""  # text, or runs of (text, style), style "" "i" "sub" "sup"
    code: str = ""
    mark: tuple[int, int, int] | None = None  # (line of code counted from 0, first column, column after the last)
    facts: Sequence[tuple[str, str]] = ()  # ("cost", "3 200 FLOPs")
    badges: Sequence[Badge] = ()  # what must hold here, and whether it does
    why: str = ""
    objections: Sequence[str] = ()
    folded: Sequence[tuple[str, str]] = ()
    lab: tuple[str, str] | None = None
    inside: InnerSteps | None = None


@dataclass(frozen=True)
class AxisDigit:
    """Where an element is along a named axis, by its index along an axis of a tensor: ``index // step % size``.

    Attributes:
        axis: of the tensor.
        step: how many indices of it share one of the named axis.
        size: of the named axis.
    """

    axis: int
    step: int
    size: int


@dataclass(frozen=True)
class SlabSide:
    """How the slab and the token of an element are read from its index, in the input or the output of a step.

    Attributes:
        slab: where the element is along the axis of slabs.
        token: where along the axis of tokens.
    """

    slab: AxisDigit
    token: AxisDigit


@dataclass(frozen=True)
class Slabs:
    """Whole axes of a step whose cells only move, for tensors that are too large to be drawn cell by cell.

    Args:
        symbol: the axis that is drawn in slabs, each with its colour.
        token: the axis along which a slab goes from dark to light.
        sides: the input and the output.
    """

    symbol: str
    token: str
    sides: tuple[SlabSide, SlabSide]


@dataclass(frozen=True)
class Travel:
    """A step whose cells only move. The axes of its one input give a cell its colour, wherever it goes.

    Args:
        token: the axis that gives the hue; None where no axis stands out.
        features: the axes, outermost first, that go from dark to light.
        keeps: whether the colours are there from the beginning, and nothing moves until a person asks for it.
        beside: what the tensor between input and output reads of the input, where it is a second result of the same
            input. Both results then stand side by side below it, and the cells go to both.
        slabs: how the step is drawn where its tensors are too large; None where its axes have no names.
    """

    token: int | None
    features: tuple[int, ...]
    keeps: bool = False
    beside: AccessMap | None = None
    slabs: Slabs | None = None


@dataclass(frozen=True)
class Stage:
    """Inputs, operation, output. The last panel is the output, those before it are the inputs.

    ``panels`` are the tensors; ``player`` leads to other steps, and ``travel`` says where cells go, of a step that only
    moves them.
    """

    panels: Sequence[Panel]
    reads: Reads | None = None  # as `tensor_view` takes it
    operation: OperationCard | None = None
    player: Player | None = None
    travel: Travel | None = None


@dataclass(frozen=True)
class Selection:
    """What a person has selected in a stage: give it back as ``choice`` and ``pinned`` to restore the same view."""

    pinned: tuple[int, Index] | None = None  # the panel's number and the cell's full index
    choice: dict[str, int] = field(default_factory=dict)  # axis -> the one index shown, where only one fits
    offset: dict[str, int] = field(default_factory=dict)  # axis -> the first index shown, where a window is shown


def to_json(part: Player | PinExplanation | Travel) -> dict[str, Any]:
    """A part of a stage as plain data for the browser, under the names of its fields."""
    if isinstance(part, Travel):
        return {**_plain(replace(part, beside=None)), "beside": part.beside and part.beside.to_json()}
    fields: dict[str, Any] = _plain(part)
    return fields


def _plain(value: Any) -> Any:
    """Dataclasses as dictionaries; ``dataclasses.asdict`` copies what they hold too, which takes twice as long."""
    if isinstance(value, (tuple, list)):
        return tuple(map(_plain, value))
    if is_dataclass(value):
        return {name: _plain(part) for name, part in vars(value).items()}
    return value
