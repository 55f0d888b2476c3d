"""Attention, normalisation and feed-forward networks, found by which step reads which. Names do not count."""

from __future__ import annotations

from dataclasses import dataclass

from engine.ops import Call, Movement, bind, movement
from engine.ops.entries.reductions import reduced_axes
from engine.record.trace import Leaf, Step, Trace

_Parent = Step | Leaf
_MASKING = frozenset(("expand", "bitwise_or", "logical_or", "to"))


@dataclass(frozen=True, eq=False)
class AttentionPattern:
    """softmax(scale · query @ key_t) @ value, where True in the mask hides a pair."""

    query: _Parent
    key_t: _Parent
    value: _Parent
    scale: float
    mask: _Parent | None


def attention(mixed: Step) -> AttentionPattern | None:
    """The attention whose mix of the values this step is."""
    mix = _call(mixed, "matmul")
    softmax = mix and _call(mix.args["input"], "softmax")
    if mix is None or softmax is None:
        return None
    scores, mask = softmax.args["input"], None
    hidden = _call(scores, "masked_fill")
    if hidden is not None:
        scores, mask = hidden.args["input"], hidden.args["mask"]
    scores, scale = _unscaled(scores)
    pairs = _call(scores, "matmul")
    if pairs is None:
        return None
    return AttentionPattern(pairs.args["input"], pairs.args["other"], mix.args["other"], scale, mask)


@dataclass(frozen=True, eq=False)
class MultiHeadPattern:
    """An attention in heads between four linear layers; ``mixed`` has its heads on the second of four axes.

    Attributes:
        mixed: the heads' answers.
        attention: what made them.
        query, key, value: the layers in front.
        output: the layer behind.
    """

    mixed: Step
    attention: AttentionPattern
    query: Call
    key: Call
    value: Call
    output: Call


def multi_head(output: Step) -> MultiHeadPattern | None:
    """The multi-head attention that ends in this step."""
    last = _call(output, "linear")
    mixed = None if last is None else _unmoved(last.args["input"])
    if last is None or not isinstance(mixed, Step) or len(mixed.shape) != 4:
        return None
    heart = attention(mixed)
    if heart is None:
        return None
    query, key, value = (_call(_unmoved(parent), "linear") for parent in (heart.query, heart.key_t, heart.value))
    if query is None or key is None or value is None:
        return None
    return MultiHeadPattern(mixed, heart, query, key, value, last)


@dataclass(frozen=True, eq=False)
class FeedForwardPattern:
    """Two linear layers and the activation between them."""

    first: Call
    activation: Call
    second: Call


def feed_forward(output: Step) -> FeedForwardPattern | None:
    """The feed-forward network that ends in this step."""
    second = _call(output, "linear")
    activation = second and _call(second.args["input"], "relu", "gelu")
    first = activation and _call(activation.args["input"], "linear")
    if second is None or activation is None or first is None:
        return None
    return FeedForwardPattern(first, activation, second)


@dataclass(frozen=True, eq=False)
class NormalisationPattern:
    """(x − its mean) divided by its deviation, over some axes; ``eps`` is what was added before dividing."""

    x: _Parent
    axes: tuple[int, ...]
    eps: float


def normalisation(step: Step) -> NormalisationPattern | None:
    """The normalisation that this step is the result of, before anything is scaled or shifted."""
    division = _call(step, "div", "mul")
    if division is None or not step.shape:
        return None
    for first, second in _orders(division):
        centred = _call(first, "sub")
        mean = centred and _call(centred.args["other"], "mean")
        if centred is None or mean is None or centred.args["input"] is not mean.args["input"]:
            continue
        axes = reduced_axes(mean)
        divisor = _divisor(second, centred, inverted=division.op == "mul")
        if divisor is not None and divisor[0] == axes and len(mean.step.shape) == len(centred.step.shape):
            return NormalisationPattern(mean.args["input"], axes, divisor[1])
    return None


@dataclass(frozen=True, eq=False)
class LayerNormPattern:
    """A normalisation times a weight, plus a bias."""

    normalisation: NormalisationPattern
    weight: _Parent
    bias: _Parent


