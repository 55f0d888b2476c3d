"""The run of one of today's models as the words of a command and as a script."""

from __future__ import annotations

import dataclasses
from typing import Any

from engine import Config
from engine.runtime.variants.named_model import named_config
from pages.ui.state.chosen_model import ChosenModel
from pages.ui.state.settings import Settings
from pages.ui.traces.variant_traces import texts_of

_OF_TEXT = frozenset({"batch", "length", "src_len", "tgt_len", "vocab_size"})  # a text has its own


def words(settings: Settings, model: ChosenModel, folder: str) -> list[str]:
    """The words of the command that writes the trace as CSV.

    Args:
        settings: those of the trace.
        model: the model of the settings.
        folder: where it writes.
    """
    command = [".venv/bin/python", "-m", "engine", "run", "--model", model.name]
    for name, value in _changes(settings, model).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            command.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            command += [f"--{flag}", str(value)]
    if model.kept:
        command += ["--prefill" if model.is_prefill else "--kept", str(model.kept)]
    for name, sentences in zip(("source", "target"), texts_of(settings, model), strict=True):
        # In one word, or a dash at the beginning of a sentence would make it an option of its own.
        command += [f"--{name}={sentence}" for sentence in sentences or ()]
    return [*command, "--csv", folder]


def script(settings: Settings, model: ChosenModel, folder: str) -> str:
    """The same in Python: it leaves the trace in ``trace`` and writes it as CSV.

    Args:
        settings: those of the trace.
        model: the model of the settings.
        folder: where it writes.
    """
    changes = ", ".join(f"{name}={value!r}" for name, value in _changes(settings, model).items())
    call = [f"{_class_of(model)}({changes})"]
    imports = ["save_csv"]
    if model.is_published:
        call = [f'PRESETS["{model.name}"].config' + (f".change({changes})" if changes else "")]
    else:
        imports.append(_class_of(model))
    source, target = texts_of(settings, model)
    call += [] if source is None else [f"source={_text(source)}"]
    call += [] if target is None else [f"target={_text(target)}"]
    call += [f"kept={model.kept}"] if model.kept else []
    function, module = _function(model)
    lines = [] if module else [function]
    names = ", ".join(sorted([*imports, *lines], key=lambda name: (name.islower(), name)))
    head = [f"from engine import {names}"]
    head += ["from engine.model.variants.presets import PRESETS"] if model.is_published else []
    head += [f"from {module} import {function}"] if module else []
    return "\n".join([*head, "", f"trace = {function}({', '.join(call)})", f"save_csv(trace.steps, {folder!r})"])


def _function(model: ChosenModel) -> tuple[str, str]:
    """What runs it, and the module that has it where that is not the engine itself."""
    if model.kept:
        return "run_prefill" if model.is_prefill else "run_cached", "engine.runtime.variants.cached"
    if isinstance(model.config, Config):  # the 2017 model runs without numbers in no other way
        return "shapes_of", "engine.runtime.variants.run_variant"
    return "run", ""


def _class_of(model: ChosenModel) -> str:
    return type(model.config).__name__


def _text(sentences: tuple[str, ...]) -> str:
    return repr(sentences[0] if len(sentences) == 1 else list(sentences))


def _changes(settings: Settings, model: ChosenModel) -> dict[str, Any]:
    """Every setting that has to be said, because it is neither usual nor follows from the others."""
    parameters = dataclasses.replace(model, kept=0).to_query()
    names = [name for name in parameters if hasattr(named_config(model.name, {}), name)]
    if texts_of(settings, model)[0] is not None:
        names = [name for name in names if name not in _OF_TEXT]
    return {name: getattr(model.config, name) for name in names}
