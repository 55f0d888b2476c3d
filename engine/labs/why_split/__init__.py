"""What each head gives to the output of its attention, and one wide head with the very same weights instead."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from engine import Trace, record
from engine.labs.script_text import fill_in
from engine.model.attention import MultiHeadAttention

_SCRIPT = Path(__file__).with_name("script.py")

_PRODUCTS = ("linear", "matmul")


@dataclass(frozen=True)
class HeadContributions:
    """One self-attention over L tokens, taken apart at W_O.

    concat(head_1 … head_h) W_O of the paper (section 3.2.2) is a sum over the heads: the rows of W_O that one head's
    features meet are a block of their own, and nothing else meets them.

    Attributes:
        weights: (H, L, L_k), who looks at whom in each head.
        mixed: (H, L, d_v), each head's mix of its values.
        blocks: (H, d_v, d_model), the block of W_O that each head's features meet.
        contributions: (H, L, d_model), ``mixed @ blocks``.
        output: (L, d_model), what the layer returned.
        bias: (d_model), of W_O.
        sum_difference: the largest difference of Σ contributions + bias from the output.
        loop_difference: the largest difference from the output of H attentions of one head each, made of the slices of
            these weights, run one after the other and added up.
        loop_weights_difference: the largest difference of their weights from those of the heads.
    """

    weights: Tensor
    mixed: Tensor
    blocks: Tensor
    contributions: Tensor
    output: Tensor
    bias: Tensor
    sum_difference: float
    loop_difference: float
    loop_weights_difference: float


@dataclass(frozen=True)
class Removed:
    """The same layer with the block of one head in W_O set to 0.

    Attributes:
        output: (L, d_model), what the layer then returns.
        moved: the largest change of the output.
        beyond_own: the largest difference of the change from what the head contributed.
        others_equal: whether the weights of all heads stayed what they were, bit for bit.
    """

    output: Tensor
    moved: float
    beyond_own: float
    others_equal: bool


@dataclass(frozen=True)
class ForwardCost:
    """What one forward pass takes: of parameters, of FLOPs in matrix products, and of FLOPs in all other steps.

    Attributes:
        parameters: how many the layer has.
        products: FLOPs of its matrix products.
        others: FLOPs of all its other steps.
    """

    parameters: int
    products: int
    others: int


@dataclass(frozen=True)
class Wide:
    """One head as wide as all of them, with the very same parameters.

    Attributes:
        weights: (1, L, L_k), its only pattern.
        score_difference: the largest difference of its q·k from the sum of q·k over the narrow heads.
        output_difference: the largest difference of the two outputs.
        split_cost, wide_cost: of the layer with H heads, and of this one, as ``engine.ops`` counts them in their
            traces.
    """

    weights: Tensor
    score_difference: float
    output_difference: float
    split_cost: ForwardCost
    wide_cost: ForwardCost


def self_attention(heads: int, d_k: int, seed: int = 0) -> MultiHeadAttention:
    """The layer of every experiment: d_model = H * d_k, and seeded weights.

    Args:
        heads: how many heads, H.
        d_k: the width of a query in a head.
        seed: of the weights.
    """
    layer = _attention(heads, d_k, heads * d_k)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            # Queries and keys of variance 1 per feature, as the paper's footnote 4 assumes.
            parameter.normal_(0.0, (heads * d_k) ** -0.5, generator=draw)
    return layer


def random_tokens(heads: int, d_k: int, length: int, seed: int = 0) -> Tensor:
    """What it reads, (1, L, d_model).

    Args:
        heads, d_k: of ``self_attention``.
        length: how many tokens, L.
        seed: of the numbers.
    """
    return torch.randn(1, length, heads * d_k, generator=torch.Generator().manual_seed(seed + 1))


def split(heads: int, d_k: int, length: int, seed: int = 0) -> HeadContributions:
    """Runs the layer on random tokens, and checks its output against the heads' contributions and against a loop.

    Args:
        heads, d_k, length, seed: of ``random_tokens``.
    """
    layer, tokens = self_attention(heads, d_k, seed), random_tokens(heads, d_k, length, seed)
    trace = _run(layer, tokens)
    mixed = trace.find_all("mixed")[0].value[0]  # before the heads are merged
    # Linear keeps the transpose: row m of its weight holds what every feature gives to output m.
    blocks = rearrange(layer.w_o.weight, "output (H d_v) -> H d_v output", H=heads)
    contributions = mixed @ blocks
    output = trace.output[0]
    alone = [_run(head_layer, tokens) for head_layer in _apart(layer)]
    looped = torch.stack([head_layer.output[0] for head_layer in alone]).sum(dim=0)
    weights = trace.find("weights").value[0]
    return HeadContributions(
        weights=weights,
        mixed=mixed,
        blocks=blocks,
        contributions=contributions,
        output=output,
        bias=layer.w_o.bias,
        sum_difference=_apart_by(contributions.sum(dim=0) + layer.w_o.bias, output),
        loop_difference=_apart_by(looped, output),
        loop_weights_difference=_apart_by(
            torch.cat([head_layer.find("weights").value[0] for head_layer in alone]), weights
        ),
    )


def removed(heads: int, d_k: int, length: int, head: int, seed: int = 0) -> Removed:
    """Runs the layer of ``split`` whole, and again with one head's block of W_O set to 0.

    Args:
        heads, d_k, length, seed: of ``random_tokens``.
        head: the number of the one that is removed.
    """
    layer, tokens = self_attention(heads, d_k, seed), random_tokens(heads, d_k, length, seed)
    whole, without = _run(layer, tokens), _run(without_head(layer, head), tokens)
    change = whole.output[0] - without.output[0]
    own = split(heads, d_k, length, seed).contributions[head]
    return Removed(
        output=without.output[0],
        moved=change.abs().max().item(),
        beyond_own=_apart_by(change, own),
        others_equal=torch.equal(whole.find("weights").value, without.find("weights").value),
    )


def wide(heads: int, d_k: int, length: int, seed: int = 0) -> Wide:
    """Loads the layer's parameters, as they are, into an attention of one head, and runs both.

    Args:
        heads, d_k, length, seed: of ``random_tokens``.
    """
    layer, tokens = self_attention(heads, d_k, seed), random_tokens(heads, d_k, length, seed)
    wide_layer = _attention(1, heads * d_k, heads * d_k)
    wide_layer.load_state_dict(layer.state_dict())
    narrow, broad = _run(layer, tokens), _run(wide_layer, tokens)
    added = narrow.find("scores").value.sum(dim=1, keepdim=True)
    return Wide(
        weights=broad.find("weights").value[0],
        score_difference=_apart_by(added, broad.find("scores").value),
        output_difference=_apart_by(narrow.output, broad.output),
        split_cost=_cost(layer, narrow),
        wide_cost=_cost(wide_layer, broad),
    )


def without_head(attention: MultiHeadAttention, head: int) -> MultiHeadAttention:
    """A copy of the layer in which the block of this head in W_O is 0."""
    other = copy.deepcopy(attention)
    block = slice(head * attention.d_v, (head + 1) * attention.d_v)
    with torch.no_grad():
        other.w_o.weight[:, block] = 0
    return other


def code(heads: int, d_k: int, length: int, head: int) -> str:
    """The experiment as a script, with the same draws.

    Args:
        heads, d_k, length, head: of ``removed``.
    """
    return fill_in(_SCRIPT, L=length, H=heads, d_k=d_k, removed=head)


def _attention(heads: int, d_k: int, d_model: int) -> MultiHeadAttention:
    return MultiHeadAttention(d_model, heads, d_k, d_k).requires_grad_(False).eval()


def _apart(layer: MultiHeadAttention) -> list[MultiHeadAttention]:
    """Every head as an attention of its own; the first has the bias of W_O, which is added once."""
    return [_only(layer, head) for head in range(layer.heads)]


def _only(layer: MultiHeadAttention, head: int) -> MultiHeadAttention:
    own = slice(head * layer.d_k, (head + 1) * layer.d_k)
    head_layer = _attention(1, layer.d_k, layer.w_o.out_features)
    state = {
        f"{name}.{kind}": getattr(getattr(layer, name), kind)[own]
        for name in ("w_q", "w_k", "w_v")
        for kind in ("weight", "bias")
    }
    bias = layer.w_o.bias if head == 0 else torch.zeros_like(layer.w_o.bias)
    head_layer.load_state_dict({**state, "w_o.weight": layer.w_o.weight[:, own], "w_o.bias": bias})
    return head_layer


def _run(layer: MultiHeadAttention, tokens: Tensor) -> Trace:
    return record(layer, tokens, tokens)


def _cost(layer: MultiHeadAttention, trace: Trace) -> ForwardCost:
    products = sum(step.flops or 0 for step in trace.steps if step.op in _PRODUCTS)
    others = sum(step.flops or 0 for step in trace.steps if step.op not in _PRODUCTS)
    return ForwardCost(sum(parameter.numel() for parameter in layer.parameters()), products, others)


def _apart_by(first: Tensor, second: Tensor) -> float:
    return (first - second).abs().max().item()
