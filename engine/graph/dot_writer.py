"""Nodes, the edges between them and the frames around them, written as DOT."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

import graphviz

from engine.graph.module_paths import ancestors, display_name, is_inside


@dataclass(frozen=True)
class Theme:
    """The colours of a drawing, as ``#rrggbb``; ``axis`` gives the colour of an axis symbol.

    ``ink`` is for what nodes say, ``soft`` for edges and the names of frames, ``border`` for what surrounds nodes and
    frames, ``node`` and ``group`` for what fills them.

    ``font`` is the name of the type.
    """

    ink: str = "#1d2433"
    soft: str = "#6b7385"
    border: str = "#c3c9d6"
    node: str = "#ffffff"
    group: str = "#f6f7fa"
    font: str = "sans-serif"
    axis: Callable[[str | None], str] = field(default=lambda symbol: "#1d2433")


@dataclass(frozen=True)
class Node:
    """A module with everything in it, one step of an opened module, or, ``is_outside``, where a tensor comes from.

    ``group`` is the module around it. ``mark`` becomes the id of its element in the picture, so that whoever shows the
    picture can tell what was clicked.

    ``name`` is its own among all nodes, ``label`` what stands in it. ``is_sum`` is one that adds, drawn as a circle.
    """

    name: str
    label: str
    group: str = ""
    mark: str = ""
    is_sum: bool = False
    is_outside: bool = False


@dataclass(frozen=True)
class Edge:
    """A tensor that passes from one node to another.

    Attributes:
        start, end: the names of the nodes.
        axes: the symbols of the tensor's axes, None where one is unknown.
        shape: the sizes of the axes.
    """

    start: str
    end: str
    axes: tuple[str | None, ...]
    shape: tuple[int, ...]


def write(nodes: Collection[Node], edges: Iterable[tuple[Edge, bool]], theme: Theme, within: str = "") -> str:
    """Nodes and edges as DOT.

    Args:
        nodes: what is drawn, in the order in which it ran.
        edges: each with whether it is dashed.
        theme: the colours.
        within: the path of a module; its frame and those around it are left out.

    Returns:
        The text of a ``digraph``.
    """
    edges = list(edges)
    dot = graphviz.Digraph()
    dot.attr("graph", bgcolor="transparent", fontname=theme.font, fontcolor=theme.soft, fontsize="11", nodesep="0.3")
    dot.attr("graph", ranksep="0.32", style="rounded,filled", color=theme.border, fillcolor=theme.group, labeljust="l")
    dot.attr("node", shape="box", style="rounded,filled", fillcolor=theme.node, color=theme.border, fontcolor=theme.ink)
    dot.attr("node", fontname=theme.font, fontsize="12", height="0.36", margin="0.14,0.06")
    dot.attr("edge", color=theme.soft, fontname=theme.font, fontcolor=theme.soft, arrowsize="0.6")
    for group in dict.fromkeys(node.group for node in nodes):
        frames = [module for module in ancestors(group) if not is_inside(within, module)]
        _framed(dot, frames, [node for node in nodes if node.group == group], theme)
    if not within:
        _top(dot, nodes, {edge.end for edge, _ in edges})
    for edge, dashed in edges:
        dot.edge(
            _id(edge.start),
            _id(edge.end),
            label=_shape(edge.axes, edge.shape, theme),
            style="dashed" if dashed else "solid",
        )
    return str(dot.source)


def _top(dot: graphviz.Digraph, nodes: Iterable[Node], ends: Collection[str]) -> None:
    """Puts what the whole model starts from side by side."""
    with dot.subgraph() as top:
        top.attr(rank="same")
        for node in nodes:
            if node.name not in ends and not node.group:
                top.node(_id(node.name))


def _framed(dot: graphviz.Digraph, frames: Sequence[str], nodes: Iterable[Node], theme: Theme, depth: int = 0) -> None:
    if not frames:
        _add(dot, nodes, theme)
        return
    module, *inner = frames
    with dot.subgraph(name=f"cluster_{module}") as cluster:
        name, mark = graphviz.escape(display_name(module)), graphviz.escape(f"close-{module}")
        cluster.attr(label=name, id=mark, fillcolor=theme.node if depth % 2 else theme.group)
        _framed(cluster, inner, nodes, theme, depth + 1)


def _add(dot: graphviz.Digraph, nodes: Iterable[Node], theme: Theme) -> None:
    for node in nodes:
        attributes = {"id": graphviz.escape(node.mark)} if node.mark else {}
        if node.is_sum:
            dot.node(_id(node.name), "+", shape="circle", width="0.3", height="0.3", fixedsize="true", **attributes)
            continue
        if node.is_outside:
            attributes |= {"style": "rounded,dashed", "fontcolor": theme.soft}
        label = r"\n".join(map(graphviz.escape, node.label.split("\n")))
        # A name like <b> is a name; joined, it would be taken for HTML again.
        dot.node(_id(node.name), graphviz.nohtml(label), **attributes)


def _shape(axes: tuple[str | None, ...], shape: tuple[int, ...], theme: Theme) -> str:
    """``B 2 · S 5 · d_model 32`` in the axes' colours, as DOT's HTML."""
    parts = []
    for symbol, size in zip(axes, shape, strict=True):
        name = "" if symbol in (None, "1") else f"{escape(str(symbol).replace('*', '·'))} "
        parts.append(f'<FONT COLOR="{theme.axis(symbol)}">{name}<B>{size}</B></FONT>')
    return f'<<FONT POINT-SIZE="11">{" · ".join(parts) or "scalar"}</FONT>>'


def _id(name: str) -> str:
    # What follows a colon would be a port, a place on the node's edge.
    return graphviz.escape(name.replace(":", " "))
