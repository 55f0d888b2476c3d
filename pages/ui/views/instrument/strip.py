"""The strip of the block around a step, and what pressing it does."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from engine import Step, Trace
from engine.graph.module_paths import ancestors, display_name, is_inside
from engine.graph.near import slice_near
from engine.graph.strip import SMALL_STEPS, default_folded, parts_of, small_runs, strip_of
from engine.graph.strip_box import Strip
from pages.ui.components.shape_strip import ModelMap, StripContents, StripPart, shape_strip, strip_data
from pages.ui.state import session
from pages.ui.state.drawn_module import WHOLE, module_of_scope
from pages.ui.state.url_step import step_to_key
from pages.ui.views.instrument.minimap import minimap
from pages.ui.views.tensor_panels import role_of

_KEY = "strip"
_MOST_BESIDE = 40  # blocks beside the one that is drawn; of more, the nearest
_BEFORE, _AFTER = "… {count:,} before", "{count:,} after …"
_FOLDED = "strip.folded"  # a block → what a person has folded in it
# What published models call the tensors that have a hue.
_BEGINNINGS = (
    ("query", "query"),
    ("q_", "query"),
    ("key", "key"),
    ("k_", "key"),
    ("value", "value"),
    ("v_", "value"),
    ("attn_weights", "weights"),
    ("attn_output", "output"),
)
# What comes out of these is no query, key or value any more.
_NEW_ROLES = frozenset({"", "module", "matmul", "bmm", "einsum", "baddbmm", "scaled_dot_product_attention", "linear"})


def draw(trace: Trace, step: Step, on_step: Callable[[str], None], *, marks: bool = True, key: str = _KEY) -> None:
    """Draws the block that is chosen, or else the step's own module.

    Args:
        trace: a recording of anything.
        step: a step of the block.
        on_step: gets the address of a step whose box was pressed. It is called before the next run.
        marks: whether the step is marked, as the one that is open.
        key: the component's; two strips on a page have two.
    """
    chosen = choice()
    module = chosen.block_of(step)
    contents = chosen.contents(trace, step, minimap(trace, on_step) if marks else None, marks=marks)
    shape_strip(
        contents,
        key=key,
        on_fold=partial(_fold, weakref.ref(trace), module),
        on_pick=partial(_pick, weakref.ref(trace), contents.strip, on_step),
        on_block=partial(_choose, weakref.ref(trace), step.path, on_step),
    )


@dataclass(frozen=True)
class StripChoice:
    """What a person chose to see of a trace.

    Args:
        scope: the module in the address, ``""`` for none.
        folds: a block → what was folded in it.
    """

    scope: str
    folds: Mapping[str, frozenset[str]]

    def block_of(self, step: Step) -> str:
        """The module that is drawn around a step."""
        return module_of_scope(self.scope, step)

    def folded(self, trace: Trace, module: str) -> frozenset[str]:
        """What is folded in a block: what a person chose, else what is folded at first."""
        chosen = self.folds.get(module)
        return default_folded(trace, module) if chosen is None else chosen

    def strip(self, trace: Trace, step: Step) -> Strip:
        """The strip of the block around a step."""
        module = self.block_of(step)
        return strip_of(trace, module, self.folded(trace, module), near_step=step.index)

    def contents(self, trace: Trace, step: Step, whole: ModelMap | None, *, marks: bool = True) -> StripContents:
        """What the strip around a step shows.

        Args:
            trace: a recording of anything.
            step: a step of the block.
            whole: the map of the model; None for a strip without one.
            marks: whether the step is marked, as the one that is open.
        """
        module = self.block_of(step)
        strip = self.strip(trace, step)
        return StripContents(
            strip,
            run=f"{id(trace):x}",
            open_step=step.index if marks else None,
            title=title_of(module),
            hues=hues_of(strip),
            blocks=[StripPart(WHOLE, display_name("")), *_parts(ancestors(step.path))],
            siblings=_siblings(trace, module),
            block=module or WHOLE,
            whole=whole,
            folds=[StripPart(value, _part_title(value)) for value in _foldable(trace, module)],
            folded=self.folded(trace, module),
        )


def choice() -> StripChoice:
    """What this session's person chose."""
    return StripChoice(session.view("scope"), st.session_state.get(_FOLDED, {}))


