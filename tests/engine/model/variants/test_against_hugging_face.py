"""The variants' numbers against Hugging Face's classes with the same weights, over drawn sizes and padding."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import BertConfig, GPT2Config, LlamaConfig, MistralConfig, MixtralConfig, T5Config, ViTConfig
from engine.text.tokenizer import PAD
from tests.engine.model.variants import hugging_face
from tests.engine.model.variants.hugging_face import copied

pytest.importorskip("transformers")

ATTENTION = ("eager", "sdpa")
# Normalising two or three nearly equal numbers magnifies float32's rounding; eight are safe.
heads_and_width = st.tuples(st.integers(1, 4), st.sampled_from([8, 10]))
small = st.integers(1, 3)
seeds = st.integers(0, 2**16)
few = settings(max_examples=25, deadline=None)


@st.composite
def texts(draw, batch, length, vocab_size):
    """Token ids (B, L) with padding on one side of some rows, at least one token in each."""
    padded_left = draw(st.booleans())
    ids = torch.randint(1, vocab_size, (batch, length), generator=torch.Generator().manual_seed(draw(seeds)))
    for row in range(batch):
        padding = draw(st.integers(0, length - 1))
        if padding:
            ids[row, slice(0, padding) if padded_left else slice(length - padding, None)] = PAD
    return ids


@st.composite
def decoder_cases(draw, config_of):
    sizes = {"batch": draw(small), "length": draw(st.integers(1, 9)), "vocab_size": draw(st.integers(5, 40))}
    config = config_of(draw, {**sizes, "layers": draw(small), "d_ff": draw(st.integers(5, 30))})
    return config, draw(texts(sizes["batch"], sizes["length"], sizes["vocab_size"])), draw(seeds)


def split_width(kind):
    def config_of(draw, sizes):
        heads, d_k = draw(heads_and_width)
        return kind(d_model=heads * d_k, heads=heads, positions=sizes["length"] + draw(st.integers(0, 3)), **sizes)

    return config_of


def grouped(kind, **more):
    def config_of(draw, sizes):
        kv_heads, group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        heads = kv_heads * group
        # transformers asks for a width that the heads divide.
        width = heads * draw(st.integers(-(-8 // heads), 12))
        extra = {name: draw(strategy) for name, strategy in more.items()}
        base = draw(st.sampled_from([100, 10_000, 500_000]))
        d_k = 2 * draw(st.integers(1, 6))
        return kind(d_model=width, heads=heads, kv_heads=kv_heads, d_k=d_k, rope_base=base, **sizes, **extra)

    return config_of


def mixtral_config(draw, sizes):
    experts = draw(st.integers(1, 5))
    per_token = draw(st.integers(1, experts))
    return grouped(MixtralConfig)(draw, {**sizes, "experts": experts, "experts_per_token": per_token})


CASES = {
    "gpt2": decoder_cases(split_width(GPT2Config)),
    "llama": decoder_cases(grouped(LlamaConfig)),
    "mistral": decoder_cases(grouped(MistralConfig, window=st.integers(1, 6))),
    "mixtral": decoder_cases(mixtral_config),
}


def assert_close(ours, theirs, tolerance):
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    # Rounding follows the largest numbers that were added up, not the sum.
    size = max(1.0, theirs.abs().max().item())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * size)


def both(name, config, seed, dtype, attention, scale=1.0):
    theirs, weights = getattr(hugging_face, name)(config, attention, seed)
    for parameter in theirs.parameters():
        if parameter.dim() > 1:
            parameter.mul_(scale)  # what is copied are views of these
    return copied(config, weights, dtype), theirs.to(dtype)


@torch.no_grad()
def compare_decoder(name, case, dtype, attention, tolerance, scale=1.0):
    config, tokens, seed = case
    ours, theirs = both(name, config, seed, dtype, attention, scale)
    is_text = tokens != PAD
    logits = theirs(input_ids=tokens, attention_mask=is_text.long(), use_cache=False).logits
    # What is computed for padding is read by nobody.
    assert_close(ours(tokens)[is_text], logits[is_text], tolerance)


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", CASES)
def test_a_decoder_gives_the_logits_of_hugging_face_in_float32(name, attention):
    @few
    @given(CASES[name])
    def hold(case):
        compare_decoder(name, case, torch.float32, attention, 1e-5)

    hold()


@few
@given(CASES["gpt2"])
def test_gpt2_gives_the_logits_of_hugging_face_in_float64(case):
    compare_decoder("gpt2", case, torch.float64, "sdpa", 1e-10)


@pytest.mark.parametrize("name", ["llama", "mistral", "mixtral"])
def test_what_hugging_face_computes_partly_in_float32_is_equal_in_float64_to_that(name):
    @few
    @given(CASES[name])
    def hold(case):
        # Large scores would magnify what its rotary tables are rounded by.
        compare_decoder(name, case, torch.float64, "sdpa", 1e-6, scale=0.5)

    hold()


@st.composite
def bert_cases(draw):
    config, tokens, seed = draw(decoder_cases(split_width(BertConfig)))
    segments = torch.randint(0, config.segments, tokens.shape, generator=torch.Generator().manual_seed(seed))
    return config, tokens, segments, seed


@torch.no_grad()
def compare_bert(case, dtype, attention, tolerance):
    config, tokens, segments, seed = case
    ours, theirs = both("bert", config, seed, dtype, attention)
    mask = (tokens != PAD).long()
    expected = theirs(input_ids=tokens, attention_mask=mask, token_type_ids=segments)
    encoded, pooled = ours(tokens, segments)
    assert_close(encoded, expected.last_hidden_state, tolerance)
    assert_close(pooled, expected.pooler_output, tolerance)


@st.composite
def vit_cases(draw):
    heads, d_k = draw(heads_and_width)
    patch = draw(small)
    config = ViTConfig(
        batch=draw(small), d_model=heads * d_k, heads=heads, d_ff=draw(st.integers(5, 30)), layers=draw(small),
        image_height=patch * draw(small), image_width=patch * draw(small), patch=patch, channels=draw(small),
        classes=draw(st.integers(2, 7)),
    )  # fmt: skip
    seed = draw(seeds)
    shape = (config.batch, config.channels, config.image_height, config.image_width)
    return config, torch.randn(shape, generator=torch.Generator().manual_seed(seed)), seed


@torch.no_grad()
def compare_vit(case, dtype, attention, tolerance):
    config, image, seed = case
    ours, theirs = both("vit", config, seed, dtype, attention)
    image = image.to(dtype)
    assert_close(ours(image), theirs(pixel_values=image).logits, tolerance)


ENCODERS = {"bert": (bert_cases(), compare_bert), "vit": (vit_cases(), compare_vit)}


@pytest.mark.parametrize(
    ("dtype", "attention", "tolerance"),
    [*((torch.float32, attention, 1e-5) for attention in ATTENTION), (torch.float64, "sdpa", 1e-10)],
)
@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_gives_the_numbers_of_hugging_face(name, dtype, attention, tolerance):
    cases, compare = ENCODERS[name]

    @few
    @given(cases)
    def hold(case):
        compare(case, dtype, attention, tolerance)

    hold()


@st.composite
def t5_cases(draw):
    buckets = 4 * draw(st.integers(1, 4))
    config = T5Config(
        batch=draw(small), src_len=draw(st.integers(1, 30)), tgt_len=draw(st.integers(1, 30)),
        d_model=draw(st.integers(8, 20)), heads=draw(st.integers(1, 3)), d_k=draw(st.integers(2, 7)),
        d_ff=draw(st.integers(5, 30)), layers=draw(small), vocab_size=draw(st.integers(5, 40)), buckets=buckets,
        max_distance=buckets + draw(st.integers(0, 20)),
    )  # fmt: skip
    source = draw(texts(config.batch, config.src_len, config.vocab_size))
    target = draw(texts(config.batch, config.tgt_len, config.vocab_size))
    return config, source, target, draw(seeds)


@torch.no_grad()
def compare_t5(case, dtype, attention, tolerance):
    config, source, target, seed = case
    # Scores that nothing divides magnify the rounding of a norm in float32; T5 begins with smaller weights for that.
    ours, theirs = both("t5", config, seed, dtype, attention, scale=0.6)
    is_text = target != PAD
    expected = theirs(
        input_ids=source, attention_mask=(source != PAD).long(), decoder_input_ids=target,
        decoder_attention_mask=is_text.long(), use_cache=False,
    ).logits  # fmt: skip
    assert_close(ours(source, target)[is_text], expected[is_text], tolerance)


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-6)])
def test_t5_gives_the_logits_of_hugging_face(dtype, tolerance, attention):
    @few
    @given(t5_cases())
    def hold(case):
        compare_t5(case, dtype, attention, tolerance)

    hold()
