"""The row of sizes on every page: which can be moved, what every move will lead to, and what the model reads."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from engine import Trace
from engine.graph.strip import symbol_sizes
from pages.ui.app.markdown_escape import short_text
from pages.ui.components.size_sliders import FixedSize, SizeSlider, Status, size_sliders
from pages.ui.settings_bar import drawer
from pages.ui.state import session, size_rules
from pages.ui.state.settings import RANGES, TOKENS, Settings
from pages.ui.traces.trace_cache import CannotRunError, decoded_of

_KEY = "sizes"
_HEADS_AND_WIDTH = (("heads", "H", "H heads"), ("d_model", "d_model", "d_model"))
_INPUT_SIZES = (("batch", "B", "B batch"), ("src_len", "S", "S source length"), ("tgt_len", "T", "T target length"))
# No other size depends on these, and they have hundreds of values: asking the rules of each would take most of a run.
_INDEPENDENT = frozenset(name for name, _, _ in _INPUT_SIZES)
_BY_STOPS = "d_model"  # its values lie so far apart that the small ones would share a pixel

_WRITES = "The model writes “{target}”"
_READS = "The decoder reads “{target}”"
_READS_TOKENS = "Reads generated tokens"
_TRAINED = "Trained on dates: a size that is moved makes the weights random"
_RANDOM_NOW = "The weights are random now"
_RANDOM = "Random weights"
_LONGEST = 40


def draw(settings: Settings, trace: Trace | None) -> None:
    """Draws the sizes of the built-in Transformer.

    Args:
        settings: what the sliders show.
        trace: the run of these settings; None where they cannot be run.
    """
    texts = settings.reads != TOKENS
    movable = _HEADS_AND_WIDTH if texts else (*_INPUT_SIZES, *_HEADS_AND_WIDTH)
    config = settings.config if trace is None or trace.config is None else trace.config
    # How long a text is, in tokens, only its run says.
    fixed = _INPUT_SIZES if texts and trace is not None else ()
    size_sliders(
        [FixedSize(symbol, label, getattr(config, name)) for name, symbol, label in fixed],
        [_slider(settings, *size) for size in movable],
        key=_KEY,
        sizes=symbol_sizes(config),
        status=Status(_source(settings), _reads(settings), *_weights(settings)),
        on_size=drawer.set_size,
        on_undo=drawer.undo,
        on_source=drawer.set_source,
    )


def _source(settings: Settings) -> str | None:
    lines = [line for line in settings.source.splitlines() if line.strip()]
    return lines[0] if settings.reads != TOKENS and len(lines) == 1 else None


def _reads(settings: Settings) -> str:
    if settings.reads == TOKENS:
        return _READS_TOKENS
    template, target = _READS, settings.target
    if settings.writes:
        with suppress(CannotRunError):  # the page says why
            template, target = _WRITES, "\n".join(line.text for line in decoded_of(settings))
    return template.format(target=_short(target))


def _short(text: str) -> str:
    return short_text(" / ".join(line for line in text.splitlines() if line.strip()), _LONGEST)


def _weights(settings: Settings) -> tuple[str, bool]:
    """What the weights are, and whether there is a way back to the trained ones."""
    if settings.trained:
        return _TRAINED, False
    left = session.moves().left is not None
    return _RANDOM_NOW if left else _RANDOM, left


def _slider(settings: Settings, name: str, symbol: str, label: str) -> SizeSlider:
    value = getattr(settings.config, name)
    options: dict[int, Mapping[str, int]] = {}
    for option in _options(name, value):
        changes = _changes(settings, name, symbol, option)
        if changes is not None:
            options[option] = changes
    return SizeSlider(name, symbol, label, value, options, by_stops=name == _BY_STOPS)


def _options(name: str, value: int) -> list[int]:
    low, high = RANGES[name]
    return sorted({value, *(drawer.WIDTHS if name == "d_model" else range(low, high + 1))})


def _changes(settings: Settings, name: str, symbol: str, option: int) -> Mapping[str, int] | None:
    """The axes that change with a move, and how long they will be; None where another size would have to give way."""
    if name in _INDEPENDENT:
        return {} if option == getattr(settings.config, name) else {symbol: option}
    after = size_rules.move(settings, session.moves(), name, option, _nothing_written)[0].config
    others = [other for other in ("heads", "d_model") if other != name]
    if any(getattr(after, other) != getattr(settings.config, other) for other in others):
        return None
    before, now = symbol_sizes(settings.config), symbol_sizes(after)
    return {axis: size for axis, size in now.items() if size != before[axis]}


def _nothing_written() -> str:
    return "0"  # what the model writes has no say in the sizes that are asked about here
