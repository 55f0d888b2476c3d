"""What the rows of a decoder are called: what is written there, and what was read before; one convention everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine import Config, Step, Trace
from engine.text import tokenizer
from pages.ui.app.markdown_escape import visible

_NAME = "{written} after {read}"
_READ = frozenset({"key", "key_t", "value"})
_DECODERS = frozenset({"decoder", "layers"})  # a model that is a decoder alone has its layers at the top
_OF_KEYS = frozenset({"key_rotation", "distance_bias"})
_PAD = tokenizer.SPECIALS[tokenizer.PAD]


def row_name(written: str, read: str) -> str:
    """A row of a decoder in two or three words.

    Args:
        written: the likeliest next token, as it is shown.
        read: the token that was read last, as it is shown.
    """
    return _NAME.format(written=written, read=read)


def next_tokens(trace: Trace, sentence: int) -> Tensor | None:
    """The probabilities (T, V) of the next token at each row of a decoder, float64.

    Args:
        trace: any trace.
        sentence: its place in the batch.

    Returns:
        Of the built-in decoder, and of a variant with one that ran over all of its tokens; None of other traces.
    """
    if not isinstance(trace.output, Tensor) or trace.output.is_meta:
        return None
    if isinstance(trace.config, Config):
        output = trace.output[sentence].to(device="cpu", dtype=torch.float64)
        return output if trace.config.output == "softmax" else output.exp()
    if trace.variant is None or not {"T", "V"} <= trace.labels.keys():
        return None
    sizes = len(_by_sentence(trace.labels["T"])[sentence]), len(trace.labels["V"])
    if trace.output.shape[1:] != sizes:
        return None
    return trace.output[sentence].to(device="cpu", dtype=torch.float64).softmax(dim=-1)


def written_rows(trace: Trace, step: Step) -> tuple[int, tuple[tuple[str, ...], ...]] | None:
    """What the rows of a tensor of a decoder are called, padding by its token.

    Args:
        trace: the trace of the step.
        step: the step.

    Returns:
        The axis whose positions write, and for each sentence a name for each position; None where the tensor has no
        such axis: keys and values stand for what was read, and so does what the decoder is given.
    """
    if "T" not in step.axes or not _writes(step) or not {"T", "V"} <= trace.labels.keys():
        return None
    read, vocabulary = _by_sentence(trace.labels["T"]), trace.labels["V"]
    names = []
    for sentence, tokens in enumerate(read):
        rows = next_tokens(trace, sentence)
        if rows is None:
            return None
        until = tokens.index(_PAD) if _PAD in tokens[1:] else len(tokens)
        likeliest = [visible(str(vocabulary[index])) for index in rows.argmax(dim=-1).tolist()]
        pairs = zip(likeliest[:until], tokens[:until], strict=False)
        names.append((*(row_name(written, visible(token)) for written, token in pairs), *tokens[until:]))
    return step.axes.index("T"), tuple(names)


def _writes(step: Step) -> bool:
    if not step.path:
        return "V" in step.axes
    parts = step.path.split(".")
    return parts[0] in _DECODERS and step.name not in _READ and not _OF_KEYS & set(parts)


def _by_sentence(labels: Sequence[Any]) -> Sequence[tuple[str, ...]]:
    return [tuple(map(str, tokens)) for tokens in ((labels,) if isinstance(labels[0], str) else labels)]
