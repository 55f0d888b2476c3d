"""The sizes of a program's inputs as sliders: the boxes follow while one is moved, and the code runs when it stops."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from engine import Trace
from engine.axes import symbol_for
from pages.ui.components.size_sliders import SizeSlider, Status, size_sliders
from pages.ui.state import session
from pages.ui.traces.opened import OPENED, NotOpenError
from pages.ui.views.your_code import program_state
from pages.ui.views.your_code.program import UserProgram
from pages.ui.views.your_code.run_program import Outcome
from pages.ui.views.your_code.signature import with_size

_KEY = "code.sizes"
_FEW, _MANY = range(1, 17), (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384, 512)
_FEW_OF = frozenset({"B", "H", "H_kv", "G", "E", "N"})


def draw_sizes(program: UserProgram, outcome: Outcome | None) -> None:
    """Draws a slider for each size of the inputs; nothing where they have none.

    Args:
        program: the program.
        outcome: what its last run led to; a moved size runs it again, but never for the first time.
    """
    sizes = program.used_sizes
    if not sizes:
        return
    drawn = {} if outcome is None or not outcome.name else _axes_of(outcome)
    foreseen = {symbol: _foreseen(symbol, size, sizes, drawn) for symbol, size in sizes.items()}
    size_sliders(
        [],
        [SizeSlider(symbol, symbol, symbol, size, foreseen[symbol], by_stops=True) for symbol, size in sizes.items()],
        key=_KEY,
        sizes={**drawn, **sizes},
        status=Status(source=None, reads="", weights="", has_undo=False),
        on_size=partial(_moved, outcome is not None),
        on_undo=_nothing,
        on_source=_no_text,
    )


def _moved(has_run: bool, symbol: str, size: int) -> None:
    session.keep_view()
    program_state.change(with_size(program_state.written_now().program, symbol, size))
    if has_run:
        program_state.ask_to_run()


def _nothing() -> None:
    """Does nothing: there are no weights to have back."""


def _no_text(_: str) -> None:
    """Does nothing: a program reads tensors, and no text."""


def _axes_of(outcome: Outcome) -> Mapping[str, int]:
    try:
        trace: Trace = OPENED.get(outcome.name).trace
    except NotOpenError:
        return {}
    return trace.sizes


def _foreseen(symbol: str, size: int, sizes: Mapping[str, int], drawn: Mapping[str, int]) -> dict[int, dict[str, int]]:
    """Each length that a symbol can be moved to → the axes that are then as long.

    An axis of the trace goes by the program's symbol or by the glossary's for it. A width that is shared among heads
    leaves each its part.
    """
    options = sorted({size, *(_FEW if (symbol_for(symbol) or symbol) in _FEW_OF else _MANY)})
    return {option: _axes_at(symbol, option, sizes, drawn) for option in options}


def _axes_at(symbol: str, option: int, sizes: Mapping[str, int], drawn: Mapping[str, int]) -> dict[str, int]:
    after = {**sizes, symbol: option}
    changed = {symbol: option}
    for name in {symbol_for(symbol) or symbol, *_also(symbol)}:
        if drawn.get(name) == sizes[symbol]:
            changed[name] = option
    width = next((name for name in sizes if (symbol_for(name) or name) in ("d_model", "D")), None)
    heads = next((name for name in sizes if (symbol_for(name) or name) == "H"), None)
    if width and heads and symbol in (width, heads) and after[heads] and after[width] % after[heads] == 0:
        share, was = after[width] // after[heads], sizes[width] // max(sizes[heads], 1)
        changed |= {name: share for name in ("d_k", "d_v") if drawn.get(name) == was}
    return changed


def _also(symbol: str) -> tuple[str, ...]:
    """The names under which a length of tokens also stands: keys have the length of queries in self-attention."""
    return ("d_model",) if symbol == "D" else ("L_k", "S") if symbol == "L" else ()
