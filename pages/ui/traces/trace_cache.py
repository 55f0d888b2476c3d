"""Settings in, trace out, through the store; what cannot be run becomes a sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import streamlit as st

from engine import Config, ConfigError, TextError, Trace
from engine.runtime.decode import (
    MOST_STEPS,
    Decoded,
    TeacherForced,
    answered,
    decode,
    measure_decoded,
    measure_decoding,
    measure_teacher_forced,
    teacher_forced,
)
from engine.runtime.devices import memory_budget, resolve_device
from engine.runtime.even_attention import EvenAttention, even_attention
from engine.runtime.footprint import Bytes, measure
from engine.runtime.forward import build_model, run_batch, tokenize_text
from engine.runtime.memory_estimate import check_fits, is_quick
from engine.runtime.run import run
from pages.ui.state.settings import Settings
from pages.ui.traces.opened import OPENED, NotOpenError
from pages.ui.traces.store import BusyError, Store
from pages.ui.traces.variant_traces import variant_trace

_QUICK = 2**25  # bytes of a run that takes no time
_NEEDS_THE_MODEL = (
    "This page runs the built-in Transformer once for every character that it writes; a saved trace is one run, and "
    "has no model to run again."
)
_NEEDS_TRAINING = (
    "This page writes answers with the built-in Transformer. The weights of this model are random, so it has no answer "
    "to write; how it reads a text token by token, its cache shows."
)


class CannotRunError(Exception):
    """Settings that cannot be run, in words for the screen."""


def trace_of(settings: Settings) -> Trace:
    """The trace of these settings, cached; the saved one where they name one.

    Args:
        settings: what to run.

    Returns:
        The trace; the same object for equal settings as long as it is kept.

    Raises:
        CannotRunError: the saved trace is not open, the text cannot be read, the device is not here, or it would not
            fit in memory.
    """
    with _run_errors_as_words():
        if settings.opened:
            return OPENED.get(settings.opened).trace
        if settings.model is not None:
            return variant_trace(settings, settings.model, _store)
        if not settings.writes:
            return _run(settings.config, *(settings.sentences or (None, None)))
        written = decoded_of(settings)
        if len(written) == 1:
            return written[0].traces[written[0].written_by(settings.upto)]
        return _run_written(settings, written)


def is_quick_to_run(settings: Settings) -> bool:
    """Whether a run of these settings takes little time and memory, so that it may be run before anybody asks for it.

    Raises:
        CannotRunError: as ``trace_of``.
    """
    with _run_errors_as_words():
        if settings.opened or settings.writes or settings.model is not None:
            return False  # many runs, or one whose size only a run without numbers tells
        config = tokenize_text(settings.config, *(settings.sentences or (None, None)))[0]
        return is_quick(config) and measure(config).total <= _QUICK


def decoded_of(settings: Settings) -> tuple[Decoded, ...]:
    """What the model writes for every line of the source, with the trace of each step, cached.

    Args:
        settings: what to run; its target is not used.

    Returns:
        One answer a line, in order.

    Raises:
        CannotRunError: as ``trace_of``; also for generated tokens, which are no text to answer.
    """
    with _run_errors_as_words():
        if settings.opened:
            raise CannotRunError(_NEEDS_THE_MODEL)
        if settings.model is not None:
            raise CannotRunError(_NEEDS_TRAINING)
        if settings.sentences is None:
            raise CannotRunError("Generated tokens have no answer to write; choose sentences under More settings.")
        lines = settings.sentences[0]
        _check_lines(settings.config, lines)
        return tuple(_decoded(settings.config, line) for line in lines)


def teacher_forced_of(settings: Settings, source: str, target: str) -> TeacherForced:
    """What the model held probable at every position of a target that it was given, cached.

    Args:
        settings: the model, and the lines that are on the screen too.
        source: one line to read.
        target: the characters given to the decoder.

    Returns:
        The probabilities at every position.

    Raises:
        CannotRunError: as ``trace_of``.
    """
    with _run_errors_as_words():
        config = tokenize_text(settings.config, [source], [target])[0]
        _check_lines(settings.config, (settings.sentences or ((source,),))[0], target=config)
        make = partial(teacher_forced, source, target, config)
        return _kept_or_made(("told", config, source, target), config, make, measure_teacher_forced)


def even_attention_of(trace: Trace, kind: str) -> EvenAttention:
    """What becomes of the next tokens of a trace when a layer or a head looks everywhere alike, cached.

    Args:
        trace: of the built-in Transformer, whose settings are on the screen.
        kind: one of ``engine.runtime.even_attention.KINDS``.

    Raises:
        CannotRunError: as ``trace_of``.
    """
    config: Any = trace.config
    tokens = tuple(str(ids.tolist()) for ids in trace.inputs.values())
    with _run_errors_as_words():
        make = partial(even_attention, trace, kind)
        return _kept_or_made(("even", config, tokens, kind), config, make, weigh=lambda even: even.nbytes)


@contextmanager
def _run_errors_as_words() -> Iterator[None]:
    """Turns the errors of a run into a ``CannotRunError`` with words for the screen."""
    try:
        yield
    except (ConfigError, TextError) as error:
        raise CannotRunError(str(error)) from error
    except NotOpenError as error:
        raise CannotRunError(str(error)) from error
    except BusyError as error:
        raise CannotRunError(
            "Other people's runs fill the memory of this server; make this one smaller, or try again in a moment."
        ) from error


def _run(config: Config, source: tuple[str, ...] | None, target: tuple[str, ...] | None) -> Trace:
    config = tokenize_text(config, source, target)[0]
    return _kept_or_made((config, source, target), config, partial(run, config, source, target))


def _run_written(settings: Settings, written: tuple[Decoded, ...]) -> Trace:
    sources = tuple(decoded.source for decoded in written)
    config, batch = answered(*tokenize_text(settings.config, sources), written, settings.upto)
    return _kept_or_made((config, sources, batch.target_ids), config, partial(run_batch, config, batch))


def _decoded(config: Config, line: str) -> Decoded:
    config = tokenize_text(config, [line])[0].change(tgt_len=1)  # a length of its own it does not have
    make = partial(decode, line, config)
    return _kept_or_made(("decoded", config, line), config, make, measure_decoding, measure_decoded)


def _check_lines(config: Config, lines: tuple[str, ...], target: Config | None = None) -> None:
    """Refuses lines that cannot be read, or whose answers do not fit together, before the first of them is answered.

    All answers are on the screen at once, with the run on all of them, or on the ``target`` of one.
    """

    def measured(config: Config) -> Bytes:
        return measure_decoding(config) + measure_teacher_forced(target or config.change(tgt_len=MOST_STEPS))

    check_fits(tokenize_text(config, lines)[0], _store_for(config).room, measured)


def _kept_or_made(
    key: Hashable,
    config: Config,
    make: Callable[..., Any],
    measured: Callable[[Config], Bytes] = measure,
    weigh: Callable[[Any], int] | None = None,
) -> Any:
    """What is kept under the key, else what ``make`` returns for the model of this config.

    Args:
        key: equal for equal things.
        config: the model, on whose device the store is.
        make: makes the thing, called with ``model``.
        measured: the most bytes that it may hold.
        weigh: the bytes that it does hold; None where ``measured`` is exact.
    """
    store = _store_for(config)
    kept = store.look_up(key)
    if kept is not None:
        return kept
    size = check_fits(config, store.room, measured)
    # The input's sizes make no weight: one model serves them all.
    weights = dataclasses.replace(config, batch=1, src_len=1, tgt_len=1)
    model = store.get(weights, size.parameters, partial(build_model, weights))
    return store.get(key, size.recording, partial(make, model=model), weigh)


def _store_for(config: Config) -> Store:
    return _store(resolve_device(config.device, config.dtype).type)


@st.cache_resource(show_spinner=False)
def _store(device: str) -> Store:
    return Store(memory_budget(resolve_device(device, "float32")))
