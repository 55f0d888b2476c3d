"""An image as a sentence: patches as tokens through the encoder (ViT, Dosovitskiy et al. 2021, section 3.1)."""

from __future__ import annotations

import base64
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn

from engine.labs.image_as_sentence.pictures import SIDE, pixels, side_of
from engine.labs.image_as_sentence.vision import CHANNELS, SPREAD, vision
from engine.labs.script_text import fill_in
from engine.record.recorder import watch
from engine.record.trace import Trace

_SCRIPT = Path(__file__).with_name("script.py")

PATCHES = (4, 6, 8, 12, 16)  # pixels a side; of these, a picture of 32 can be cut into 4, 8 and 16
_EPSILON = 2.0**-24  # half a unit in the last place of float32


@dataclass(frozen=True)
class Cut:
    """An image cut into patches in three ways.

    Attributes:
        image: (B, C, Hpx, Wpx).
        patches: (B, N, C*p*p), each row one patch: ``unfold``, transposed.
        rearranged: (B, N, C*p*p), the same by einops.
        viewed: (B, N, C*p*p), the numbers of the image in the order in which they lie in memory.
        in_place: of all numbers, how many ``viewed`` has where ``patches`` has them.
        first: (C*p*p, 3) int, where the numbers in row 0 of ``viewed`` come from: channel, row and column of pixels.
        rebuilt: (B, C, Hpx, Wpx), the rows of ``patches`` laid out as patches; ``scrambled``, those of ``viewed``.
    """

    image: Tensor
    patches: Tensor
    rearranged: Tensor
    viewed: Tensor
    in_place: int
    first: Tensor
    rebuilt: Tensor
    scrambled: Tensor


def patches_of(side: int) -> tuple[int, ...]:
    """The sizes of patch, in pixels a side, that divide a picture of ``side`` pixels."""
    return tuple(patch for patch in PATCHES if side % patch == 0)


def cut(rgb: bytes, patch: int) -> Cut:
    """Cuts a picture (the bytes of ``pictures.Picture``) into patches of ``patch`` pixels a side."""
    image = pixels(rgb)
    patches, viewed = _unfolded(image, patch), _viewed(image, patch)
    # unfold works on floats, and float32 is exact for so many whole numbers.
    numbered = torch.arange(image.numel(), dtype=torch.float32).view_as(image)
    first = _viewed(numbered, patch)[0, 0].long()
    return Cut(
        image=image,
        patches=patches,
        rearranged=rearrange(image, "B C (down p) (right q) -> B (down right) (C p q)", p=patch, q=patch),
        viewed=viewed,
        in_place=int((_unfolded(numbered, patch) == _viewed(numbered, patch)).sum()),
        first=torch.stack(torch.unravel_index(first, image.shape[1:]), dim=-1),
        rebuilt=laid_out(patches, patch),
        scrambled=laid_out(viewed, patch),
    )


def laid_out(patches: Tensor, patch: int) -> Tensor:
    """Rows (B, N, C*p*p) taken for patches and put back where patches belong: (B, C, Hpx, Wpx)."""
    side = math.isqrt(patches.size(1)) * patch
    return nn.functional.fold(patches.transpose(1, 2), (side, side), patch, stride=patch)


@dataclass(frozen=True)
class Projection:
    """The tokens of an image from a linear layer on its patches, and from a convolution on the image itself.

    Attributes:
        linear: (B, N, d_model).
        convolved: (B, N, d_model), with the same weight as kernels (d_model, C, p, p) and a stride of p.
        difference: the largest between the two.
        rounding: how far apart rounding alone can bring the two sums that differ by it.
    """

    linear: Tensor
    convolved: Tensor
    difference: float
    rounding: float


