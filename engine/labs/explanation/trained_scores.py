"""How far q·k spreads in the model that was trained, where nobody drew the components independently."""

from __future__ import annotations

from dataclasses import dataclass

from engine.pretrained.pretrained import trained_config
from engine.runtime.run import run

TEXTS = ("11/21/2026", "03/07/1999", "2026.11.21", "1985.06.30")  # of one length, so that none is padded
_ANSWERS = ("2026-11-21", "1999-03-07", "2026-11-21", "1985-06-30")
_PLACES = (
    ("encoder, layer 0", "encoder.layers.0.self_attention"),
    ("encoder, layer 1", "encoder.layers.1.self_attention"),
    ("decoder to encoder, layer 0", "decoder.layers.0.cross_attention"),
    ("decoder to encoder, layer 1", "decoder.layers.1.cross_attention"),
)


@dataclass(frozen=True)
class HeadScores:
    """Standard deviations over all pairs of a query and a key that one attention sees in ``TEXTS``.

    Attributes:
        where: which attention, in words.
        scores: one for each head, of q·k.
        scaled: the same of q·k / √d_k.
    """

    where: str
    scores: tuple[float, ...]
    scaled: tuple[float, ...]


@dataclass(frozen=True)
class TrainedScores:
    """``d_k`` of the trained model, and every attention that looks at the source."""

    d_k: int
    attentions: tuple[HeadScores, ...]


def trained_scores() -> TrainedScores:
    """Runs the trained model on ``TEXTS`` and measures its scores, head by head."""
    config = trained_config(device="cpu")
    trace = run(config, list(TEXTS), list(_ANSWERS))
    attentions = []
    for where, path in _PLACES:
        spreads = [
            tuple(trace.find(f"{path}.{name}").value.double().std(dim=(0, 2, 3), correction=0).tolist())
            for name in ("scores", "scaled")
        ]
        attentions.append(HeadScores(where, *spreads))
    return TrainedScores(config.d_k, tuple(attentions))
