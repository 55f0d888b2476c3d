"""The config of a variant and text in, trace out."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext

import torch
from torch import nn

from engine.config import Config, Problem
from engine.export.units import format_bytes
from engine.model.axis_names import AXIS_NAMES
from engine.model.variants.registry import VARIANTS, build_variant, variant_skeleton
from engine.model.weights import skeleton
from engine.record.recorder import watch
from engine.record.trace import Trace
from engine.runtime.devices import memory_budget, resolve_device
from engine.runtime.footprint import Bytes
from engine.runtime.memory_estimate import TooLargeError, running_out_in_words
from engine.runtime.threads import one_thread
from engine.runtime.variants.inputs import Texts, read_variant_text, variant_inputs
from engine.text.tokenizer import PAD
from engine.variant_config import VariantConfig

_META = torch.device("meta")
_QUICK = 2**22  # parameters of a model whose run takes no time
_STEP = 2560  # bytes of Python's objects for a step


def run_variant(
    config: VariantConfig, source: Texts | None = None, target: Texts | None = None, *, model: nn.Module | None = None
) -> Trace:
    """Runs a variant and records every tensor; the trace's ``variant`` is its config.

    Args:
        config: ``LlamaConfig()`` and the like. With ``device="meta"`` every step has its shape and no numbers.
        source: a text, or several; left out, tokens are generated, of ViT the pixels.
        target: T5's decoder's texts, or the second texts of BERT's pairs.
        model: saves building the weights again: ``load_variant`` of the same sizes, seed, dtype and device.

    Raises:
        ConfigError: the device is not on this machine; a text that this variant does not read.
        TooLargeError: the run would not fit in memory; says its size.
        TextError: a text that cannot be read.
    """
    config, rows = read_variant_text(config, source, target)
    if config.device == "meta":
        return shapes_of(config)
    device = resolve_device(config.device, config.dtype)
    size = check_variant_fits(config, memory_budget(device))
    with running_out_in_words(size):
        model = model or load_variant(config)
        inputs = variant_inputs(config, rows, device)
        is_quick = size.parameters <= 4 * _QUICK
        with torch.no_grad(), one_thread() if is_quick else nullcontext():
            names = VARIANTS[type(config)].axis_names
            trace = watch(model, inputs.tensors, axis_names=names, labels=inputs.labels)
    return dataclasses.replace(trace, variant=config)


def load_variant(config: VariantConfig) -> nn.Module:
    """The model of a config with its seeded weights, on its device.

    Raises:
        ConfigError: the device is not on this machine.
    """
    if config.device == "meta":
        return variant_skeleton(config, PAD)
    return build_variant(config, PAD, resolve_device(config.device, config.dtype))


def shapes_of(config: VariantConfig | Config) -> Trace:
    """A run without numbers: every step with its name, axes and shape, on the meta device, whatever the sizes.

    Args:
        config: of a variant, or of the 2017 Transformer. Its device does not count.
    """
    if isinstance(config, Config):
        model: nn.Module = skeleton(config, PAD).to(getattr(torch, config.dtype))
        lengths = (config.src_len, config.tgt_len)
        ids = [torch.empty(config.batch, length, dtype=torch.int64, device=_META) for length in lengths]
        with torch.no_grad():
            return watch(model, ids, axis_names=AXIS_NAMES, config=config)
    model = variant_skeleton(config, PAD)
    inputs = variant_inputs(config, {}, _META)
    with torch.no_grad():
        trace = watch(model, inputs.tensors, axis_names=VARIANTS[type(config)].axis_names)
    return dataclasses.replace(trace, variant=config)


def measure_variant(config: VariantConfig) -> Bytes:
    """The bytes that running this config will record and hold, counted on a run without numbers.

    How many tokens each of a mixture's experts gets, only a run with numbers knows: they are taken to get as many each,
    which changes no sum.
    """
    trace = shapes_of(config)
    parameters = {id(p): p for p in variant_skeleton(config, PAD).parameters()}
    nbytes = sum(parameter.numel() * parameter.element_size() for parameter in parameters.values())
    return Bytes(trace.nbytes, nbytes, _STEP * len(trace.steps))


def check_variant_fits(config: VariantConfig, nbytes: int) -> Bytes:
    """What this config will hold, where that fits.

    Args:
        config: of any variant.
        nbytes: the bytes that a run may take.

    Raises:
        TooLargeError: it does not fit; says its size.
    """
    size = measure_variant(config)
    if size.total <= nbytes:
        return size
    rule, value = f"a run may take {format_bytes(nbytes)} here", f"this one takes {format_bytes(size.total)}"
    remedy = "make it smaller, or use device meta, which has every shape and no numbers"
    raise TooLargeError(Problem("memory", rule, value, remedy), size.total, nbytes)
