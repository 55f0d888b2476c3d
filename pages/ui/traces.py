"""Settings in, trace out, through the store; what cannot be run becomes a sentence."""

from __future__ import annotations

import dataclasses

import streamlit as st

from engine import Config, ConfigError, TextError, Trace
from engine.device import choose, room
from engine.memory import Bytes, check_fits, measure
from engine.model.transformer import Transformer
from engine.run import load, read, run
from pages.ui.settings import Settings
from pages.ui.store import BusyError, Store


class CannotRunError(Exception):
    """Settings that cannot be run, in words for the screen."""


def trace_of(settings: Settings) -> Trace:
    """The trace of these settings, cached.

    Raises:
        CannotRunError: the text cannot be read, the device is not here, or it would not fit in memory.
    """
    try:
        config, source, target = _wanted(settings)
        device = choose(config.device, config.dtype)
        store = _store(device.type)
        check_fits(config, store.room)
        size = measure(config)
        model = _model(store, config, size)
        key = (config, source, target)
        return store.get(key, size.tensors, lambda: run(config, source, target, model=model))
    except (ConfigError, TextError) as error:
        raise CannotRunError(str(error)) from error
    except BusyError as error:
        raise CannotRunError(
            "Other people's runs fill the memory of this server; make this one smaller, or try again in a moment."
        ) from error


def _wanted(settings: Settings) -> tuple[Config, tuple[str, ...] | None, tuple[str, ...] | None]:
    source, target = settings.sentences or (None, None)
    return read(settings.config, source, target)[0], source, target


def _model(store: Store, config: Config, size: Bytes) -> Transformer:
    # The input's sizes make no weight: one model serves them all.
    weights = dataclasses.replace(config, batch=1, src_len=1, tgt_len=1)
    return store.get(weights, size.parameters, lambda: load(weights))


@st.cache_resource(show_spinner=False)
def _store(device: str) -> Store:
    return Store(room(choose(device, "float32")))