def project(rgb: bytes, patch: int, d_model: int, heads: int, layers: int, seed: int) -> Projection:
    """Computes the tokens in both ways.

    A sum of n products, added up in whatever order, is off by n·u / (1 − n·u) of the sum of their sizes at the most
    (Higham 2002, section 3.1); two such sums by twice that. u is 2⁻²⁴ in float32.

    Args:
        rgb: the picture, three bytes a pixel, row by row.
        patch: the side of a patch in pixels.
        d_model, heads, layers, seed: of ``vision``.
    """
    image = pixels(rgb)
    layer = vision(side_of(rgb), patch, d_model, heads, layers, seed).projection
    patches = _unfolded(image, patch)
    linear = layer(patches)
    kernels = layer.weight.view(d_model, CHANNELS, patch, patch)
    grid = nn.functional.conv2d(image, kernels, layer.bias, stride=patch)  # (B, d_model, N rows, N columns)
    convolved = rearrange(grid, "B d_model row column -> B (row column) d_model")
    apart = (linear - convolved).abs()
    terms = (patches.size(-1) + 1) * _EPSILON
    sizes = patches.abs().double() @ layer.weight.abs().double().T
    return Projection(
        linear=linear,
        convolved=convolved,
        difference=apart.max().item(),
        rounding=2 * terms / (1 - terms) * sizes.flatten()[apart.argmax()].item(),
    )


@dataclass(frozen=True)
class Reading:
    """An image on its way through an untrained Vision Transformer.

    Attributes:
        trace: every step, from ``columns`` to ``summary``, (B, d_model), the class token's output.
        weights: (B, H, S, S) of self-attention for each layer. S is 1 + N; token 0 is the class token.
        kinds: (N) int, the same number for patches whose pixels are all the same.
    """

    trace: Trace
    weights: tuple[Tensor, ...]
    kinds: Tensor


