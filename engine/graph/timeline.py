"""Where one is in a trace: parts of the model, the modules of a part, the stages of a module; and where to go next.

A segment is a run of steps. Which run a step belongs to is read from its module path, and inside a module from the
names and operations of its steps. Each built-in module says beside its formula which stages it is taught in; they are
matched step by step, so that somebody's attention with lines of its own keeps the stages and shows those lines as
segments between them. Any other module has a segment for each name in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple
from weakref import WeakKeyDictionary

from engine.graph.module_names import STACKS, stage_label
from engine.model.attention import MultiHeadAttention
from engine.model.embedding import PositionalEncoding, TokenEmbedding
from engine.model.layers import FeedForward, LayerNorm
from engine.model.masks import CausalMask, PaddingMask
from engine.model.transformer import Transformer
from engine.ops import canonical_name
from engine.record.trace import Leaf, Step, Trace


@dataclass(frozen=True)
class Segment:
    """Steps one after the other that belong together: what people call them, the first one's index, how many."""

    label: str
    first: int
    count: int


def levels(trace: Trace, step: Step) -> tuple[tuple[Segment, ...], ...]:
    """The segments around a step, at most three levels of them.

    The first level divides the whole trace; each level below divides the segment that holds the step. A level that
    would be a single segment is left out, except where it is the only one.
    """
    found: list[tuple[Segment, ...]] = []
    branches: Sequence[_Branch] = _map_of(trace).branches
    while branches and len(found) < _DEEPEST:
        found.append(tuple(branch.segment for branch in branches))
        at = bisect_right(branches, step.index, key=lambda branch: branch.segment.first)
        branches = branches[at - 1].branches
    return tuple(found)


def next_of_kind(trace: Trace, step: Step) -> Step | None:
    """The next step of the same operation."""
    same = _map_of(trace).by_op[step.op]
    at = bisect_right(same, step.index)
    return trace.steps[same[at]] if at < len(same) else None


def same_step_in_layer(trace: Trace, step: Step, by: int) -> Step | None:
    """The same step so many layers further in the same stack; None where there is none.

    The layer is the first number in its path. Of several steps with one name and operation in a layer, it is the one
    in the same place among them.
    """
    parts = step.path.split(".")
    number = next((place for place, part in enumerate(parts) if part.isdecimal()), None)
    if number is None:
        return None
    same = _map_of(trace).by_name
    occurrence = same[step.path, step.name, step.op].index(step.index)
    parts[number] = str(int(parts[number]) + by)
    there = same.get((".".join(parts), step.name, step.op), ())
    return trace.steps[there[occurrence]] if occurrence < len(there) else None


class _StageTable(NamedTuple):
    """The stages of a kind of module by its steps' (name, operation), and those that always run."""

    stages: Mapping[tuple[str, str], str]
    always: frozenset[str]

    def fits(self, own: Sequence[Step]) -> bool:
        """Whether these steps of one module have most of the stages that always run, whatever else they do."""
        stages = {self.stages.get((step.name, step.op)) for step in own}
        return 2 * len(self.always & stages) > len(self.always)

    def known(self, own: Sequence[Step]) -> int:
        """How many of these steps belong to a stage."""
        return sum((step.name, step.op) in self.stages for step in own)


def _stage_table(rows: Iterable[tuple[str, str]]) -> _StageTable:
    stages = {(name, op): row[0].rstrip("?") for row in rows for name, op in map(str.split, row[1].split(", "))}
    return _StageTable(stages, frozenset(stage for stage, _ in rows if stage[-1] != "?"))


_STAGE_TABLES = tuple(
    _stage_table(module.stages)
    for module in (
        MultiHeadAttention,
        LayerNorm,
        FeedForward,
        TokenEmbedding,
        PositionalEncoding,
        PaddingMask,
        CausalMask,
        Transformer,
    )
)

_DEEPEST = 3
_FARTHEST = 400  # steps looked through between a residual's two summands


@dataclass(frozen=True)
class _Branch:
    """A segment and what it divides into; nothing where it is one thing."""

    segment: Segment
    branches: tuple[_Branch, ...]


class _Map(NamedTuple):
    """What is worked out once for a trace: its segments, and the indices of its steps by operation and by name."""

    branches: tuple[_Branch, ...]
    by_op: Mapping[str, Sequence[int]]
    by_name: Mapping[tuple[str, str, str], Sequence[int]]


# Holds indices of steps and never the trace, so that a trace nobody needs any more goes, and its map with it.
_maps: WeakKeyDictionary[Trace, _Map] = WeakKeyDictionary()


def _map_of(trace: Trace) -> _Map:
    found = _maps.get(trace)
    if found is None:
        by_op: dict[str, list[int]] = {}
        by_name: dict[tuple[str, str, str], list[int]] = {}
        for step in trace.steps:
            by_op.setdefault(step.op, []).append(step.index)
            by_name.setdefault((step.path, step.name, step.op), []).append(step.index)
        run = [_Placed(step.path if trace.config is None else _place(step), step) for step in trace.steps]
        branches = _divided(run, "", _holders(place.path for place in run))
        if len(branches) == 1 and branches[0].branches:
            branches = branches[0].branches
        found = _maps[trace] = _Map(branches, by_op, by_name)
    return found


