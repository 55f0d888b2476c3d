"""The model's numbers against torch.nn, the paper's formulas and the paper's parameter counts."""

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from engine import Config, record, run
from engine.model.attention import MultiHeadAttention
from engine.model.embedding import PositionalEncoding, TokenEmbedding
from engine.model.layers import DecoderLayer, EncoderLayer, FeedForward, LayerNorm
from engine.model.transformer import Decoder, Encoder, Transformer
from engine.runtime.forward import build_model
from engine.text.tokenizer import PAD

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
dtypes = st.sampled_from(list(TOLERANCE))
small = st.integers(1, 5)


@pytest.fixture(autouse=True)
def _without_the_fused_path():
    # One fused kernel of torch.nn's own would stand in for the layers that are compared.
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(True)


@dataclass(frozen=True)
class Sizes:
    batch: int
    length: int
    length_k: int
    heads: int
    d_k: int
    dtype: torch.dtype
    seed: int

    @property
    def d_model(self) -> int:
        return self.heads * self.d_k


sizes = st.builds(Sizes, small, small, small, st.integers(1, 4), st.integers(1, 5), dtypes, st.integers(0, 2**16))
# Normalising two or three nearly equal numbers magnifies float32's rounding a hundredfold; eight are safe.
wide = st.builds(Sizes, small, small, small, st.integers(2, 4), st.integers(4, 6), dtypes, st.integers(0, 2**16))


def assert_equal(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE[ours.dtype], equal_nan=False)


def randomise(module: nn.Module, dtype: torch.dtype) -> None:
    """Weights of a usual size everywhere, so that no bias and no norm can hide by being 0 or 1."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.normal_(0, parameter.size(-1) ** -0.5 if parameter.dim() == 2 else 0.3)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1)
    module.to(dtype).requires_grad_(False)


@torch.no_grad()
def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    theirs.in_proj_weight.copy_(torch.cat([ours.w_q.weight, ours.w_k.weight, ours.w_v.weight]))
    theirs.in_proj_bias.copy_(torch.cat([ours.w_q.bias, ours.w_k.bias, ours.w_v.bias]))
    theirs.out_proj.load_state_dict(ours.w_o.state_dict())


def copy_layer(ours: EncoderLayer | DecoderLayer, theirs: nn.Module) -> None:
    copy_attention(ours.self_attention, theirs.self_attn)
    norms = [ours.self_attention_norm]
    if isinstance(ours, DecoderLayer):
        copy_attention(ours.cross_attention, theirs.multihead_attn)
        norms.append(ours.cross_attention_norm)
    norms.append(ours.feed_forward_norm)
    for number, norm in enumerate(norms, start=1):
        getattr(theirs, f"norm{number}").load_state_dict(norm.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.w_1.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.w_2.state_dict())


def copy_stack(ours: Encoder | Decoder, theirs: nn.Module) -> None:
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        copy_layer(one, other)
    if theirs.norm is not None:
        theirs.norm.load_state_dict(ours.norm.state_dict())


def torch_transformer(config: Config, ours: Transformer) -> nn.Transformer:
    """torch.nn.Transformer with the weights of ours. The paper's post-norm stack ends without another norm."""
    dtype = getattr(torch, config.dtype)
    given = {"dropout": 0.0, "activation": config.activation, "batch_first": True, "norm_first": config.norm_first}
    sized = (config.d_model, config.heads, config.d_ff)

    def norm() -> nn.LayerNorm | None:
        return nn.LayerNorm(config.d_model) if config.norm_first else None

    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(*sized, **given), config.encoder_layers, norm(), enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(*sized, **given), config.decoder_layers, norm())
    theirs = nn.Transformer(
        config.d_model, config.heads, custom_encoder=encoder, custom_decoder=decoder, batch_first=True
    )
    theirs.to(dtype).eval().requires_grad_(False)
    copy_stack(ours.encoder, theirs.encoder)
    copy_stack(ours.decoder, theirs.decoder)
    return theirs


def padded_tokens(batch: int, length: int, vocab_size: int) -> Tensor:
    """Rows of random tokens whose ends are padding, of a different length each; a row's first token never is."""
    tokens = torch.randint(3, vocab_size, (batch, length))
    kept = torch.randint(1, length + 1, (batch, 1))
    return tokens.masked_fill(torch.arange(length) >= kept, PAD)


