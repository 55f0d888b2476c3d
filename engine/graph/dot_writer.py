"""Boxes, the lines between them and the frames around them, written as DOT."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

import graphviz

from engine.graph.module_paths import chain, is_inside, title


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
class Box:
    """A module with everything in it, one step of an opened module, or, ``is_outside``, where a tensor comes from.

    ``group`` is the module around it. ``mark`` becomes the id of its element in the picture, so that whoever shows the
    picture can tell what was clicked.
    """

    name: str
    label: str
    group: str = ""
    mark: str = ""
    is_sum: bool = False
    is_outside: bool = False


@dataclass(frozen=True)
class Line:
    """A tensor that passes from one box to another."""

    start: str
    end: str
    axes: tuple[str | None, ...]
    shape: tuple[int, ...]


def write(boxes: Collection[Box], lines: Iterable[tuple[Line, bool]], look: Look, within: str = "") -> str:
    """The DOT text. With every line goes whether it is dashed; the frames of ``within`` and around it are left out."""
    lines = list(lines)
    dot = graphviz.Digraph()
    dot.attr("graph", bgcolor="transparent", fontname=look.font, fontcolor=look.soft, fontsize="11", nodesep="0.3")
    dot.attr("graph", ranksep="0.32", style="rounded,filled", color=look.line, fillcolor=look.group, labeljust="l")
    dot.attr("node", shape="box", style="rounded,filled", fillcolor=look.box, color=look.line, fontcolor=look.ink)
    dot.attr("node", fontname=look.font, fontsize="12", height="0.36", margin="0.14,0.06")
    dot.attr("edge", color=look.soft, fontname=look.font, fontcolor=look.soft, arrowsize="0.6")
    for group in dict.fromkeys(box.group for box in boxes):
        frames = [module for module in chain(group) if not is_inside(within, module)]
        _framed(dot, frames, [box for box in boxes if box.group == group], look)
    if not within:
        _top(dot, boxes, {line.end for line, _ in lines})
    for line, dashed in lines:
        dot.edge(
            _id(line.start),
            _id(line.end),
            label=_shape(line.axes, line.shape, look),
            style="dashed" if dashed else "solid",
        )
    return str(dot.source)


def _top(dot: graphviz.Digraph, boxes: Iterable[Box], ends: Collection[str]) -> None:
    """Puts what the whole model starts from side by side."""
    with dot.subgraph() as top:
        top.attr(rank="same")
        for box in boxes:
            if box.name not in ends and not box.group:
                top.node(_id(box.name))


def _framed(dot: graphviz.Digraph, frames: Sequence[str], boxes: Iterable[Box], look: Look, depth: int = 0) -> None:
    if not frames:
        _add(dot, boxes, look)
        return
    module, *inner = frames
    with dot.subgraph(name=f"cluster_{module}") as cluster:
        name, mark = graphviz.escape(title(module)), graphviz.escape(f"close-{module}")
        cluster.attr(label=name, id=mark, fillcolor=look.box if depth % 2 else look.group)
        _framed(cluster, inner, boxes, look, depth + 1)


def _add(dot: graphviz.Digraph, boxes: Iterable[Box], look: Look) -> None:
    for box in boxes:
        looks = {"id": graphviz.escape(box.mark)} if box.mark else {}
        if box.is_sum:
            dot.node(_id(box.name), "+", shape="circle", width="0.3", height="0.3", fixedsize="true", **looks)
            continue
        if box.is_outside:
            looks |= {"style": "rounded,dashed", "fontcolor": look.soft}
        label = r"\n".join(map(graphviz.escape, box.label.split("\n")))
        # A name like <b> is a name; joined, it would be taken for HTML again.
        dot.node(_id(box.name), graphviz.nohtml(label), **looks)


def _shape(axes: tuple[str | None, ...], shape: tuple[int, ...], look: Look) -> str:
    """``B 2 · S 5 · d_model 32`` in the axes' colours, as DOT's HTML."""
    parts = []
    for symbol, size in zip(axes, shape, strict=True):
        name = "" if symbol in (None, "1") else f"{escape(str(symbol).replace('*', '·'))} "
        parts.append(f'<FONT COLOR="{look.axis(symbol)}">{name}<B>{size}</B></FONT>')
    return f'<<FONT POINT-SIZE="11">{" · ".join(parts) or "scalar"}</FONT>>'


def _id(name: str) -> str:
    # What follows a colon would be a port, a place on the box's edge.
    return graphviz.escape(name.replace(":", " "))
