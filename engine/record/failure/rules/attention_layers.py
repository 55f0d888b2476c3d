"""nn.MultiheadAttention: inputs of another width than it was made for, and masks of another shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from engine.record.failure.failing_call import FailingCall, written_keywords
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_WIDTH = "MultiheadAttention was made for embed_dim {width}: {x} has {axis} on its last axis."
_OTHER_WIDTH = "MultiheadAttention was made for {argument} {width}: {x} has {axis} on its last axis."
_LAYER = "nn.MultiheadAttention({width}, {heads}) for this input"
_LAYER_OF_TWO = "nn.MultiheadAttention({width}, {heads}, kdim={kdim}, vdim={vdim}) for this input"
_PADDING = "key_padding_mask has a row for each sentence and a column for each key, {needed}: {mask} is {shape}."
_MASK = "attn_mask is {needed}, or {needed_of_heads} with one for each sentence and head: {mask} is {shape}."
# By operation the axes of sentences and of tokens.
_FUSED = "_native_multi_head_attention"
OPS: Mapping[str, tuple[int, int]] = {"multi_head_attention_forward": (1, 0), _FUSED: (0, 1)}
# Where the fused call has its only mask, and the number that says which it is.
_MASK_AT, _KIND = 9, 12
_KINDS = {"attn_mask": 0, "key_padding_mask": 1}


class _Sizes(NamedTuple):
    sentences: int
    queries: int
    keys: int
    heads: int


def layer(call: FailingCall) -> Diagnosis | None:
    """The first of these that is broken: the widths, the padding mask, the attention mask."""
    if len(call.operands) < 4 or len(call.args) < 5 or any(len(each.shape) < 2 for each in call.operands[:3]):
        return None
    heads = call.args[4]
    diagnosis = _widths(call, heads)
    if diagnosis is not None or any(len(each.shape) != 3 for each in call.operands[:3]):
        return diagnosis
    sentence, token = OPS[call.op]
    query, key = call.operands[0].shape, call.operands[1].shape
    sizes = _Sizes(query[sentence], query[token], key[token], heads)
    return _padding(call, sizes) or _mask(call, sizes)


def _widths(call: FailingCall, heads: int) -> Diagnosis | None:
    width = call.args[3]
    checked = [(0, "embed_dim", width)]
    for number, argument, weight in ((1, "kdim", "k_proj_weight"), (2, "vdim", "v_proj_weight")):
        # Keys and values of widths of their own have weights of their own.
        own = call.kwargs.get(weight)
        size = own.shape[1] if isinstance(own, Tensor) else width
        checked.append((number, "embed_dim" if size == width else argument, size))
    for number, argument, size in checked:
        x = call.operands[number]
        if x.shape[-1] != size:
            last = len(x.shape) - 1
            template = _WIDTH if argument == "embed_dim" else _OTHER_WIDTH
            reason = template.format(argument=argument, width=size, x=x.name, axis=x.axis_text(last))
            return Diagnosis(reason, _made_for(call.operands[:3], heads), (OperandAxis(number, last),))
    return None


def _made_for(inputs: tuple[FailedOperand, ...], heads: int) -> str:
    """The layer that takes these inputs, with as many heads as divide their width."""
    width, kdim, vdim = (each.shape[-1] for each in inputs)
    fitting = min((count for count in range(1, width + 1) if width % count == 0), key=lambda count: abs(count - heads))
    template = _LAYER if width == kdim == vdim else _LAYER_OF_TWO
    return template.format(width=width, heads=fitting, kdim=kdim, vdim=vdim)


def _padding(call: FailingCall, sizes: _Sizes) -> Diagnosis | None:
    given = _named(call, "key_padding_mask")
    needed = (sizes.sentences, sizes.keys)
    if given is None or given[1].shape == needed:
        return None
    number, mask = given
    reason = _PADDING.format(needed=needed, mask=mask.name, shape=mask.shape_text)
    remedy = mask.method("transpose(0, 1)") if mask.shape == needed[::-1] else ""
    return Diagnosis(reason, remedy, tuple(OperandAxis(number, axis) for axis in range(len(mask.shape))))


def _mask(call: FailingCall, sizes: _Sizes) -> Diagnosis | None:
    given = _named(call, "attn_mask")
    needed = (sizes.queries, sizes.keys)
    of_heads = (sizes.sentences * sizes.heads, *needed)
    if given is None or given[1].shape in (needed, of_heads):
        return None
    number, mask = given
    reason = _MASK.format(needed=needed, needed_of_heads=of_heads, mask=mask.name, shape=mask.shape_text)
    remedies = {
        needed[::-1]: "transpose(0, 1)",
        (sizes.sentences, *needed): f"repeat_interleave({sizes.heads}, dim=0)",
        (sizes.sentences, sizes.heads, *needed): "flatten(0, 1)",
        (sizes.sentences, 1, *needed): f"repeat(1, {sizes.heads}, 1, 1).flatten(0, 1)",
        (1, *needed): "squeeze(0)",
        (1, 1, *needed): "squeeze((0, 1))",
    }
    change = remedies.get(mask.shape)
    edges = tuple(OperandAxis(number, axis) for axis in range(len(mask.shape)))
    return Diagnosis(reason, mask.method(change) if change else "", edges)


def _named(call: FailingCall, name: str) -> tuple[int, FailedOperand] | None:
    """A mask among the operands, by the name of its argument."""
    given = call.kwargs.get(name)
    if call.op == _FUSED and len(call.args) > _KIND and call.args[_KIND] == _KINDS[name]:
        given = call.args[_MASK_AT]
    number = next((number for number, each in enumerate(call.operands) if each.value is given), None)
    if number is None:
        return None
    operand = call.operands[number]
    # What the layer made of the mask has no name in the program.
    return number, replace(operand, name=written_keywords(call.expression).get(name, operand.name))
