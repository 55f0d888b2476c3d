"""The weights that come with the engine: trained on dates as people write them, answered as 2026-11-21.

They are another way to fill the Transformer that ``engine.model.weights`` fills at random.
``engine.pretrained.train`` made them, and makes them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.config import TRAINED, Config
from engine.model.transformer import Transformer
from engine.model.weights import skeleton
from engine.pretrained.safetensors_io import load, weights_error
from engine.text.char_tokenizer import CHARACTERS
from engine.text.tokenizer import PAD

FILE = Path(__file__).with_name("dates.safetensors")
_REMEDY = "make it again with python -m engine.pretrained.train, or use weights random"


def trained_config(**changes: Any) -> Config:
    """The settings of the trained weights, with some changed that they leave free: lengths, dtype, device, masks.

    The app opens on these. ``Config()`` is another, smaller model, with random weights.

    Args:
        **changes: fields of ``Config`` and their values.

    Returns:
        The settings.

    Raises:
        ConfigError: a change that the weights do not allow.
    """
    return Config(**{"weights": "trained", **TRAINED, **changes})


def build(config: Config, device: torch.device, file: Path = FILE) -> Transformer:
    """The Transformer of this config with trained weights, in evaluation mode, on the device.

    The file has them in float32; they are rounded to the dtype asked for and moved.

    Raises:
        WeightsError: the file is not there or not what it should be; says in what.
    """
    model = skeleton(config, PAD)
    tensors, _ = _read(file, model)
    model.load_state_dict(tensors, assign=True)
    return model.to(device=device, dtype=getattr(torch, config.dtype))


def about(file: Path = FILE) -> Mapping[str, Any]:
    """What the file says of its weights: the recipe of ``engine.pretrained.trainer``, steps, accuracy and versions.

    Raises:
        WeightsError: the file is not there or not what it should be; says in what.
    """
    return _read(file, skeleton(trained_config(), PAD))[1]


def _read(file: Path, model: Transformer) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    tensors, metadata = load(file, shapes, _REMEDY)
    # Shapes alone do not tell these weights from those of other heads or other characters.
    for key, ours in (("sizes", TRAINED), ("characters", CHARACTERS)):
        if metadata.get(key) != ours:
            raise weights_error(file, f"weights were trained with the {key} of this engine", "has others", _REMEDY)
    return tensors, metadata