def sent(trace: Trace, step: Step, chosen: StripChoice, *, has_map: bool = True) -> dict[str, Any]:
    """What the browser is sent of the strip around a step; for where there is no session.

    Args:
        trace: a recording of anything.
        step: a step of the block, which is marked.
        chosen: what the person chose.
        has_map: whether the map of the model is among it. To make it takes as long as a fifth of all that a moved size
            is answered with, and it follows the sizes by itself until the page is drawn.
    """
    contents = strip_data(chosen.contents(trace, step, minimap(trace, _unheard) if has_map else None))
    return contents if has_map else {name: value for name, value in contents.items() if name != "map"}


def _unheard(key: str) -> None:
    """The strip on the page hears what is pressed."""


def _foldable(trace: Trace, module: str) -> list[str]:
    """What a person can fold: the modules inside a block, and its runs of small steps."""
    own = [step for step in trace.steps if is_inside(step.path, module)]
    return [*parts_of(trace, module), *([SMALL_STEPS] if small_runs(own) else [])]


def _part_title(value: str) -> str:
    return value if value == SMALL_STEPS else display_name(value)


def _fold(drawn: weakref.ref[Trace], module: str, value: str) -> None:
    """Folds a part of a block into one box, or unfolds it."""
    trace = drawn()
    if trace is not None:
        st.session_state[_FOLDED] = {
            **st.session_state.get(_FOLDED, {}),
            module: choice().folded(trace, module) ^ {value},
        }


def title_of(module: str) -> str:
    """What people call a module, with those around it; "" is the whole model."""
    return " · ".join(map(display_name, ancestors(module))) or display_name("")


def hues_of(strip: Strip) -> list[str]:
    """The role of each box by its name; of one without a role that of what it was made of, or of what it goes on as."""
    hues: list[str] = []
    for box in strip.boxes:
        inherited = next((hues[parent] for parent in box.parents), "") if box.op not in _NEW_ROLES else ""
        hues.append(_named_role(box.name) or inherited)
    for box, hue in zip(reversed(strip.boxes), reversed(hues), strict=True):
        for parent in box.parents[:1]:
            before = strip.boxes[parent]
            if before.lane == box.lane and before.op and not hues[parent] and box.op not in _NEW_ROLES:
                hues[parent] = hue
    return hues


def _named_role(name: str) -> str:
    return role_of(name) or next((role for start, role in _BEGINNINGS if name.startswith(start)), "")


def _pick(drawn: weakref.ref[Trace], strip: Strip, on_step: Callable[[str], None], index: int) -> None:
    """Goes to the step of a box, and into a module that was folded."""
    trace = drawn()
    if trace is None:
        return  # another run has taken its place, and is drawn next
    folded = [box.module for box in strip.boxes if box.step == index and box.op == "module"]
    if folded:
        session.change_view(scope=folded[0])
    on_step(step_to_key(trace, trace.steps[index]))


def _parts(paths: Iterable[str]) -> list[StripPart]:
    return [StripPart(path, display_name(path)) for path in paths]


def _siblings(trace: Trace, module: str) -> list[StripPart]:
    """The blocks that lie beside the one that is drawn; of hundreds the nearest, and how many the others are."""
    if not module:
        return []
    parent = (["", *ancestors(module)])[-2]
    parts = list(parts_of(trace, parent))
    near = slice_near(len(parts), parts.index(module) if module in parts else 0, _MOST_BESIDE)
    before, after = parts[: near.start], parts[near.stop :]
    return [
        *(StripPart(path, _BEFORE.format(count=len(before))) for path in before[-1:]),
        *_parts(path for path in parts[near] if path != module),
        *(StripPart(path, _AFTER.format(count=len(after))) for path in after[:1]),
    ]


def _choose(drawn: weakref.ref[Trace], own: str, on_step: Callable[[str], None], value: str) -> None:
    """Draws another block: one around the step, or one beside, to whose first step it then goes."""
    # The step's own module is what is drawn when nothing is chosen, and then follows the step.
    session.change_view(scope=None if value == (own or WHOLE) else value)
    trace = drawn()
    if trace is not None and value not in (WHOLE, *ancestors(own)):
        on_step(step_to_key(trace, next(step for step in trace.steps if is_inside(step.path, value))))
