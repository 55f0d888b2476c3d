"""Llama, Mistral, Mixtral and T5 in float64 against their formulas, written out once more without the model's parts.

Hugging Face computes some of these in float32 whatever the dtype, so only a formula can be met to ten digits.
"""

import cmath
import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import LlamaConfig, MistralConfig, MixtralConfig, T5Config
from engine.model.variants.parts.rotary import RotateHalves, RotateInterleaved
from engine.model.variants.registry import build_variant
from engine.text.tokenizer import PAD

CPU = torch.device("cpu")
few = settings(max_examples=20, deadline=None)
tokens_seed = st.integers(0, 2**16)


def assert_exact(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def norm(x, weight, eps):
    return x / ((x**2).sum(-1, keepdim=True) / x.size(-1) + eps) ** 0.5 * weight


def turned(vector, place, base):
    """The halves of one head's vector as complex numbers, each turned by its angle."""
    half = len(vector) // 2
    numbers = [complex(vector[i], vector[i + half]) for i in range(half)]
    out = [number * cmath.exp(1j * place * base ** (-2 * i / len(vector))) for i, number in enumerate(numbers)]
    return torch.tensor([z.real for z in out] + [z.imag for z in out], dtype=torch.float64)


def grouped_attention(x, w, config, visible):
    """Attention of one text, token by token and head by head; ``visible(query, key)`` says what may be seen."""
    answers = []
    for q in range(len(x)):
        heads = []
        for h in range(config.heads):
            kv = h // (config.heads // config.kv_heads)
            row = slice(h * config.d_k, (h + 1) * config.d_k)
            kv_row = slice(kv * config.d_k, (kv + 1) * config.d_k)
            query = turned((w["w_q"][row] @ x[q]).tolist(), q, config.rope_base)
            keys = [k for k in range(len(x)) if visible(q, k)]
            scores = [
                (query @ turned((w["w_k"][kv_row] @ x[k]).tolist(), k, config.rope_base)).item() / math.sqrt(config.d_k)
                for k in keys
            ]
            powers = [math.exp(score - max(scores)) for score in scores]
            heads.append(sum(p / sum(powers) * (w["w_v"][kv_row] @ x[k]) for p, k in zip(powers, keys, strict=True)))
        answers.append(w["w_o"] @ torch.cat(heads))
    return torch.stack(answers)


def swiglu(x, gate, up, down):
    z = x @ gate.T
    return (z / (1 + (-z).exp()) * (x @ up.T)) @ down.T


def experts_of(x, parameters, prefix, config):
    out = torch.zeros_like(x)
    for row, token in enumerate(x):
        powers = (parameters[f"{prefix}.router.weight"] @ token).exp()
        probabilities = (powers / powers.sum()).tolist()
        best = sorted(range(config.experts), key=lambda e: -probabilities[e])[: config.experts_per_token]
        for e in best:
            matrices = [parameters[f"{prefix}.experts.{e}.w_{n}.weight"] for n in ("gate", "up", "down")]
            out[row] += probabilities[e] / sum(probabilities[b] for b in best) * swiglu(token, *matrices)
    return out


def decoder(config, parameters, text):
    """The logits of one text without padding, (L, V)."""
    window = getattr(config, "window", len(text))
    x = parameters["token_embedding.weight"][text]
    for number in range(config.layers):
        layer = f"layers.{number}"
        w = {name: parameters[f"{layer}.self_attention.{name}.weight"] for name in ("w_q", "w_k", "w_v", "w_o")}
        normed = norm(x, parameters[f"{layer}.self_attention_norm.weight"], 1e-5)
        x = x + grouped_attention(normed, w, config, lambda q, k: q - window < k <= q)
        normed = norm(x, parameters[f"{layer}.feed_forward_norm.weight"], 1e-5)
        if isinstance(config, MixtralConfig):
            x = x + experts_of(normed, parameters, f"{layer}.feed_forward", config)
        else:
            matrices = [parameters[f"{layer}.feed_forward.w_{n}.weight"] for n in ("gate", "up", "down")]
            x = x + swiglu(normed, *matrices)
    return norm(x, parameters["norm.weight"], 1e-5) @ parameters["head.weight"].T


def shaken(model, seed):
    """The model with norms that are not all 1."""
    draw = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.add_(torch.randn(parameter.shape, generator=draw, dtype=parameter.dtype) * 0.3)
    return model


@pytest.mark.parametrize("kind", [LlamaConfig, MistralConfig, MixtralConfig])
def test_a_decoder_in_float64_is_its_formula(kind):
    more = {
        MistralConfig: {"window": st.integers(1, 5)},
        MixtralConfig: {"experts": st.just(4), "experts_per_token": st.integers(1, 4)},
    }

    @few
    @given(
        st.fixed_dictionaries(
            {
                "length": st.integers(1, 6), "kv_heads": st.integers(1, 2), "d_model": st.integers(3, 9),
                "d_ff": st.integers(2, 9), "seed": tokens_seed, "rope_base": st.sampled_from([7, 10_000]),
                **more.get(kind, {}),
            }
        ),
        st.integers(1, 2), st.integers(1, 3),
    )  # fmt: skip
    def hold(sizes, group, half):
        config = kind(heads=sizes["kv_heads"] * group, d_k=2 * half, vocab_size=11, dtype="float64", **sizes)
        model = shaken(build_variant(config, PAD, CPU), config.seed)
        draw = torch.Generator().manual_seed(config.seed)
        tokens = torch.randint(1, 11, (2, config.length), generator=draw)
        parameters = dict(model.named_parameters())
        assert_exact(model(tokens), torch.stack([decoder(config, parameters, text) for text in tokens]))

    hold()


def t5_bucket(distance, buckets, max_distance, both_ways):
    """The bucket of key's place − query's place, in the words of the paper's section 2.1."""
    offset = 0
    if both_ways:
        buckets //= 2
        offset = buckets if distance > 0 else 0
        steps = abs(distance)
    else:
        steps = max(-distance, 0)
    exact = buckets // 2
    if steps < exact:
        return offset + steps
    beyond = math.log(steps / exact) / math.log(max_distance / exact) * (buckets - exact)
    return offset + min(exact + int(beyond + 1e-6), buckets - 1)  # float32 rounds up what is all but whole


def t5_attention(queries, memory, w, config, table, visible, both_ways):
    rows = []
    for q in range(len(queries)):
        heads = []
        for h in range(config.heads):
            row = slice(h * config.d_k, (h + 1) * config.d_k)
            keys = [k for k in range(len(memory)) if visible(q, k)]
            scores = []
            for k in keys:
                score = ((w["w_q"][row] @ queries[q]) @ (w["w_k"][row] @ memory[k])).item()
                if table is not None:
                    number = t5_bucket(k - q, config.buckets, config.max_distance, both_ways)
                    score += table[number, h].item()
                scores.append(score)
            powers = [math.exp(score - max(scores)) for score in scores]
            heads.append(sum(p / sum(powers) * (w["w_v"][row] @ memory[k]) for p, k in zip(powers, keys, strict=True)))
        rows.append(w["w_o"] @ torch.cat(heads))
    return torch.stack(rows)


def t5(config, parameters, source, target):
    def weights(path):
        return {name: parameters[f"{path}.{name}.weight"] for name in ("w_q", "w_k", "w_v", "w_o")}

    def stack(side, x, memory):
        table = parameters[f"{side}.distance_bias.table.weight"]
        is_decoder = memory is not None
        for number in range(config.layers):
            layer = f"{side}.layers.{number}"
            normed = norm(x, parameters[f"{layer}.self_attention_norm.weight"], 1e-6)
            visible = (lambda q, k: k <= q) if is_decoder else (lambda q, k: True)
            x = x + t5_attention(
                normed, normed, weights(f"{layer}.self_attention"), config, table, visible, not is_decoder
            )
            if is_decoder:
                normed = norm(x, parameters[f"{layer}.cross_attention_norm.weight"], 1e-6)
                cross = weights(f"{layer}.cross_attention")
                x = x + t5_attention(normed, memory, cross, config, None, lambda q, k: True, False)
            normed = norm(x, parameters[f"{layer}.feed_forward_norm.weight"], 1e-6)
            hidden = (normed @ parameters[f"{layer}.feed_forward.w_1.weight"].T).clamp(min=0)
            x = x + hidden @ parameters[f"{layer}.feed_forward.w_2.weight"].T
        return norm(x, parameters[f"{side}.norm.weight"], 1e-6)

    table = parameters["embedding.weight"]
    memory = stack("encoder", table[source], None)
    return stack("decoder", table[target], memory) * config.d_model**-0.5 @ table.T


@few
@given(
    st.integers(1, 14), st.integers(1, 14), st.integers(1, 2), st.integers(1, 3), st.integers(3, 8),
    st.sampled_from([4, 8, 12]), tokens_seed,
)  # fmt: skip
def test_t5_in_float64_is_its_formula(src_len, tgt_len, heads, d_k, d_model, buckets, seed):
    config = T5Config(
        batch=1, src_len=src_len, tgt_len=tgt_len, heads=heads, d_k=d_k, d_model=d_model, d_ff=5, vocab_size=11,
        buckets=buckets, max_distance=buckets + 3, dtype="float64", seed=seed,
    )  # fmt: skip
    model = shaken(build_variant(config, PAD, CPU), seed)
    draw = torch.Generator().manual_seed(seed)
    source, target = (torch.randint(1, 11, (1, length), generator=draw) for length in (src_len, tgt_len))
    assert_exact(model(source, target)[0], t5(config, dict(model.named_parameters()), source[0], target[0]))


# Conventions and special cases


def interleave(weight, heads, d_k):
    """The rows of a projection with neighbours turning together: those of i and i + d_k / 2 become 2i and 2i + 1."""
    rows = weight.view(heads, 2, d_k // 2, -1)
    return rows.transpose(1, 2).reshape(weight.shape)


@few
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 7), tokens_seed)
def test_both_rotary_conventions_are_one_model_with_the_rows_of_w_q_and_w_k_in_another_order(
    kv_heads, group, half, length, seed
):
    config = LlamaConfig(
        length=length, heads=kv_heads * group, kv_heads=kv_heads, d_k=2 * half, d_model=6, dtype="float64", seed=seed
    )
    halves = build_variant(config, PAD, CPU)
    interleaved = build_variant(dataclasses.replace(config, interleaved=True), PAD, CPU)
    for layer in interleaved.layers:
        attention = layer.self_attention
        attention.w_q.weight.copy_(interleave(attention.w_q.weight, config.heads, config.d_k))
        attention.w_k.weight.copy_(interleave(attention.w_k.weight, config.kv_heads, config.d_k))
    tokens = torch.randint(1, 64, (2, length), generator=torch.Generator().manual_seed(seed))
    assert_exact(interleaved(tokens), halves(tokens))


