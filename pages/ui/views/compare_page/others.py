"""What the trace on screen can be compared with: the same run with another setting."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine import ConfigError, Trace
from engine.config import ACTIVATIONS, DTYPES
from pages.ui.state.settings import RANDOM, RANGES, TRAINED, Settings
from pages.ui.traces.trace_cache import decoded_of

_NORMS = {False: "LayerNorm behind each sublayer (post-norm)", True: "LayerNorm before each sublayer (pre-norm)"}
_MASKS = {"causal_mask": "causal mask", "padding_mask": "padding mask"}
_ON, _OFF = "{mask} on", "{mask} off"


@dataclass(frozen=True)
class OtherRun:
    """The same run with another setting.

    Attributes:
        key: what it is called in the address.
        label: what people see it called.
        settings: with which it runs.
    """

    key: str
    label: str
    settings: Settings


def other_runs(settings: Settings, trace: Trace) -> tuple[OtherRun, ...]:
    """Every other run that there is, what changes most first.

    Args:
        settings: those of the trace on screen.
        trace: the trace on screen; one that is no run of the built-in Transformer has no others.
    """
    if trace.config is None or settings.opened:
        return ()
    same_text = _with_its_text(settings)
    runs: list[OtherRun] = []
    for key, label, changes in _changes(settings):
        try:
            config = settings.config.change(**changes)
        except ConfigError:
            continue  # trained weights leave some settings no choice
        runs.append(OtherRun(key, label, dataclasses.replace(same_text, config=config)))
    return tuple(runs)


def _changes(settings: Settings) -> Iterator[tuple[str, str, dict[str, Any]]]:
    config = settings.config
    for name, mask in _MASKS.items():
        is_on = getattr(config, name)
        yield f"{name}-{int(not is_on)}", (_OFF if is_on else _ON).format(mask=mask), {name: not is_on}
    for dtype in DTYPES:
        if dtype != config.dtype:
            yield f"dtype-{dtype}", f"dtype {dtype}", {"dtype": dtype}
    if config.weights == TRAINED:
        yield "weights-random", "random weights", {"weights": RANDOM}
    for activation in ACTIVATIONS:
        if activation != config.activation:
            yield f"activation-{activation}", f"activation {activation}", {"activation": activation}
    other_norm = not config.norm_first
    yield f"norm_first-{int(other_norm)}", _NORMS[other_norm], {"norm_first": other_norm}
    if config.weights == RANDOM and config.seed < RANGES["seed"][1]:
        yield "seed-next", f"seed {config.seed + 1}", {"seed": config.seed + 1}


def _with_its_text(settings: Settings) -> Settings:
    """The settings with what the model writes as a text that is given: both runs then read the same."""
    if not settings.writes:
        return settings
    written = "\n".join(line.text[: settings.upto] for line in decoded_of(settings))
    return dataclasses.replace(settings, target=written, upto=None)
