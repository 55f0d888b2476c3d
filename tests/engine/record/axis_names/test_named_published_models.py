"""The axes of ten published architectures are named, truly, and from the flow of the data."""

import difflib
import re
from functools import cache

import pytest
import torch

pytest.importorskip("transformers")

from engine import record
from tests.engine.published_models import ARCHITECTURES, ATTENTION, DIFFERENT, EQUAL, published_model

RUNS = [(name, attention) for name in ARCHITECTURES for attention in ATTENTION]
GROUPED_QUERIES = ("Llama", "Mistral", "Qwen2", "Mixtral", "Mixtral, grouped")
# How many entries a condition picks depends on the numbers alone.
ANY_SIZE = "n"


@cache
def steps_of(name, attention, sizes):
    built = published_model(name, attention, sizes)
    with torch.no_grad():
        return record(built.model, **built.inputs).steps


def sizes_by_symbol(name, built, given):
    """The size that each symbol must have, from the model's own config."""
    config = built.model.config
    grouped = name in GROUPED_QUERIES
    heads = config.num_attention_heads
    width = config.hidden_size
    image = getattr(config, "image_size", None)
    return {
        "1": 1,
        "B": given.batch,
        "L": given.length,
        # What Mixtral's own comments call S is every token once for each of its experts.
        "S": given.batch * given.length * config.num_experts_per_tok if name == "Mixtral, grouped" else given.length,
        "T": given.target,
        "H": heads,
        "H_kv": config.num_key_value_heads if grouped else None,
        "G": heads // config.num_key_value_heads if grouped else None,
        "K": getattr(config, "num_experts_per_tok", None),
        "E": getattr(config, "num_local_experts", None),
        "d_k": config.head_dim if grouped else config.d_kv if name == "T5" else width // heads,
        "d_model": width,
        "d_ff": given.feed_forward,
        "V": getattr(config, "vocab_size", None),
        "mel": getattr(config, "num_mel_bins", None),
        "C": getattr(config, "num_channels", None),
        "Hpx": image and image[0],
        "Wpx": image and image[1],
        "p": getattr(config, "patch_size", None),
        "N": image and (image[0] // config.patch_size) * (image[1] // config.patch_size),
    }


def value_of(symbol, sizes):
    text = re.sub(r"[A-Za-z_]\w*", lambda match: str(sizes[match.group()]), symbol)
    return eval(text.replace("/", "//"), {"__builtins__": {}})


@pytest.mark.parametrize(("name", "attention"), RUNS)
def test_nearly_every_axis_is_named_and_every_name_has_the_size_that_the_config_gives_it(name, attention):
    sizes = sizes_by_symbol(name, published_model(name, attention), DIFFERENT)
    axes = [
        (step, axis, symbol, size)
        for step in steps_of(name, attention, DIFFERENT)
        if step.value.dim() >= 2
        for axis, (symbol, size) in enumerate(zip(step.axes, step.shape, strict=True))
    ]
    wrong = [
        (step.index, step.full_name, axis, symbol, size)
        for step, axis, symbol, size in axes
        if symbol not in (None, ANY_SIZE) and value_of(symbol, sizes) != size
    ]
    assert wrong == []
    named = sum(symbol is not None for _, _, symbol, _ in axes)
    assert named / len(axes) >= 0.95


@pytest.mark.parametrize(("name", "attention"), RUNS)
def test_names_are_the_same_where_all_sizes_are_equal(name, attention):
    different, equal = (
        [(step.full_name, step.op, step.axes) for step in steps_of(name, attention, sizes)]
        for sizes in (DIFFERENT, EQUAL)
    )
    matcher = difflib.SequenceMatcher(
        a=[step[:2] for step in different], b=[step[:2] for step in equal], autojunk=False
    )
    blocks = matcher.get_matching_blocks()
    pairs = [pair for i, j, n in blocks for pair in zip(different[i : i + n], equal[j : j + n], strict=True)]
    # With as many key heads as query heads nothing repeats them: H_kv stays H_kv.
    otherwise = [(one, other) for one, other in pairs if one[2] != tuple("H" if x == "H_kv" else x for x in other[2])
                 and one[2] != other[2]]  # fmt: skip
    assert otherwise == []
    assert len(pairs) >= 0.9 * len(different)


@pytest.mark.parametrize(("name", "attention"), RUNS)
def test_every_name_says_where_it_is_from(name, attention):
    for step in steps_of(name, attention, DIFFERENT):
        assert [origin is None for origin in step.axes_from] == [symbol is None for symbol in step.axes]


def test_weights_are_named_by_the_text_that_made_them():
    leaves = {
        leaf.name: leaf
        for step in steps_of("GPT-2", "eager", DIFFERENT)
        for leaf in step.inputs
        if leaf.kind == "parameter"
    }
    assert leaves["transformer.h.0.attn.c_attn.weight"].axes == ("d_model", "3*d_model")
    assert leaves["transformer.h.1.mlp.c_fc.weight"].axes == ("d_model", "d_ff")
    assert leaves["transformer.wte.weight"].axes == ("V", "d_model")