def read(
    rgb: bytes, patch: int, d_model: int, heads: int, layers: int, seed: int, spread: float, placed: bool = True
) -> Reading:
    """Lets the model read a picture, and keeps what passed by.

    Args:
        rgb: the picture, three bytes a pixel, row by row.
        patch: the side of a patch in pixels.
        d_model, heads, layers, seed, spread, placed: of ``vision``.
    """
    image = pixels(rgb)
    side = side_of(rgb)
    model = vision(side, patch, d_model, heads, layers, seed, spread, placed=placed)
    names = tuple(patch_name(index, patch, side) for index in range((side // patch) ** 2))
    trace = watch(
        model,
        (image,),
        axis_names=(("encoder*", {"L": "S", "L_k": "S"}),),
        labels={"N": (names,), "S": (("class", *names),)},
    )
    return Reading(
        trace=trace,
        weights=tuple(trace.find(f"encoder.layers.{layer}.self_attention.weights").value for layer in range(layers)),
        kinds=_unfolded(image, patch)[0].unique(dim=0, return_inverse=True)[1],
    )


def patch_name(index: int, patch: int, side: int = SIDE) -> str:
    """What a patch is called: its row and its column among the patches.

    Args:
        index: among the patches, row by row.
        patch: the side of a patch in pixels.
        side: that of the picture.
    """
    row, column = divmod(index, side // patch)
    return f"{row},{column}"


@dataclass(frozen=True)
class TokenAttention:
    """How one token looks at the others, in one head of one layer.

    Attributes:
        on_class: its weight on the class token.
        on_patches: (N rows, N columns), its weights on the patches, as they lie in the image.
        even: the weight each token would get if all got the same.
        alike: the largest difference between the weights on two patches whose pixels are all the same.
    """

    on_class: float
    on_patches: Tensor
    even: float
    alike: float

    @property
    def percent(self) -> Tensor:
        """The same on patches, in percent."""
        return self.on_patches * 100


def look(reading: Reading, layer: int, head: int, query: int) -> TokenAttention:
    """What a query pays attention to: token 0 is the class token, the patches follow row by row.

    Args:
        reading: what passed by while the model read.
        layer, head: their numbers.
        query: the token that asks.
    """
    row = reading.weights[layer][0, head, query]
    on_patches = row[1:]
    across = round(on_patches.numel() ** 0.5)
    groups = (on_patches[reading.kinds == kind] for kind in range(int(reading.kinds.max()) + 1))
    return TokenAttention(
        on_class=row[0].item(),
        on_patches=on_patches.view(across, across),
        even=1 / row.numel(),
        alike=max((group.max() - group.min()).item() for group in groups),
    )


@dataclass(frozen=True)
class Shuffle:
    """The same model on a picture and on the same patches in another order.

    Attributes:
        order: (N) int, which patch stands in each place.
        image: (B, C, Hpx, Wpx), the shuffled picture.
        summaries: (without and with position embedding, picture and shuffled picture, d_model), the outputs of the
            class token.
        changes: the largest difference of the class token's outputs, without and with position embedding.
        exact: the same in float64, where rounding is 2²⁹ times finer.
    """

    order: Tensor
    image: Tensor
    summaries: Tensor
    changes: tuple[float, float]
    exact: tuple[float, float]

    def moved(self, placed: bool) -> bool:
        """Whether the output changed by more than rounding: a difference of rounding all but vanishes in float64."""
        return self.exact[placed] > 1e-10


def shuffle(rgb: bytes, patch: int, d_model: int, heads: int, layers: int, seed: int, spread: float) -> Shuffle:
    """Shuffles the patches of a picture and lets the model read both, in float32 and in float64.

    Args:
        rgb: the picture, three bytes a pixel, row by row.
        patch: the side of a patch in pixels.
        d_model, heads, layers, seed, spread: of ``vision``; the seed also draws the order.
    """
    image = pixels(rgb)
    patches = _unfolded(image, patch)
    order = torch.randperm(patches.size(1), generator=torch.Generator().manual_seed(seed))
    shuffled = laid_out(patches[:, order], patch)
    both = torch.cat([image, shuffled])
    models = [
        vision(side_of(rgb), patch, d_model, heads, layers, seed, spread, placed=placed) for placed in (False, True)
    ]
    # One picture at a time: in one batch the two could share their rounding.
    summaries = torch.stack([torch.cat([model(picture[None]) for picture in both]) for model in models])
    finer = torch.stack([torch.cat([model.double()(picture[None].double()) for picture in both]) for model in models])
    changes = (summaries[:, 0] - summaries[:, 1]).abs().amax(-1).tolist()
    exact = (finer[:, 0] - finer[:, 1]).abs().amax(-1).tolist()
    return Shuffle(order, shuffled, summaries, (changes[0], changes[1]), (exact[0], exact[1]))


def code(
    rgb: bytes,
    patch: int,
    d_model: int,
    heads: int,
    layers: int,
    seed: int,
    spread: float,
    *,
    layer: int = 0,
    head: int = 0,
    query: int = 0,
    placed: bool = True,
) -> str:
    """The experiment as a script, with the picture in it and the same draws.

    Args:
        rgb: the picture, three bytes a pixel, row by row.
        patch: the side of a patch in pixels.
        d_model, heads, layers, seed, spread: of ``vision``.
        layer, head, query: where a token looks, of ``look``.
        placed: whether the position embedding is added then.
    """
    packed = base64.b85encode(zlib.compress(rgb, 9)).decode("ascii")
    return fill_in(
        _SCRIPT,
        C=CHANNELS,
        side=side_of(rgb),
        p=patch,
        d_model=d_model,
        heads=heads,
        layers=layers,
        seed=seed,
        class_spread=SPREAD,
        spread=spread,
        look_layer=layer,
        look_head=head,
        query=query,
        placed=placed,
        packed=packed,
    )


def _unfolded(image: Tensor, patch: int) -> Tensor:
    return nn.functional.unfold(image, patch, stride=patch).transpose(1, 2)


def _viewed(image: Tensor, patch: int) -> Tensor:
    return image.view(image.size(0), (image.size(-1) // patch) ** 2, CHANNELS * patch * patch)
