"""The strips of two traces, one above the other, and between them the line of how far the two are apart."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial

import streamlit as st

from engine import Step, Trace
from engine.compare import StepPair, TraceComparison
from engine.graph.module_paths import ancestors
from engine.graph.strip import strip_of
from pages.ui.app.markdown_escape import escaped
from pages.ui.components.agreement_line import agreement_line
from pages.ui.components.shape_strip import StripContents, shape_strip
from pages.ui.views.instrument.strip import hues_of, title_of

_STRIP = "**{name}**"
_TITLE = "{name}: {module}"
_NO_BLOCK = "{name} has no step here."


def draw(
    a: Trace,
    b: Trace,
    comparison: TraceComparison,
    chosen: StepPair,
    names: tuple[str, str],
    on_pair: Callable[[int], None],
) -> None:
    """Draws both strips, of the block around the chosen pair.

    Args:
        a, b: the traces.
        comparison: of the two.
        chosen: the pair that is open.
        names: what the two traces are called.
        on_pair: gets the place of the pair that was pressed, in the line or in a strip. It is called before the next
            run.
    """
    pair_indices_a = {
        pair.a.index: pair_index for pair_index, pair in enumerate(comparison.pairs) if pair.a is not None
    }
    pair_indices_b = {
        pair.b.index: pair_index for pair_index, pair in enumerate(comparison.pairs) if pair.b is not None
    }
    at = next(pair_index for pair_index, pair in enumerate(comparison.pairs) if pair is chosen)
    _strip(a, chosen.a or _nearest(comparison, at, "a"), chosen.a, names[0], "compare.a", pair_indices_a, on_pair)
    agreement_line(comparison, chosen, key="compare.line", on_pick=on_pair)
    _strip(b, chosen.b or _nearest(comparison, at, "b"), chosen.b, names[1], "compare.b", pair_indices_b, on_pair)


def _nearest(comparison: TraceComparison, at: int, side: str) -> Step | None:
    """The step of one trace that comes before a pair that it has no step of, or else after it."""
    pairs = (*reversed(comparison.pairs[:at]), *comparison.pairs[at:])
    return next((step for step in (getattr(pair, side) for pair in pairs) if step is not None), None)


def _strip(
    trace: Trace,
    step: Step | None,
    marked: Step | None,
    name: str,
    key: str,
    pair_indices: dict[int, int],
    on_pair: Callable[[int], None],
) -> None:
    if step is None:
        st.caption(_NO_BLOCK.format(name=escaped(name)))
        return
    st.caption(_STRIP.format(name=escaped(name)))
    own = ancestors(step.path)
    module = own[-1] if own else ""
    strip = strip_of(trace, module)
    contents = StripContents(
        strip,
        run=f"{id(trace):x}",
        open_step=None if marked is None else marked.index,
        title=_TITLE.format(name=name, module=title_of(module)),
        hues=hues_of(strip),
    )
    shape_strip(
        contents,
        key=key,
        on_pick=partial(_pick, weakref.ref(trace), pair_indices, on_pair),
        on_block=_nothing,
    )


def _pick(drawn: weakref.ref[Trace], pair_indices: dict[int, int], on_pair: Callable[[int], None], index: int) -> None:
    if drawn() is not None and index in pair_indices:
        on_pair(pair_indices[index])


def _nothing(_: str) -> None:
    """The block follows the pair that is open."""
