"""The sizes of today's Transformers, a frozen config each, checked together before anything is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

from engine.config import DTYPES, LIMITS, ConfigError, Problem, number_problem

# On "meta" a run has shapes and no numbers, at any size.
VARIANT_DEVICES = ("auto", "cpu", "cuda", "mps", "meta")

# Smallest and largest value of every size.
VARIANT_LIMITS: Mapping[str, tuple[int, int]] = {
    **{
        name: LIMITS[name]
        for name in ("batch", "src_len", "tgt_len", "d_model", "heads", "d_k", "d_ff", "vocab_size", "seed")
    },
    "length": (1, 2**17),
    "kv_heads": (1, 2**10),
    "layers": (1, 2**9),
    "positions": (1, 2**17),
    "segments": (2, 2**10),
    "rope_base": (2, 2**31),
    "window": (1, 2**17),
    "experts": (1, 2**10),
    "experts_per_token": (1, 2**10),
    "buckets": (4, 2**10),
    "max_distance": (4, 2**16),
    "image_height": (1, 2**13),
    "image_width": (1, 2**13),
    "patch": (1, 2**10),
    "channels": (1, 2**10),
    "classes": (1, 2**20),
}
_CHOICES = {"dtype": DTYPES, "device": VARIANT_DEVICES}


@dataclass(frozen=True)
class VariantConfig:
    """What the config of every variant has. Frozen, hashable, and valid as soon as it exists.

    ``name`` is what the command line calls the variant, ``title`` what people call it. Lengths are in tokens.
    ``device="meta"`` runs without numbers: every shape, and no memory.

    Args:
        batch: sentences, or images, B.
        seed: of the weights and of generated inputs.
        dtype: of all floating-point numbers, one of ``DTYPES``.
        device: where to compute, one of ``VARIANT_DEVICES``.

    Raises:
        ConfigError: with every broken rule, the value given and the nearest value that works.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    # What follows from other settings unless it is given.
    following: ClassVar[tuple[str, ...]] = ()

    batch: int = 2
    seed: int = 0
    dtype: str = "float32"
    device: str = "auto"

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ConfigError(tuple(problems))
        for name, value in self._derived().items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        problems = list(self._joint_problems())
        if problems:
            raise ConfigError(tuple(problems))

    def change(self, **changes: Any) -> Self:
        """The same settings with some changed. One that follows from others goes on following unless it was set apart.

        Args:
            changes: settings by name.

        Raises:
            ConfigError: as the config itself does.
        """
        usual = self._derived()
        following = {name: None for name, value in usual.items() if getattr(self, name) == value}
        return dataclasses.replace(self, **{**following, **changes})

    def _derived(self) -> dict[str, int]:
        return {}

    def _problems(self) -> Iterator[Problem]:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None and field.name in self.following:
                continue
            if field.name in VARIANT_LIMITS:
                problem = number_problem(field.name, value, *VARIANT_LIMITS[field.name])
                if problem:
                    yield problem
            elif field.name in _CHOICES:
                choices = _CHOICES[field.name]
                if not isinstance(value, str) or value not in choices:
                    rule = f"{field.name} must be one of {', '.join(choices)}"
                    yield Problem(field.name, rule, repr(value), f"use {choices[0]}")
            elif not isinstance(value, bool):
                yield Problem(field.name, f"{field.name} must be True or False", repr(value), "use False")

    def _joint_problems(self) -> Iterator[Problem]:
        """What is wrong between settings that are each sound alone."""
        return iter(())


