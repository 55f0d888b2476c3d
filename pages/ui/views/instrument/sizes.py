"""The sizes above the strip: which of them can be moved, and what every move will lead to."""

from __future__ import annotations

from engine import Trace
from engine.graph.strip import symbol_sizes
from pages.ui.app import controls
from pages.ui.components.size_sliders import FixedSize, SizeSlider, size_sliders
from pages.ui.state import session, size_rules
from pages.ui.state.settings import RANGES, TOKENS, Settings

_KEY = "sizes"
_HEADS_AND_WIDTH = (("heads", "H", "H heads"), ("d_model", "d_model", "d_model"))
_INPUT_SIZES = (("batch", "B", "B batch"), ("src_len", "S", "S source length"), ("tgt_len", "T", "T target length"))
_FARTHEST = {"d_model": 512, "src_len": 128, "tgt_len": 128}  # farther than these nobody can aim a thumb


def draw(trace: Trace) -> None:
    """Draws the sizes of a run of the built-in Transformer; nothing for any other."""
    if trace.config is None:
        return
    settings = session.settings_shown()
    movable = _HEADS_AND_WIDTH if settings.reads != TOKENS else (*_INPUT_SIZES, *_HEADS_AND_WIDTH)
    fixed = _INPUT_SIZES if settings.reads != TOKENS else ()
    size_sliders(
        [_slider(settings, *size) for size in movable],
        [FixedSize(symbol, label, getattr(trace.config, name)) for name, symbol, label in fixed],
        key=_KEY,
        sizes=symbol_sizes(trace.config),
        on_size=controls.set_size,
    )


def _slider(settings: Settings, name: str, symbol: str, label: str) -> SizeSlider:
    value = getattr(settings.config, name)
    foreseen = {option: _changes(settings, name, option) for option in _options(name, value)}
    options = {option: changes for option, changes in foreseen.items() if changes is not None}
    return SizeSlider(name, symbol, label, value, options)


def _options(name: str, value: int) -> list[int]:
    low, high = RANGES[name]
    reach = min(high, _FARTHEST.get(name, high))
    options = controls.WIDTHS if name == "d_model" else range(low, reach + 1)
    return sorted({value, *(option for option in options if option <= reach)})


def _changes(settings: Settings, name: str, option: int) -> dict[str, int] | None:
    """The axes that change with a move, and how long they will be; None where another size would have to give way."""
    after = size_rules.move(settings, session.moves(), name, option, _nothing_written)[0].config
    others = [other for other in ("heads", "d_model") if other != name]
    if any(getattr(after, other) != getattr(settings.config, other) for other in others):
        return None
    before, now = symbol_sizes(settings.config), symbol_sizes(after)
    return {axis: size for axis, size in now.items() if size != before[axis]}


def _nothing_written() -> str:
    return "0"  # what the model writes has no say in the sizes that are asked about here
