"""Which keys are only padding, as far as a trace tells."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.findings.attentions import Attention
from engine.findings.known import Known
from engine.ops import bind
from engine.record.trace import Leaf, Step

_PAD = "pad"
_KEEPS = "attention_mask"  # 1 or True for what is a token, as transformers has it
_HIDES = "padding_mask"  # True for what is padding, as torch.nn has it
_DECODER = "decoder"
_FAR = 3600


def padding_keys(known: Known, attention: Attention) -> Tensor | None:
    """Which keys of an attention are padding, bool (B, L_k).

    Known from the tokens that stand along the keys' axis, from what the program compares token ids with on the way to
    the mask, from an embedding's ``padding_idx``, and from an input that is called a padding mask. None where nothing
    tells, and where there is no padding.
    """
    keys = attention.lengths[1]
    batch = attention.scores.shape[0]
    columns = (
        _stated(known, attention)
        or _compared(attention)
        or _given_masks(known, attention)
        or _embedded(known, attention)
    )
    for padding in columns or ():
        if tuple(padding.shape) == (batch, keys):
            return padding if bool(padding.any()) else None
    return None


def _stated(known: Known, attention: Attention) -> list[Tensor]:
    """From the tokens that stand along the axis of the keys."""
    symbol = attention.scores.axes[-1]
    words = known.trace.labels.get(symbol or "", ())
    if not words or not isinstance(words[0], tuple):
        return []
    return [torch.tensor([[_PAD in word and not word.isalpha() for word in row] for row in words])]


def _compared(attention: Attention) -> list[Tensor]:
    """From ``ids == pad`` on the way to a mask."""
    compared: list[Tensor] = []
    for parent in mask_operands(attention):
        for step in behind(parent):
            call = bind(step)
            if call is None or call.op not in ("eq", "ne") or "input" not in call.args or "other" not in call.args:
                continue
            ids, number = call.args["input"].value, call.args["other"].value
            if not isinstance(ids, Tensor) or ids.is_meta or ids.is_floating_point():
                continue
            if isinstance(number, int) and ids.dim() == 2:
                compared.append((ids == number).cpu())
    return compared


def _given_masks(known: Known, attention: Attention) -> list[Tensor]:
    """From an input that is called a mask of the padding; an encoder's says nothing of the decoder's own keys."""
    given: list[Tensor] = []
    for name, value in known.trace.inputs.items():
        if value.dim() != 2 or value.is_meta or name.startswith(_DECODER):
            continue
        if name.endswith(_KEEPS):
            given.append(~value.cpu().bool())
        elif name.endswith(_HIDES) and value.dtype == torch.bool:
            given.append(value.cpu())
    _, key, _ = known.read_by(attention)
    # Asked last: all steps are gone through for every attention, and few programs have such an input.
    if given and any(_reads_decoder(step) and known.depends(key, step) for step in known.trace.steps):
        return []
    return given


def _reads_decoder(step: Step) -> bool:
    return any(isinstance(parent, Leaf) and parent.name.startswith(_DECODER) for parent in step.inputs)


def _embedded(known: Known, attention: Attention) -> list[Tensor]:
    """From the ``padding_idx`` of the embedding that the keys come from."""
    padded: list[Tensor] = []
    for step in known.embeddings:
        if not known.depends(attention.seen(attention.scores), step):
            continue
        index = next((leaf.value for leaf in step.arguments if leaf.name == "padding_idx"), None)
        ids = step.inputs[0].value
        if isinstance(index, int) and ids.dim() == 2 and not ids.is_meta:
            padded.append((ids == index % step.inputs[1].value.shape[0]).cpu())
    return padded if len(padded) == 1 else []


def mask_operands(attention: Attention) -> Iterator[Step | Leaf]:
    """The tensors that the masking steps of an attention read besides the scores."""
    chain = (attention.scores, *attention.on_scores)
    for step in attention.masking:
        yield from (parent for parent in step.inputs if not any(parent is other for other in chain))
    if attention.fused is not None:
        yield from (parent for parent in attention.fused.inputs[3:] if not parent.value.is_floating_point())


def behind(parent: Step | Leaf) -> Iterator[Step]:
    """The steps that a tensor was made by, nearest first."""
    queue, seen = [parent], {id(parent)}
    while queue and len(seen) < _FAR:
        node = queue.pop(0)
        if isinstance(node, Step):
            yield node
            for other in node.inputs:
                if id(other) not in seen:
                    seen.add(id(other))
                    queue.append(other)