@settings(max_examples=60)
@given(sizes, st.booleans(), st.booleans())
def test_attention_and_its_weights_equal_torch_multihead_attention(drawn, padding, causal):
    torch.manual_seed(drawn.seed)
    ours = MultiHeadAttention(drawn.d_model, drawn.heads, drawn.d_k, drawn.d_k)
    randomise(ours, drawn.dtype)
    theirs = nn.MultiheadAttention(drawn.d_model, drawn.heads, batch_first=True, dtype=drawn.dtype)
    theirs.requires_grad_(False)
    copy_attention(ours, theirs)
    query_input = torch.randn(drawn.batch, drawn.length, drawn.d_model, dtype=drawn.dtype)
    memory = torch.randn(drawn.batch, drawn.length_k, drawn.d_model, dtype=drawn.dtype)
    hidden_keys = padded_tokens(drawn.batch, drawn.length_k, 9) == PAD if padding else None
    future = torch.ones(drawn.length, drawn.length_k, dtype=torch.bool).triu(1) if causal else None
    masks = [mask for mask in (None if hidden_keys is None else hidden_keys[:, None, None], future) if mask is not None]
    mask = masks[0] | masks[-1] if masks else None

    trace = record(ours, query_input, memory, mask)
    output, weights = theirs(
        query_input, memory, memory, key_padding_mask=hidden_keys, attn_mask=future, average_attn_weights=False
    )
    assert_equal(trace.output, output)
    assert_equal(trace.find("weights").value, weights)


