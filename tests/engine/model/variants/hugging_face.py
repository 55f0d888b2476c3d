"""Hugging Face's class for each variant, and its weights copied into ours.

Needs transformers: a test module calls ``pytest.importorskip("transformers")`` first.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.model.variants.registry import variant_skeleton
from engine.text.tokenizer import PAD


def randomised(model: nn.Module, seed: int) -> nn.Module:
    """Weights of a usual size everywhere, so that no bias and no norm can hide by being 0 or 1."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.normal_(0, 0.3, generator=draw)
                if "norm" in name.lower() or "ln_" in name:
                    parameter.add_(1)
            else:
                parameter.normal_(0, parameter.size(-1) ** -0.5, generator=draw)
    return model.requires_grad_(False).eval()


def copied(config, weights: Mapping[str, Tensor], dtype: torch.dtype) -> nn.Module:
    """Our model of a config with these weights, every one of which must be there and of the same shape."""
    ours = variant_skeleton(config, PAD, "cpu")
    tied = {"head.weight"} - weights.keys()
    missing, unexpected = ours.load_state_dict(weights, strict=False)
    assert set(missing) <= tied
    assert unexpected == []
    return ours.to(dtype)


def _built(kind: str, settings: str, attention: str, seed: int, **sizes: object):
    """Hugging Face's model of these sizes with weights of its own.

    Args:
        kind: the class of the model.
        settings: the class of its config.
        attention: which implementation it attends with.
        seed: of the weights.
    """
    import transformers

    config = getattr(transformers, settings)(attn_implementation=attention, **sizes)
    return randomised(getattr(transformers, kind)(config), seed)


def _linear(ours: str, theirs: nn.Module) -> dict[str, Tensor]:
    return {f"{ours}.{name}": value for name, value in theirs.state_dict().items()}


