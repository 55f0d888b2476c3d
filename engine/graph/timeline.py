"""Where one is in a trace: parts of the model, the modules of a part, the stages of a module; and where to go next.

A segment is a run of steps. Which run a step belongs to is read from its module path, and inside a module from the
names and operations of its steps. Each built-in module says beside its formula which stages it is taught in; they are
matched step by step, so that somebody's attention with lines of its own keeps the stages and shows those lines as
segments between them. Any other module has a segment for each name in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from weakref import WeakKeyDictionary

from engine.graph.module_names import STACKS, stage_label
from engine.graph.near import slice_near
from engine.model.attention import MultiHeadAttention
from engine.model.embedding import PositionalEncoding, TokenEmbedding
from engine.model.layers import FeedForward, LayerNorm
from engine.model.masks import CausalMask, PaddingMask
from engine.model.transformer import Transformer
from engine.model.variants.registry import STAGED_MODULES
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

    Args:
        trace: a recording of anything.
        step: one of its steps.

    Returns:
        The first level divides the whole trace; each level below divides the segment that holds the step. A level that
        would be a single segment is left out, except where it is the only one. Of a level of hundreds of segments those
        near the step are there, and all before them and all after them are a segment each.
    """
    segments: list[tuple[Segment, ...]] = []
    branches: Sequence[_Branch] = _trace_map(trace).branches
    while branches and len(segments) < _DEEPEST:
        at = bisect_right(branches, step.index, key=lambda branch: branch.segment.first) - 1
        near = slice_near(len(branches), at, MOST_SEGMENTS)
        segments.append(
            (
                *_gathered(branches[: near.start]),
                *(branch.segment for branch in branches[near]),
                *_gathered(branches[near.stop :]),
            )
        )
        branches = branches[at].branches
    return tuple(segments)


def _gathered(branches: Sequence[_Branch]) -> list[Segment]:
    """Segments one after the other as one; none for none."""
    if not branches:
        return []
    first, last = branches[0].segment, branches[-1].segment
    label = first.label if len(branches) == 1 else _GATHERED.format(first=first.label, last=last.label)
    return [Segment(label, first.first, last.first + last.count - first.first)]


def next_of_kind(trace: Trace, step: Step) -> Step | None:
    """The next step of the same operation; None after the last one."""
    same = _trace_map(trace).by_op[step.op]
    at = bisect_right(same, step.index)
    return trace.steps[same[at]] if at < len(same) else None


def same_step_in_layer(trace: Trace, step: Step, by: int) -> Step | None:
    """The same step in another layer of the same stack.

    Args:
        trace: a recording of anything.
        step: one of its steps. Its layer is the first number in its path.
        by: how many layers further; negative for layers before.

    Returns:
        The step of the same name and operation there; of several, the one at the same position among them. None where
        there is no such layer, or no such step in it.
    """
    parts = step.path.split(".")
    number = next((position for position, part in enumerate(parts) if part.isdecimal()), None)
    if number is None:
        return None
    same = _trace_map(trace).by_name
    occurrence = same[step.path, step.name, step.op].index(step.index)
    parts[number] = str(int(parts[number]) + by)
    counterparts = same.get((".".join(parts), step.name, step.op), ())
    return trace.steps[counterparts[occurrence]] if occurrence < len(counterparts) else None


class _StageTable(NamedTuple):
    """The stages of a kind of module by its steps' (name, operation), and those that always run."""

    stages: Mapping[tuple[str, str], str]
    always: frozenset[str]

    def fits(self, own: Collection[tuple[str, str]]) -> bool:
        """Whether these steps of one module have most of the stages that always run, whatever else they do."""
        stages = {self.stages.get(step) for step in own}
        return 2 * len(self.always & stages) > len(self.always)

    def known(self, own: Collection[tuple[str, str]]) -> int:
        """How many of these steps belong to a stage."""
        return sum(step in self.stages for step in own)


def _stage_table(stages: str) -> _StageTable:
    """The table of what a module declares: a line a stage, ``mask?: masked masked_fill``."""
    rows = [line.strip().split(": ") for line in stages.splitlines() if line.strip()]
    by_step = {(name, op): stage.rstrip("?") for stage, steps in rows for name, op in map(str.split, steps.split(", "))}
    return _StageTable(by_step, frozenset(stage for stage, _ in rows if stage[-1] != "?"))


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
        *STAGED_MODULES,
    )
)

_IN_MODULE, _NUMBERED, _GATHERED = "{parent} {module}", "{name} {number}", "{first} … {last}"
MOST_SEGMENTS = 160  # in a level; no published stack has so many layers, and a browser draws them at every step
_DEEPEST = 3
_FARTHEST = 400  # steps looked through between a residual's two summands


@dataclass(frozen=True)
class _Branch:
    """A segment and what it divides into; nothing where it is one thing."""

    segment: Segment
    branches: tuple[_Branch, ...]


class _TraceMap(NamedTuple):
    """What is worked out once for a trace: its segments, and the indices of its steps by operation and by name."""

    branches: tuple[_Branch, ...]
    by_op: Mapping[str, Sequence[int]]
    by_name: Mapping[tuple[str, str, str], Sequence[int]]