def test_the_conventions_turn_other_features_together():
    x = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    quarter = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    assert RotateHalves()(x, *quarter).flatten().tolist() == [-3.0, -4.0, 1.0, 2.0]
    assert RotateInterleaved()(x, *quarter).flatten().tolist() == [-2.0, 1.0, -4.0, 3.0]


@few
@given(st.integers(1, 4), st.integers(1, 5), tokens_seed)
def test_grouped_queries_are_multi_head_attention_whose_keys_and_values_are_repeated(group, length, seed):
    """One head of keys, multi-query attention, is the case with kv_heads 1."""
    for kv_heads in (1, 2):
        config = LlamaConfig(
            length=length, heads=kv_heads * group, kv_heads=kv_heads, d_k=4, d_model=6, dtype="float64", seed=seed
        )
        grouped = build_variant(config, PAD, CPU)
        full = build_variant(config.change(kv_heads=config.heads), PAD, CPU)
        state = grouped.state_dict()
        for name, weight in state.items():
            if "w_k" in name or "w_v" in name:
                state[name] = weight.view(kv_heads, 4, 6).repeat_interleave(group, 0).reshape(-1, 6)
        full.load_state_dict(state)
        tokens = torch.randint(1, 64, (2, length), generator=torch.Generator().manual_seed(seed))
        assert_exact(grouped(tokens), full(tokens))


def test_a_window_as_long_as_the_text_hides_nothing_more():
    mistral = MistralConfig(length=6, window=6, dtype="float64")
    llama = LlamaConfig(length=6, dtype="float64")
    tokens = torch.arange(1, 7).unsqueeze(0)
    assert_exact(build_variant(mistral, PAD, CPU)(tokens), build_variant(llama, PAD, CPU)(tokens))


@few
@given(st.integers(1, 4), st.integers(1, 4), tokens_seed)
def test_padding_on_the_left_or_right_changes_no_logits_of_a_text_with_rotary_positions(length, padding, seed):
    """Only distances count there, so a text may begin at any place."""
    model = build_variant(LlamaConfig(dtype="float64", seed=seed), PAD, CPU)
    text = torch.randint(1, 64, (1, length), generator=torch.Generator().manual_seed(seed))
    pad = torch.zeros(1, padding, dtype=torch.int64)
    alone = model(text)
    assert_exact(model(torch.cat([text, pad], 1))[:, :length], alone)
    assert_exact(model(torch.cat([pad, text], 1))[:, padding:], alone)
