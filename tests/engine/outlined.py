"""The shape of a run without its numbers: on the meta device, where tensors have shapes and no memory."""

import torch

from engine import Config
from engine.model.axis_names import AXIS_NAMES
from engine.model.weights import skeleton
from engine.record.recorder import watch
from engine.record.trace import Trace
from engine.text.tokenizer import PAD


def outline(config: Config) -> Trace:
    """The trace of this config: every step, name and shape, and not one number."""
    model = skeleton(config, PAD).to(getattr(torch, config.dtype))
    source, target = (
        torch.zeros(config.batch, length, dtype=torch.int64, device="meta")
        for length in (config.src_len, config.tgt_len)
    )
    with torch.no_grad():
        return watch(model, [source, target], axis_names=AXIS_NAMES, config=config)