# Holds indices of steps and never the trace, so that a trace nobody needs any more goes, and its map with it.
_trace_maps: WeakKeyDictionary[Trace, _TraceMap] = WeakKeyDictionary()


def _trace_map(trace: Trace) -> _TraceMap:
    trace_map = _trace_maps.get(trace)
    if trace_map is None:
        by_op: dict[str, list[int]] = {}
        by_name: dict[tuple[str, str, str], list[int]] = {}
        for step in trace.steps:
            by_op.setdefault(step.op, []).append(step.index)
            by_name.setdefault((step.path, step.name, step.op), []).append(step.index)
        run = [_ShownStep(step.path if trace.config is None else _shown_path(step), step) for step in trace.steps]
        branches = _divide(run, "", _paths_above_numbers(shown.path for shown in run))
        if len(branches) == 1 and branches[0].branches:
            branches = branches[0].branches
        trace_map = _trace_maps[trace] = _TraceMap(branches, by_op, by_name)
    return trace_map


class _ShownStep(NamedTuple):
    """A step and the path of the module it is shown in."""

    path: str
    step: Step


def _shown_path(step: Step) -> str:
    """The path of a step of the built-in Transformer, as if its source, target and output were modules too."""
    if not step.path:
        return "target" if step.name == "mask" else "output"
    if step.path == "causal_mask":
        return "target.causal_mask"
    side, _, module = step.path.partition("_")
    return f"{side}.{module}" if side in ("source", "target") else step.path


def _paths_above_numbers(paths: Iterable[str]) -> frozenset[str]:
    """The paths above a numbered one: of encoder.layers.0 those are encoder and encoder.layers."""
    above: set[str] = set()
    for path in set(paths):
        parts = path.split(".")
        for position, part in enumerate(parts):
            if part.isdecimal():
                above.update(".".join(parts[:end]) for end in range(1, position + 1))
    return frozenset(above)


def _divide(run: Sequence[_ShownStep], prefix: str, holders: frozenset[str]) -> tuple[_Branch, ...]:
    """The segments of a run of steps, all of them of the module at ``prefix`` or of modules inside it."""
    own = [shown.step for shown in run if shown.path == prefix]
    modular = len(own) < len(run)
    names = _segment_names(own, layer=modular or prefix.rpartition(".")[2].isdecimal())
    keys = [
        (_module(shown.path, prefix, holders), "")
        if shown.path != prefix
        # Between its modules, what a whole program does itself is one thing.
        else ("", "" if modular and not prefix else names[shown.step.index])
        for shown in run
    ]
    branches = []
    for (module, name), group in groupby(zip(keys, run, strict=True), lambda pair: pair[0]):
        inner = [shown for _, shown in group]
        if module:
            branches.append(_branch(_label(module, prefix), inner, _divide(inner, module, holders)))
        elif name:
            branches.append(_branch(name, inner, ()))
        else:
            label = "input" if inner[0] is run[0] else "output" if inner[-1] is run[-1] else names[inner[-1].step.index]
            branches.append(_branch(label, inner, _divide(inner, prefix, holders)))
    return tuple(branches)


def _branch(label: str, run: Sequence[_ShownStep], branches: tuple[_Branch, ...]) -> _Branch:
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
        name = stage_label(parts[-1])
        return _IN_MODULE.format(parent=stage_label(parts[-2]), module=name) if len(parts) > 1 else name
    *above, number = parts
    if not above:
        return _NUMBERED.format(name="module", number=number)
    if above[-1] not in STACKS:
        return _NUMBERED.format(name=stage_label(above[-1]), number=number)
    if len(above) > 1:
        return _NUMBERED.format(name=stage_label(above[-2]), number=number)
    return STACKS[above[-1]].title.format(number=number)


def _segment_names(own: Sequence[Step], *, layer: bool) -> Mapping[int, str]:
    """What each of a module's own steps is called, by index: its stage, or where it belongs to none its own name."""
    stages = _stages_of(tuple((step.name, step.op) for step in own))
    return {step.index: stages.get((step.name, step.op)) or _own_name(step, layer) for step in own}


@lru_cache(maxsize=64)  # the layers of a stack run the same steps
def _stages_of(own: tuple[tuple[str, str], ...]) -> Mapping[tuple[str, str], str]:
    fitting = [table for table in _STAGE_TABLES if table.fits(own)]
    return max(fitting, key=lambda table: table.known(own)).stages if fitting else {}


def _own_name(step: Step, layer: bool) -> str:
    return "residual" if layer and _is_residual(step) else step.name.replace("_", " ")


def _is_residual(step: Step) -> bool:
    """Whether a step adds to something what was made of that same thing."""
    if canonical_name(step.op) != "add" or len(step.inputs) != 2:
        return False
    first, second = step.inputs
    return _derives_from(second, first) or _derives_from(first, second)


def _derives_from(result: Step | Leaf, start: Step | Leaf) -> bool:
    oldest = start.index if isinstance(start, Step) else -1
    stack, seen = [result], {id(result)}
    while stack and len(seen) < _FARTHEST:
        tensor = stack.pop()
        if isinstance(tensor, Step) and tensor.index > oldest:
            for parent in tensor.inputs:
                if parent is start:
                    return True
                if id(parent) not in seen:
                    seen.add(id(parent))
                    stack.append(parent)
    return False
