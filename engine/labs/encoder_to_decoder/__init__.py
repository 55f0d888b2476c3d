"""What passes from the encoder to the decoder of the trained model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.encoder_to_decoder.cached_decoder import encoded
from engine.labs.encoder_to_decoder.one_text import CONFIG, answered, ids, understood, written
from engine.labs.script_text import fill_in
from engine.record.trace import Trace
from engine.runtime.forward import build_model, run_batch
from engine.text import char_tokenizer
from engine.text.char_tokenizer import DIGITS, HANGUL, LETTERS, MARKS
from engine.text.tokenizer import BEGIN

_SCRIPT = Path(__file__).with_name("script.py")


@dataclass(frozen=True)
class Crossing:
    """One cross-attention of the trained model, as it was recorded (paper, section 3.2.3, first point).

    With it the weights of the two self-attentions of the same layer (second and third point).

    Attributes:
        source: the S tokens that the encoder read, as displayed.
        target: the T tokens that the decoder had read.
        written: all it writes, so that ``target`` is begin and a part of it.
        memory: (B, S, d_model), the encoder's output.
        asking: (B, T, d_model), the decoder's rows after masked self-attention.
        query: (B, H, T, d_k), from ``asking``.
        key: (B, H, S, d_k), from ``memory``.
        value: (B, H, S, d_v), from ``memory``.
        weights: (B, H, T, S), each row a distribution over the source.
        encoder_weights: (B, H, S, S) of the encoder's self-attention.
        decoder_weights: (B, H, T, T) of the decoder's masked self-attention.
        longer: the shapes of query, key and value once one more token was read.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    written: tuple[str, ...]
    memory: Tensor
    asking: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    weights: Tensor
    encoder_weights: Tensor
    decoder_weights: Tensor
    longer: tuple[tuple[int, ...], ...]


def crossing(text: str, read_so_far: int, layer: int) -> Crossing:
    """The cross-attention of a decoder layer, after it has read begin and ``read_so_far`` tokens of the answer.

    Raises:
        TextError: the text cannot be read.
    """
    batch = understood(text)
    model = build_model(CONFIG)
    answer = answered(model, ids(batch))

    def recorded(count: int) -> Trace:
        target = (BEGIN, *answer.tokens[:count])
        sizes = CONFIG.change(batch=1, src_len=len(batch.source_ids[0]), tgt_len=len(target))
        return run_batch(sizes, dataclasses.replace(batch, target_ids=(target,)), model=model)

    now, after = recorded(read_so_far), recorded(read_so_far + 1)
    cross = f"decoder.layers.{layer}.cross_attention"
    query, key, value, weights = (now.find(f"{cross}.{name}").value for name in ("query", "key", "value", "weights"))
    last = len(model.encoder.layers) - 1
    return Crossing(
        source=batch.source_tokens[0],
        target=tuple(map(char_tokenizer.VOCABULARY.label, (BEGIN, *answer.tokens[:read_so_far]))),
        written=answer.labels,
        memory=now.find(f"encoder.layers.{last}.feed_forward_norm.shifted").value,
        asking=now.find(f"decoder.layers.{layer}.self_attention_norm.shifted").value,
        query=query,
        key=key,
        value=value,
        weights=weights,
        encoder_weights=now.find(f"encoder.layers.{layer}.self_attention.weights").value,
        decoder_weights=now.find(f"decoder.layers.{layer}.self_attention.weights").value,
        longer=tuple(tuple(after.find(f"{cross}.{name}").value.shape) for name in ("query", "key", "value")),
    )


@dataclass(frozen=True)
class Handed:
    """The source changed in one character, and the decoder handed the new memory or the old one.

    Attributes:
        source: the S tokens of the source, as displayed.
        changed: those of the changed source.
        usual: (B, T, V) log-probabilities for the source as it was.
        fresh: (B, T, V) for the changed source.
        handed: (B, T, V) for the changed source, where the encoder's output was exchanged for the old memory.
        answers: what the model writes in each of the three cases.
    """

    source: tuple[str, ...]
    changed: tuple[str, ...]
    usual: Tensor
    fresh: Tensor
    handed: Tensor
    answers: tuple[str, str, str]

    @property
    def differences(self) -> tuple[float, float]:
        """The largest difference from the usual log-probabilities, with the new memory and with the old."""
        new, old = ((other - self.usual).abs().max().item() for other in (self.fresh, self.handed))
        return new, old

    @property
    def same(self) -> bool:
        """Whether the old memory gives the very numbers of the old source."""
        return torch.equal(self.handed, self.usual)


@torch.no_grad()
def handed_over(text: str, index: int, read_so_far: int) -> Handed:
    """Runs the whole model on the source with its character at ``index`` changed, and again with the old memory.

    Args:
        text: the source.
        index: of the character that is changed.
        read_so_far: how many tokens of the answer the decoder has read, besides begin.

    Raises:
        TextError: the text cannot be read.
    """
    batch = understood(text)
    source = ids(batch)
    at = index + 1  # after begin
    before = batch.source_ids[0]
    changed = (*before[:at], another(before[at]), *before[at + 1 :])
    other = torch.tensor([changed])
    model = build_model(CONFIG)
    old = encoded(model, source)
    first, second = written(model, old), answered(model, other)
    target = torch.tensor([[BEGIN, *first.tokens[:read_so_far]]])
    usual, fresh = model(source, target), model(other, target)
    # The model is this call's own, so the hook is in nobody's way.
    model.encoder.register_forward_hook(lambda module, given, output: old)
    handed, third = model(other, target), answered(model, other)
    labels = tuple(map(batch.vocabulary.label, changed))
    return Handed(batch.source_tokens[0], labels, usual, fresh, handed, (first.text, second.text, third.text))


def another(token: int) -> int:
    """The id of the next character of the same kind: 3 after 2, 0 after 9. Of one that is not known, 0."""
    character = (
        char_tokenizer.CHARACTERS[token - len(char_tokenizer.SPECIALS)]
        if token > char_tokenizer.UNKNOWN
        else DIGITS[-1]
    )
    (group,) = (group for group in (DIGITS, MARKS, LETTERS, HANGUL) if character in group)
    return char_tokenizer.ids(group[(group.index(character) + 1) % len(group)])[0]


def code(source: int, target: int, heads: int, d_k: int) -> str:
    """The experiment as a script: one attention of random weights.

    Args:
        source: how many tokens the encoder reads, S.
        target: how many the decoder has read, T.
        heads: how many heads, H.
        d_k: the width of a query in a head.
    """
    return fill_in(_SCRIPT, S=source, T=target, H=heads, d_k=d_k)
