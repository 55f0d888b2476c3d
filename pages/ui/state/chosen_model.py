"""One of today's models in the place of the 2017 Transformer: its name, its config, and their form in the address."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import Config, ConfigError
from engine.config import DTYPES
from engine.model.variants.presets import PRESETS
from engine.runtime.variants.cached import can_cache, written_length
from engine.runtime.variants.named_model import TRANSFORMER, named_config
from engine.runtime.variants.symbol_sizes import variant_symbol_sizes
from engine.variant_config import (
    VARIANT_CONFIGS,
    VARIANT_DEVICES,
    VARIANT_LIMITS,
    BertConfig,
    T5Config,
    VariantConfig,
    ViTConfig,
)
from pages.ui.state.link_values import LinkProblem, Note, choice, whole_number

MODEL, KEPT, PREFILL = "model", "kept", "prefill"  # their names in the address
CHOICES: Mapping[str, str] = {
    TRANSFORMER: "Transformer, 2017",
    **{name: config.title for name, config in VARIANT_CONFIGS.items()},
    **{name: f"{preset.title}, real size" for name, preset in PRESETS.items()},
}
"""The name of a model in the address → what people call it."""
_KINDS: tuple[Any, ...] = (Config, *VARIANT_CONFIGS.values())
FIELDS = frozenset(field.name for kind in _KINDS for field in dataclasses.fields(kind))
"""The names of all settings that a model can have."""

_LENGTHS = ("length", "tgt_len")
_TRUE, _FALSE = ("1", "true", "on", "yes"), ("0", "false", "off", "no")
_TEXTS_OF = {"dtype": DTYPES, "device": VARIANT_DEVICES}
_NO_SWITCH = "{given} was asked for; {name} can be 1 or 0. {used} is used."
_IN_CONFLICT = "{given} was asked for, and {rule}. {used} is used."
_NO_CACHE = "{given} was asked for; only a decoder that writes keeps keys and values. It is left out."


@dataclass(frozen=True)
class ChosenModel:
    """A model beside the one that the app opens on.

    Attributes:
        name: in the address, one of ``CHOICES``.
        config: its sizes. A published model of 2017 has the ``Config`` of the built-in one.
        kept: how many tokens are in the cache of keys and values when the pass on screen begins; 0 for the run that
            reads the whole text at once.
        is_prefill: whether the pass on screen is the one that puts them there.
    """

    name: str
    config: VariantConfig | Config
    kept: int = 0
    is_prefill: bool = False

    @property
    def is_published(self) -> bool:
        """Whether it has the sizes of a published model, and runs without numbers."""
        return self.name in PRESETS

    @property
    def has_numbers(self) -> bool:
        """Whether a run of it has numbers and not shapes alone."""
        return not (self.is_published or self.config.device == "meta")

    @property
    def reads_text(self) -> bool:
        """Whether it reads a text that a person writes."""
        return self.has_numbers and not isinstance(self.config, ViTConfig | Config)

    @property
    def reads_target(self) -> bool:
        """Whether it reads a second text."""
        return self.reads_text and isinstance(self.config, T5Config | BertConfig)

    @property
    def can_cache(self) -> bool:
        """Whether it can read token by token."""
        return can_cache(self.config)

    def to_query(self) -> dict[str, str]:
        """What an address says of it: its name, and what differs from the sizes it begins with."""
        usual = named_config(self.name, {})
        # What follows from other settings is left out, as long as it does.
        followed: VariantConfig | Config | None
        try:
            followed = usual.change(**{name: getattr(self.config, name) for name in _own_fields(self.config)})
        except ConfigError:  # heads that do not divide d_model: d_k follows from nothing
            followed = None
        query = {MODEL: self.name}
        for field in dataclasses.fields(self.config):
            value = getattr(self.config, field.name)
            reference = followed if field.name in _following(self.config) else usual
            if reference is None or value != getattr(reference, field.name):
                query[field.name] = str(int(value)) if isinstance(value, bool) else str(value)
        if self.kept:
            query[KEPT] = str(self.kept)
            query |= {PREFILL: "1"} if self.is_prefill else {}
        return query

    def move(self, name: str, value: Any) -> ChosenModel:
        """The model with one setting moved, and with it those that must give way.

        Raises:
            ConfigError: the value cannot be, whatever gives way.
        """
        changes = {name: value} | _giving_way(self.config, name, value)
        config = self.config.change(**changes)
        kept = min(self.kept, written_length(config) - 1) if can_cache(config) and name in _LENGTHS else self.kept
        return dataclasses.replace(self, config=config, kept=kept)

    def sizes(self) -> dict[str, int]:
        """How long each axis is, by its symbol."""
        if isinstance(self.config, Config):
            return {}
        return variant_symbol_sizes(self.config, self.kept, is_prefill=self.is_prefill)


def chosen_model(name: str) -> ChosenModel:
    """The model of this name, at the sizes it begins with."""
    return ChosenModel(name, named_config(name, {}))


def model_from_query(query: Mapping[str, str]) -> tuple[ChosenModel | None, tuple[Note, ...]]:
    """The model that an address names, and a note on every value of it that could not be used.

    Args:
        query: the names and values of the address.

    Returns:
        None where it names none, or the one that the app opens on.
    """
    name, problem = choice(MODEL, query.get(MODEL, TRANSFORMER), tuple(CHOICES), TRANSFORMER)
    notes = () if problem is None else (problem.note(CHOICES[TRANSFORMER]),)
    if name == TRANSFORMER:
        return None, notes
    model = chosen_model(name)
    problems: list[LinkProblem] = []
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(model.config):
        if field.name in query:
            value, problem = _value(field.name, query[field.name], getattr(model.config, field.name))
            if problem is None or not problem.usual:
                changes[field.name] = value
            if problem is not None:
                problems.append(problem)
    config, conflicts = _sound(model, changes, query)
    model = dataclasses.replace(model, config=config)
    problems += conflicts
    if KEPT in query:
        kept, problem = whole_number(KEPT, query[KEPT], 0, 2**17, 0)
        if not model.can_cache:
            kept, problem = 0, LinkProblem(KEPT, query[KEPT], _NO_CACHE)
        problems += [] if problem is None else [problem]
        is_prefill, problem = _value(PREFILL, query.get(PREFILL, "0"), False) if kept else (False, None)
        problems += [] if problem is None else [problem]
        model = dataclasses.replace(model, kept=kept, is_prefill=is_prefill)
    return model, tuple(problem.note(_used(model, problem.name)) for problem in problems)


def _sound(
    model: ChosenModel, changes: dict[str, Any], query: Mapping[str, str]
) -> tuple[VariantConfig | Config, list[LinkProblem]]:
    """The config with these changes, without those that cannot be together."""
    conflicts: list[LinkProblem] = []
    while True:
        try:
            return model.config.change(**changes), conflicts
        except ConfigError as error:
            wrong = error.problems[0]
            name = wrong.field if wrong.field in changes else next(iter(changes))
            conflicts.append(LinkProblem(name, query[name], _IN_CONFLICT, {"rule": wrong.rule}))
            del changes[name]


def _value(name: str, text: str, usual: Any) -> tuple[Any, LinkProblem | None]:
    if isinstance(usual, bool):
        if text.lower() in _TRUE + _FALSE:
            return text.lower() in _TRUE, None
        return usual, LinkProblem(name, text, _NO_SWITCH, {"name": name})
    if name in _TEXTS_OF:
        return choice(name, text, _TEXTS_OF[name], usual)
    if isinstance(usual, int):
        return whole_number(name, text, *VARIANT_LIMITS.get(name, (1, 2**16)), usual)
    return choice(name, text, (usual,), usual)


def _used(model: ChosenModel, name: str) -> str:
    of_pass = {KEPT: model.kept, PREFILL: model.is_prefill}
    value = of_pass[name] if name in of_pass else getattr(model.config, name)
    return str(int(value)) if isinstance(value, bool) else str(value)


def _following(config: VariantConfig | Config) -> tuple[str, ...]:
    return ("d_k", "d_v", "d_ff") if isinstance(config, Config) else config.following


def _own_fields(config: VariantConfig | Config) -> list[str]:
    return [field.name for field in dataclasses.fields(config) if field.name not in _following(config)]


def _giving_way(config: VariantConfig | Config, name: str, value: Any) -> dict[str, int]:
    """What else moves: fewer heads of keys where they would not divide those of queries, and the like."""
    kv_heads, chosen = getattr(config, "kv_heads", None), getattr(config, "experts_per_token", None)
    if name == "heads" and kv_heads is not None and value % kv_heads:
        return {"kv_heads": max(size for size in range(1, min(kv_heads, value) + 1) if value % size == 0)}
    if name == "experts" and chosen is not None and chosen > value:
        return {"experts_per_token": value}
    return {}
