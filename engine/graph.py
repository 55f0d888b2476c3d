"""A trace as a graph in DOT: modules as boxes, and on every edge the shape of the tensor that passes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape

import graphviz

from engine.trace import Step, Trace

# What people call a module or a step of the built-in Transformer; any other goes by its own name.
_CALLED = {
    "source": "source tokens",
    "target": "target tokens",
    "source_embedding": "embedding × √d_model",
    "target_embedding": "embedding × √d_model",
    "source_position": "+ positional encoding",
    "target_position": "+ positional encoding",
    "source_padding_mask": "padding mask",
    "target_padding_mask": "padding mask",
    "causal_mask": "causal mask",
    "mask": "padding or future",
    "self_attention": "multi-head self-attention",
    "cross_attention": "multi-head cross-attention",
    "feed_forward": "feed-forward",
    "self_attention_norm": "LayerNorm",
    "cross_attention_norm": "LayerNorm",
    "feed_forward_norm": "LayerNorm",
    "norm": "LayerNorm",
    "logits": "projection to the vocabulary",
    "log_probabilities": "log-softmax: log-probability of each next token",
    "probabilities": "softmax: probability of each next token",
}


# The built-in model's two inputs are the token ids.
_INPUT_AXES: Mapping[str, tuple[str | None, ...]] = {"source": ("B", "S"), "target": ("B", "T")}
_AGAIN = ".again"  # ends the name of the box that the closed layers of a stack share
_LAYER = re.compile(r"((?:.*?\.)?layers)\.\d+(?:\.|$)")


@dataclass(frozen=True)
class Look:
    """The colours of a drawing, as ``#rrggbb``; ``axis`` gives the colour of an axis symbol."""

    ink: str = "#1d2433"
    soft: str = "#6b7385"
    line: str = "#c3c9d6"
    box: str = "#ffffff"
    group: str = "#f6f7fa"
    font: str = "sans-serif"
    axis: Callable[[str | None], str] = field(default=lambda symbol: "#1d2433")


@dataclass(frozen=True)
class _Node:
    """A box: a module with everything in it, or one step of an opened module."""

    name: str
    label: str
    group: str
    is_sum: bool = False


def at_a_glance(trace: Trace) -> frozenset[str]:
    """The modules to open for a first look: the stacks, and the first layer of each."""
    stacks = {match[1] for step in trace.steps if (match := _LAYER.match(step.path))}
    firsts = [f"{stack}.0".split(".") for stack in stacks]
    return frozenset({"", *(".".join(parts[:depth]) for parts in firsts for depth in range(1, len(parts) + 1))})


def to_dot(trace: Trace, opened: Collection[str] | None = None, look: Look | None = None) -> str:
    """The DOT text of a trace, one box for every module that is not opened.

    ``opened`` holds the paths of modules whose inside is shown ("" is the whole model); by default the stacks and
    their first layers. The layers of a stack that stay closed share one box.
    """
    opened = at_a_glance(trace) if opened is None else opened
    look = look or Look()
    nodes: dict[str, _Node] = {}
    again: dict[str, set[str]] = {}
    edges: dict[tuple[str, str, str], bool] = {}
    for step in trace.steps:
        node = _node(step, opened)
        _note(nodes, node)
        if node.name.endswith(_AGAIN):
            stack = node.name.removesuffix(_AGAIN)
            again.setdefault(stack, set()).add(step.path.removeprefix(f"{stack}.").split(".")[0])
        for parent in step.inputs:
            if isinstance(parent, Step):
                before, axes = _node(parent, opened), parent.axes
            elif parent.kind == "input":
                # With a space, no variable's name: people call what they make of x by the name x as well.
                before = _Node(f"{parent.name} given", _CALLED.get(parent.name, parent.name), "")
                axes = _INPUT_AXES.get(parent.name, ()) if trace.config is not None else ()
            else:
                continue
            _note(nodes, before)
            if before.name != node.name:
                shape = tuple(parent.value.shape)
                label = _shape(axes or (None,) * len(shape), shape, look)
                edges[before.name, node.name, label] = not parent.value.is_floating_point()
    for stack, layers in again.items():
        name, others = stack + _AGAIN, any(path.startswith(f"{stack}.") for path in opened)
        nodes[name] = replace(nodes[name], label=_counted(stack, len(layers), others))
    return _drawn(nodes, edges, look)


def _note(nodes: dict[str, _Node], node: _Node) -> None:
    # A name that is used again, for something other than the sum it was, is no sum any more.
    held = nodes.get(node.name)
    if held is None or (held.is_sum and not node.is_sum):
        nodes[node.name] = node


