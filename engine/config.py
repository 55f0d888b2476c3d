"""The sizes and switches of one Transformer, checked together before anything is computed."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, cast

DTYPES = ("float32", "float64", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda", "mps")
ACTIVATIONS = ("relu", "gelu")
OUTPUTS = ("log_softmax", "softmax")
WEIGHTS = ("random", "trained")
TOKENIZERS = ("words", "characters")

# Smallest and largest value of every size. The upper ends keep any tensor's element count inside a 64-bit integer,
# so that a size far beyond this machine is still measured (and refused by its bytes) instead of overflowing.
LIMITS: Mapping[str, tuple[int, int]] = {
    "batch": (1, 2**16),
    "src_len": (1, 2**16),
    "tgt_len": (1, 2**16),
    "d_model": (1, 2**16),
    "heads": (1, 2**10),
    "d_k": (1, 2**16),
    "d_v": (1, 2**16),
    "d_ff": (1, 2**18),
    "encoder_layers": (1, 2**9),
    "decoder_layers": (1, 2**9),
    "vocab_size": (4, 2**20),  # three specials and one token that says something
    "seed": (0, 2**63 - 1),
}
CHOICES = {
    "activation": ACTIVATIONS,
    "output": OUTPUTS,
    "dtype": DTYPES,
    "device": DEVICES,
    "weights": WEIGHTS,
    "tokenizer": TOKENIZERS,
}
_SWITCHES = ("norm_first", "padding_mask", "causal_mask")
# These may be None: they follow from d_model and heads, the tokenizer from the weights.
_FOLLOWING = ("d_k", "d_v", "d_ff", "tokenizer")

# What the trained weights were trained with, and fit alone.
TRAINED: Mapping[str, int | bool | str] = {
    "d_model": 64,
    "heads": 4,
    "d_k": 16,
    "d_v": 16,
    "d_ff": 256,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "vocab_size": 85,
    "norm_first": False,
    "activation": "relu",
}
TRAINED_TOKENIZER = "characters"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a setting: the rule it breaks, the value given, and what would work.

    Attributes:
        field: the setting.
        rule: what it breaks.
        value: what was given, as it was written.
        remedy: the nearest value that works.
    """

    field: str
    rule: str
    value: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.value}; {self.remedy}"