class _Placed(NamedTuple):
    """A step and the path of the module it is shown in."""

    path: str
    step: Step


def _place(step: Step) -> str:
    """The path of a step of the built-in Transformer, as if its source, target and output were modules too."""
    if not step.path:
        return "target" if step.name == "mask" else "output"
    if step.path == "causal_mask":
        return "target.causal_mask"
    side, _, module = step.path.partition("_")
    return f"{side}.{module}" if side in ("source", "target") else step.path


def _holders(paths: Iterable[str]) -> frozenset[str]:
    """The paths above a numbered one: of encoder.layers.0 those are encoder and encoder.layers."""
    found: set[str] = set()
    for path in set(paths):
        parts = path.split(".")
        for place, part in enumerate(parts):
            if part.isdecimal():
                found.update(".".join(parts[:end]) for end in range(1, place + 1))
    return frozenset(found)


def _divided(run: Sequence[_Placed], prefix: str, holders: frozenset[str]) -> tuple[_Branch, ...]:
    """The segments of a run of steps, all of them of the module at ``prefix`` or of modules inside it."""
    own = [place.step for place in run if place.path == prefix]
    modular = len(own) < len(run)
    names = _names(own, layer=modular or prefix.rpartition(".")[2].isdecimal())
    keys = [
        (_module(place.path, prefix, holders), "")
        if place.path != prefix
        # Between its modules, what a whole program does itself is one thing.
        else ("", "" if modular and not prefix else names[place.step.index])
        for place in run
    ]
    branches = []
    for (module, name), group in groupby(zip(keys, run, strict=True), lambda pair: pair[0]):
        inner = [place for _, place in group]
        if module:
            branches.append(_branch(_label(module, prefix), inner, _divided(inner, module, holders)))
        elif name:
            branches.append(_branch(name, inner, ()))
        else:
            label = "input" if inner[0] is run[0] else "output" if inner[-1] is run[-1] else names[inner[-1].step.index]
            branches.append(_branch(label, inner, _divided(inner, prefix, holders)))
    return tuple(branches)


def _branch(label: str, run: Sequence[_Placed], branches: tuple[_Branch, ...]) -> _Branch:
    # A single segment says no more than the one above it; what it divides into does.
    below = branches[0].branches if len(branches) == 1 else branches
    return _Branch(Segment(label, run[0].step.index, len(run)), below)


def _module(path: str, prefix: str, holders: frozenset[str]) -> str:
    """The module inside ``prefix`` that a path leads to; what only holds others is not one of its own."""
    parts = path.split(".")
    end = prefix.count(".") + 2 if prefix else 1
    while end < len(parts) and not parts[end - 1].isdecimal() and ".".join(parts[:end]) in holders:
        end += 1
    return ".".join(parts[:end])


def _label(module: str, prefix: str) -> str:
    """What people call a module inside ``prefix``: a layer by its stack and number, anything else by its name."""
    parts = module.removeprefix(prefix).strip(".").split(".")
    if not parts[-1].isdecimal():
        return " ".join(map(stage_label, parts[-2:]))
    *above, number = parts
    if not above:
        return f"module {number}"
    if above[-1] not in STACKS:
        return f"{stage_label(above[-1])} {number}"
    if len(above) > 1:
        return f"{stage_label(above[-2])} {number}"
    return STACKS[above[-1]].title.format(number=number)


def _names(own: Sequence[Step], *, layer: bool) -> Mapping[int, str]:
    """What each of a module's own steps is called, by index: its stage, or where it belongs to none its own name."""
    fitting = [table for table in _STAGE_TABLES if table.fits(own)]
    stages = max(fitting, key=lambda table: table.known(own)).stages if fitting else {}
    return {step.index: stages.get((step.name, step.op)) or _own_name(step, layer) for step in own}


def _own_name(step: Step, layer: bool) -> str:
    return "residual" if layer and _is_residual(step) else step.name.replace("_", " ")


def _is_residual(step: Step) -> bool:
    """Whether a step adds to something what was made of that same thing."""
    if canonical_name(step.op) != "add" or len(step.inputs) != 2:
        return False
    first, second = step.inputs
    return _made_of(second, first) or _made_of(first, second)


def _made_of(result: Step | Leaf, start: Step | Leaf) -> bool:
    oldest = start.index if isinstance(start, Step) else -1
    waiting, seen = [result], {id(result)}
    while waiting and len(seen) < _FARTHEST:
        here = waiting.pop()
        if isinstance(here, Step) and here.index > oldest:
            for parent in here.inputs:
                if parent is start:
                    return True
                if id(parent) not in seen:
                    seen.add(id(parent))
                    waiting.append(parent)
    return False
