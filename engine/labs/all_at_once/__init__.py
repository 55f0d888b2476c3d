"""One pass over n tokens against one token at a time, through the Transformer's encoder layer."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from engine import record
from engine.config import Config
from engine.labs.heads import merge_heads, split_heads
from engine.labs.script_text import fill_in
from engine.labs.xavier import draw_xavier
from engine.model.embedding import PositionalEncoding, TokenEmbedding
from engine.model.layers import EncoderLayer
from engine.runtime.threads import one_thread

_SCRIPT = Path(__file__).with_name("script.py")

REPEATS = 11
_LENGTHS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Sentence:
    """Tokens of a sentence on their way into an encoder layer.

    Attributes:
        ids: int64 (1, L), all different.
        embedding: from ids to vectors.
        x: (1, L, d_model), embedded, with the encoding of its position added to each.
        layer: the encoder layer, post-norm as in the paper.
    """

    ids: Tensor
    embedding: TokenEmbedding
    x: Tensor
    layer: EncoderLayer


@dataclass(frozen=True)
class CostPart:
    """One part of the layer, on all tokens at once and on one at a time.

    Attributes:
        name: what it is called in the model.
        together: (L, width), from one pass over (1, L, …).
        apart: (L, width), from L passes over (1, 1, …).
    """

    name: str
    together: Tensor
    apart: Tensor

    @property
    def equal(self) -> bool:
        """Whether they are the same in every bit."""
        return torch.equal(self.together, self.apart)

    @property
    def difference(self) -> float:
        """The largest difference."""
        return (self.together - self.apart).abs().max().item()


@dataclass(frozen=True)
class ItemCount:
    """What one way of encoding takes, as ``engine.record`` saw it: calls that returned a tensor, and their FLOPs.

    Attributes:
        calls: those that returned a tensor.
        flops: of all of them together.
    """

    calls: int
    flops: int


@dataclass(frozen=True)
class Timed:
    """Milliseconds of each way, for each length: the median, and the quartiles around it."""

    lengths: tuple[int, ...]
    together: tuple[tuple[float, float, float], ...]
    apart: tuple[tuple[float, float, float], ...]


def sentence(length: int, heads: int, d_k: int, seed: int = 0) -> Sentence:
    """Seeded weights: embeddings normal with deviation 1/√d_model, Linear weights uniform as Xavier has them, biases 0.
    LayerNorm begins as 1 and 0.

    Args:
        length: how many tokens, L.
        heads: how many heads, H.
        d_k: the width of a query in a head; d_model is H * d_k.
        seed: of the weights.
    """
    draw = torch.Generator().manual_seed(seed)
    width = heads * d_k
    embedding = TokenEmbedding(length, width)
    layer = EncoderLayer(Config(d_model=width, heads=heads))
    nn.init.normal_(embedding.table.weight, std=width**-0.5, generator=draw)
    draw_xavier(layer.modules(), draw)
    ids = torch.arange(length).unsqueeze(0)
    with torch.no_grad():
        x = PositionalEncoding()(embedding(ids))
    return Sentence(ids, embedding, x, layer)


@one_thread()
def parts(length: int, heads: int, d_k: int, dtype: str = "float32", seed: int = 0) -> tuple[CostPart, ...]:
    """Every part that works on a token by itself, each on the input it has in the layer, in this dtype.

    Args:
        length, heads, d_k, seed: of ``sentence``.
        dtype: what weights and inputs are in, as ``torch`` names it.
    """
    inputs = _in(getattr(torch, dtype), sentence(length, heads, d_k, seed))
    attention, layer = inputs.layer.self_attention, inputs.layer
    with torch.no_grad():
        after_attention = inputs.x + attention(inputs.x, inputs.x)
        normed = layer.self_attention_norm(after_attention)
        after_feed_forward = normed + layer.feed_forward(normed)
        return (
            _part("embedding", inputs.embedding, inputs.ids),
            _part("self_attention.w_q", attention.w_q, inputs.x),
            _part("self_attention.w_k", attention.w_k, inputs.x),
            _part("self_attention.w_v", attention.w_v, inputs.x),
            _part("self_attention_norm", layer.self_attention_norm, after_attention),
            _part("feed_forward", layer.feed_forward, normed),
            _part("feed_forward_norm", layer.feed_forward_norm, after_feed_forward),
        )


@one_thread()
def attention(length: int, heads: int, d_k: int, seed: int = 0) -> dict[str, CostPart]:
    """Self-attention, which needs the other tokens: each alone, and each with keys and values of all handed in.

    Args:
        length, heads, d_k, seed: of ``sentence``.
    """
    inputs = sentence(length, heads, d_k, seed)
    module = inputs.layer.self_attention
    with torch.no_grad():
        alone = _part("self_attention", lambda x: module(x, x), inputs.x)
        keys, values = _keys_and_values(inputs.layer, inputs.x)
        given = _part(
            "self_attention", lambda x: attend(inputs.layer, x, keys, values), inputs.x, module(inputs.x, inputs.x)
        )
    return {"alone": alone, "given": given}


@one_thread()
def whole_layer(length: int, heads: int, d_k: int, seed: int = 0) -> dict[str, CostPart]:
    """The whole encoder layer: each token alone, and one at a time with keys and values of all.

    Args:
        length, heads, d_k, seed: of ``sentence``.
    """
    inputs = sentence(length, heads, d_k, seed)
    with torch.no_grad():
        alone = _part("encoder layer", lambda x: inputs.layer(x, None), inputs.x)
        together = inputs.layer(inputs.x, None)[0]
        apart = one_at_a_time(inputs.layer, inputs.x)[0]
    return {"alone": alone, "given": CostPart("encoder layer", together, apart)}


def one_at_a_time(layer: EncoderLayer, x: Tensor) -> Tensor:
    """What ``layer(x, None)`` computes for x (1, L, d_model), with no operation on two tokens but attention's.

    Every token makes its key and value; then each asks with its query, and goes on through norms and feed-forward.
    """
    keys, values = _keys_and_values(layer, x)
    rows = []
    for token in x.split(1, dim=1):
        after_attention = token + attend(layer, token, keys, values)
        normed = layer.self_attention_norm(after_attention)
        after_feed_forward = normed + layer.feed_forward(normed)
        rows.append(layer.feed_forward_norm(after_feed_forward))
    return torch.cat(rows, dim=1)


def attend(layer: EncoderLayer, token: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """One token's attention (paper, section 3.2), from its query and from the keys and values of all.

    Args:
        layer: whose attention it is.
        token: (1, 1, d_model).
        keys: (1, H, L, d_k), of all tokens.
        values: (1, H, L, d_v), of all tokens.

    Returns:
        (1, 1, d_model).
    """
    module = layer.self_attention
    query = split_heads(module.w_q(token), module.heads)
    weights = (query @ keys.transpose(-2, -1) / math.sqrt(module.d_k)).softmax(dim=-1)
    output: Tensor = module.w_o(merge_heads(weights @ values))
    return output


@one_thread()
def changes(length: int, heads: int, d_k: int, seed: int = 0) -> dict[str, Tensor]:
    """For each part (L, L_k): by how much output l changes, at most, when token k is replaced by another vector.

    Args:
        length, heads, d_k, seed: of ``sentence``.
    """
    inputs = sentence(length, heads, d_k, seed)
    other = torch.randn(heads * d_k, generator=torch.Generator().manual_seed(seed + 1))
    ways: Mapping[str, Callable[[Tensor], Tensor]] = {
        "w_q": inputs.layer.self_attention.w_q,
        "feed_forward": inputs.layer.feed_forward,
        "self_attention": lambda x: inputs.layer.self_attention(x, x),
    }
    replaced = [torch.where(torch.arange(length).unsqueeze(1) == index, other, inputs.x) for index in range(length)]
    with torch.no_grad():
        return {
            name: torch.stack([(way(changed) - way(inputs.x))[0].abs().amax(dim=-1) for changed in replaced], dim=1)
            for name, way in ways.items()
        }


@one_thread()
def counted(length: int, heads: int, d_k: int, seed: int = 0) -> dict[str, ItemCount]:
    """Calls and FLOPs of one pass, and of one token at a time with keys and values of all.

    Args:
        length, heads, d_k, seed: of ``sentence``.
    """
    inputs = sentence(length, heads, d_k, seed)
    with torch.no_grad():
        traces = {
            "together": record(inputs.layer, inputs.x, None),
            "apart": record(one_at_a_time, inputs.layer, inputs.x),
        }
    return {
        name: ItemCount(len(trace.steps), sum(step.flops or 0 for step in trace.steps))
        for name, trace in traces.items()
    }


@one_thread()
def timed(length: int, heads: int, d_k: int, run: int = 0) -> Timed:
    """Both ways by the clock, on one thread, for lengths up to this one.

    The two ways take turns, so that whatever else the machine does falls on both.

    Args:
        length: of the longest sentence.
        heads, d_k: of ``sentence``.
        run: which measurement it is.
    """
    lengths = tuple(sorted({*(shorter for shorter in _LENGTHS if shorter < length), length}))
    together, apart = [], []
    for n in lengths:
        inputs = sentence(n, heads, d_k)
        pairs = [(_milliseconds(inputs, at_once), _milliseconds(inputs, one_at_a_time)) for _ in range(REPEATS + 1)]
        pairs = pairs[1:]  # the first finds nothing in the caches
        together.append(_quartiles([shorter for shorter, _ in pairs]))
        apart.append(_quartiles([other for _, other in pairs]))
    return Timed(lengths, tuple(together), tuple(apart))


def at_once(layer: EncoderLayer, x: Tensor) -> Tensor:
    """The layer on all tokens (1, L, d_model) in one pass."""
    output: Tensor = layer(x, None)
    return output


def code(length: int, heads: int, d_k: int) -> str:
    """The experiment as a script with the same draws, the encoder layer written out.

    Args:
        length, heads, d_k: of ``sentence``.
    """
    return fill_in(_SCRIPT, n=length, H=heads, d_k=d_k, repeats=REPEATS)


def _in(dtype: torch.dtype, inputs: Sentence) -> Sentence:
    return Sentence(inputs.ids, inputs.embedding.to(dtype), inputs.x.to(dtype), inputs.layer.to(dtype))


def _part(name: str, module: Callable[[Tensor], Tensor], given: Tensor, together: Tensor | None = None) -> CostPart:
    apart = torch.cat([module(token) for token in given.split(1, dim=1)], dim=1)[0]
    return CostPart(name, (module(given) if together is None else together)[0], apart)


def _keys_and_values(layer: EncoderLayer, x: Tensor) -> tuple[Tensor, Tensor]:
    module = layer.self_attention
    keys = [split_heads(module.w_k(token), module.heads) for token in x.split(1, dim=1)]
    values = [split_heads(module.w_v(token), module.heads) for token in x.split(1, dim=1)]
    return torch.cat(keys, dim=2), torch.cat(values, dim=2)


def _milliseconds(inputs: Sentence, way: Callable[[EncoderLayer, Tensor], Tensor]) -> float:
    with torch.no_grad():
        start = time.perf_counter()
        way(inputs.layer, inputs.x)
        return (time.perf_counter() - start) * 1000


def _quartiles(values: list[float]) -> tuple[float, float, float]:
    low, middle, high = statistics.quantiles(values, n=4)
    return low, middle, high