def _counted(stack: str, layers: int, others: bool) -> str:
    """What the box of a stack's closed layers says; ``others`` are drawn one by one beside it."""
    of = stack.split(".")[-2:-1]
    noun = " ".join([*of, "layer" if layers == 1 else "layers"])
    return f"{layers} more {noun} with other weights" if others else f"{layers} {noun}"


def _node(step: Step, opened: Collection[str]) -> _Node:
    parts = step.path.split(".") if step.path else []
    for depth in range(1, len(parts) + 1):
        path = ".".join(parts[:depth])
        if path not in opened:
            return _closed(path, parts[:depth])
    name = _CALLED.get(step.name, step.name)
    if step.op == "add":
        return _Node(step.full_name, "+", step.path, is_sum=True)
    return _Node(step.full_name, name, step.path)


def _closed(path: str, parts: list[str]) -> _Node:
    group = ".".join(parts[:-1])
    if _LAYER.fullmatch(path):
        # Layers that stay closed are the same again with other weights.
        return _Node(group + _AGAIN, "", ".".join(parts[:-2]))
    numbered = parts[-1].isdigit() and len(parts) > 1
    name = " ".join(parts[-2:]) if numbered else parts[-1]
    return _Node(path, _CALLED.get(name, name.replace("_", " ")), group)


def _shape(axes: tuple[str | None, ...], shape: tuple[int, ...], look: Look) -> str:
    """``B 2 · S 5 · d_model 32`` in the axes' colours, as DOT's HTML."""
    parts = []
    for symbol, size in zip(axes, shape, strict=True):
        name = "" if symbol in (None, "1") else f"{escape(str(symbol).replace('*', '·'))} "
        parts.append(f'<FONT COLOR="{look.axis(symbol)}">{name}<B>{size}</B></FONT>')
    return f'<<FONT POINT-SIZE="11">{" · ".join(parts) or "scalar"}</FONT>>'


def _drawn(nodes: dict[str, _Node], edges: dict[tuple[str, str, str], bool], look: Look) -> str:
    dot = graphviz.Digraph()
    dot.attr("graph", bgcolor="transparent", fontname=look.font, fontcolor=look.soft, fontsize="11", nodesep="0.3")
    dot.attr("graph", ranksep="0.32", style="rounded,filled", color=look.line, fillcolor=look.group, labeljust="l")
    dot.attr("node", shape="box", style="rounded,filled", fillcolor=look.box, color=look.line, fontcolor=look.ink)
    dot.attr("node", fontname=look.font, fontsize="12", height="0.36", margin="0.14,0.06")
    dot.attr("edge", color=look.soft, fontname=look.font, fontcolor=look.soft, arrowsize="0.6")
    for group in dict.fromkeys(node.group for node in nodes.values()):
        members = [node for node in nodes.values() if node.group == group]
        _grouped(dot, "", _boxes(group), members, look)
    with dot.subgraph() as top:
        top.attr(rank="same")
        for name, node in nodes.items():
            if not any(end == name for _, end, _ in edges) and not node.group:
                top.node(_id(name))
    for (start, end, label), is_mask in edges.items():
        # Masks and ids say where to look; the solid lines carry the numbers.
        if not (is_mask and _said_before(start, end, edges)):
            dot.edge(_id(start), _id(end), label=label, style="dashed" if is_mask else "solid")
    return str(dot.source)


def _boxes(group: str) -> list[str]:
    """The boxes around a module's inside, the outermost first: ``encoder``, ``layers.0``, ``self_attention``."""
    return re.findall(r"layers\.\d+(?=\.|$)|[^.]+", group)


def _grouped(dot: graphviz.Digraph, path: str, boxes: Sequence[str], nodes: list[_Node], look: Look) -> None:
    if not boxes:
        _add(dot, nodes)
        return
    box, *inner = boxes
    with dot.subgraph(name=f"cluster_{path}.{box}") as cluster:
        cluster.attr(label=graphviz.escape(box), fillcolor=look.box if path else look.group)
        _grouped(cluster, f"{path}.{box}", inner, nodes, look)


def _said_before(start: str, end: str, edges: Collection[tuple[str, str, str]]) -> bool:
    """Whether an edge to the layers that are the same again also goes to a layer of theirs that is drawn."""
    layer = end.removesuffix(_AGAIN) + "."
    return end.endswith(_AGAIN) and any(
        one == start and other.startswith(layer) for one, other, _ in edges if other != end
    )


def _add(dot: graphviz.Digraph, nodes: list[_Node]) -> None:
    for node in nodes:
        if node.is_sum:
            dot.node(_id(node.name), "+", shape="circle", width="0.3", height="0.3", fixedsize="true")
        else:
            dot.node(_id(node.name), graphviz.escape(node.label))


def _id(name: str) -> str:
    # What follows a colon would be a port, a place on the box's edge.
    return graphviz.escape(name.replace(":", " "))
