"""What the encoder makes of the same words in another order, with and without positional encoding.

"Attention Is All You Need", section 3.5: without recurrence and convolution, the order of the words has to be put in.
Without it the encoder is permutation equivariant: permuted inputs give the outputs, permuted alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.labs.script_text import fill_in
from engine.labs.small_encoder import D_MODEL, HEADS, VOCABULARY, SmallEncoder

_SCRIPT = Path(__file__).with_name("script.py")

ORDERS = ("drawn", "reversed", "first two swapped", "shift by one")
SAME = 1e-4  # numbers near 1 that are equal but for rounding differ by less, and by more where anything else changed
_FIRST_WORD = 3  # ids below belong to padding, begin and end


@dataclass(frozen=True)
class Shuffled:
    """Outputs of the encoder for words in their order, and for the same words in another order.

    Attributes:
        order: (L) int64, which word now stands at each place.
        given: (L, d_model), the output for the words as they stand.
        shuffled: (L, d_model), the output for the words in the new order.
        moved_difference: the largest difference between ``shuffled`` and ``given`` moved along with the words.
        still_difference: the largest difference between ``shuffled`` and ``given`` as it is.
        rows_changed: of how many words the output is another than before.
    """

    order: Tensor
    given: Tensor
    shuffled: Tensor
    moved_difference: float
    still_difference: float
    rows_changed: int


@dataclass(frozen=True)
class Pooled:
    """The mean of the encoder's outputs over the words of two sentences.

    Attributes:
        means: (2, d_model), a row for each sentence.
        difference: the largest difference between the two rows.
    """

    means: Tensor
    difference: float


def order_of(kind: str, length: int, draw: int = 0) -> Tensor:
    """A permutation of ``length`` positions, int64 (L); the identity only where there is no other.

    Args:
        kind: one of ``ORDERS``.
        length: how many positions, L.
        draw: the seed, where the order is drawn.
    """
    in_order = torch.arange(length)
    if kind == "reversed":
        return in_order.flip(0)
    if kind == "first two swapped":
        return torch.cat([in_order[:2].flip(0), in_order[2:]])
    if kind == "drawn":
        drawn = torch.randperm(length, generator=torch.Generator().manual_seed(draw))
        if not torch.equal(drawn, in_order):
            return drawn
    return in_order.roll(1)


def shuffled(
    length: int,
    layers: int,
    order: tuple[int, ...],
    *,
    encoding: bool,
    causal: bool = False,
    dtype: str = "float32",
) -> Shuffled:
    """Encodes ``length`` different words in both orders.

    Args:
        length: how many words, L.
        layers: how many encoder layers.
        order: the new order: which word stands at each position.
        encoding: whether positions are added.
        causal: whether each word sees only those before it and itself.
        dtype: what it is computed in, as ``torch`` names it.
    """
    permutation = torch.tensor(order)
    words = torch.arange(_FIRST_WORD, _FIRST_WORD + length)
    model = SmallEncoder(layers).to(getattr(torch, dtype))
    with torch.no_grad():
        given = model(words.unsqueeze(0), encoding=encoding, causal=causal)[0]
        after = model(words[permutation].unsqueeze(0), encoding=encoding, causal=causal)[0]
    by_word = (after - given[permutation]).abs()
    return Shuffled(
        order=permutation,
        given=given,
        shuffled=after,
        moved_difference=float(by_word.max()),
        still_difference=float((after - given).abs().max()),
        rows_changed=int((by_word.max(dim=-1).values >= SAME).sum()),
    )


def pooled(sentences: tuple[str, str], layers: int, *, encoding: bool) -> Pooled:
    """Encodes two sentences of as many words each, and takes the mean over the words.

    Args:
        sentences: both texts.
        layers: how many encoder layers.
        encoding: whether positions are added.
    """
    with torch.no_grad():
        means = SmallEncoder(layers)(_ids(sentences), encoding=encoding).mean(dim=1)
    return Pooled(means, float((means[0] - means[1]).abs().max()))


def code(
    length: int,
    layers: int,
    order: tuple[int, ...],
    positions: int,
    d_model: int,
    pair: int,
    steps: int,
    *,
    causal: bool,
) -> str:
    """The experiment as a script, on PyTorch's own encoder with the same draws.

    Args:
        length, layers, order, causal: of ``shuffled``.
        positions, d_model, pair, steps: of ``sinusoids``: of how many positions the encoding is looked at, how wide
            it is, which pair of features, and by how many steps it is moved on.
    """
    return fill_in(
        _SCRIPT,
        L=length,
        order=list(order),
        layers=layers,
        causal=causal,
        d_model=D_MODEL,
        heads=HEADS,
        vocabulary=VOCABULARY,
        first_word=_FIRST_WORD,
        positions=positions,
        width=d_model,
        pair=pair,
        steps=steps,
    )


def _ids(sentences: Sequence[str]) -> Tensor:
    """Token ids (B, L) of sentences of as many words each; a word has one id in all of them."""
    known = sorted({word for sentence in sentences for word in sentence.split()})
    return torch.tensor([[_FIRST_WORD + known.index(word) for word in sentence.split()] for sentence in sentences])
