"""A trace as a graph: modules as boxes, and on every edge the shape of the tensor that passes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from engine.graph.dot_writer import Box, Line, Look, write
from engine.graph.module_paths import LAYER, chain, is_inside, title
from engine.record.trace import Leaf, Step, Trace

__all__ = ["Look", "at_a_glance", "boxes", "closed_around", "mark_of", "to_dot"]

# What people call a module, an input or a step of the built-in Transformer; any other goes by its own name.
_MODULES = {
    "source_embedding": "embedding × √d_model",
    "target_embedding": "embedding × √d_model",
    "source_position": "+ positional encoding",
    "target_position": "+ positional encoding",
    "source_padding_mask": "padding mask",
    "target_padding_mask": "padding mask",
    "self_attention": "multi-head self-attention",
    "cross_attention": "multi-head cross-attention",
    "norm": "LayerNorm",
}
_INPUTS = {"source": "source tokens", "target": "target tokens"}
_STEPS = {
    "mask": "padding or future",
    "logits": "projection to the vocabulary",
    "log_probabilities": "log-softmax: log-probability of each next token",
    "probabilities": "softmax: probability of each next token",
}
# The built-in model's two inputs are the token ids.
_INPUT_AXES: Mapping[str, tuple[str | None, ...]] = {"source": ("B", "S"), "target": ("B", "T")}

_AGAIN = ".again"  # ends the name of the box that the closed layers of a stack share


def at_a_glance(trace: Trace) -> frozenset[str]:
    """The modules to open for a first look: the stacks, and the first layer of each."""
    stacks = {match[1] for step in trace.steps if (match := LAYER.match(step.path))}
    firsts = [f"{stack}.0".split(".") for stack in stacks]
    return frozenset({"", *(".".join(parts[:depth]) for parts in firsts for depth in range(1, len(parts) + 1))})


def to_dot(trace: Trace, opened: Collection[str] | None = None, look: Look | None = None, within: str = "") -> str:
    """The DOT text of a trace, one box for every module that is not opened.

    ``opened`` holds the paths of modules whose inside is shown; by default the stacks and their first layers. Layers
    of a stack that stay closed share a box with those that follow. With ``within`` only the inside of that module is
    drawn, and what it reads and who reads it as dashed boxes around it.

    A box has an id to be found by in the picture: ``step-28``, or ``open-encoder.layers.1`` for a module that can be
    opened, the first of those that share a box; the frame of an opened one is ``close-encoder.layers.0``. A dashed
    box has the id of the step outside.
    """
    graph = _graph(trace, opened, within)
    return write(graph.boxes.values(), _told_once(graph.lines), look or Look(), within)


def boxes(trace: Trace, opened: Collection[str] | None = None, within: str = "") -> int:
    """How many boxes ``to_dot`` draws."""
    return len(_graph(trace, opened, within).boxes)


def mark_of(step: Step, opened: Collection[str], within: str = "") -> str:
    """The id of the box that shows a step: its own, or that of the closed module it lies in."""
    closed = closed_around(step, opened, within)
    return _closed_box(closed, opened).mark if closed else _mark(step)


def closed_around(step: Step, opened: Collection[str], within: str = "") -> str:
    """The outermost closed module that a step lies in; "" where all are open."""
    return next((one for one in chain(step.path) if one not in opened and not is_inside(within, one)), "")


@dataclass
class _Graph:
    """What is drawn, as it is being found. For every line, whether what passes says only where to look."""

    boxes: dict[str, Box] = field(default_factory=dict)
    lines: dict[Line, bool] = field(default_factory=dict)

    def join(self, before: Box, after: Box, tensor: Step | Leaf, axes: tuple[str | None, ...]) -> None:
        self.boxes.setdefault(before.name, before)
        self.boxes.setdefault(after.name, after)
        if before.name != after.name:
            shape = tuple(tensor.value.shape)
            line = Line(before.name, after.name, axes or (None,) * len(shape), shape)
            self.lines[line] = not tensor.value.is_floating_point()


def _graph(trace: Trace, opened: Collection[str] | None, within: str) -> _Graph:
    opened = at_a_glance(trace) if opened is None else opened
    graph, again = _Graph(), dict[str, set[int]]()
    for step in trace.steps:
        if not is_inside(step.path, within):
            continue
        box = _shown(trace, step, opened, within)
        graph.boxes.setdefault(box.name, box)
        if box.name.endswith(_AGAIN):
            layer = closed_around(step, opened, within)
            again.setdefault(box.name, set()).add(int(layer.rpartition(".")[2]))
        for parent in step.inputs:
            if isinstance(parent, Step):
                inside = is_inside(parent.path, within)
                before = _shown(trace, parent, opened, within) if inside else _read(trace, parent, within)
                graph.join(before, box, parent, parent.axes)
            elif parent.kind == "input":
                axes = _INPUT_AXES.get(parent.name, ()) if trace.config is not None else ()
                graph.join(_given(trace, parent), box, parent, axes)
        for reader in _readers(trace, step, within):
            graph.join(box, reader, step, step.axes)
    for name, layers in again.items():
        stack = _stack(name)
        others = any(path.startswith(f"{stack}.") for path in opened)
        alone = sum(_stack(other) == stack for other in again) == 1
        graph.boxes[name] = replace(graph.boxes[name], label=_counted(stack, layers, others, alone))
    return graph


def _shown(trace: Trace, step: Step, opened: Collection[str], within: str) -> Box:
    closed = closed_around(step, opened, within)
    return _closed_box(closed, opened) if closed else _step_box(trace, step)


def _closed_box(path: str, opened: Collection[str]) -> Box:
    if LAYER.fullmatch(path):
        # Layers that stay closed are the same again with other weights.
        stack, _, number = path.rpartition(".")
        first = int(number)
        while first and f"{stack}.{first - 1}" not in opened:
            first -= 1
        return Box(f"{stack}.{first}{_AGAIN}", "", stack.rpartition(".")[0], f"open-{stack}.{first}")
    group, _, name = path.rpartition(".")
    return Box(path, _MODULES.get(name, title(path)), group, f"open-{path}")


def _step_box(trace: Trace, step: Step) -> Box:
    summed = [parent for parent in step.inputs if isinstance(parent, Step) or parent.kind == "input"]
    if step.op == "add" and len(summed) > 1:
        return Box(_name(trace, step), "+", step.path, _mark(step), is_sum=True)
    said = _called(trace, step)
    repeated = len(trace.find_all(step.full_name)) > 1
    return Box(_name(trace, step), f"{said} · {step.op}" if repeated else said, step.path, _mark(step))


def _name(trace: Trace, step: Step) -> str:
    """A name that no other box has, the same in every picture of this trace."""
    same = trace.find_all(step.full_name)
    if len(same) == 1:
        return step.full_name
    # With a space, no name that a program can give.
    alike = [one for one in same if one.op == step.op]
    return f"{step.full_name} {step.op}" + (f" {alike.index(step)}" if len(alike) > 1 else "")


def _called(trace: Trace, step: Step) -> str:
    return step.name if trace.config is None or step.path else _STEPS.get(step.name, step.name)


def _mark(step: Step) -> str:
    return f"step-{step.index}"


def _given(trace: Trace, leaf: Leaf) -> Box:
    """What the model was given. People call what they make of x by the name x as well, hence the other name here."""
    said = leaf.name if trace.config is None else _INPUTS.get(leaf.name, leaf.name)
    return Box(f"{leaf.name} given", said)


def _read(trace: Trace, step: Step, within: str) -> Box:
    """A step outside that is read inside."""
    beside, said = _beside(step, within), _called(trace, step)
    label = f"{said}\nfrom {title(beside)}" if beside else said
    return Box(_name(trace, step), label, mark=_mark(step), is_outside=True)


def _readers(trace: Trace, step: Step, within: str) -> Iterator[Box]:
    """Who reads a step from outside: one box for each module, and one for each step that stands in none."""
    if not within:
        return
    for reader in trace.consumers.get(step.index, ()):
        if not is_inside(reader.path, within):
            beside = _beside(reader, within)
            label = f"to {title(beside) if beside else _called(trace, reader)}"
            name = f"to {beside}" if beside else _name(trace, reader)
            yield Box(name, label, mark=_mark(reader), is_outside=True)


def _beside(step: Step, within: str) -> str:
    """The outermost module that a step outside lies in and ``within`` does not; "" where there is none."""
    return next((one for one in chain(step.path) if not is_inside(within, one)), "")


def _stack(name: str) -> str:
    """The stack whose closed layers a box of this name stands for."""
    return name.removesuffix(_AGAIN).rpartition(".")[0]


def _counted(stack: str, layers: Collection[int], others: bool, alone: bool) -> str:
    """What a box of a stack's closed layers says; ``others`` are open, and not ``alone``, some are in further boxes."""
    of = " ".join([*stack.split(".")[-2:-1], "layer" if len(layers) == 1 else "layers"])
    if not others:
        return f"{len(layers)} {of}"
    if alone:
        return f"{len(layers)} more {of} with other weights"
    first, last = min(layers), max(layers)
    return f"{of} {first}" if first == last else f"{of} {first} to {last}"


def _told_once(lines: Mapping[Line, bool]) -> Iterator[tuple[Line, bool]]:
    """The lines, less the masks and ids to layers that are the same again, where one that reads them is drawn.

    Masks and ids say where to look; the solid lines carry the numbers.
    """
    for line, is_mask in lines.items():
        stack = f"{_stack(line.end)}."
        drawn = line.end.endswith(_AGAIN) and any(
            one.start == line.start and one.end.startswith(stack) and not one.end.endswith(_AGAIN) for one in lines
        )
        if not (is_mask and drawn):
            yield line, is_mask