def layer_norm(step: Step) -> LayerNormPattern | None:
    """The layer normalisation that ends in this step."""
    shift = _call(step, "add")
    for scaled, bias in _orders(shift) if shift else ():
        scaling = _call(scaled, "mul")
        for normalised, weight in _orders(scaling) if scaling else ():
            standardised = normalisation(normalised) if isinstance(normalised, Step) else None
            if standardised is not None and "argument" not in (weight.kind, bias.kind):
                return LayerNormPattern(standardised, weight, bias)
    return None


def is_mask(trace: Trace, step: Step) -> bool:
    """Whether this, moved or combined with others, says which scores are hidden."""
    stack, seen = [step], {step.index}
    while stack:
        step_read = stack.pop()
        for reader in trace.consumers.get(step_read.index, ()):
            call = bind(reader)
            if call is not None and call.op == "masked_fill" and call.args["mask"] is step_read:
                return True
            if call is not None and (call.op in _MASKING or _only_moves(call)) and reader.index not in seen:
                seen.add(reader.index)
                stack.append(reader)
    return False


def _call(parent: _Parent, *ops: str) -> Call | None:
    """The call that made this, where it is one of these operations."""
    call = bind(parent) if isinstance(parent, Step) else None
    return call if call is not None and call.op in ops and "alpha" not in call.args else None


def _orders(call: Call) -> tuple[tuple[_Parent, _Parent], ...]:
    """The two operands in the orders that mean the same: both for a sum or a product."""
    pair = call.args["input"], call.args["other"]
    return (pair,) if call.op == "div" else (pair, pair[::-1])


def _unscaled(scores: _Parent) -> tuple[_Parent, float]:
    """Scores before they were divided by or multiplied with one number, and the number they were multiplied with."""
    call = _call(scores, "div", "mul")
    factor = None if call is None else _number(call.args["other"])
    if call is None or not factor or "rounding_mode" in call.args:
        return scores, 1.0
    return call.args["input"], factor if call.op == "mul" else 1 / factor


def _unmoved(parent: _Parent) -> _Parent:
    """What was there before the numbers were only moved or regrouped."""
    while (call := bind(parent) if isinstance(parent, Step) else None) is not None and _only_moves(call):
        parent = call.args["input"]
    return parent


def _only_moves(call: Call) -> bool:
    """Whether every number of the input stands in the output once, unchanged."""
    return movement(call.op) in (Movement.REGROUPS, Movement.PERMUTES) or call.op == "contiguous"


def _divisor(parent: _Parent, centred: Call, *, inverted: bool) -> tuple[tuple[int, ...], float] | None:
    """The axes and the eps of a standard deviation of what was centred; of 1 over it where inverted."""
    x = centred.args["input"]
    root = _call(parent, "rsqrt" if inverted else "sqrt")
    spread, eps = _without_eps(parent if root is None else root.args["input"])
    if root is None:
        deviation = None if inverted else _call(spread, "std")
        return (reduced_axes(deviation), eps) if deviation and deviation.args["input"] is x else None
    variance = _call(spread, "var", "mean")
    if variance is None:
        return None
    averaged = variance.args["input"]
    if variance.op == "mean":
        square = _call(averaged, "square", "pow", "mul")
        if square is None or square.args["input"] is not centred.step:
            return None
        by = square.args.get("other")
        if not (square.op == "square" or by is centred.step or (square.op == "pow" and by and _number(by) == 2)):
            return None
    elif averaged is not x:
        return None
    return reduced_axes(variance), eps


def _without_eps(parent: _Parent) -> tuple[_Parent, float]:
    call = _call(parent, "add")
    eps = None if call is None else _number(call.args["other"])
    return (parent, 0.0) if call is None or eps is None else (call.args["input"], eps)


def _number(parent: _Parent) -> float | None:
    """A number given in a call, or held by a tensor of one element."""
    value = parent.value
    if isinstance(parent, Leaf) and parent.kind == "argument":
        return float(value) if isinstance(value, (int, float)) else None
    return float(value.detach()) if value.numel() == 1 and not value.is_meta and not value.is_complex() else None
