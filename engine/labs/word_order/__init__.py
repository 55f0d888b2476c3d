"""What the encoder makes of the same words in another order, with and without positional encoding.

"Attention Is All You Need", section 3.5: without recurrence and convolution, the order of the words has to be put in.
Without it the encoder is permutation equivariant: permuted inputs give the outputs, permuted alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.labs.small_encoder import D_MODEL, HEADS, VOCABULARY, SmallEncoder

ORDERS = ("drawn", "reversed", "first two swapped", "each one place on")
SAME = 1e-4  # numbers near 1 that are equal but for rounding differ by less, and by more where anything else changed
_FIRST_WORD = 3  # ids below belong to padding, begin and end


@dataclass(frozen=True)
class Shuffled:
    """Outputs of the encoder for words as they stand, and for the same words in another order.

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
    """A permutation (L) of so many places; never the identity where there is another."""
    places = torch.arange(length)
    if kind == "reversed":
        return places.flip(0)
    if kind == "first two swapped":
        return torch.cat([places[:2].flip(0), places[2:]])
    if kind == "drawn":
        drawn = torch.randperm(length, generator=torch.Generator().manual_seed(draw))
        if not torch.equal(drawn, places):
            return drawn
    return places.roll(1)


def shuffled(
    length: int,
    layers: int,
    order: tuple[int, ...],
    *,
    encoding: bool,
    causal: bool = False,
    dtype: str = "float32",
) -> Shuffled:
    """Encodes ``length`` different words in both orders; ``causal`` hides from each word those after it."""
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
    """Encodes two sentences of as many words each, and takes the mean over the words."""
    with torch.no_grad():
        means = SmallEncoder(layers)(_ids(sentences), encoding=encoding).mean(dim=1)
    return Pooled(means, float((means[0] - means[1]).abs().max()))


def code(
    length: int, layers: int, order: tuple[int, ...], *, causal: bool, positions: int, d_model: int, steps: int
) -> str:
    """The experiment as a script, on PyTorch's own encoder with the same draws.

    Args:
        length, layers, order, causal: of ``shuffled``.
        positions, d_model, steps: of ``sinusoids``: of how many positions the encoding is looked at, how
            wide it is, and by how many steps it is moved on.
    """
    mask = "nn.Transformer.generate_square_subsequent_mask(L)" if causal else "None"
    return f"""\
import math
import torch
from torch import nn

L, d_model = {length}, {D_MODEL}
order = torch.tensor({list(order)})
mask = {mask}

def encoding_of(positions, width):  # sine and cosine of each frequency side by side, in float64
    frequencies = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000) / width))
    angle = torch.arange(positions).unsqueeze(1) * frequencies
    return torch.stack([angle.sin(), angle.cos()], dim=-1).view(positions, -1)[:, :width], frequencies

layer = nn.TransformerEncoderLayer(d_model, {HEADS}, {4 * D_MODEL}, dropout=0.0, batch_first=True)
encoder = nn.TransformerEncoder(layer, {layers}, enable_nested_tensor=False).eval().requires_grad_(False)
draw = torch.Generator().manual_seed(0)
table = nn.init.normal_(torch.empty({VOCABULARY}, d_model), std=d_model**-0.5, generator=draw)
for layer in encoder.layers:
    heads = layer.self_attn
    w_q, w_k, w_v = heads.in_proj_weight.split(d_model)
    for weight in (w_q, w_k, w_v, heads.out_proj.weight, layer.linear1.weight, layer.linear2.weight):
        nn.init.xavier_uniform_(weight, generator=draw)
    for bias in (heads.in_proj_bias, heads.out_proj.bias, layer.linear1.bias, layer.linear2.bias):
        nn.init.zeros_(bias)
words = table[{_FIRST_WORD} : {_FIRST_WORD} + L].unsqueeze(0) * d_model**0.5  # (1, L, d_model)

for name, added in (("without", torch.zeros(L, d_model)), ("with", encoding_of(L, d_model)[0].float())):
    given = encoder(words + added, mask)
    shuffled = encoder(words[:, order] + added, mask)
    difference = (shuffled - given[:, order]).abs().max().item()
    print(name, f"encoding: moved along with the words, the outputs differ by {{difference:.4g}}")

encoding, frequencies = encoding_of({positions}, {d_model})
product = encoding @ encoding.T
for distance in range({min(4, positions)}):
    print("product at distance", distance, f"is {{product.diagonal(distance).mean().item():.4g}}")

sine, cosine = (frequencies * {steps}).sin(), (frequencies * {steps}).cos()
turn = torch.block_diag(*torch.stack([cosine, sine, -sine, cosine], dim=-1).view(-1, 2, 2))[:{d_model}, :{d_model}]
error = (encoding[:-{steps}] @ turn.T - encoding[{steps}:]).abs().max().item()
print(f"moved {steps} on by one matrix, the encoding is off by {{error:.3g}}")
"""


def _ids(sentences: Sequence[str]) -> Tensor:
    """Token ids (B, L) of sentences of as many words each; a word has one id in all of them."""
    known = sorted({word for sentence in sentences for word in sentence.split()})
    return torch.tensor([[_FIRST_WORD + known.index(word) for word in sentence.split()] for sentence in sentences])
