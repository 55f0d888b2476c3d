"""What a step did to the order of the numbers: its einops form, and the strides before and after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from einops import rearrange

from engine.ops import Movement, canonical_name, movement, reads
from engine.ops.access import AccessMap
from engine.ops.axis_groups import axis_groups
from engine.ops.checks import Check, same_numbers
from engine.ops.numerics import measurable
from engine.record.trace import Leaf, Step
from engine.wording import counted

# For each axis of a tensor, the names it is made of: one, several side by side, or "1" for an axis of size 1.
_Side = Sequence[Sequence[str]]
_NOTHING_HAPPENED = "Nothing happened: with strides {before}, {name} was contiguous already."
_VIEW = "A view: strides {before} became {after}; no number moved."
_COPY = "A copy: strides {before} became {after}; every number was written anew."
_NEEDED_COPY = (
    "A copy: strides {before} became {after}; every number was written anew. It was needed because a view merges only "
    "axes that lie one after the other in memory: for {shape} that is strides {contiguous}."
)
_EQUALS_EINOPS = "equals einops.rearrange"
_DIFFERENT = ("{different} of {count} number differ", "{different} of {count} numbers differ")


def einops_pattern(step: Step) -> str | None:
    """The step as a pattern of ``einops.rearrange``: ``B S (H d_k) -> B S H d_k``.

    None where it is no rearrangement, or one that no single pattern says (a view across the edges of several axes).
    Axes without a name are called a, b, c; a name that comes twice is numbered (S, S2).
    """
    pattern = _pattern(step)
    return f"{_written(pattern.left)} -> {_written(pattern.right)}".strip() if pattern else None


def einops_sizes(step: Step) -> dict[str, int]:
    """The sizes that ``einops.rearrange`` must be told besides the pattern: ``{"d_k": 8}`` to split ``(H d_k)``."""
    pattern = _pattern(step)
    return dict(pattern.sizes) if pattern else {}


def einops_check(step: Step) -> Check | None:
    """Whether ``einops.rearrange`` makes the step's numbers from its input by the pattern alone.

    None for a step that has no pattern, or too many numbers to compare.
    """
    pattern = einops_pattern(step)
    if pattern is None or not measurable(step.value, step.inputs[0].value):
        return None
    if step.unreadable or step.inputs[0].unreadable:
        return None
    rearranged = rearrange(step.inputs[0].value, pattern, **einops_sizes(step))
    if rearranged.shape != step.value.shape:
        return Check(_EQUALS_EINOPS, False, f"einops makes the shape {tuple(rearranged.shape)}")
    different = int((~same_numbers(step.value, rearranged)).sum())
    detail = counted(step.value.numel(), *_DIFFERENT, different=f"{different:,}")
    return Check(_EQUALS_EINOPS, not different, detail)


def describe_strides(step: Step) -> str | None:
    """What happened to the memory: the strides before and after, and whether anything was copied.

    None for a step that computes: its numbers are new anyway.
    """
    if (not _rearranges(step) and canonical_name(step.op) != "contiguous") or not step.inputs:
        return None
    parent = step.inputs[0]
    before = tuple(parent.value.stride())
    if step.memory == "same":
        template = _NOTHING_HAPPENED
    elif step.memory == "view":
        template = _VIEW
    else:
        template = _COPY if parent.value.is_contiguous() else _NEEDED_COPY
    shape = tuple(parent.value.shape)
    contiguous = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    shown = {"before": before, "after": step.stride, "name": parent.name, "shape": shape, "contiguous": contiguous}
    return template.format(**shown)


@dataclass(frozen=True)
class _Pattern:
    left: _Side
    right: _Side
    sizes: Mapping[str, int]


def _rearranges(step: Step) -> bool:
    return movement(step.op) in (Movement.REGROUPS, Movement.PERMUTES)


def _pattern(step: Step) -> _Pattern | None:
    if not _rearranges(step) or step.value.numel() == 0:
        return None
    maps = reads(step)
    if maps is None or len(maps) != 1:
        return None
    return _regrouping(step) if movement(step.op) is Movement.REGROUPS else _permutation(step, maps[0])


def _permutation(step: Step, read: AccessMap) -> _Pattern:
    symbols = _symbols(step.inputs[0])
    named = dict(
        zip(read.follows, _distinct(step.axes[out] or symbols[axis] for axis, out in read.follows.items()), strict=True)
    )
    back = {out: axis for axis, out in read.follows.items()}
    left = [[named.get(axis, "1")] for axis in range(len(symbols))]
    right = [[named[back[out]] if out in back else "1"] for out in range(len(step.shape))]
    return _Pattern(left, right, {})


def _regrouping(step: Step) -> _Pattern | None:
    """A view: every axis stays, is split into several, or is merged with its neighbours."""
    symbols = _symbols(step.inputs[0])
    groups = axis_groups(tuple(step.inputs[0].value.shape), step.shape, symbols, step.axes)
    if any(len(before) > 1 and len(after) > 1 for before, after in groups):
        return None
    finer = [
        [step.axes[axis] for axis in after] if len(after) >= len(before) else [symbols[axis] for axis in before]
        for before, after in groups
    ]
    named = iter(_distinct(symbol for group in finer for symbol in group))
    left: list[Sequence[str]] = []
    right: list[Sequence[str]] = []
    sizes: dict[str, int] = {}
    for (before, after), group in zip(groups, finer, strict=True):
        names = [next(named) for _ in group]
        if not before or not after:
            names = ["1"]
        left += [names] if len(before) == 1 else [[name] for name in names[: len(before)]]
        right += [names] if len(after) == 1 else [[name] for name in names[: len(after)]]
        if len(after) > 1:
            sizes.update((name, step.shape[axis]) for name, axis in zip(names[1:], after[1:], strict=True))
    return _Pattern(left, right, sizes)


def _symbols(parent: Step | Leaf) -> tuple[str | None, ...]:
    return parent.axes or (None,) * parent.value.dim()


def _distinct(symbols: Iterable[str | None]) -> list[str]:
    """A name for each symbol that einops takes, no two alike; "1" stays what it is."""
    names: list[str] = []
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    for symbol in symbols:
        if symbol == "1":
            names.append("1")
            continue
        name = symbol if symbol and symbol.isidentifier() else next(letters)
        number = 2
        unique = name
        while unique in names:
            unique, number = f"{name}{number}", number + 1
        names.append(unique)
    return names


def _written(side: _Side) -> str:
    return " ".join(names[0] if len(names) == 1 else f"({' '.join(names)})" for names in side)
