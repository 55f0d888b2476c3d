"""A trace as a graph: modules as nodes, and on every edge the shape of the tensor that passes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from engine.graph.dot_writer import Edge, Node, Theme, write
from engine.graph.module_names import STACKS, box_label
from engine.graph.module_paths import (
    ancestors,
    display_name,
    is_inside,
    layer_words,
    list_name,
    numbered,
    stacks,
)
from engine.record.trace import Leaf, Step, Trace

__all__ = ["Theme", "default_open", "enclosing_collapsed", "node_count", "node_id", "to_dot"]

# What people call an input or a step of the built-in Transformer; any other goes by its own name.
_INPUTS = {"source": "source tokens", "target": "target tokens"}
_STEPS = {
    "mask": "padding or future",
    "logits": "projection to the vocabulary",
    "log_probabilities": "log-softmax: log-probability of each next token",
    "probabilities": "softmax: probability of each next token",
}
# The built-in model's two inputs are the token ids.
_INPUT_AXES: Mapping[str, tuple[str | None, ...]] = {"source": ("B", "S"), "target": ("B", "T")}

_MANY = 100  # steps of one name: beyond, to look each up among them takes longer than all the rest
_AGAIN = ".again"  # ends the name of the node that the collapsed layers of a stack share
_FROM, _TO = "{label}\nfrom {module}", "to {reader}"


def default_open(trace: Trace) -> frozenset[str]:
    """The modules to open for a first look.

    Args:
        trace: a recording of anything.

    Returns:
        The paths of the outermost stacks, of the first layer of each, and of all they lie in. Where a first layer holds
        its own parts in a numbered list, as T5's blocks do, those are opened too.
    """
    paths = {step.path for step in trace.steps}
    layers = stacks(paths)
    outermost = [stack for stack in layers if not any(is_inside(stack, other) for other in layers if other != stack)]
    firsts = [numbered(stack, layers[stack][0]) for stack in outermost]
    opened = {""}
    for first in firsts:
        parts = first.split(".")
        opened.update(".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        inside = {module for path in paths if is_inside(path, first) for module in ancestors(path)}
        opened.update(module for module in inside if is_inside(module, first) and _is_listed_part(module, layers))
    return frozenset(opened)


def _is_listed_part(module: str, layers: Collection[str]) -> bool:
    parent, _, number = module.rpartition(".")
    return number.isdecimal() and parent not in layers and parent.rpartition(".")[2] in STACKS


def to_dot(
    trace: Trace,
    opened: Collection[str] | None = None,
    theme: Theme | None = None,
    within: str = "",
    most: int | None = None,
) -> str:
    """The DOT text of a trace, one node for every module that is not opened.

    Layers of a stack that stay collapsed share a node with those that follow. A node has an id to be found by in the
    picture: ``step-28``, or ``open-encoder.layers.1`` for a module that can be opened, the first of those that share
    a node; the frame of an opened one is ``close-encoder.layers.0``. A dashed node has the id of the step outside.

    Args:
        trace: a recording of anything.
        opened: the paths of modules whose inside is shown; by default those of ``default_open``.
        theme: the colours; by default those of a light page.
        within: the path of a module. Only its inside is drawn, and what it reads and who reads it as dashed nodes
            around it. By default the whole model.
        most: how many nodes are drawn, the first ones; by default all.

    Returns:
        A ``digraph``, for Graphviz.
    """
    graph = _graph(trace, opened, within)
    if most is not None and len(graph.nodes) > most:
        graph = graph.first(most)
    return write(graph.nodes.values(), _drop_redundant_masks(graph.edges), theme or Theme(), within)


def node_count(trace: Trace, opened: Collection[str] | None = None, within: str = "") -> int:
    """How many nodes ``to_dot`` draws.

    Args:
        trace: the trace that is drawn.
        opened: paths of the modules that are drawn open; None for those that are open at first.
        within: the module that is drawn; "" for the whole model.

    Returns:
        Their number; what comes from outside counts as well.
    """
    return len(_graph(trace, opened, within).nodes)


def node_id(trace: Trace, step: Step, opened: Collection[str], within: str = "") -> str:
    """The id of the node that shows a step: its own, or that of the collapsed module it lies in.

    Args:
        trace: the trace that is drawn.
        step: one of its steps.
        opened: paths of the modules that are drawn open.
        within: the module that is drawn; "" for the whole model.

    Returns:
        The id, as it stands in the picture.
    """
    return _View(trace, opened, within).node(step).mark


def enclosing_collapsed(step: Step, opened: Collection[str], within: str = "") -> str:
    """The outermost collapsed module that a step lies in; "" where all are open.

    Args:
        step: the step.
        opened: paths of the modules that are drawn open.
        within: the module that is drawn; "" for the whole model.

    Returns:
        The path of that module.
    """
    modules = ancestors(step.path)
    return next((module for module in modules if module not in opened and not is_inside(within, module)), "")


@dataclass
class _Graph:
    """What is drawn, as it is being put together. For every edge, whether what passes says only where to look."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[Edge, bool] = field(default_factory=dict)

    def join(self, before: Node, after: Node, tensor: Step | Leaf, axes: tuple[str | None, ...]) -> None:
        self.nodes.setdefault(before.name, before)
        self.nodes.setdefault(after.name, after)
        if before.name != after.name:
            shape = tuple(tensor.value.shape)
            edge = Edge(before.name, after.name, axes or (None,) * len(shape), shape)
            self.edges[edge] = not tensor.value.is_floating_point()

    def first(self, most: int) -> _Graph:
        """The first nodes alone, and the edges between them."""
        nodes = dict(islice(self.nodes.items(), most))
        edges = {edge: is_mask for edge, is_mask in self.edges.items() if edge.start in nodes and edge.end in nodes}
        return _Graph(nodes, edges)


