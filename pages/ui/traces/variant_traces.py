"""The trace of one of today's models, through the store of all traces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, cast

from torch import nn

from engine import Trace
from engine.runtime.devices import memory_budget, resolve_device
from engine.runtime.variants.cached import run_cached, run_prefill
from engine.runtime.variants.inputs import read_variant_text
from engine.runtime.variants.run_variant import check_variant_fits, load_variant, run_variant, shapes_of
from engine.variant_config import VariantConfig, ViTConfig
from pages.ui.state.chosen_model import ChosenModel
from pages.ui.state.settings import Settings
from pages.ui.traces.store import Store

_SHAPES = 4096 * 2**13  # at most so many bytes has a run without numbers: the objects of its steps, at real size

Lines = tuple[str, ...]


def variant_trace(settings: Settings, model: ChosenModel, store_on: Callable[[str], Store]) -> Trace:
    """The trace of a model, kept under its settings.

    Args:
        settings: whose texts it reads, where it reads any.
        model: which.
        store_on: the store of a kind of device.

    Raises:
        ConfigError, TextError, BusyError: as a run of it does.
    """
    if not model.has_numbers:
        return store_on("cpu").get(("shapes", model), _SHAPES, partial(_shapes, model), _objects)
    source, target = texts_of(settings, model)
    config = read_variant_text(cast(VariantConfig, model.config), source, target)[0]
    device = resolve_device(config.device, config.dtype)
    store = store_on(device.type)
    key: Hashable = ("variant", model, source, target)
    kept = store.look_up(key)
    if kept is not None:
        return kept
    size = check_variant_fits(config, min(store.room, memory_budget(device)))
    weights = _weights_of(config)
    loaded = store.get(("weights", weights), size.parameters, partial(load_variant, weights))
    return store.get(key, size.recording, partial(_run, model, source, target, loaded))


def texts_of(settings: Settings, model: ChosenModel) -> tuple[Lines | None, Lines | None]:
    """The source and the target that a model reads, each None where it reads none."""
    if not model.reads_text or settings.sentences is None:
        return None, None
    source, target = settings.sentences
    return source, target if model.reads_target and settings.target.strip() else None


def _run(model: ChosenModel, source: Lines | None, target: Lines | None, loaded: nn.Module) -> Trace:
    config: Any = model.config
    if model.kept:
        return _pass(model)(config, source, target, kept=model.kept, model=loaded)
    return run_variant(config, source, target, model=loaded)


def _shapes(model: ChosenModel) -> Trace:
    config: Any = model.config
    if model.kept:
        return _pass(model)(config.change(device="meta"), kept=model.kept)
    return shapes_of(config)


def _pass(model: ChosenModel) -> Callable[..., Trace]:
    """What records the pass of a model with a cache that is on screen."""
    return run_prefill if model.is_prefill else run_cached


def _objects(trace: Trace) -> int:
    return 4096 * len(trace.steps)


def _weights_of(config: VariantConfig) -> VariantConfig:
    """The config of the model alone: the sizes of what it reads make no weight."""
    if isinstance(config, ViTConfig):
        return dataclasses.replace(config, batch=1)
    lengths = {name: 1 for name in ("length", "src_len", "tgt_len") if hasattr(config, name)}
    return config.change(batch=1, **lengths)
