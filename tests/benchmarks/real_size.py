"""A published model at its real size, without numbers: GPT-3 175B recorded, against a plain pass, and its strip."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from sys import _getframe
from typing import Any, cast

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from engine import GPT2Config, Trace
from engine.graph.strip import strip_of
from engine.model.variants.presets import PRESETS
from engine.model.variants.registry import variant_skeleton
from engine.runtime.variants.run_variant import shapes_of
from engine.text.tokenizer import PAD
from tests.benchmarks import resident
from tests.benchmarks.apart import Apart
from tests.benchmarks.interleaved import interleaved
from tests.benchmarks.table import Row, Section, at_most, megabytes, milliseconds, ratio

PACKAGES = ("torch",)
_NAME, _BLOCK = "gpt3-175b", "layers.0.self_attention"
_WAYS = ("plain", "outputs and lines", "recorded", "strip")
_ROUNDS = 7
_AGAINST_PLAIN, _SECONDS, _MEGABYTES = 1.2, 2, 400


class _OutputsAndLines(TorchFunctionMode):
    """Keeps every tensor that a call returns, with its line."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[object] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if type(result) is torch.Tensor:
            frame = _getframe(1)
            self.kept.append((result, frame.f_code, frame.f_lasti))
        return result


class RealSize:
    """Each way to walk the model once, from its config to what the way is for."""

    def __init__(self) -> None:
        self.kept: object = None
        # Warms up on a small model: what the large one then takes is its own, and not that of modules loaded with it.
        self.config = GPT2Config(device="meta")
        for way in _WAYS:
            self.walk(way)
        self.kept = None
        self.config = cast(GPT2Config, PRESETS[_NAME].config)

    def walk(self, way: str) -> float:
        """Seconds of one walk; what it makes is kept until the next."""
        ways: dict[str, Callable[[], object]] = {
            "plain": self._plain,
            "outputs and lines": self._outputs_and_lines,
            "recorded": self._recorded,
            "strip": self._strip,
        }
        self.kept = None
        begun = time.perf_counter()
        self.kept = ways[way]()
        return time.perf_counter() - begun

    def extra(self, way: str) -> int | None:
        """The most bytes that one walk takes beside what is there at rest; None where the system does not tell."""
        if not resident.KNOWN:
            return None
        self.kept = None
        rest = resident.settled()
        resident.forget_peak()
        self.walk(way)
        return max(resident.peak() - rest, 0)

    def _plain(self) -> nn.Module:
        model = variant_skeleton(self.config, PAD)
        tokens = torch.empty(self.config.batch, self.config.length, dtype=torch.int64, device="meta")
        with torch.no_grad():
            model(tokens)
        return model

    def _outputs_and_lines(self) -> object:
        """The floor: nothing is kept but each tensor and where it was made."""
        with _OutputsAndLines() as kept:
            return self._plain(), kept

    def _recorded(self) -> Trace:
        return shapes_of(self.config)

    def _strip(self) -> object:
        trace = shapes_of(self.config)
        return trace, strip_of(trace, _BLOCK)


def section(rounds: int | None, device: str) -> Section:
    """Measures the three ways, in turns, in a process of their own."""
    extra = {}
    for way in _WAYS:  # each in a process of its own: memory that another gave back would hide what it takes
        with Apart(RealSize) as walks:
            extra[way] = walks.ask("extra", way)
    with Apart(RealSize) as walks:
        turns = {way: partial(walks.ask, "walk", way) for way in _WAYS}
        interleaved(turns, 1)  # warms up
        times = interleaved(turns, rounds or _ROUNDS)
    rows = []
    for way in _WAYS:
        took, over = times.spread(way), times.ratio(way, "plain")
        goals = []
        if way == "recorded":
            goals.append(at_most("time ÷ plain", over.median, _AGAINST_PLAIN))
            if extra[way] is not None and extra["plain"]:
                goals.append(at_most("memory ÷ plain", extra[way] / extra["plain"], _AGAINST_PLAIN))
        if way == "strip":
            goals.append(at_most("a strip", took.median, _SECONDS, " s"))
            if extra[way] is not None:
                goals.append(at_most("a strip", extra[way] / 2**20, _MEGABYTES, " MiB"))
        beside = "" if extra[way] is None else f"{megabytes(extra[way])} at the most above rest"
        rows.append(Row((way, ratio(over), milliseconds(took.median), beside), goals))
    return Section(
        "A published model at its real size",
        "GPT-3 175B over 2,048 tokens on the meta device, from its config: the pass alone, its tensors kept with the "
        "lines that made them and nothing else, recorded, and drawn as the strip of a block.",
        ("way", "÷ plain", "absolute", "memory"),
        rows,
    )