def _multiple(name: str, value: int, of_name: str, of: int) -> Iterator[Problem]:
    """The problem of a size that is no multiple of another, with the multiples next to it."""
    if value % of:
        low, high = VARIANT_LIMITS[name]
        nearest = [str(size) for size in (value // of * of, -(-value // of) * of) if low <= size <= high]
        rule = f"{name} must be a multiple of {of_name}"
        yield Problem(name, rule, f"{value} is not a multiple of {of}", f"nearest: {', '.join(nearest)}")


def _at_most(name: str, value: int, limit_name: str, limit: int) -> Iterator[Problem]:
    """The problem of a size that is larger than another."""
    if value > limit:
        yield Problem(name, f"{name} must be at most {limit_name}, {limit}", str(value), f"nearest: {limit}")


@dataclass(frozen=True)
class SplitWidthConfig(VariantConfig):
    """What GPT-2, BERT and ViT share: heads split d_model between them, and d_ff is 4 times as wide.

    Args:
        d_model: width of a token's vector, a multiple of ``heads``.
        heads: heads of every attention, H.
        d_ff: width inside the feed-forward network.
        layers: how many there are.
    """

    following = ("d_ff",)

    d_model: int = 32
    heads: int = 4
    d_ff: int = cast(int, None)  # filled in: 4 × d_model
    layers: int = 2

    @property
    def d_k(self) -> int:
        """The width of a query, a key and a value in one head."""
        return self.d_model // self.heads

    def _derived(self) -> dict[str, int]:
        return {"d_ff": 4 * self.d_model}

    def _joint_problems(self) -> Iterator[Problem]:
        yield from _multiple("d_model", self.d_model, "heads", self.heads)


@dataclass(frozen=True)
class LearnedPositionsConfig(SplitWidthConfig):
    """What GPT-2 and BERT share: each of ``positions`` places has a learned vector, so that no text is longer.

    ``length`` counts the tokens of a text, ``vocab_size`` those that there are.
    """

    length: int = 5
    vocab_size: int = 64
    positions: int = 512

    def _joint_problems(self) -> Iterator[Problem]:
        yield from super()._joint_problems()
        yield from _at_most("length", self.length, "positions", self.positions)


@dataclass(frozen=True)
class GPT2Config(LearnedPositionsConfig):
    """GPT-2 (Radford et al. 2019) and, but for its sparse layers, GPT-3 (Brown et al. 2020)."""

    name = "gpt2"
    title = "GPT-2"

    positions: int = 1024


@dataclass(frozen=True)
class BertConfig(LearnedPositionsConfig):
    """BERT (Devlin et al. 2019): an encoder over one text or a pair of texts, ``segments`` kinds of them."""

    name = "bert"
    title = "BERT"

    segments: int = 2


@dataclass(frozen=True)
class ViTConfig(SplitWidthConfig):
    """The Vision Transformer (Dosovitskiy et al. 2021): an image in patches, and one token more for its class.

    Args:
        image_height, image_width: pixels, multiples of ``patch``.
        patch: side of a patch, in pixels.
        channels: of the image, C.
        classes: what an image can be.
    """

    name = "vit"
    title = "ViT"

    image_height: int = 8
    image_width: int = 12
    patch: int = 4
    channels: int = 3
    classes: int = 10

    @property
    def patches(self) -> int:
        """How many patches an image has, N."""
        return (self.image_height // self.patch) * (self.image_width // self.patch)

    @property
    def length(self) -> int:
        """Tokens: the class token and one for every patch."""
        return 1 + self.patches

    def _joint_problems(self) -> Iterator[Problem]:
        yield from super()._joint_problems()
        yield from _multiple("image_height", self.image_height, "patch", self.patch)
        yield from _multiple("image_width", self.image_width, "patch", self.patch)


@dataclass(frozen=True)
class LlamaConfig(VariantConfig):
    """Llama (Touvron et al. 2023; Llama 3, 2024).

    ``kv_heads`` heads of keys and values serve ``heads`` heads of queries: all of them alike is multi-head attention,
    one is multi-query attention. ``d_k`` is d_model / heads unless given, ``d_ff`` 8/3 of d_model. ``rope_base`` is the
    θ of rotary positions. ``interleaved`` turns neighbouring features together, as RoFormer and Meta's weights do;
    otherwise the first half turns with the second, as Hugging Face's do.

    ``length`` counts the tokens of a text, ``vocab_size`` those that there are, ``layers`` the layers.
    """

    name = "llama"
    title = "Llama"
    following = ("d_k", "d_ff")

    length: int = 5
    d_model: int = 32
    heads: int = 4
    kv_heads: int = 2
    d_k: int = cast(int, None)  # filled in, as is d_ff
    d_ff: int = cast(int, None)
    layers: int = 2
    vocab_size: int = 64
    rope_base: int = 10_000
    interleaved: bool = False

    def _derived(self) -> dict[str, int]:
        # Where the heads do not divide d_model, d_k follows from nothing.
        d_k = {} if self.d_model % self.heads else {"d_k": self.d_model // self.heads}
        return {**d_k, "d_ff": -(-8 * self.d_model // 3)}

    def _joint_problems(self) -> Iterator[Problem]:
        d_k = cast(int | None, self.d_k)  # no number yet where it follows from nothing
        if d_k is None:
            yield from _multiple("d_model", self.d_model, "heads", self.heads)
        yield from _multiple("heads", self.heads, "kv_heads", self.kv_heads)
        if d_k is not None and d_k % 2:
            rule = "d_k must be even, because rotary positions turn its features in pairs"
            yield Problem("d_k", rule, str(self.d_k), f"nearest: {self.d_k + 1}")


@dataclass(frozen=True)
class MistralConfig(LlamaConfig):
    """Mistral 7B (Jiang et al. 2023): Llama whose tokens see the last ``window`` tokens and no further back."""

    name = "mistral"
    title = "Mistral"

    window: int = 3


@dataclass(frozen=True)
class MixtralConfig(LlamaConfig):
    """Mixtral (Jiang et al. 2024): Llama whose feed-forward part is ``experts`` networks, of which a router chooses
    ``experts_per_token`` for every token."""

    name = "mixtral"
    title = "Mixtral"

    experts: int = 4
    experts_per_token: int = 2

    def _joint_problems(self) -> Iterator[Problem]:
        yield from super()._joint_problems()
        yield from _at_most("experts_per_token", self.experts_per_token, "experts", self.experts)


@dataclass(frozen=True)
class T5Config(VariantConfig):
    """T5 (Raffel et al. 2020, version 1.0): encoder and decoder, with a learned bias for every distance.

    ``layers`` is of the encoder and of the decoder alike. Distances share ``buckets`` biases a head: short ones have
    one of their own, longer ones share, and all from ``max_distance`` on have the last.

    ``src_len`` and ``tgt_len`` are in tokens, ``d_model`` is the width of a token's vector, ``d_k`` that of a query in
    one of ``heads`` heads (d_model / heads unless given), ``d_ff`` that inside the feed-forward network (4 × d_model),
    and ``vocab_size`` counts the tokens that there are.
    """

    name = "t5"
    title = "T5"
    following = ("d_k", "d_ff")

    src_len: int = 5
    tgt_len: int = 4
    d_model: int = 32
    heads: int = 4
    d_k: int = cast(int, None)  # filled in, as is d_ff
    d_ff: int = cast(int, None)
    layers: int = 2
    vocab_size: int = 64
    buckets: int = 32
    max_distance: int = 128

    def _derived(self) -> dict[str, int]:
        return {"d_k": max(1, self.d_model // self.heads), "d_ff": 4 * self.d_model}

    def _joint_problems(self) -> Iterator[Problem]:
        if self.buckets % 4:
            yield from _multiple("buckets", self.buckets, "4", 4)
        if self.max_distance <= self.buckets // 2:
            rule = f"max_distance must be more than half of buckets, {self.buckets // 2}"
            yield Problem("max_distance", rule, str(self.max_distance), f"nearest: {self.buckets // 2 + 1}")


VARIANT_CONFIGS: Mapping[str, type[VariantConfig]] = {
    config.name: config
    for config in (GPT2Config, LlamaConfig, BertConfig, ViTConfig, T5Config, MistralConfig, MixtralConfig)
}
"""What the command line calls a variant → its config."""
