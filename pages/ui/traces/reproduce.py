"""The run on screen as a command and as a script: whoever takes them along gets the same numbers without the app."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

from engine import Config, ConfigError, trained_config
from pages.ui.state.settings import Settings
from pages.ui.traces import reproduce_variant

FOLDER = "trace-csv"
_OF_TEXT = frozenset({"batch", "src_len", "tgt_len"})  # a text has its own


def command(settings: Settings, folder: str = FOLDER) -> str:
    """The command that writes the trace of these settings as CSV, for bash, zsh and other POSIX shells.

    Args:
        settings: those of the trace, which could be run.
        folder: where it writes steps.csv and values.csv.

    Returns:
        One line, to be run in the project's folder.
    """
    if settings.model is not None:
        return " ".join(map(_quoted, reproduce_variant.words(settings, settings.model, folder)))
    words = [".venv/bin/python", "-m", "engine", "run"]
    if settings.trained:
        words += ["--weights", "trained"]
    for name, value in _changes(settings).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    for name, sentences in _texts(settings).items():
        # In one word, or a dash at the beginning of a sentence would make it an option of its own.
        words += [f"--{name}={sentence}" for sentence in sentences]
    if _upto(settings) is not None:
        words += ["--upto", str(_upto(settings))]
    return " ".join(map(_quoted, [*words, "--csv", folder]))


def script(settings: Settings, folder: str = FOLDER) -> str:
    """The same in Python: it leaves the trace of these settings in ``trace`` and writes it as CSV.

    Args:
        settings: those of the trace, which could be run.
        folder: where it writes steps.csv and values.csv.

    Returns:
        A few lines that need nothing but the engine.
    """
    if settings.model is not None:
        return reproduce_variant.script(settings, settings.model, folder)
    config = "trained_config" if settings.trained else "Config"
    changes = ", ".join(f"{name}={value!r}" for name, value in _changes(settings).items())
    words = [f"{config}({changes})"]
    for name, sentences in _texts(settings).items():
        words.append(f"{name}={sentences[0]!r}" if len(sentences) == 1 else f"{name}={list(sentences)!r}")
    if _upto(settings) is not None:
        words.append(f"upto={_upto(settings)}")
    imports = ", ".join(sorted([config, "run", "save_csv"], key=lambda name: (name.islower(), name)))
    return f"from engine import {imports}\n\ntrace = run({', '.join(words)})\nsave_csv(trace.steps, {folder!r})"


def from_file(file: str, folder: str = FOLDER) -> str:
    """The same for a saved trace.

    Args:
        file: the name of its file.
        folder: where it writes steps.csv and values.csv.
    """
    return f"from engine import open_trace, save_csv\n\ntrace = open_trace({file!r})\nsave_csv(trace.steps, {folder!r})"


def _changes(settings: Settings) -> dict[str, Any]:
    """Every setting of the config that has to be said, because it is neither usual nor follows from the others."""
    config = settings.config
    usual = trained_config() if settings.trained else Config()
    names = {field.name for field in dataclasses.fields(config) if not _is_usual(config, usual, field)}
    if settings.sentences is not None:
        names -= _OF_TEXT
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config) if field.name in names}


def _is_usual(config: Config, usual: Config, field: dataclasses.Field[Any]) -> bool:
    if field.default is not None:
        return bool(getattr(config, field.name) == getattr(usual, field.name))
    # What may be left open follows from the others, as d_k does from d_model and heads.
    try:
        unsaid: Any = {field.name: None}
        return dataclasses.replace(config, **unsaid) == config
    except ConfigError:  # heads that do not divide d_model
        return False


def _texts(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    if settings.sentences is None:
        return {}
    source, target = settings.sentences
    return {"source": source} if settings.writes else {"source": source, "target": target}


def _upto(settings: Settings) -> int | None:
    return settings.upto if settings.writes else None


def _quoted(word: str) -> str:
    """A word as a shell reads it back; of ``--name=text`` only the text in quotes."""
    name, equals, text = word.partition("=")
    return f"{name}={shlex.quote(text)}" if equals and name.startswith("--") else shlex.quote(word)
