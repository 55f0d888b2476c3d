"""Further architectures of transformers, small and with random weights: the same bits, and no step left unexplained."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from engine import record
from engine.record.recording import tensors_in
from tests.engine.published.recorded import unexplained
from tests.long.registry import Case, long_check

_WIDTHS = {"hidden_size": 24, "intermediate_size": 40}
_LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 3}
_USUAL = {**_WIDTHS, **_LAYERS, "vocab_size": 50}
_GROUPED = {**_USUAL, "num_key_value_heads": 1, "head_dim": 8}
_IMAGES = {**_WIDTHS, **_LAYERS, "image_size": 32, "patch_size": 8}
_WINDOWS = {"image_size": 32, "patch_size": 4, "embed_dim": 12, "depths": [2, 2], "num_heads": [3, 3], "window_size": 4}
_STAGES = {"hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 1, 1]}
_SOUND = {
    **_USUAL,
    "conv_dim": [8, 8],
    "conv_stride": [5, 4],
    "conv_kernel": [10, 8],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 3,
}
_BOTH = {
    "vocab_size": 50,
    "d_model": 24,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 3,
    "decoder_attention_heads": 3,
    "encoder_ffn_dim": 40,
    "decoder_ffn_dim": 40,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
    "eos_token_id": 2,
    "decoder_start_token_id": 0,
}


def _ids() -> Mapping[str, Tensor]:
    return {"input_ids": torch.randint(3, 50, (2, 8))}


def _ids_of_both() -> Mapping[str, Tensor]:
    return {"input_ids": torch.randint(3, 50, (2, 8)), "decoder_input_ids": torch.randint(3, 50, (2, 5))}


def _image() -> Mapping[str, Tensor]:
    return {"pixel_values": torch.randn(1, 3, 32, 32)}


def _large_image() -> Mapping[str, Tensor]:
    return {"pixel_values": torch.randn(1, 3, 64, 64)}


def _sound() -> Mapping[str, Tensor]:
    return {"input_values": torch.randn(1, 800)}


# By the name of the model's class: the class of its settings, the settings, and what it is given.
_ARCHITECTURES: dict[str, tuple[str, Mapping[str, Any], Callable[[], Mapping[str, Tensor]]]] = {
    "GemmaForCausalLM": ("GemmaConfig", {**_GROUPED, "pad_token_id": 0}, _ids),
    "Gemma2ForCausalLM": ("Gemma2Config", _GROUPED, _ids),
    "Gemma3ForCausalLM": ("Gemma3TextConfig", _GROUPED, _ids),
    "PhiForCausalLM": ("PhiConfig", _USUAL, _ids),
    "Phi3ForCausalLM": ("Phi3Config", {**_USUAL, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}, _ids),
    "OPTForCausalLM": ("OPTConfig", {**_USUAL, "ffn_dim": 40, "word_embed_proj_dim": 24}, _ids),
    "BloomForCausalLM": ("BloomConfig", {"hidden_size": 24, "n_layer": 2, "n_head": 3, "vocab_size": 50}, _ids),
    "FalconForCausalLM": ("FalconConfig", {**_USUAL, "alibi": True}, _ids),
    "DebertaModel": ("DebertaConfig", {**_USUAL, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}, _ids),
    "DebertaV2Model": (
        "DebertaV2Config",
        {**_USUAL, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8},
        _ids,
    ),
    "SwinModel": ("SwinConfig", _WINDOWS, _image),
    "Swinv2Model": ("Swinv2Config", _WINDOWS, _image),
    "CLIPTextModel": ("CLIPTextConfig", {**_USUAL, "max_position_embeddings": 16, "eos_token_id": 2}, _ids),
    "CLIPVisionModel": ("CLIPVisionConfig", _IMAGES, _image),
    "DistilBertModel": (
        "DistilBertConfig",
        {"dim": 24, "hidden_dim": 40, "n_layers": 2, "n_heads": 3, "vocab_size": 50},
        _ids,
    ),
    "MambaForCausalLM": ("MambaConfig", {**_LAYERS, "hidden_size": 24, "vocab_size": 50, "state_size": 4}, _ids),
    "ConvNextModel": ("ConvNextConfig", {**_STAGES, "image_size": 64}, _large_image),
    "ConvNextV2Model": ("ConvNextV2Config", {**_STAGES, "image_size": 64}, _large_image),
    "Wav2Vec2Model": ("Wav2Vec2Config", _SOUND, _sound),
    "HubertModel": ("HubertConfig", _SOUND, _sound),
    "RobertaModel": ("RobertaConfig", {**_USUAL, "max_position_embeddings": 32}, _ids),
    "AlbertModel": ("AlbertConfig", {**_USUAL, "embedding_size": 10}, _ids),
    "ElectraModel": ("ElectraConfig", {**_USUAL, "embedding_size": 10}, _ids),
    "GPTNeoXForCausalLM": ("GPTNeoXConfig", _USUAL, _ids),
    "GPTJForCausalLM": (
        "GPTJConfig",
        {"n_embd": 24, "n_layer": 2, "n_head": 3, "vocab_size": 50, "rotary_dim": 4},
        _ids,
    ),
    "MptForCausalLM": ("MptConfig", {"d_model": 24, "n_heads": 3, "n_layers": 2, "vocab_size": 50}, _ids),
    "StableLmForCausalLM": ("StableLmConfig", {**_USUAL, "num_key_value_heads": 3}, _ids),
    "CohereForCausalLM": ("CohereConfig", {**_USUAL, "num_key_value_heads": 3}, _ids),
    "Olmo2ForCausalLM": ("Olmo2Config", {**_USUAL, "num_key_value_heads": 3, "pad_token_id": 0}, _ids),
    "Qwen3ForCausalLM": ("Qwen3Config", _GROUPED, _ids),
    "GptOssForCausalLM": ("GptOssConfig", {**_GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2}, _ids),
    "MarianMTModel": ("MarianConfig", _BOTH, _ids_of_both),
    "PegasusModel": ("PegasusConfig", _BOTH, _ids_of_both),
    "DeiTModel": ("DeiTConfig", _IMAGES, _image),
    "Dinov2Model": ("Dinov2Config", _IMAGES, _image),
    "BeitModel": ("BeitConfig", {**_IMAGES, "use_relative_position_bias": True}, _image),
    "XLNetModel": ("XLNetConfig", {"vocab_size": 50, "d_model": 24, "n_layer": 2, "n_head": 3, "d_inner": 40}, _ids),
    "LongformerModel": ("LongformerConfig", {**_USUAL, "attention_window": [4, 4], "pad_token_id": 1}, _ids),
    "FNetModel": ("FNetConfig", {**_USUAL}, _ids),
    "FunnelModel": (
        "FunnelConfig",
        {"d_model": 24, "n_head": 3, "d_head": 8, "d_inner": 40, "block_sizes": [1, 1], "vocab_size": 50},
        _ids,
    ),
}


def _checked(name: str, attention: str, draw: random.Random) -> None:
    import transformers

    settings_class, settings, inputs = _ARCHITECTURES[name]
    torch.manual_seed(draw.randrange(2**31))
    config = getattr(transformers, settings_class)(**settings)
    try:
        model = getattr(transformers, name)._from_config(config, attn_implementation=attention).eval()
    except ValueError:  # it has no fused attention
        model = getattr(transformers, name)._from_config(config, attn_implementation="eager").eval()
    given = inputs()
    with torch.no_grad():
        plain, trace = model(**given), record(model, **given)
    pairs = zip(tensors_in(plain), tensors_in(trace.output), strict=True)
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs), f"{name}: recording changed its output"
    wrong = list(unexplained(trace, draw))
    assert not wrong, f"{name}: {wrong[0]}"


if find_spec("transformers"):

    @long_check(cases=2 * len(_ARCHITECTURES), share=len(_ARCHITECTURES))
    @contextmanager
    def other_architectures() -> Iterator[Case]:
        """Forty further architectures, one at a time: eager or fused attention."""
        names = list(_ARCHITECTURES)

        def case(draw: random.Random) -> None:
            _checked(draw.choice(names), draw.choice(("eager", "sdpa")), draw)

        yield case
