"""What happens to the settings when a person moves one of them, and the memory of what they chose.

Some sizes must agree: heads divide d_model, and trained weights have sizes of their own. So moving one can move
another; what a person chose for that other is kept here, and holds again as soon as nothing forbids it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine import Config
from engine.config import TRAINED as FIXED
from engine.config import TRAINED_TOKENIZER
from engine.pretrained.pretrained import trained_config
from pages.ui.state.settings import (
    RANDOM,
    RANGES,
    SENTENCES,
    TOKENS,
    TRAINED,
    Settings,
    example_of,
    following,
    nearest_multiple,
    text_of,
)

APART = ("d_k", "d_v", "d_ff")  # these follow from heads and d_model until they are set apart
TargetWriter = Callable[[], str]


@dataclass(frozen=True)
class Choices:
    """What a person chose for the sizes that move one another; None for one that follows from the others.

    Attributes:
        heads: heads of every attention, H.
        d_model: width of a token's vector.
        d_k, d_v: width of a query and key, and of a value, in one head.
        d_ff: width inside the feed-forward network.
    """

    heads: int
    d_model: int
    d_k: int | None
    d_v: int | None
    d_ff: int | None


@dataclass(frozen=True)
class Memory:
    """What is kept beside the settings while a person moves them.

    Args:
        of: the config that ``choices`` led to. With any other config, such as a link's, they no longer hold.
        choices: what was chosen for the sizes that move one another.
        left: the settings with trained weights from before a move made them random, until the person undoes that.
    """

    of: Config | None = None
    choices: Choices | None = None
    left: Settings | None = None


def move(settings: Settings, memory: Memory, name: str, value: Any, written: TargetWriter) -> tuple[Settings, Memory]:
    """The settings with one field of their config moved, and with it the sizes that must follow.

    Where trained weights cannot have the value, all weights become random; the text, its tokens and its answer stay.

    Args:
        settings: where the person is.
        memory: what was kept so far.
        name: a field of ``Config``.
        value: what it was moved to.
        written: returns what the trained model writes, which then stays as the target.

    Returns:
        The new settings, valid for every value within ``RANGES``, and what to keep beside them.
    """
    if settings.trained and _forbids(name, value):
        settings, memory = _leave(settings, memory, written)
    choices = _choices_in(settings.config, memory)
    config, choices = _moved(settings.config, choices, name, value)
    settings = dataclasses.replace(settings, config=config)
    return settings, dataclasses.replace(memory, of=config, choices=choices)


def choose_weights(settings: Settings, memory: Memory, weights: str, written: TargetWriter) -> tuple[Settings, Memory]:
    """The settings with random or with trained weights.

    Random weights keep sizes, tokens, text and answer. Trained ones have their own sizes and characters, and write the
    target; a source that the person wrote stays, an example is replaced.

    Args:
        settings: where the person is.
        memory: what was kept so far.
        weights: ``TRAINED`` or ``RANDOM``.
        written: returns what the trained model writes.

    Returns:
        The new settings, and what to keep beside them.
    """
    if weights == settings.config.weights:
        return settings, memory
    if weights == RANDOM:
        settings, _ = _leave(settings, memory, written)
        return settings, Memory()
    kept = {name: value for name, value in dataclasses.asdict(settings.config).items() if name not in FIXED}
    config = trained_config(**kept | {"weights": TRAINED, "tokenizer": TRAINED_TOKENIZER})
    mine = text_of(settings) != example_of(settings.config)
    source = settings.source if mine else example_of(config)[0]
    return Settings(config, SENTENCES, source, target=""), Memory()


def choose_input(settings: Settings, memory: Memory, reads: str, written: TargetWriter) -> tuple[Settings, Memory]:
    """The settings with a text read as words or as characters, or with generated tokens.

    What the person wrote stays; the example of the other kind of token is replaced by that of this kind.

    Args:
        settings: where the person is.
        memory: what was kept so far.
        reads: ``WORDS``, ``CHARACTERS`` or ``TOKENS``.
        written: returns what the trained model writes.

    Returns:
        The new settings, and what to keep beside them.
    """
    if reads == input_of(settings):
        return settings, memory
    example = text_of(settings) == example_of(settings.config)
    if settings.trained:  # which read characters alone
        settings, memory = _leave(settings, memory, written)
        example = settings.source == example_of(settings.config)[0]
    if reads == TOKENS:
        return dataclasses.replace(settings, reads=TOKENS), memory
    config = settings.config.change(tokenizer=reads)
    settings = dataclasses.replace(settings, config=config, reads=SENTENCES)
    if example:
        source, target = example_of(config)
        settings = dataclasses.replace(settings, source=source, target=target)
    return settings, memory


def input_of(settings: Settings) -> str:
    """What the model reads: a text's words or characters, or generated tokens."""
    return TOKENS if settings.reads == TOKENS else settings.config.tokenizer