class _View:
    """A trace as it is looked at: which of its modules are opened, and within which one."""

    def __init__(self, trace: Trace, opened: Collection[str] | None, within: str) -> None:
        self.trace, self.within = trace, within
        self.opened = default_open(trace) if opened is None else opened
        self.stacks = stacks(step.path for step in trace.steps)

    def node(self, step: Step) -> Node:
        """The node that shows a step inside ``within``."""
        collapsed = enclosing_collapsed(step, self.opened, self.within)
        return self._collapsed_node(collapsed) if collapsed else _step_node(self.trace, step)

    def _collapsed_node(self, path: str) -> Node:
        group = (ancestors(path)[-2:-1] or ("",))[0]
        stack, _, number = path.rpartition(".")
        if number.isdecimal() and stack in self.stacks:
            # Layers that stay collapsed are the same again with other weights.
            members = self.stacks[stack]
            first = members.index(int(number))
            while first and numbered(stack, members[first - 1]) not in self.opened:
                first -= 1
            layer = numbered(stack, members[first])
            return Node(f"{layer}{_AGAIN}", "", group, f"open-{layer}")
        name = path.rpartition(".")[2]
        return Node(path, display_name(path) if name.isdecimal() else box_label(name), group, f"open-{path}")

    def count_label(self, name: str, layers: Collection[int], *, alone: bool) -> str:
        """What a node of a stack's collapsed layers says; not ``alone``, more of them are in further nodes."""
        stack = _stack(name)
        words, owner = layer_words(stack), stack.rpartition(".")[0]
        texts = words.owned if owner else words.alone
        others = any(numbered(stack, number) in self.opened for number in self.stacks[stack])
        first, last = min(layers), max(layers)
        if not others:
            text = texts.whole_of_one if len(layers) == 1 else texts.whole_of_many
        elif alone:
            text = texts.one_more if len(layers) == 1 else texts.many_more
        else:
            text = texts.single if first == last else texts.span
        named = {"owner": display_name(owner), "list": list_name(stack) or "module"}
        return text.format(count=len(layers), first=first, last=last, **named)


