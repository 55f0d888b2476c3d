"""The row of sizes of one of today's models: those that it has, and what every move of them will lead to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from engine import Config, ConfigError, Trace
from engine.graph.strip import symbol_sizes
from engine.runtime.variants.symbol_sizes import tokens_symbol, variant_symbol_sizes
from engine.variant_config import T5Config, VariantConfig, ViTConfig
from pages.ui.app.markdown_escape import short_text
from pages.ui.components.size_sliders import FixedSize, SizeSlider, Status, size_sliders
from pages.ui.settings_bar import drawer
from pages.ui.settings_bar.drawer import WIDTHS
from pages.ui.state import session
from pages.ui.state.chosen_model import ChosenModel
from pages.ui.state.settings import SENTENCES, Settings

_KEY = "sizes"
# Of each size its axis, what people call it, and how far its slider goes at small sizes.
_SIZES: Mapping[str, tuple[str, str, range | tuple[int, ...]]] = {
    "batch": ("B", "B batch", range(1, 17)),
    "length": ("T", "T length", range(1, 129)),
    "src_len": ("S", "S source length", range(1, 129)),
    "tgt_len": ("T", "T target length", range(1, 129)),
    "heads": ("H", "H heads", range(1, 17)),
    "kv_heads": ("H_kv", "H_kv key heads", range(1, 17)),
    "d_model": ("d_model", "d_model", WIDTHS),
    "window": ("window", "window", range(1, 65)),
    "experts": ("E", "E experts", range(1, 17)),
    "experts_per_token": ("K", "K experts of a token", range(1, 9)),
    "patch": ("p", "p patch", (1, 2, 3, 4, 6, 8, 12, 16)),
}
# At real size a model is what it is; what it reads can be longer.
_INPUTS = ("batch", "length", "src_len", "tgt_len")
_REAL_LENGTHS = tuple(2**power for power in range(5, 16))
_REAL_BATCHES = tuple(2**power for power in range(9))

_READS = "Reads “{source}” as UTF-8 bytes"
_READS_BOTH = "The encoder reads “{source}”, the decoder “{target}”, as UTF-8 bytes"
_READS_PAIR = "Reads “{source}” and “{target}” as UTF-8 bytes"
_READS_TOKENS, _READS_IMAGE = "Reads generated tokens", "Reads a generated image"
_ONE_TOKEN = "Decodes: reads one token; the keys and values of the {kept} before it are in the cache"
_PREFILL = "Prefill: reads the first {kept} tokens at once, and keeps their keys and values in the cache"
_RANDOM = "Random weights"
_SHAPES = "At real size: every shape, byte and FLOP, and no numbers, which would not fit in this computer"
_META = "On the device meta: every shape and no numbers"
_LONGEST = 40


def draw(settings: Settings, model: ChosenModel, trace: Trace | None) -> None:
    """Draws the sizes of a model.

    Args:
        settings: what the sliders show.
        model: the model of the settings.
        trace: the run of these settings; None where they cannot be run.
    """
    of_text = [name for name in _INPUTS if hasattr(model.config, name)] if _reads_text(settings, model) else []
    movable = [name for name in _SIZES if _is_movable(model, name) and name not in of_text]
    ran = model.config if trace is None or trace.variant is None else trace.variant
    size_sliders(
        [_fixed(ran, name) for name in of_text],
        [_slider(model, name) for name in movable],
        key=_KEY,
        sizes=_symbol_sizes(ran, model),
        status=Status(None, _reads(settings, model), _numbers(model), has_undo=False),
        on_size=set_size,
        on_undo=_nothing_to_undo,
        on_source=drawer.set_source,
    )


def set_size(name: str, value: Any) -> None:
    """Moves one setting of the model. To be called from a widget's callback."""
    settings = session.settings_now()
    if settings.model is None:
        return
    session.change_settings(dataclasses.replace(settings, model=settings.model.move(name, value)))


def _reads_text(settings: Settings, model: ChosenModel) -> bool:
    return model.reads_text and settings.reads == SENTENCES


def _is_movable(model: ChosenModel, name: str) -> bool:
    fields = {field.name for field in dataclasses.fields(model.config)}
    return name in fields and (name in _INPUTS or not model.is_published)


def _fixed(config: VariantConfig | Config, name: str) -> FixedSize:
    symbol, label = _symbol_and_label(config, name)
    return FixedSize(symbol, label, getattr(config, name))


def _symbol_and_label(config: VariantConfig | Config, name: str) -> tuple[str, str]:
    symbol, label, _ = _SIZES[name]
    if name == "length" and isinstance(config, VariantConfig):
        symbol = tokens_symbol(config)
        return symbol, f"{symbol} length"
    return symbol, label


def _slider(model: ChosenModel, name: str) -> SizeSlider:
    value = getattr(model.config, name)
    symbol, label = _symbol_and_label(model.config, name)
    before = _symbol_sizes(model.config, model)
    foreseen: dict[int, Mapping[str, int]] = {}
    for option in sorted({value, *_options(model, name)}):
        try:
            moved = model.move(name, option)
            after = _symbol_sizes(moved.config, moved)
        except ConfigError:  # another size would have to give way
            continue
        foreseen[option] = {axis: size for axis, size in after.items() if size != before.get(axis)}
    return SizeSlider(name, symbol, label, value, foreseen)


def _options(model: ChosenModel, name: str) -> range | tuple[int, ...]:
    if model.is_published:
        return _REAL_BATCHES if name == "batch" else _REAL_LENGTHS
    return _SIZES[name][2]


def _symbol_sizes(config: VariantConfig | Config, model: ChosenModel) -> dict[str, int]:
    if isinstance(config, Config):
        return symbol_sizes(config)
    return variant_symbol_sizes(config, model.kept, is_prefill=model.is_prefill)


def _reads(settings: Settings, model: ChosenModel) -> str:
    if model.kept:
        return (_PREFILL if model.is_prefill else _ONE_TOKEN).format(kept=model.kept)
    if isinstance(model.config, ViTConfig):
        return _READS_IMAGE
    if not _reads_text(settings, model):
        return _READS_TOKENS
    if not model.reads_target or not settings.target.strip():
        return _READS.format(source=_short(settings.source))
    template = _READS_BOTH if isinstance(model.config, T5Config) else _READS_PAIR
    return template.format(source=_short(settings.source), target=_short(settings.target))


def _numbers(model: ChosenModel) -> str:
    if model.is_published:
        return _SHAPES
    return _RANDOM if model.has_numbers else _META


def _short(text: str) -> str:
    return short_text(" / ".join(line for line in text.splitlines() if line.strip()), _LONGEST)


def _nothing_to_undo() -> None:
    """A model with random weights has no trained ones to go back to."""
