"""What a variant reads: token ids of a text or generated ones, or an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.config import ConfigError, Problem
from engine.record.trace import Labels
from engine.text import byte_tokenizer, tokenizer
from engine.variant_config import BertConfig, T5Config, VariantConfig, ViTConfig

Texts = str | Sequence[str]


@dataclass(frozen=True)
class VariantInputs:
    """What one run reads.

    Attributes:
        tensors: the arguments of the model's forward, in their order; ids are int64, an image has the config's dtype.
        labels: what stands along an axis, by its symbol.
    """

    tensors: tuple[Tensor, ...]
    labels: Mapping[str, Labels]


def read_variant_text(
    config: VariantConfig, source: Texts | None, target: Texts | None
) -> tuple[VariantConfig, dict[str, byte_tokenizer.Rows]]:
    """The ids of the texts of a run, and the config with their number, length and vocabulary.

    Args:
        config: of any variant.
        source: a text or several; left out, tokens are generated.
        target: T5's decoder's texts, or the second texts of BERT's pairs.

    Returns:
        The config, and the ids by side: "source" and "target" as far as given, and "segments" of a pair.

    Raises:
        TextError: a text cannot be read.
        ConfigError: the variant reads no text, or none on this side, or the text is longer than it can read.
    """
    if source is None and target is None:
        return config, {}
    if isinstance(config, ViTConfig):
        raise _no_text("source", "ViT reads images, no text")
    if source is None:
        raise tokenizer.TextError("a target needs a source", "only a target was given", "give a source text as well")
    if target is not None and not isinstance(config, BertConfig | T5Config):
        raise _no_text("target", f"{config.title} reads one text and has no target")
    vocab_size = max(config.vocab_size, byte_tokenizer.VOCABULARY_SIZE)  # type: ignore[attr-defined]
    if isinstance(config, T5Config):
        rows = {"source": byte_tokenizer.encode_text(source, end=True)}
        if target is not None:
            rows["target"] = byte_tokenizer.encode_text(target, "target", end=False)
            byte_tokenizer.check_as_many(rows["source"], rows["target"])
        lengths = {"src_len": len(rows["source"][0])}
        if target is not None:
            lengths["tgt_len"] = len(rows["target"][0])
    else:
        if target is None:
            rows = {"source": byte_tokenizer.encode_text(source, end=isinstance(config, BertConfig))}
        else:
            ids, segments = byte_tokenizer.encode_pair(source, target)
            rows = {"source": ids, "segments": segments}
        lengths = {"length": len(rows["source"][0])}
    return config.change(batch=len(rows["source"]), vocab_size=vocab_size, **lengths), rows


def variant_inputs(
    config: VariantConfig, rows: Mapping[str, byte_tokenizer.Rows], device: torch.device
) -> VariantInputs:
    """The tensors a run reads: the ids that are given, and generated ones for a side that is not.

    Args:
        config: of any variant.
        rows: as ``read_variant_text`` returns them.
        device: where the tensors are to be; on "meta" they have no numbers, and nothing is generated.
    """
    if isinstance(config, ViTConfig):
        return VariantInputs((_image(config, device),), {})
    sides = {"source": config.src_len, "target": config.tgt_len} if isinstance(config, T5Config) else {}
    sides = sides or {"source": config.length}  # type: ignore[attr-defined]
    if device.type == "meta":
        tensors = [torch.empty(config.batch, length, dtype=torch.int64, device=device) for length in sides.values()]
        if isinstance(config, BertConfig):
            tensors.append(torch.empty_like(tensors[0]))
        return VariantInputs(tuple(tensors), {})
    vocab_size = config.vocab_size  # type: ignore[attr-defined]
    ids = {
        side: rows.get(side) or tokenizer.generated(config.batch, length, vocab_size, config.seed, side)
        for side, length in sides.items()
    }
    tensors = [torch.tensor(side, dtype=torch.int64, device=device) for side in ids.values()]
    if isinstance(config, BertConfig):
        segments = rows.get("segments")
        tensors.append(torch.zeros_like(tensors[0]) if segments is None else torch.tensor(segments, device=device))
    # Generated ids stand for no text.
    spell = byte_tokenizer.label if rows else "#{}".format
    symbols = ("S", "T") if isinstance(config, T5Config) else ("S",) if isinstance(config, BertConfig) else ("T",)
    labels: dict[str, Labels] = {
        symbol: tuple(tuple(map(spell, row)) for row in side)
        for symbol, side in zip(symbols, ids.values(), strict=True)
    }
    labels["V"] = tuple(map(spell, range(vocab_size)))
    return VariantInputs(tuple(tensors), labels)


def _image(config: ViTConfig, device: torch.device) -> Tensor:
    """Pixels drawn from the config's seed, (B, C, Hpx, Wpx)."""
    shape = (config.batch, config.channels, config.image_height, config.image_width)
    dtype = getattr(torch, config.dtype)
    if device.type == "meta":
        return torch.empty(shape, dtype=dtype, device=device)
    generator = torch.Generator().manual_seed(config.seed % 2**32)
    return torch.randn(shape, generator=generator).to(device=device, dtype=dtype)


def _no_text(field: str, rule: str) -> ConfigError:
    return ConfigError((Problem(field, rule, "a text was given", "leave it out"),))
