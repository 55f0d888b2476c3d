"""What an encoder layer does with an image, counted for smaller and larger patches."""

from __future__ import annotations

from dataclasses import dataclass

from engine.labs.image_as_sentence import patches_of
from engine.labs.image_as_sentence.pictures import SIDE
from engine.labs.image_as_sentence.vision import vision
from engine.record.recorder import record


@dataclass(frozen=True)
class PatchCost:
    """What one encoder layer does with patches of ``patch`` pixels: ``tokens`` is S, ``weights`` are those of one head.

    ``between`` are the FLOPs whose number grows with S² (scores, scale, softmax, mix), ``each`` all others: they are
    done for each token on its own.
    """

    patch: int
    tokens: int
    weights: int
    between: int
    each: int


def costs(d_model: int, heads: int, seed: int, side: int = SIDE) -> tuple[PatchCost, ...]:
    """Counts in a run for each size of patch that divides the picture; what the picture shows does not matter.

    Args:
        d_model, heads, seed: of ``vision``, with one layer.
        side: that of the picture in pixels.
    """
    smaller = (patch for patch in (2, 3) if side % patch == 0)
    return tuple(_cost(patch, d_model, heads, seed, side) for patch in (*smaller, *patches_of(side)))


def _cost(patch: int, d_model: int, heads: int, seed: int, side: int) -> PatchCost:
    model = vision(side, patch, d_model, heads, 1, seed)
    tokens = model.position  # as many as the encoder reads
    steps = record(model.encoder.layers[0], tokens, None).steps
    weights = next(step for step in steps if step.name == "weights")
    square = {id(step) for step in steps if weights in step.parents or step.shape == weights.shape}
    return PatchCost(
        patch=patch,
        tokens=tokens.size(1),
        weights=weights.value[0, 0].numel(),
        between=sum(step.flops or 0 for step in steps if id(step) in square),
        each=sum(step.flops or 0 for step in steps if id(step) not in square),
    )