@settings(max_examples=25)
@given(sizes, small)
def test_attention_with_widths_of_its_own_equals_torch_scaled_dot_product_attention(drawn, d_v):
    torch.manual_seed(drawn.seed)
    ours = MultiHeadAttention(7, drawn.heads, drawn.d_k, d_v)
    randomise(ours, drawn.dtype)
    query_input = torch.randn(drawn.batch, drawn.length, 7, dtype=drawn.dtype)
    memory = torch.randn(drawn.batch, drawn.length_k, 7, dtype=drawn.dtype)

    query = ours.w_q(query_input).unflatten(-1, (drawn.heads, drawn.d_k)).transpose(1, 2)
    key = ours.w_k(memory).unflatten(-1, (drawn.heads, drawn.d_k)).transpose(1, 2)
    value = ours.w_v(memory).unflatten(-1, (drawn.heads, d_v)).transpose(1, 2)
    mixed = nn.functional.scaled_dot_product_attention(query, key, value)
    assert_equal(ours(query_input, memory), ours.w_o(mixed.transpose(1, 2).flatten(-2)))


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@settings(max_examples=12)
@given(drawn=wide, d_ff=small, layers=st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_encoder_and_decoder_equal_torch_transformer(norm_first, activation, drawn, d_ff, layers):
    torch.manual_seed(drawn.seed)
    config = Config(
        d_model=drawn.d_model, heads=drawn.heads, d_ff=d_ff, norm_first=norm_first, activation=activation,
        encoder_layers=layers[0], decoder_layers=layers[1], dtype=str(drawn.dtype).removeprefix("torch."),
    )  # fmt: skip
    ours = Transformer(config, PAD)
    randomise(ours, drawn.dtype)
    theirs = torch_transformer(config, ours)
    source, target = padded_tokens(drawn.batch, drawn.length_k, 9), padded_tokens(drawn.batch, drawn.length, 9)
    x = torch.randn(*source.shape, drawn.d_model, dtype=drawn.dtype)
    y = torch.randn(*target.shape, drawn.d_model, dtype=drawn.dtype)

    source_mask = ours.source_padding_mask(source)
    memory = ours.encoder(x, source_mask)
    decoded = ours.decoder(y, memory, ours.decoder_mask(target), source_mask)
    hides = {"memory_key_padding_mask": source == PAD, "tgt_key_padding_mask": target == PAD}
    future = torch.ones(drawn.length, drawn.length, dtype=torch.bool).triu(1)
    assert_equal(memory, theirs.encoder(x, src_key_padding_mask=source == PAD))
    assert_equal(decoded, theirs(x, y, src_key_padding_mask=source == PAD, tgt_mask=future, **hides))


def paper_encoding(length: int, d_model: int) -> list[list[float]]:
    """PE(pos, 2i) = sin(pos / 10000^(2i/d_model)), PE(pos, 2i+1) = cos of the same angle (section 3.5)."""
    rows = []
    for position in range(length):
        angles = [position / 10000 ** (2 * (column // 2) / d_model) for column in range(d_model)]
        rows.append([math.cos(a) if column % 2 else math.sin(a) for column, a in enumerate(angles)])
    return rows


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("output", ["log_softmax", "softmax"])
def test_a_run_on_text_equals_embedding_encoding_torch_transformer_and_projection(norm_first, output):
    config = Config(d_model=12, heads=3, encoder_layers=3, dtype="float64", norm_first=norm_first, output=output)
    trace = run(config, source=["I go home", "I"], target=["나는 집에 간다", "나"])
    ours = build_model(trace.config)
    theirs = torch_transformer(trace.config, ours)
    source, target = trace.inputs["source"], trace.inputs["target"]
    assert (source == PAD).any()
    assert (target == PAD).any()

    def placed(table: nn.Embedding, tokens: Tensor) -> Tensor:
        encoding = torch.tensor(paper_encoding(tokens.size(1), 12), dtype=torch.float64)
        return nn.functional.embedding(tokens, table.weight) * math.sqrt(12) + encoding

    x, y = placed(ours.source_embedding.table, source), placed(ours.target_embedding.table, target)
    future = nn.Transformer.generate_square_subsequent_mask(target.size(1), dtype=torch.float64) == float("-inf")
    decoded = theirs(
        x, y, src_key_padding_mask=source == PAD, memory_key_padding_mask=source == PAD,
        tgt_key_padding_mask=target == PAD, tgt_mask=future,
    )  # fmt: skip
    logits = nn.functional.linear(decoded, ours.projection.weight, ours.projection.bias)
    expected = torch.softmax(logits, -1) if output == "softmax" else torch.log_softmax(logits, -1)
    assert_equal(trace.output, expected)


@pytest.mark.parametrize("part", ["encoder.layers.1.self", "decoder.layers.0.self", "decoder.layers.1.cross"])
def test_attention_weights_inside_a_run_equal_torch_multihead_attention(part):
    trace = run(Config(dtype="float64"), source=["I go home", "I"], target=["나는 집에 간다", "나"])
    ours = build_model(trace.config).get_submodule(f"{part}_attention")
    theirs = nn.MultiheadAttention(32, 4, batch_first=True, dtype=torch.float64).requires_grad_(False)
    copy_attention(ours, theirs)
    query_input, memory = (trace.find_all(f"{part}_attention.{name}")[0].parents[0].value for name in ("query", "key"))
    tokens = trace.inputs["target" if part.endswith("self") and part.startswith("decoder") else "source"]
    future = torch.ones(tokens.size(1), tokens.size(1), dtype=torch.bool).triu(1)
    _, weights = theirs(
        query_input, memory, memory, key_padding_mask=tokens == PAD, average_attn_weights=False,
        attn_mask=future if part.startswith("decoder") and part.endswith("self") else None,
    )  # fmt: skip
    assert_equal(trace.find(f"{part}_attention.weights").value, weights)


@settings(max_examples=25)
@given(wide)
def test_layer_norm_equals_torch_layer_norm(drawn):
    torch.manual_seed(drawn.seed)
    ours, theirs = LayerNorm(drawn.d_model), nn.LayerNorm(drawn.d_model)
    randomise(ours, drawn.dtype)
    theirs.to(drawn.dtype).load_state_dict(ours.state_dict())
    x = 3 * torch.randn(drawn.batch, drawn.length, drawn.d_model, dtype=drawn.dtype) + 1
    assert_equal(ours(x), theirs(x).detach())


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_feed_forward_is_two_linear_maps_around_the_activation(activation):
    ours = FeedForward(2, 3, activation)
    with torch.no_grad():
        ours.w_1.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        ours.w_1.bias.copy_(torch.tensor([0.0, 0.0, -1.0]))
        ours.w_2.weight.copy_(torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]))
        ours.w_2.bias.copy_(torch.tensor([0.5, -0.5]))
    hidden = (2.0, -1.0, 0.0)  # x = (2, -1): x1, x2, x1 + x2 - 1
    if activation == "relu":
        active = [max(h, 0.0) for h in hidden]
    else:
        active = [h * 0.5 * (1 + math.erf(h / math.sqrt(2))) for h in hidden]
    expected = [active[0] + 2 * active[1] + 3 * active[2] + 0.5, active[1] - 0.5]
    output = ours(torch.tensor([[[2.0, -1.0]]])).tolist()[0][0]
    assert output == pytest.approx(expected, abs=1e-6)


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(1, 9), dtypes)
def test_positional_encoding_is_the_papers_formula_for_odd_widths_too(length, d_model, dtype):
    zeros = torch.zeros(1, length, d_model, dtype=dtype)
    expected = torch.tensor([paper_encoding(length, d_model)], dtype=torch.float64).to(dtype)
    assert_equal(PositionalEncoding()(zeros), expected)


def test_positional_encoding_of_a_long_sentence_holds_to_float32():
    # Half precision has 11 bits: it would not tell position 4998 from 4999.
    encoding = PositionalEncoding()(torch.zeros(1, 5000, 4))
    expected = torch.tensor([paper_encoding(5000, 4)])
    torch.testing.assert_close(encoding, expected, rtol=0, atol=2e-5)


def test_embedding_is_the_tokens_row_times_the_root_of_d_model():
    embedding = TokenEmbedding(5, 9)
    tokens = torch.tensor([[4, 0], [2, 2]])
    rows = embedding.table.weight.detach()
    expected = torch.stack([torch.stack([rows[4], rows[0]]), torch.stack([rows[2], rows[2]])]) * 3.0
    assert torch.equal(embedding(tokens).detach(), expected)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("heads", "d_model", "d_ff", "encoder_layer", "decoder_layer"),
    [
        # Attention: four d×d matrices with d biases each. Feed-forward: d×f + f and f×d + d. A norm: 2d.
        # base: 4·(512·512 + 512) = 1,050,624; 512·2048 + 2048 + 2048·512 + 512 = 2,099,712; norm 1,024.
        # Encoder: 1,050,624 + 2,099,712 + 2·1,024. Decoder: 2·1,050,624 + 2,099,712 + 3·1,024.
        (8, 512, 2048, 3_152_384, 4_204_032),
        # big: 4·(1024·1024 + 1024) = 4,198,400; 1024·4096 + 4096 + 4096·1024 + 1024 = 8,393,728; norm 2,048.
        (16, 1024, 4096, 12_596_224, 16_796_672),
    ],
    ids=["base", "big"],
)
def test_layers_of_the_papers_models_have_their_published_sizes(heads, d_model, d_ff, encoder_layer, decoder_layer):
    config = Config(heads=heads, d_model=d_model, vocab_size=37_000, encoder_layers=6, decoder_layers=6)
    assert config.d_ff == d_ff
    with torch.device("meta"):
        model = Transformer(config, PAD)
    assert [count(layer) for layer in model.encoder.layers] == [encoder_layer] * 6
    assert [count(layer) for layer in model.decoder.layers] == [decoder_layer] * 6
    tables, projection = 2 * 37_000 * d_model, 37_000 * d_model + 37_000
    assert count(model) == 6 * encoder_layer + 6 * decoder_layer + tables + projection


def test_attention_of_the_classic_exercise_has_its_shapes():
    attention = MultiHeadAttention(512, 8, 64, 64)
    x = torch.randn(10, 20, 512)
    trace = record(attention, x, x)
    assert [step.shape for step in trace.find_all("query")] == [(10, 20, 512), (10, 20, 8, 64), (10, 8, 20, 64)]
    assert trace.find("key_t").shape == (10, 8, 64, 20)
    assert trace.find("scores").shape == trace.find("weights").shape == (10, 8, 20, 20)
    assert trace.find_all("mixed")[0].shape == (10, 8, 20, 64)
    assert trace.find("concat").shape == (10, 20, 512)
    assert trace.output.shape == (10, 20, 512)


def test_each_head_sees_only_its_own_slice_of_the_projection():
    # Heads are cut before they are moved: head h of a token is columns h·d_k … (h+1)·d_k of that token's row.
    attention = MultiHeadAttention(6, 3, 2, 2)
    x = torch.randn(2, 4, 6)
    trace = record(attention, x, x)
    projected, _, split = trace.find_all("query")
    for head in range(3):
        assert torch.equal(split.value[:, head], projected.value[:, :, 2 * head : 2 * head + 2])
