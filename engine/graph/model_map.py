"""A whole model as a few boxes in order of the data, one for each block that people look into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.graph.module_paths import ancestors, display_name
from engine.graph.strip import parts_of
from engine.graph.strip_box import Strip, StripBox, in_lanes, made_box, read_outside
from engine.record.trace import Step, Trace

MOST_BLOCKS = 40  # more are too small to be told apart on one screen
_MOST_MAPPED = 200  # a program with more blocks at its top has no map: nothing on it could be told apart or pressed
_WORTH_OPENING = 24  # steps from which a block is looked into in parts
# Nobody looks for these by name: each belongs to the block before it.
_MINOR = ("norm", "dropout", "drop", "mask", "position", "rotary", "ln_")
# What is a block although it is a single step.
_SINGLE = ("embed", "head", "wte")


def map_of(trace: Trace) -> Strip:
    """The blocks of a whole model.

    Args:
        trace: a recording of anything.

    Returns:
        A box for each block with the tensor that comes out of it; no box where the program has no modules, or hundreds
        that stand side by side.
    """
    blocks = blocks_of(trace)
    groups = _groups(trace, blocks) if len(blocks) <= _MOST_MAPPED else []
    boxes: list[StripBox] = []
    shown_at: dict[int, int] = {}  # the index of a step that is shown → its box
    for name, run in groups:
        shown = _outcome(trace, run)
        inside = {step.index for step in run}
        read = [
            parent.index
            for step in run
            for parent in step.inputs
            if isinstance(parent, Step) and parent.index not in inside
        ]
        parents = tuple(dict.fromkeys(shown_at[index] for index in read if index in shown_at))
        shown_at[shown.index] = len(boxes)
        boxes.append(made_box(run, shown, parents, name=name, op="module", module=name, folded=len(run)))
    symbols = {axis for box in boxes for axis in box.axes if axis}
    sizes = {symbol: size for symbol, size in trace.sizes.items() if symbol in symbols}
    return Strip("", in_lanes(boxes), sizes)


def blocks_of(trace: Trace) -> tuple[str, ...]:
    """The paths of the blocks, the largest of them opened until there would be more than ``MOST_BLOCKS``."""
    blocks = _parts(trace, "", single=True)
    counts = Counter(path for step in trace.steps for path in ancestors(step.path))
    while len(blocks) <= MOST_BLOCKS:  # opening a block never makes them fewer
        parts = {block: _parts(trace, block) for block in blocks if counts[block] >= _WORTH_OPENING}
        # A list of layers with one alone is looked through.
        parts = {
            block: inner
            for block, inner in parts.items()
            if len(inner) > 1 or (inner and counts[inner[0]] >= _WORTH_OPENING)
        }
        if not parts:
            break
        # All at one depth at once: the layers of a stack are alike.
        depth = min(len(ancestors(block)) for block in parts)
        opened = [
            path
            for block in blocks
            for path in (parts[block] if block in parts and len(ancestors(block)) == depth else [block])
        ]
        if len(opened) > MOST_BLOCKS:
            break
        blocks = opened
    return tuple(blocks)


def block_label(path: str) -> str:
    """A block in few words, with the number of the layer that it is in: ``0 self-attention``."""
    layer = next((part for part in reversed(path.split(".")[:-1]) if part.isdecimal()), None)
    name = display_name(path)
    return name if layer is None else f"{layer} {name}"


def _parts(trace: Trace, module: str, *, single: bool = False) -> list[str]:
    counts = parts_of(trace, module, least=1)
    return [path for path, count in counts.items() if not _is_minor(path) and (single or count > 1 or _is_single(path))]


def _is_minor(path: str) -> bool:
    last = path.rpartition(".")[2].lower()
    return any(word in last for word in _MINOR)


def _is_single(path: str) -> bool:
    last = path.rpartition(".")[2].lower()
    return any(word in last for word in _SINGLE)


def _groups(trace: Trace, blocks: Sequence[str]) -> list[tuple[str, list[Step]]]:
    """The steps of each block with those that follow on it and are in none. What comes last is a group of its own."""
    chosen = set(blocks)
    groups: list[tuple[str, list[Step]]] = []
    before: list[Step] = []
    for step in trace.steps:
        block = next((path for path in reversed(ancestors(step.path)) if path in chosen), None)
        if block is None and not groups:
            before.append(step)
        elif block is None or (groups and groups[-1][0] == block):
            groups[-1][1].append(step)
        else:
            groups.append((block, [*before, step]))
            before = []
    if not groups:
        return []
    name, run = groups[-1]
    last = next((at for at in range(len(run), 0, -1) if run[at - 1].path), 0)
    if 0 < last < len(run):
        groups[-1] = (name, run[:last])
        groups.append((run[-1].name, run[last:]))
    return groups


def _outcome(trace: Trace, run: Sequence[Step]) -> Step:
    """What others go on with: the last floating-point tensor that is read outside, or else the last."""
    read = read_outside(trace, run)
    numbers = [step for step in read if step.value.is_floating_point() and not _is_minor_of(step)]
    return numbers[-1] if numbers else read[-1] if read else run[-1]


def _is_minor_of(step: Step) -> bool:
    return "mask" in step.path.rpartition(".")[2] or "mask" in step.name
