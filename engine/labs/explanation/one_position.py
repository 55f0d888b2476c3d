"""The shuffles of one position as a script: the whole trained model in plain PyTorch, with its weights read from their
file (safetensors: the header's length, the header, the numbers)."""

from __future__ import annotations

from pathlib import Path

from engine.labs.encoder_to_decoder.one_text import CONFIG, answered, ids, understood
from engine.labs.explanation import SHUFFLES
from engine.labs.script_text import fill_in
from engine.runtime.forward import build_model

_SCRIPT = Path(__file__).with_name("script.py")


def code(text: str, layers: tuple[int, ...], heads: tuple[int, ...], position: int, seed: int = 0) -> str:
    """The script for one position of the answer to a text; to be run in the project's folder.

    Args:
        text: the source.
        layers, heads: of ``exchanges``.
        position: of the character of the answer, from 0.
        seed: of ``exchanges``.

    Raises:
        TextError: the text cannot be read.
    """
    batch = understood(text)
    given = answered(build_model(CONFIG), ids(batch)).given[: position + 1]
    return fill_in(
        _SCRIPT,
        source_ids=list(batch.source_ids[0]),
        target_ids=list(given),
        layers=list(layers),
        heads=list(heads),
        H=CONFIG.heads,
        encoder_layers=CONFIG.encoder_layers,
        decoder_layers=CONFIG.decoder_layers,
        shuffles=SHUFFLES,
        seed=seed + position,
    )
