"""How many bytes a run will take, known before it is run.

The model is run once on the meta device, where tensors have shapes and no memory, and its trace is measured. So the
figure comes from the same code as the run, and no formula has to be kept in step with the model. What is small is run
on the CPU instead, on whatever stands in its memory: that is quicker, and the first operation on the meta device loads
800 modules, which takes most of a second. What is so small that a rough bound lies far below what there is room for,
is not measured at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch

from engine.config import LIMITS, TRAINED, Config, ConfigError, Problem
from engine.model.axis_names import AXIS_NAMES
from engine.model.transformer import Transformer
from engine.model.weights import skeleton
from engine.recorder import watch
from engine.text import PAD
from engine.threads import one_thread
from engine.trace import Trace
from engine.units import in_words

# The settings that may give way when a run does not fit, in the order they are offered.
_GIVING_WAY = {
    "batch": "batch",
    "src_len": "source length",
    "tgt_len": "target length",
    "d_model": "d_model",
    "encoder_layers": "encoder layers",
    "decoder_layers": "decoder layers",
}
_OFFERS = 3
_QUICK = 2**24  # products in the largest matrix product of a run that takes no time
_STACKS = ("encoder_layers", "decoder_layers")
# More steps, matrices and vectors than a layer has, and than the rest of the model has; held by a test.
_STEPS, _OTHER_STEPS, _SQUARES, _VECTORS = 80, 60, 8, 24
_WIDEST = 8  # bytes of the largest dtype
_SHARE = 256  # a run is small that surely takes no more than this part of the memory there is


class TooLargeError(ConfigError):
    """A run that would not fit. ``nbytes`` is its size, ``room`` what there is."""

    def __init__(self, problem: Problem, nbytes: int, room: int) -> None:
        self.nbytes, self.room = nbytes, room
        super().__init__((problem,))


@dataclass(frozen=True)
class Bytes:
    """What a run holds: the recorded tensors (shared memory counted once) and the model's parameters."""

    tensors: int
    parameters: int

    @property
    def total(self) -> int:
        return self.tensors + self.parameters


def outline(config: Config) -> Trace:
    """The trace of this config on the meta device: every step, name and shape, and not one number."""
    return _outline(config, skeleton(config, PAD))


def _outline(config: Config, model: Transformer) -> Trace:
    model = model.to(getattr(torch, config.dtype))
    device = model.projection.weight.device
    source = torch.zeros(config.batch, config.src_len, dtype=torch.int64, device=device)
    target = torch.zeros(config.batch, config.tgt_len, dtype=torch.int64, device=device)
    with torch.no_grad():
        return watch(model, [source, target], axis_names=AXIS_NAMES, config=config)


def bytes_for(config: Config, room: int) -> Bytes:
    """What to set aside for a run: no less than it holds, and not much more in a memory of ``room`` bytes.

    Raises:
        TooLargeError: as ``check_fits``.
    """
    check_fits(config, room)
    return at_most(config) if _is_small(config, room) else measure(config)


def _is_small(config: Config, room: int) -> bool:
    return at_most(config).total * _SHARE <= room


def at_most(config: Config) -> Bytes:
    """More than running this config will hold, by a wide margin, and without building the model."""
    layers = config.encoder_layers + config.decoder_layers
    length = max(config.src_len, config.tgt_len)
    heads = config.heads * max(config.d_k, config.d_v)
    widest = max(config.d_model, config.d_ff, heads)
    tensor = config.batch * length * max(widest, config.vocab_size, config.heads * length)
    layer = config.d_model * (_SQUARES * heads + 2 * config.d_ff) + _VECTORS * widest
    words = 4 * config.vocab_size * config.d_model
    return Bytes(
        _WIDEST * tensor * (_STEPS * layers + _OTHER_STEPS), _WIDEST * (layer * layers + words + _VECTORS * widest)
    )


def measure(config: Config) -> Bytes:
    """The bytes that running this config will record and hold, exactly.

    The layers of a stack are all alike, so two of each are measured at most and the rest follow.
    """
    config = config.change(seed=0, device="cpu", weights="random")  # none of them takes room
    least = config.change(**{stack: min(getattr(config, stack), 2) for stack in _STACKS})
    held = _measured(least)
    tensors, parameters = held.tensors, held.parameters
    for stack in _STACKS:
        more = getattr(config, stack) - getattr(least, stack)
        if more:
            fewer = _measured(least.change(**{stack: 1}))
            tensors += more * (held.tensors - fewer.tensors)
            parameters += more * (held.parameters - fewer.parameters)
    return Bytes(tensors, parameters)


@lru_cache(maxsize=1024)
def _measured(config: Config) -> Bytes:
    model = skeleton(config, PAD, "cpu" if is_quick(config) else "meta")
    with one_thread():
        trace = _outline(config, model)
    return Bytes(trace.nbytes, parameter_bytes(model))


def parameter_bytes(model: Transformer) -> int:
    """The bytes of a model's parameters."""
    return sum(parameter.nbytes for parameter in model.parameters())


def is_quick(config: Config) -> bool:
    """Whether the largest matrix product of a run, and the largest of its parameters, are small."""
    length = max(config.src_len, config.tgt_len)
    heads = config.heads * max(config.d_k, config.d_v)
    projection = config.d_model * max(config.d_ff, config.vocab_size, config.d_model, heads)
    return config.batch * length * max(projection, heads * length) <= _QUICK


def check_fits(config: Config, room: int) -> None:
    """Nothing if this config fits in ``room`` bytes.

    Raises:
        TooLargeError: with its size and the nearest settings that do fit.
    """
    if _is_small(config, room):
        return
    total = measure(config).total
    if total <= room:
        return
    offers = []
    for offer in _offers(config, room):
        offers.append(offer)
        if len(offers) == _OFFERS:
            break
    remedy = f"fits with {', or '.join(offers)}" if offers else "make several settings smaller"
    problem = Problem("memory", f"a run may take {in_words(room)} here", f"this one takes {in_words(total)}", remedy)
    raise TooLargeError(problem, total, room)


def _offers(config: Config, room: int) -> Iterator[str]:
    """For each setting, the largest value that would make the run fit with everything else as it is."""
    for field, noun in _GIVING_WAY.items():
        if config.weights == "trained" and field in TRAINED:
            continue
        step = config.heads if field == "d_model" else 1
        # Bytes grow with every one of these settings, so the largest that fits is found by halving.
        fits, too_large = LIMITS[field][0] - 1, -(-getattr(config, field) // step)
        while too_large - fits > 1:
            middle = (fits + too_large) // 2
            if measure(config.change(**{field: middle * step})).total <= room:
                fits = middle
            else:
                too_large = middle
        if fits >= LIMITS[field][0]:
            yield f"{noun} {fits * step}"
