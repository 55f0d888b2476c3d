"""Settings in, trace out, through the store; what cannot be run becomes a sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import streamlit as st

from engine import Config, ConfigError, TextError, Trace
from engine.decode import MOST_STEPS, Decoded, Told, answered, decode, teacher_forced
from engine.device import choose, room
from engine.memory import Bytes, bytes_for, parameter_bytes
from engine.model.transformer import Transformer
from engine.run import load, read, run, run_batch
from pages.ui.settings import Settings
from pages.ui.store import BusyError, Store


class CannotRunError(Exception):
    """Settings that cannot be run, in words for the screen."""


def trace_of(settings: Settings) -> Trace:
    """The trace of these settings, cached.

    Raises:
        CannotRunError: the text cannot be read, the device is not here, or it would not fit in memory.
    """
    with _said():
        if not settings.writes:
            return _run(settings.config, *(settings.sentences or (None, None)))
        written = decoded_of(settings)
        if len(written) == 1:
            return written[0].traces[written[0].written_by(settings.upto)]
        return _run_written(settings, written)


def decoded_of(settings: Settings) -> tuple[Decoded, ...]:
    """What the model writes for every line of the source, with the trace of each step, cached.

    Raises:
        CannotRunError: as ``trace_of``; also for generated tokens, which are no text to answer.
    """
    with _said():
        if settings.sentences is None:
            raise CannotRunError("Generated tokens have no answer to write; choose sentences in the sidebar.")
        return tuple(_decoded(settings.config, line) for line in settings.sentences[0])


def told_of(settings: Settings, source: str, target: str) -> Told:
    """What the model held probable at every place of this target, cached.

    Raises:
        CannotRunError: as ``trace_of``.
    """
    with _said():
        config = read(settings.config, [source], [target])[0]
        store, model, size = _ready(config)
        return store.get(
            ("told", config, source, target), size, lambda: teacher_forced(source, target, config, model=model)
        )


@contextmanager
def _said() -> Iterator[None]:
    """Turns what can go wrong with a run into words for the screen."""
    try:
        yield
    except (ConfigError, TextError) as error:
        raise CannotRunError(str(error)) from error
    except BusyError as error:
        raise CannotRunError(
            "Other people's runs fill the memory of this server; make this one smaller, or try again in a moment."
        ) from error


def _run(config: Config, source: tuple[str, ...] | None, target: tuple[str, ...] | None) -> Trace:
    config = read(config, source, target)[0]
    store, model, size = _ready(config)
    make = partial(run, config, source, target, model=model)
    return store.get((config, source, target), size, make, lambda trace: trace.nbytes)


def _run_written(settings: Settings, written: tuple[Decoded, ...]) -> Trace:
    sources = tuple(decoded.source for decoded in written)
    config, batch = answered(*read(settings.config, sources), written, settings.upto)
    store, model, size = _ready(config)
    make = partial(run_batch, config, batch, model)
    return store.get((config, sources, batch.target_ids), size, make, lambda trace: trace.nbytes)


def _decoded(config: Config, line: str) -> Decoded:
    config = read(config, [line])[0].change(tgt_len=MOST_STEPS)
    store, model, size = _ready(config)
    # Every step is a run of its own, none longer than the last.
    return store.get(("decoded", config, line), size * MOST_STEPS, lambda: decode(line, config, model=model))


def _ready(config: Config) -> tuple[Store, Transformer, int]:
    """The store, the model, and the bytes that a run will take there."""
    device = choose(config.device, config.dtype)
    store = _store(device.type)
    size = bytes_for(config, store.room)
    return store, _model(store, config, size), size.tensors


def _model(store: Store, config: Config, size: Bytes) -> Transformer:
    # The input's sizes make no weight: one model serves them all.
    weights = dataclasses.replace(config, batch=1, src_len=1, tgt_len=1)
    return store.get(weights, size.parameters, partial(load, weights), parameter_bytes)


@st.cache_resource(show_spinner=False)
def _store(device: str) -> Store:
    return Store(room(choose(device, "float32")))