def _graph(trace: Trace, opened: Collection[str] | None, within: str) -> _Graph:
    view = _View(trace, opened, within)
    graph, again = _Graph(), dict[str, set[int]]()
    for step in trace.steps:
        if not is_inside(step.path, within):
            continue
        node = view.node(step)
        graph.nodes.setdefault(node.name, node)
        if node.name.endswith(_AGAIN):
            layer = enclosing_collapsed(step, view.opened, within)
            again.setdefault(node.name, set()).add(int(layer.rpartition(".")[2]))
        for parent in step.inputs:
            if isinstance(parent, Step):
                is_drawn = is_inside(parent.path, within)
                before = view.node(parent) if is_drawn else _outside_node(trace, parent, within)
                graph.join(before, node, parent, parent.axes)
            elif parent.kind == "input":
                axes = _INPUT_AXES.get(parent.name, ()) if trace.config is not None else ()
                graph.join(_input_node(trace, parent), node, parent, axes)
        for reader in _readers(trace, step, within):
            graph.join(node, reader, step, step.axes)
    for name, layers in again.items():
        alone = sum(_stack(other) == _stack(name) for other in again) == 1
        graph.nodes[name] = replace(graph.nodes[name], label=view.count_label(name, layers, alone=alone))
    return graph


def _step_node(trace: Trace, step: Step) -> Node:
    summed = [parent for parent in step.inputs if isinstance(parent, Step) or parent.kind == "input"]
    if step.op == "add" and len(summed) > 1:
        return Node(_node_name(trace, step), "+", step.path, _step_mark(step), is_sum=True)
    label = _step_label(trace, step)
    is_repeated = len(trace.find_all(step.full_name)) > 1
    return Node(_node_name(trace, step), f"{label} · {step.op}" if is_repeated else label, step.path, _step_mark(step))


def _node_name(trace: Trace, step: Step) -> str:
    """A name that no other node has, the same in every picture of this trace."""
    same_name = trace.find_all(step.full_name)
    if len(same_name) == 1:
        return step.full_name
    # With a space, no name that a program can give.
    if len(same_name) > _MANY:
        return f"{step.full_name} {step.op} {step.index}"
    same_op = [other for other in same_name if other.op == step.op]
    return f"{step.full_name} {step.op}" + (f" {same_op.index(step)}" if len(same_op) > 1 else "")


def _step_label(trace: Trace, step: Step) -> str:
    return step.name if trace.config is None or step.path else _STEPS.get(step.name, step.name)


def _step_mark(step: Step) -> str:
    return f"step-{step.index}"


def _input_node(trace: Trace, leaf: Leaf) -> Node:
    """What the model was given. People call what they make of x by the name x as well, hence the other name here."""
    label = leaf.name if trace.config is None else _INPUTS.get(leaf.name, leaf.name)
    return Node(f"{leaf.name} given", label)


def _outside_node(trace: Trace, step: Step, within: str) -> Node:
    """A step outside that is read inside."""
    module, label = _module_outside(step, within), _step_label(trace, step)
    text = _FROM.format(label=label, module=display_name(module)) if module else label
    return Node(_node_name(trace, step), text, mark=_step_mark(step), is_outside=True)


def _readers(trace: Trace, step: Step, within: str) -> Iterator[Node]:
    """Who reads a step from outside: one node for each module, and one for each step that stands in none."""
    if not within:
        return
    for reader in trace.consumers.get(step.index, ()):
        if not is_inside(reader.path, within):
            module = _module_outside(reader, within)
            label = _TO.format(reader=display_name(module) if module else _step_label(trace, reader))
            name = f"to {module}" if module else _node_name(trace, reader)
            yield Node(name, label, mark=_step_mark(reader), is_outside=True)


def _module_outside(step: Step, within: str) -> str:
    """The outermost module that a step outside lies in and ``within`` does not; "" where there is none."""
    return next((module for module in ancestors(step.path) if not is_inside(within, module)), "")


def _stack(name: str) -> str:
    """The stack whose collapsed layers a node of this name stands for."""
    return name.removesuffix(_AGAIN).rpartition(".")[0]


def _drop_redundant_masks(edges: Mapping[Edge, bool]) -> Iterator[tuple[Edge, bool]]:
    """The edges, less the masks and ids to layers that are the same again, where a layer that reads them is drawn.

    Masks and ids say where to look; the solid edges carry the numbers.
    """
    for edge, is_mask in edges.items():
        is_read_by_drawn_layer = edge.end.endswith(_AGAIN) and any(
            other.start == edge.start and is_inside(other.end, _stack(edge.end)) and not other.end.endswith(_AGAIN)
            for other in edges
        )
        if not (is_mask and is_read_by_drawn_layer):
            yield edge, is_mask