def undo(settings: Settings, memory: Memory) -> tuple[Settings, Memory]:
    """The settings from before a move made the trained weights random, and nothing to keep beside them."""
    return memory.left or settings, Memory()


def follow(settings: Settings, memory: Memory) -> tuple[Settings, Memory]:
    """The settings with d_k and d_v as they follow from d_model and heads, also when those are moved later."""
    config = settings.config.change(d_k=None, d_v=None)
    choices = dataclasses.replace(_choices_in(settings.config, memory), d_k=None, d_v=None)
    return dataclasses.replace(settings, config=config), dataclasses.replace(memory, of=config, choices=choices)


def _forbids(name: str, value: Any) -> bool:
    return value != {**FIXED, "tokenizer": TRAINED_TOKENIZER}.get(name, value)


def _leave(settings: Settings, memory: Memory, written: TargetWriter) -> tuple[Settings, Memory]:
    """The settings with random weights and all else as it was; what to keep beside them leads back."""
    target = written() if settings.writes else settings.target
    config = settings.config.change(weights=RANDOM)
    return Settings(config, settings.reads, settings.source, target), dataclasses.replace(memory, left=settings)


def _choices_in(config: Config, memory: Memory) -> Choices:
    """What was chosen for the sizes of this config; the sizes themselves where nothing is remembered of them."""
    if memory.choices is not None and memory.of is not None and _sizes(memory.of) == _sizes(config):
        return memory.choices
    usual = following(config.heads, config.d_model)
    apart = {name: None if getattr(config, name) == usual[name] else getattr(config, name) for name in APART}
    return Choices(config.heads, config.d_model, **apart)


def _sizes(config: Config) -> tuple[int, ...]:
    return (config.heads, config.d_model, config.d_k, config.d_v, config.d_ff)


def _moved(config: Config, choices: Choices, name: str, value: Any) -> tuple[Config, Choices]:
    """The config and the choices with one field moved, and with it the size that must agree with it."""
    if name in APART:
        usual = following(config.heads, config.d_model)[name]
        chosen: Any = {name: None if value == usual else value}
        choices = dataclasses.replace(choices, **chosen)
    elif name in ("heads", "d_model"):
        choices = dataclasses.replace(choices, **{name: value})
    heads, d_model = config.heads, config.d_model
    if name == "heads":
        heads, d_model = value, choices.d_model
        if _split(choices) and d_model % heads:
            d_model = nearest_multiple(d_model, heads)
    elif name == "d_model":
        heads, d_model = choices.heads, value
        if _split(choices) and d_model % heads:
            heads = _nearest_divisor(d_model, heads)
    apart = {field: getattr(choices, field) for field in APART}
    fields = {"heads": heads, "d_model": d_model, **apart}
    after = dataclasses.replace(config, **(fields if name in fields else {**fields, name: value}))
    return after, choices


def _split(choices: Choices) -> bool:
    """Whether d_model is split among the heads; not where d_k and d_v are both set apart."""
    return choices.d_k is None or choices.d_v is None


def _nearest_divisor(value: int, near: int) -> int:
    divisors = [d for d in range(1, RANGES["heads"][1] + 1) if value % d == 0]
    return min(divisors, key=lambda d: (abs(d - near), -d))
