"""The first picture of models that people use, with random weights: Hugging Face's own classes, two layers each."""

import pytest
import torch
from torch import nn

from engine import record
from engine.graph.model_graph import default_open, to_dot
from engine.graph.module_paths import stacks
from engine.graph.timeline import levels
from tests.engine.graph.test_model_graph import checked

transformers = pytest.importorskip("transformers")

IDS = torch.tensor([[5, 9, 20, 31, 7, 11]])
WIDTHS = {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
PAIR = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "decoder_start_token_id": 1}
# The class, its config's class and sizes, what it reads, and what embeds its tokens, its positions or its patches.
MODELS = {
    "GPT-2": (
        "GPT2LMHeadModel",
        ("GPT2Config", {"vocab_size": 64, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, **ENDS}),
        {"input_ids": IDS},
        ("inputs_embeds", "position_embeds"),
    ),
    "BERT": (
        "BertForMaskedLM",
        ("BertConfig", {**WIDTHS, "num_hidden_layers": 2}),
        {"input_ids": IDS},
        ("embeddings",),
    ),
    "T5": (
        "T5ForConditionalGeneration",
        ("T5Config", {"vocab_size": 64, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}),
        {"input_ids": IDS, "decoder_input_ids": IDS[:, :4]},
        ("inputs_embeds",),
    ),
    "Llama": (
        "LlamaForCausalLM",
        ("LlamaConfig", {**WIDTHS, "num_hidden_layers": 2}),
        {"input_ids": IDS},
        ("inputs_embeds", "rotary embedding"),
    ),
    "ViT": (
        "ViTForImageClassification",
        ("ViTConfig", {**WIDTHS, "num_hidden_layers": 2, "image_size": 16, "patch_size": 8}),
        {"pixel_values": torch.ones(1, 3, 16, 16)},
        ("embeddings",),
    ),
    "BART": (
        "BartForConditionalGeneration",
        ("BartConfig", {"vocab_size": 64, "d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, **PAIR, **ENDS}),
        {"input_ids": IDS, "decoder_input_ids": IDS[:, :4]},
        ("token embedding", "position embedding"),
    ),
    "Whisper": (
        "WhisperForConditionalGeneration",
        (
            "WhisperConfig",
            {"vocab_size": 64, "d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, **PAIR, **ENDS}
            | {"max_source_positions": 8, "max_target_positions": 16, "num_mel_bins": 4},
        ),
        {"input_features": torch.ones(1, 4, 16), "decoder_input_ids": IDS[:, :4]},
        ("inputs_embeds", "position embedding"),
    ),
    "Mixtral": (
        "MixtralForCausalLM",
        ("MixtralConfig", {**WIDTHS, "num_hidden_layers": 2, "num_key_value_heads": 1, "num_local_experts": 2}),
        {"input_ids": IDS},
        ("inputs_embeds", "rotary embedding"),
    ),
}


@pytest.fixture(scope="module", params=MODELS)
def published(request):
    """A model, what was recorded of it, and what its embeddings are called."""
    name, (config, sizes), inputs, embeddings = MODELS[request.param]
    torch.manual_seed(0)
    model = getattr(transformers, name)(getattr(transformers, config)(**sizes)).eval()
    with torch.no_grad():
        return model, record(model, **inputs), embeddings


def stacks_by_class(model):
    """The lists whose members are of one class, as PyTorch's own modules tell."""
    lists = {name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList)}
    return {name for name, members in lists.items() if len(members) > 1 and len({type(m) for m in members}) == 1}


def test_the_stacks_told_from_the_paths_are_the_lists_of_one_class(published):
    model, trace, _ = published
    expected = stacks_by_class(model)
    assert expected
    assert set(stacks(step.path for step in trace.steps)) == expected


def test_the_first_picture_shows_embeddings_layers_and_head(published):
    model, trace, embeddings = published
    graph = checked(to_dot(trace))
    labels = set(graph.boxes.values())
    assert set(embeddings) <= labels
    for stack in stacks_by_class(model):
        assert f"{stack}.0" in default_open(trace)
        owner = stack.split(".")[-2]
        assert labels & {f"1 more {owner} {noun} with other weights" for noun in ("layer", "block")}
        inside = {name for name in graph.boxes if name.startswith(f"{stack}.0.")}
        assert {"self-attention", "attention"} & {graph.boxes[name] for name in inside}
    # What is computed last is in no stack: the head.
    (last,) = {name for name in graph.boxes if name not in {start for start, *_ in graph.edges}} & {
        "logits",
        "lm_logits",
        "lm_logits add",
        "cls",
    }
    assert graph.reached() >= {last}


def test_the_first_level_of_the_timeline_has_every_layer(published):
    model, trace, _ = published
    parts = [segment.label for segment in levels(trace, trace.steps[0])[0]]
    for stack in stacks_by_class(model):
        owner = stack.split(".")[-2]
        assert [part for part in parts if part.startswith(f"{owner} ") and part[-1].isdecimal()] == [
            f"{owner} 0",
            f"{owner} 1",
        ]
