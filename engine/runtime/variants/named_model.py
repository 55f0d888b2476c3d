"""A model by its name: a variant at small sizes, or a published one at its own."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from engine.config import Config, ConfigError, Problem
from engine.model.variants.presets import PRESETS
from engine.variant_config import VARIANT_CONFIGS, VariantConfig

TRANSFORMER = "transformer"
MODEL_NAMES = (TRANSFORMER, *VARIANT_CONFIGS, *PRESETS)


def named_config(name: str, settings: Mapping[str, Any]) -> Config | VariantConfig:
    """The config of a model, with some settings changed.

    Args:
        name: one of ``MODEL_NAMES``: the 2017 Transformer, a variant, or a published model, which runs on the meta
            device unless another is asked for.
        settings: by name; only those that this model has.

    Raises:
        ConfigError: there is no such model; it has no such setting; a setting cannot work.
    """
    if name not in MODEL_NAMES:
        near = difflib.get_close_matches(name, MODEL_NAMES, n=1) or [TRANSFORMER]
        rule = f"model must be one of {', '.join(MODEL_NAMES)}"
        raise ConfigError((Problem("model", rule, repr(name), f"nearest: {near[0]}"),))
    preset = PRESETS[name].config if name in PRESETS else None
    kind = type(preset) if preset is not None else VARIANT_CONFIGS.get(name, Config)
    known = [field.name for field in dataclasses.fields(kind)]
    problems = tuple(
        Problem(setting, f"{name} has no setting {setting}", repr(value), f"it has {', '.join(known)}")
        for setting, value in settings.items()
        if setting not in known
    )
    if problems:
        raise ConfigError(problems)
    return kind(**settings) if preset is None else preset.change(**settings)