def _linears(layer: str, parts: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """The weights of several modules of one layer, by what they are called in ours."""
    return {key: value for name, theirs in parts.items() for key, value in _linear(f"{layer}.{name}", theirs).items()}


def gpt2(config, attention: str, seed: int):
    theirs = _built(
        "GPT2LMHeadModel", "GPT2Config", attention, seed, vocab_size=config.vocab_size, n_positions=config.positions,
        n_embd=config.d_model, n_layer=config.layers, n_head=config.heads, n_inner=config.d_ff, bos_token_id=1,
        eos_token_id=2, pad_token_id=PAD,
    )  # fmt: skip
    body = theirs.transformer
    weights = {
        **_linear("token_embedding", body.wte),
        **_linear("position_embedding", body.wpe),
        **_linear("norm", body.ln_f),
    }
    for number, block in enumerate(body.h):
        layer = f"layers.{number}"
        # Its Conv1D keeps a weight as (in, out), and query, key and value side by side.
        for name, weight, bias in zip(
            "qkv", block.attn.c_attn.weight.T.chunk(3), block.attn.c_attn.bias.chunk(3), strict=True
        ):
            weights[f"{layer}.self_attention.w_{name}.weight"] = weight
            weights[f"{layer}.self_attention.w_{name}.bias"] = bias
        for ours, conv in (
            ("self_attention.w_o", block.attn.c_proj),
            ("feed_forward.w_1", block.mlp.c_fc),
            ("feed_forward.w_2", block.mlp.c_proj),
        ):
            weights[f"{layer}.{ours}.weight"] = conv.weight.T
            weights[f"{layer}.{ours}.bias"] = conv.bias
        weights |= _linear(f"{layer}.self_attention_norm", block.ln_1)
        weights |= _linear(f"{layer}.feed_forward_norm", block.ln_2)
    return theirs, weights


def _of_llama(theirs: nn.Module) -> dict[str, Tensor]:
    """All that Llama, Mistral and Mixtral have in common."""
    weights = {
        **_linear("token_embedding", theirs.model.embed_tokens),
        **_linear("norm", theirs.model.norm),
        **_linear("head", theirs.lm_head),
    }
    for number, layer in enumerate(theirs.model.layers):
        ours = f"layers.{number}"
        for name in "qkvo":
            weights |= _linear(f"{ours}.self_attention.w_{name}", getattr(layer.self_attn, f"{name}_proj"))
        weights |= _linear(f"{ours}.self_attention_norm", layer.input_layernorm)
        weights |= _linear(f"{ours}.feed_forward_norm", layer.post_attention_layernorm)
    return weights


def _decoder(kind: str, config, attention: str, seed: int, **more):
    return _built(
        f"{kind}ForCausalLM", f"{kind}Config", attention, seed,
        vocab_size=config.vocab_size, hidden_size=config.d_model, intermediate_size=config.d_ff,
        num_hidden_layers=config.layers, num_attention_heads=config.heads, num_key_value_heads=config.kv_heads,
        head_dim=config.d_k, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
        pad_token_id=PAD,
        rope_parameters={"rope_type": "default", "rope_theta": float(config.rope_base)}, **more,
    )  # fmt: skip


def _dense(kind: str, config, attention: str, seed: int, **more):
    theirs = _decoder(kind, config, attention, seed, **more)
    weights = _of_llama(theirs)
    for number, layer in enumerate(theirs.model.layers):
        for name in ("gate", "up", "down"):
            weights |= _linear(f"layers.{number}.feed_forward.w_{name}", getattr(layer.mlp, f"{name}_proj"))
    return theirs, weights


def llama(config, attention: str, seed: int):
    return _dense("Llama", config, attention, seed)


def mistral(config, attention: str, seed: int):
    return _dense("Mistral", config, attention, seed, sliding_window=config.window)


def mixtral(config, attention: str, seed: int):
    theirs = _decoder(
        "Mixtral", config, attention, seed, num_local_experts=config.experts,
        num_experts_per_tok=config.experts_per_token, sliding_window=None,
    )  # fmt: skip
    theirs.set_experts_implementation("eager")
    weights = _of_llama(theirs)
    for number, layer in enumerate(theirs.model.layers):
        ours = f"layers.{number}.feed_forward"
        weights[f"{ours}.router.weight"] = layer.mlp.gate.weight
        for expert in range(config.experts):
            gate, up = layer.mlp.experts.gate_up_proj[expert].chunk(2)
            weights[f"{ours}.experts.{expert}.w_gate.weight"] = gate
            weights[f"{ours}.experts.{expert}.w_up.weight"] = up
            weights[f"{ours}.experts.{expert}.w_down.weight"] = layer.mlp.experts.down_proj[expert]
    return theirs, weights


def bert(config, attention: str, seed: int):
    theirs = _built(
        "BertModel", "BertConfig", attention, seed, vocab_size=config.vocab_size, hidden_size=config.d_model,
        num_hidden_layers=config.layers, num_attention_heads=config.heads, intermediate_size=config.d_ff,
        layer_norm_eps=1e-12, max_position_embeddings=config.positions, type_vocab_size=config.segments,
        pad_token_id=PAD,
    )  # fmt: skip
    table = theirs.embeddings
    weights = {
        **_linear("embedding.token_embedding", table.word_embeddings),
        **_linear("embedding.position_embedding", table.position_embeddings),
        **_linear("embedding.segment_embedding", table.token_type_embeddings),
        **_linear("embedding.embedding_norm", table.LayerNorm),
        **_linear("pooler.projection", theirs.pooler.dense),
    }
    for number, layer in enumerate(theirs.encoder.layer):
        ours, attention_layer = f"layers.{number}", layer.attention
        weights |= _linears(
            ours,
            {
                "self_attention.w_q": attention_layer.self.query,
                "self_attention.w_k": attention_layer.self.key,
                "self_attention.w_v": attention_layer.self.value,
                "self_attention.w_o": attention_layer.output.dense,
                "self_attention_norm": attention_layer.output.LayerNorm,
                "feed_forward.w_1": layer.intermediate.dense,
                "feed_forward.w_2": layer.output.dense,
                "feed_forward_norm": layer.output.LayerNorm,
            },
        )
    return theirs, weights


def vit(config, attention: str, seed: int):
    theirs = _built(
        "ViTForImageClassification", "ViTConfig", attention, seed, hidden_size=config.d_model,
        num_hidden_layers=config.layers, num_attention_heads=config.heads, intermediate_size=config.d_ff,
        image_size=(config.image_height, config.image_width), patch_size=config.patch, num_channels=config.channels,
        layer_norm_eps=1e-12, num_labels=config.classes,
    )  # fmt: skip
    table = theirs.vit.embeddings
    kernel = table.patch_embeddings.projection
    weights = {
        "embedding.class_token": table.cls_token,
        "embedding.position": table.position_embeddings,
        "embedding.projection.weight": kernel.weight.flatten(1),
        "embedding.projection.bias": kernel.bias,
        **_linear("norm", theirs.vit.layernorm),
        **_linear("head", theirs.classifier),
    }
    for number, layer in enumerate(theirs.vit.layers):
        weights |= _linears(
            f"layers.{number}",
            {
                "self_attention.w_q": layer.attention.q_proj,
                "self_attention.w_k": layer.attention.k_proj,
                "self_attention.w_v": layer.attention.v_proj,
                "self_attention.w_o": layer.attention.o_proj,
                "self_attention_norm": layer.layernorm_before,
                "feed_forward.w_1": layer.mlp.fc1,
                "feed_forward.w_2": layer.mlp.fc2,
                "feed_forward_norm": layer.layernorm_after,
            },
        )
    return theirs, weights


def t5(config, attention: str, seed: int):
    theirs = _built(
        "T5ForConditionalGeneration", "T5Config", attention, seed, vocab_size=config.vocab_size,
        d_model=config.d_model, d_kv=config.d_k, d_ff=config.d_ff, num_layers=config.layers, num_heads=config.heads,
        relative_attention_num_buckets=config.buckets, relative_attention_max_distance=config.max_distance,
        layer_norm_epsilon=1e-6, pad_token_id=PAD, eos_token_id=2, decoder_start_token_id=1, tie_word_embeddings=True,
    )  # fmt: skip
    weights = _linear("embedding", theirs.shared)
    for side in ("encoder", "decoder"):
        stack = getattr(theirs, side)
        first = stack.block[0].layer[0].SelfAttention
        weights |= _linear(f"{side}.distance_bias.table", first.relative_attention_bias)
        weights |= _linear(f"{side}.norm", stack.final_layer_norm)
        for number, block in enumerate(stack.block):
            ours = f"{side}.layers.{number}"
            parts = [("self_attention", block.layer[0], "SelfAttention")]
            if side == "decoder":
                parts.append(("cross_attention", block.layer[1], "EncDecAttention"))
            for name, part, kind in parts:
                weights |= _linear(f"{ours}.{name}_norm", part.layer_norm)
                for letter in "qkvo":
                    weights |= _linear(f"{ours}.{name}.w_{letter}", getattr(getattr(part, kind), letter))
            last = block.layer[-1]
            weights |= _linear(f"{ours}.feed_forward_norm", last.layer_norm)
            weights |= _linear(f"{ours}.feed_forward.w_1", last.DenseReluDense.wi)
            weights |= _linear(f"{ours}.feed_forward.w_2", last.DenseReluDense.wo)
    return theirs, weights
