"""The sizes of published models. To be run on the meta device: most of them fit in no laptop.

Parameter counts are exact where the weights were published. GPT-3's never were, and what it is called is rounded: the
sizes of its paper's table 2.1 make 174,604,259,328 parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine import variant_config
from engine.config import Config
from engine.variant_config import VariantConfig


@dataclass(frozen=True)
class Preset:
    """A published model.

    Attributes:
        title: what people call it.
        config: its sizes, one text of a usual length, on the meta device.
        published: its published number of parameters, None where only a rounded one was published.
        source: where its sizes are published.
    """

    title: str
    config: VariantConfig | Config
    published: int | None
    source: str


def _paper(d_model: int, heads: int) -> Config:
    return Config(
        batch=1, src_len=25, tgt_len=25, d_model=d_model, heads=heads, encoder_layers=6, decoder_layers=6,
        vocab_size=37_000, device="cpu",
    )  # fmt: skip


def _gpt2(d_model: int, heads: int, layers: int) -> variant_config.GPT2Config:
    return variant_config.GPT2Config(
        batch=1, length=1024, d_model=d_model, heads=heads, layers=layers, vocab_size=50_257, device="meta"
    )


def _bert(d_model: int, heads: int, layers: int) -> variant_config.BertConfig:
    return variant_config.BertConfig(
        batch=1, length=512, d_model=d_model, heads=heads, layers=layers, vocab_size=30_522, device="meta"
    )


def _llama(
    d_model: int, heads: int, kv_heads: int, d_ff: int, layers: int, vocab_size: int, rope_base: int
) -> variant_config.LlamaConfig:
    return variant_config.LlamaConfig(
        batch=1, length=2048, d_model=d_model, heads=heads, kv_heads=kv_heads, d_ff=d_ff, layers=layers,
        vocab_size=vocab_size, rope_base=rope_base, dtype="bfloat16", device="meta",
    )  # fmt: skip


_PAPER = "Vaswani et al. 2017, table 3"
_GPT2 = "Radford et al. 2019, table 2"
_BERT = "Devlin et al. 2019, section 3"
_LLAMA_3 = "The Llama 3 herd of models, 2024, table 3"

PRESETS: Mapping[str, Preset] = {
    "paper-base": Preset("Transformer base", _paper(512, 8), None, _PAPER),
    "paper-big": Preset("Transformer big", _paper(1024, 16), None, _PAPER),
    "gpt2-small": Preset("GPT-2 small", _gpt2(768, 12, 12), 124_439_808, _GPT2),
    "gpt2-medium": Preset("GPT-2 medium", _gpt2(1024, 16, 24), 354_823_168, _GPT2),
    "gpt2-large": Preset("GPT-2 large", _gpt2(1280, 20, 36), 774_030_080, _GPT2),
    "gpt2-xl": Preset("GPT-2 XL", _gpt2(1600, 25, 48), 1_557_611_200, _GPT2),
    "gpt3-175b": Preset(
        "GPT-3 175B",
        variant_config.GPT2Config(
            batch=1, length=2048, d_model=12_288, heads=96, layers=96, vocab_size=50_257, positions=2048,
            dtype="float16", device="meta",
        ),
        None,
        "Brown et al. 2020, table 2.1",
    ),
    "bert-base": Preset("BERT base", _bert(768, 12, 12), 109_482_240, _BERT),
    "bert-large": Preset("BERT large", _bert(1024, 16, 24), 335_141_888, _BERT),
    "vit-b16": Preset(
        "ViT-B/16",
        variant_config.ViTConfig(
            batch=1, image_height=224, image_width=224, patch=16, d_model=768, heads=12, layers=12, classes=1000,
            device="meta",
        ),
        86_567_656,
        "Dosovitskiy et al. 2021, table 1",
    ),
    "t5-base": Preset(
        "T5 base",
        variant_config.T5Config(
            batch=1, src_len=512, tgt_len=114, d_model=768, heads=12, d_ff=3072, layers=12, vocab_size=32_128,
            device="meta",
        ),
        222_903_552,
        "Raffel et al. 2020, section 3.1.1 and 3.7",
    ),
    "llama2-7b": Preset(
        "Llama 2 7B", _llama(4096, 32, 32, 11_008, 32, 32_000, 10_000), 6_738_415_616, "Touvron et al. 2023, table 1"
    ),
    "llama3-8b": Preset("Llama 3 8B", _llama(4096, 32, 8, 14_336, 32, 128_256, 500_000), 8_030_261_248, _LLAMA_3),
    "llama3-70b": Preset("Llama 3 70B", _llama(8192, 64, 8, 28_672, 80, 128_256, 500_000), 70_553_706_496, _LLAMA_3),
    "llama3.1-405b": Preset(
        "Llama 3.1 405B", _llama(16_384, 128, 8, 53_248, 126, 128_256, 500_000), 405_853_388_800, _LLAMA_3
    ),
    "mistral-7b": Preset(
        "Mistral 7B",
        variant_config.MistralConfig(
            batch=1, length=2048, d_model=4096, heads=32, kv_heads=8, d_ff=14_336, layers=32, vocab_size=32_000,
            rope_base=10_000, window=4096, dtype="bfloat16", device="meta",
        ),
        7_241_732_096,
        "Jiang et al. 2023, table 1",
    ),
    "mixtral-8x7b": Preset(
        "Mixtral 8x7B",
        variant_config.MixtralConfig(
            batch=1, length=2048, d_model=4096, heads=32, kv_heads=8, d_ff=14_336, layers=32, vocab_size=32_000,
            rope_base=1_000_000, experts=8, experts_per_token=2, dtype="bfloat16", device="meta",
        ),
        46_702_792_704,
        "Jiang et al. 2024, table 1",
    ),
}  # fmt: skip
"""What the command line calls a published model → its sizes."""
