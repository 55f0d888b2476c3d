"""What torch.nn makes of the same inputs and weights, in float64, and how far a recorded result may be from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.explain.pattern_match import MultiHeadPattern, attention, feed_forward, layer_norm, multi_head
from engine.ops import bind
from engine.ops.notation import number
from engine.ops.numerics import measurable, to_float64, tolerance
from engine.record.trace import Leaf, Step

# All of this is computed while somebody waits for a screen.
_MOST_FLOPS = 20_000_000
# What takes a dozen passes over a tensor in float64 is asked of smaller ones.
MOST_PASSES = 300_000


@dataclass(frozen=True, eq=False)
class TorchReference:
    """What of torch.nn a step's result should be equal to.

    Attributes:
        name: which part of torch.nn.
        expected: what it gives.
        tolerance: how far each number may be from it.
        note: what else it took.
    """

    name: str
    expected: Tensor
    tolerance: Tensor
    note: str = ""


def torch_references(step: Step) -> tuple[TorchReference, ...]:
    """What of torch.nn this step's result should be equal to; nothing where finding out costs too much.

    Raises:
        RuntimeError: torch.nn does not take these shapes or dtypes.
    """
    call = bind(step)
    if call is None or not measurable(step.value, most=MOST_PASSES) or not step.value.is_floating_point():
        return ()
    references = [rule(step) for rule in _RULES.get(call.op, ())]
    return tuple(
        reference for reference in references if reference is not None and reference.expected.shape == step.value.shape
    )


def coarsest(*parents: Step | Leaf) -> torch.dtype:
    """The dtype among these that rounds the most."""
    dtypes = [parent.value.dtype for parent in parents if parent.value.is_floating_point()]
    return max(dtypes, key=lambda dtype: torch.finfo(dtype).eps, default=torch.float64)


def _embedding(step: Step) -> TorchReference | None:
    call = bind(step)
    # With max_norm the table itself is changed.
    if call is None or call.value("max_norm") is not None or not measurable(call.value("input")):
        return None
    table = call.args["weight"].value.detach()
    expected = to_float64(F.embedding(call.args["input"].value, table))
    return TorchReference("torch.nn.Embedding", expected, torch.zeros_like(expected))


def _layer_norm(step: Step) -> TorchReference | None:
    pattern = layer_norm(step)
    if pattern is None:
        return None
    x, weight, bias = pattern.normalisation.x.value, pattern.weight.value, pattern.bias.value
    axes, eps = pattern.normalisation.axes, pattern.normalisation.eps
    shape = x.shape[-len(axes) :]
    if not measurable(x, weight, bias) or axes != tuple(range(x.dim()))[-len(axes) :] or weight.shape != bias.shape:
        return None
    x, weight, bias = to_float64(x), to_float64(weight), to_float64(bias)
    expected = F.layer_norm(x, shape, weight, bias, eps)
    # What rounding moves the mean by is divided by the deviation, like everything else.
    moved = x.abs().mean(axes, keepdim=True) / (x.var(axes, correction=0, keepdim=True) + eps).sqrt()
    magnitude = (expected - bias).abs() + moved * weight.abs() + bias.abs()
    allowed = tolerance(coarsest(step, pattern.normalisation.x), math.prod(shape), magnitude)
    return TorchReference("torch.nn.LayerNorm", expected, allowed, f"with eps = {number(eps)}")


def _attention(step: Step) -> TorchReference | None:
    pattern = attention(step)
    if pattern is None:
        return None
    query, key_t, value = (parent.value for parent in (pattern.query, pattern.key_t, pattern.value))
    if not measurable(query, key_t, value, *_mask_values(pattern.mask)):
        return None
    if 2 * (query.numel() + step.value.numel()) * key_t.shape[-1] > _MOST_FLOPS:
        return None
    query, key, value = to_float64(query), to_float64(key_t).mT, to_float64(value)
    shown = None if pattern.mask is None else ~pattern.mask.value.detach().cpu().bool()
    # The mix of the values' magnitudes comes out beside the mix of the values.
    both = F.scaled_dot_product_attention(
        query, key, torch.cat([value, value.abs()], -1), attn_mask=shown, scale=pattern.scale
    )
    expected, size = both.split(value.shape[-1], -1)
    terms = query.shape[-1] + key.shape[-2]
    allowed = tolerance(coarsest(step, *step.inputs), terms, size * (1 + _steepness(query, key, pattern.scale)))
    return TorchReference("scaled_dot_product_attention", expected, allowed, f"with scale = {number(pattern.scale)}")


def _multi_head(step: Step) -> TorchReference | None:
    pattern = multi_head(step)
    if pattern is None:
        return None
    layers = (pattern.query, pattern.key, pattern.value, pattern.output)
    weights = [layer.args["weight"].value for layer in layers]
    inputs = [layer.args["input"].value for layer in layers[:3]]
    biases = [layer.value("bias") for layer in layers]
    width, heads = step.shape[-1], pattern.mixed.shape[1]
    if not measurable(*weights, *inputs, *_mask_values(pattern.attention.mask), *(b for b in biases if b is not None)):
        return None
    if not _is_of_torch(pattern, weights, inputs, width):
        return None
    (batch, length, _), length_k = inputs[0].shape, inputs[1].shape[1]
    if 4 * batch * width * (length * width + length_k * width + length * length_k) > _MOST_FLOPS:
        return None
    w_q, w_k, w_v, w_o = map(to_float64, weights)
    *b_qkv, b_o = (w_o.new_zeros(width) if bias is None else to_float64(bias) for bias in biases)
    hidden = None
    if pattern.attention.mask is not None:
        pairs = pattern.attention.mask.value.detach().cpu().bool().expand(batch, heads, length, length_k)
        hidden = pairs.flatten(0, 1)
    query, key, value = (to_float64(tensor).transpose(0, 1) for tensor in inputs)
    output, _ = F.multi_head_attention_forward(
        query,
        key,
        value,
        width,
        heads,
        in_proj_weight=None,
        in_proj_bias=torch.cat(b_qkv),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=w_o,
        out_proj_bias=b_o,
        training=False,
        need_weights=False,
        attn_mask=hidden,
        use_separate_proj_weight=True,
        q_proj_weight=w_q,
        k_proj_weight=w_k,
        v_proj_weight=w_v,
    )
    # A mix is at most as large as the largest of what is mixed.
    largest = to_float64(pattern.attention.value.value).abs().amax(-2).flatten(1).unsqueeze(1)
    steep = _steepness(
        to_float64(pattern.attention.query.value), to_float64(pattern.attention.key_t.value).mT, pattern.attention.scale
    )
    magnitude = _root_of_squares(largest, w_o, b_o) * (1 + steep)
    allowed = tolerance(coarsest(step, *step.inputs), 3 * width + length_k, magnitude)
    usual, scale = (width // heads) ** -0.5, pattern.attention.scale
    note = "" if math.isclose(scale, usual, rel_tol=1e-3) else f"which scales by {number(usual)}, not {number(scale)}"
    return TorchReference("torch.nn.MultiheadAttention", output.transpose(0, 1), allowed, note)


def _is_of_torch(pattern: MultiHeadPattern, weights: Sequence[Tensor], inputs: Sequence[Tensor], width: int) -> bool:
    """Whether torch.nn has such an attention: one width for everything, which its heads divide, sentences first."""
    heads = pattern.mixed.shape[1]
    if any(weight.shape != (width, width) for weight in weights) or width % heads:
        return False
    if any(tensor.dim() != 3 for tensor in inputs) or inputs[1].shape != inputs[2].shape:
        return False
    batch, length, _ = inputs[0].shape
    return pattern.mixed.shape == (batch, heads, length, width // heads)


def _feed_forward(step: Step) -> TorchReference | None:
    pattern = feed_forward(step)
    if pattern is None:
        return None
    x, w_1, w_2 = pattern.first.value("input"), pattern.first.value("weight"), pattern.second.value("weight")
    biases = [call.value("bias") for call in (pattern.first, pattern.second)]
    if not measurable(x, w_1, w_2, *(bias for bias in biases if bias is not None)):
        return None
    hidden = pattern.activation.args["input"].value.numel()
    if 2 * hidden * (x.shape[-1] + step.shape[-1]) > _MOST_FLOPS:
        return None
    x, w_1, w_2 = to_float64(x), to_float64(w_1), to_float64(w_2)
    b_1, b_2 = (None if bias is None else to_float64(bias) for bias in biases)
    activation = F.relu
    if pattern.activation.op == "gelu":
        activation = partial(F.gelu, approximate=pattern.activation.value("approximate", "none"))
    expected = F.linear(activation(F.linear(x, w_1, b_1)), w_2, b_2)
    magnitude = _root_of_squares(_root_of_squares(x, w_1, b_1), w_2, b_2)
    name = f"Linear → {'GELU' if pattern.activation.op == 'gelu' else 'ReLU'} → Linear"
    return TorchReference(
        name, expected, tolerance(coarsest(step, *step.inputs), x.shape[-1] + w_1.shape[0], magnitude)
    )


def _root_of_squares(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """How large a linear layer's rounding is for inputs this large: it goes up as often as down."""
    return F.linear(x.square(), weight.square(), None if bias is None else bias.square()).sqrt()


def _steepness(query: Tensor, key: Tensor, scale: float) -> Tensor:
    """By how much of itself a weight moves when its score is rounded: the larger a score, the coarser it is."""
    return query.norm(dim=-1).max() * key.norm(dim=-1).max() * abs(scale) / 2


def _mask_values(mask: Step | Leaf | None) -> tuple[Tensor, ...]:
    return () if mask is None else (mask.value,)


_RULES: Mapping[str, Sequence[Callable[[Step], TorchReference | None]]] = {
    "add": (_layer_norm,),
    "embedding": (_embedding,),
    "linear": (_multi_head, _feed_forward),
    "matmul": (_attention,),
}
