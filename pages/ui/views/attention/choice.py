"""What of a trace's attention is on screen: the kind, the sentence, the row and the head, from controls and address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from engine import Trace
from pages.ui.app.markdown_escape import short_text
from pages.ui.components.head_maps import MapsChosen
from pages.ui.state import link_notes, session
from pages.ui.views.attention.answer_rows import AttentionRow, joined
from pages.ui.views.attention.attention_groups import AttentionGroup
from pages.ui.views.tensor_panels import tokens_along

_FIRST = "cross"  # the kind that is shown first where there is one: what the answer looks at
_TOP = "."  # the attention of no module, in the address
_MOST_BUTTONS = 8  # more options than this are a list
_OF_AXIS, _OF_UNNAMED = "{symbol} {number}", "axis {axis} = {number}"  # as above the parts of a tensor
_LONGEST = 40  # letters of a sentence in a list
_MOST_MAPS = 384  # that are drawn at once: 24 layers of 16 heads
_LAYERS = "{first} to {last}, of {count:,}"


def choose_group(groups: Mapping[str, AttentionGroup]) -> AttentionGroup:
    """The kind of attention, after drawing its control where there are several.

    Args:
        groups: all of a trace.
    """
    kinds = tuple(groups)
    usual = _FIRST if _FIRST in groups else kinds[0]
    module = session.view("module")
    if module and not session.view("kind"):
        path = "" if module == _TOP else module
        usual = next((kind for kind, group in groups.items() if path in group.layers), usual)
    kind = link_notes.pick("kind", "Attention", kinds, usual)
    # A widget keeps what it is drawn with until the next run: a trace among it would stay in memory beside the next.
    titles = {name: group.title for name, group in groups.items()}
    return groups[_chosen("kind", "Attention", kinds, kind, titles.__getitem__, _keep_kind)]


def choose_position(trace: Trace, group: AttentionGroup) -> tuple[int, ...]:
    """The index on every axis before queries and keys; controls are drawn for all but the heads.

    Args:
        trace: the trace whose sentences these are.
        group: what is on screen.
    """
    position = []
    for axis, symbol in enumerate(group.leading):
        count = group.weights.shape[axis]
        if axis == group.head_axis:
            position.append(_head(group))
        elif symbol == "B":
            sentences = {option: _sentence(trace, group, option) for option in map(str, range(count))}
            position.append(_number("sentence", "Sentence", count, sentences.__getitem__))
        else:
            template = _OF_AXIS if symbol else _OF_UNNAMED
            titles = {
                number: template.format(symbol=symbol, axis=axis, number=number) for number in map(str, range(count))
            }
            position.append(_number(f"axis{axis}", f"Axis {axis}", count, titles.__getitem__))
    return tuple(position)


def choose_layers(group: AttentionGroup) -> range:
    """The layers whose maps are drawn, after drawing the control where there are too many for all.

    Args:
        group: what is on screen.
    """
    count, at_once = len(group.layers), max(1, _MOST_MAPS // len(group.heads))
    spans = {
        str(span): range(first, min(first + at_once, count)) for span, first in enumerate(range(0, count, at_once))
    }
    titles = {
        option: _LAYERS.format(first=group.names[span[0]], last=group.names[span[-1]], count=count)
        for option, span in spans.items()
    }
    keep = partial(_keep_span, at_once)
    option = _chosen("layers", "Layers", tuple(spans), str(_layer(group) // at_once), titles.__getitem__, keep)
    return spans[option]


def choose_map(group: AttentionGroup, rows: tuple[AttentionRow, ...]) -> MapsChosen:
    """The row and the map that are chosen, by presses on them alone.

    Args:
        group: what is on screen.
        rows: the rows of the sentence.
    """
    upto = session.settings_now().upto
    last = len(rows) - 1
    usual = 0 if upto is None else min(upto, last)
    return MapsChosen(link_notes.number("position", "Position", 0, last, usual), _layer(group), _head(group))


def _layer(group: AttentionGroup) -> int:
    layers = tuple(group.layers)
    module = session.view("module")
    path = "" if module == _TOP else module
    return layers.index(path) if module and path in layers else link_notes.number("layer", "Layer", 0, len(layers) - 1)


def _head(group: AttentionGroup) -> int:
    axis = group.head_axis
    if axis is None:
        return 0
    name = "head" if group.leading[axis] == "H" else f"axis{axis}"
    return link_notes.number(name, "Head", 0, group.weights.shape[axis] - 1)


def _sentence(trace: Trace, group: AttentionGroup, option: str) -> str:
    """A sentence by its number and what it reads; by its number alone where nobody knows its words."""
    symbol = "S" if "S" in trace.labels else group.weights.axes[-1]
    tokens = tokens_along(trace, symbol, int(option))
    if tokens is None:
        return _OF_AXIS.format(symbol="B", number=option)
    text = joined(tuple(token for token in tokens if not token.startswith("⟨"))).replace("␣", " ")
    return f"{option}: {short_text(text, _LONGEST)}"


def _number(name: str, label: str, count: int, title: Callable[[str], str]) -> int:
    """One of the first ``count`` numbers, kept in the address; of fewer the last stands for one that is gone."""
    value = str(link_notes.number(name, label, 0, count - 1))
    keep = _keep_sentence if name == "sentence" else partial(_keep, name)
    return int(_chosen(name, label, tuple(map(str, range(count))), value, title, keep))


def _chosen(
    name: str,
    label: str,
    options: tuple[str, ...],
    value: str,
    title: Callable[[str], str],
    keep: Callable[[str], None],
) -> str:
    key, start = session.widget(f"attention.{name}", value)
    if len(options) == 1:
        return value
    start = start if start in options else value
    callback = session.chosen(f"attention.{name}", key, keep)
    if len(options) <= _MOST_BUTTONS and all(len(title(option)) < _LONGEST for option in options):
        st.segmented_control(
            label,
            options,
            default=start,
            format_func=title,
            key=key,
            on_change=callback,
            required=True,
            wrap=True,
            label_visibility="collapsed",
        )
    else:
        st.selectbox(label, options, options.index(start), format_func=title, key=key, on_change=callback)
    return value


def _keep(name: str, value: str) -> None:
    session.change_view(**{name: value})


def _keep_kind(kind: str) -> None:
    session.change_view(kind=kind, module=None)


def _keep_span(at_once: int, span: str) -> None:
    session.change_view(layer=str(int(span) * at_once), module=None)


def _keep_sentence(sentence: str) -> None:
    session.change_view(sentence=sentence, position=None, told=None)