class ConfigError(ValueError):
    """Settings that cannot be run. ``problems`` holds every one of them, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True)
class Config:
    """Every setting of the model and its input. Frozen, hashable, and valid as soon as it exists.

    ``d_k`` and ``d_v`` are d_model / heads unless given, ``d_ff`` is 4 × d_model (paper, section 3.2.2 and 3.3).
    Lengths are in tokens. ``device="auto"`` takes CUDA, then MPS, then the CPU, whichever is there first.
    ``weights="trained"`` takes the weights that were trained on dates, which have the sizes in ``TRAINED``; the seed is
    then of the generated tokens alone. ``tokenizer`` is what one token of a text is, a known word or a character;
    trained weights read characters, and random ones words unless it is given.

    ``Config()`` has random weights, and nothing they compute means anything. The app opens on the trained weights:
    ``trained_config()``.

    Args:
        batch: sentences, B.
        src_len, tgt_len: tokens of a source and of a target, S and T.
        d_model: width of a token's vector.
        heads: heads of every attention, H.
        d_k, d_v: width of a query and key, and of a value, in one head.
        d_ff: width inside the feed-forward network.
        encoder_layers, decoder_layers: how many there are.
        vocab_size: tokens that there are, V, the three special ones among them.
        norm_first: whether the norm stands before each sublayer; behind it in the paper.
        activation: between the two layers of the feed-forward network, one of ``ACTIVATIONS``.
        output: what the last layer ends with, one of ``OUTPUTS``.
        padding_mask, causal_mask: whether attention is kept off padding, and off later tokens.
        seed: of the weights and of generated tokens.
        dtype: of all floating-point numbers, one of ``DTYPES``.
        device: where to compute, one of ``DEVICES``.
        weights: one of ``WEIGHTS``.
        tokenizer: one of ``TOKENIZERS``.

    Raises:
        ConfigError: with every broken rule, the value given and the nearest value that works.
    """

    batch: int = 2
    src_len: int = 5
    tgt_len: int = 4
    d_model: int = 32
    heads: int = 4
    d_k: int = cast(int, None)  # filled in below: an int as soon as the Config exists
    d_v: int = cast(int, None)
    d_ff: int = cast(int, None)
    encoder_layers: int = 2
    decoder_layers: int = 2
    vocab_size: int = 64
    norm_first: bool = False
    activation: str = "relu"
    output: str = "log_softmax"
    padding_mask: bool = True
    causal_mask: bool = True
    seed: int = 0
    dtype: str = "float32"
    device: str = "auto"
    weights: str = "random"
    tokenizer: str = cast(str, None)  # filled in below as well

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise ConfigError(tuple(problems))
        tokenizer = TRAINED_TOKENIZER if self.weights == "trained" else "words"
        for name, value in {**_derived(self.d_model, self.heads), "tokenizer": tokenizer}.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    def change(self, **changes: Any) -> Self:
        """The same settings with some changed.

        A d_k, d_v or d_ff that had the value it follows from (d_model / heads, 4 × d_model) goes on following;
        one that was set apart stays where it is. The weights stay as they are too: a size that trained weights do not
        have is refused unless ``weights="random"`` is asked for along with it.
        """
        usual = _derived(self.d_model, self.heads)
        if self.d_model % self.heads:
            usual = {"d_ff": usual["d_ff"]}  # d_k and d_v follow from nothing where the heads do not divide
        following = {name: None for name, value in usual.items() if getattr(self, name) == value}
        return dataclasses.replace(self, **{**following, **changes})


def _derived(d_model: int, heads: int) -> dict[str, int]:
    return {"d_k": d_model // heads, "d_v": d_model // heads, "d_ff": 4 * d_model}


def nearest_multiples(value: int, of: int) -> tuple[int, ...]:
    """The multiples of ``of`` next to ``value``, below and above, as far as d_model may go."""
    low, high = LIMITS["d_model"]
    multiples = sorted({value // of * of, -(-value // of) * of})
    return tuple(multiple for multiple in multiples if low <= multiple <= high)


def _problems(config: Config) -> Iterator[Problem]:
    # With d_k and d_v both given, nothing is split: heads and d_model are free of each other.
    split = config.d_k is None or config.d_v is None
    trained = isinstance(config.weights, str) and config.weights == "trained"
    fixed: Mapping[str, object] = {**TRAINED, "tokenizer": TRAINED_TOKENIZER} if trained else {}
    for name, limits in LIMITS.items():
        value = getattr(config, name)
        if name in fixed or (value is None and name in _FOLLOWING):
            continue
        problem = number_problem(name, value, *limits)
        if problem:
            near = _nearest(value, *limits)
            remedies: tuple[int, ...] = (near,)
            if split and name == "d_model" and not _trouble(config.heads, *LIMITS["heads"]):
                remedies = nearest_multiples(near, config.heads)
            elif split and name == "heads":
                remedies = (_nearest_divisor(near, _nearest(config.d_model, *LIMITS["d_model"])),)
            yield dataclasses.replace(problem, remedy=f"nearest: {_listed(remedies)}")
    for name, choices in CHOICES.items():
        value = getattr(config, name)
        if name in fixed or (value is None and name in _FOLLOWING):
            continue
        if not isinstance(value, str) or value not in choices:
            yield Problem(name, f"{name} must be one of {_listed(choices)}", _shown(value), f"use {choices[0]}")
    for name in _SWITCHES:
        value = getattr(config, name)
        if name not in fixed and not isinstance(value, bool):
            yield Problem(name, f"{name} must be True or False", _shown(value), f"use {_truth(value)}")
    for name, only in fixed.items():
        value = getattr(config, name)
        follows = value is None and name in _FOLLOWING
        if not follows and (type(value) is not type(only) or value != only):
            yield Problem(name, f"trained weights have {name} {only}", _shown(value), f"use {only}, or weights random")
    sound = not fixed and not any(_trouble(getattr(config, name), *LIMITS[name]) for name in ("d_model", "heads"))
    if sound and split and config.d_model % config.heads:
        yield Problem(
            "d_model",
            "d_model must be a multiple of heads",
            f"{config.d_model} is not a multiple of {config.heads}",
            f"nearest: {_listed(nearest_multiples(config.d_model, config.heads))}",
        )


def number_problem(name: str, value: object, low: int, high: int) -> Problem | None:
    """What is wrong with a setting that must be a whole number from ``low`` to ``high``; None where nothing is.

    Args:
        name: the setting.
        value: what was given.
        low, high: both ends, included.

    Returns:
        The problem, with the nearest number that works.
    """
    trouble = _trouble(value, low, high)
    if not trouble:
        return None
    rule = f"{name} must be a whole number from {low} to {high}"
    return Problem(name, rule, trouble, f"nearest: {_nearest(value, low, high)}")


def _trouble(value: object, low: int, high: int) -> str:
    """What keeps a value from being a size; nothing for one that is."""
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{_shown(value)} is not a whole number"
    return "" if low <= value <= high else _shown(value)


def _nearest(value: object, low: int, high: int) -> int:
    """The whole number within the limits that is nearest to a number, or to one in text; else the smallest."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if not isinstance(value, numbers.Real) or value != value:
        return low
    number = cast(float, value)
    return low if number <= low else high if number >= high else round(number)


def _nearest_divisor(value: int, of: int) -> int:
    divisors = (heads for heads in range(1, LIMITS["heads"][1] + 1) if of % heads == 0)
    return min(divisors, key=lambda heads: abs(heads - value))


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _truth(value: object) -> bool:
    try:
        return bool(value)
    except Exception:  # somebody else's __bool__, such as that of an array of several numbers
        return True


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # somebody else's __repr__, or an integer too long to print
        text = type(value).__name__
    text = " ".join(text.split())  # a problem is one line
    return text if len(text) <= 40 else text[:37] + "..."
