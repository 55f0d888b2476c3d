"""What is to be run: a text of Python, the tensors it is given, and how much it may take."""

from __future__ import annotations

import json
import keyword
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

FILLS = ("random", "arange", "ones")
INPUT_DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "bool", "complex64")
TEXT_FILE = "your_code.py"  # by this name steps and errors speak of the text

GRACE = 1.0  # seconds in which code whose time is over may say where it was
SAVING = 30.0  # seconds in which its trace is saved

_LARGEST_NUMBER = 10  # random whole numbers are below it: indices of a small vocabulary
_MOST_AXES = 16
_LONGEST_TEXT = 1_000_000
_NAME = "an input must be named as a parameter is: got {given}; a letter, then letters, digits and _"
_TWICE = "every input needs a name of its own: two are called {name}"
_DTYPE = "the dtype of {name} must be one of {known}: got {given}"
_FILL = "{name} must be filled with one of {known}: got {given}"
_SEED = "the seed of {name} must be a whole number from 0 to 2**63 - 1: got {given}"
_SYMBOL = "the shape of {name} has {symbol}, which has no size; give it one, such as {symbol} = 4"
_SIZE = "a size must be a whole number of at least 0: {symbol} is {given}"
_AXES = "{name} must have at most {most} axes: got {given}"
_BYTES = "the inputs would take {given:,} bytes; the code may take {most:,}: make a size smaller"
_TEXT = "the code must have at most {most:,} characters: got {given:,}"
_SECONDS = "the time must be more than 0 seconds: got {given}"
_ROOM = "the memory must be at least {least:,} bytes: got {given:,}"
_LEAST_BYTES = 2**26


class CodeRequestError(ValueError):
    """Something that cannot be run as it is asked for; a line for every problem."""


@dataclass(frozen=True)
class CodeInput:
    """One tensor that the code is given.

    Attributes:
        name: the parameter that takes it.
        shape: a size or a symbol for every axis.
        dtype: one of ``INPUT_DTYPES``.
        fill: ``random`` (normal; whole numbers 0 to 9; half of the booleans true), ``arange`` (0, 1, 2, …) or ``ones``.
        seed: of the random numbers.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"
    fill: str = "random"
    seed: int = 0


@dataclass(frozen=True)
class Limits:
    """What the code may take.

    Attributes:
        seconds: of time, from its first line to its last.
        nbytes: of memory beyond what torch takes by itself; also of its trace file.
        output: bytes of what it prints that are kept.
        processes: how many it may have started that still run.
    """

    seconds: float = 10.0
    nbytes: int = 2 * 2**30
    output: int = 2**16
    processes: int = 64


@dataclass(frozen=True)
class CodeRequest:
    """A text and what it is run with.

    Attributes:
        text: Python.
        inputs: the tensors that it is given, each by name.
        symbols: the sizes that shapes are written in; a parameter of such a name is given the number.
        target: what to call, by name; "" to choose.
        limits: what it may take.

    Raises:
        CodeRequestError: it cannot be run like this.
    """

    text: str
    inputs: tuple[CodeInput, ...] = ()
    symbols: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    target: str = ""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        problems = [*_text_problems(self.text, self.limits), *self._input_problems()]
        if not problems and self.nbytes > self.limits.nbytes:
            problems.append(_BYTES.format(given=self.nbytes, most=self.limits.nbytes))
        if problems:
            raise CodeRequestError("\n".join(problems))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every input, in numbers."""
        return {entry.name: tuple(self._size(axis) for axis in entry.shape) for entry in self.inputs}

    @property
    def nbytes(self) -> int:
        """The bytes of all inputs."""
        shapes = self.shapes()
        return sum(math.prod(shapes[entry.name]) * _dtype(entry.dtype).itemsize for entry in self.inputs)

    def tensors(self) -> dict[str, Tensor]:
        """The inputs."""
        shapes = self.shapes()
        return {entry.name: _filled(entry, shapes[entry.name]) for entry in self.inputs}

    def to_json(self) -> str:
        """The request as JSON."""
        return json.dumps(
            {
                "text": self.text,
                "inputs": [asdict(entry) for entry in self.inputs],
                "symbols": dict(self.symbols),
                "target": self.target,
                "limits": asdict(self.limits),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> CodeRequest:
        """The request that ``to_json`` wrote."""
        kept: dict[str, Any] = json.loads(text)
        inputs = tuple(CodeInput(**entry | {"shape": tuple(entry["shape"])}) for entry in kept["inputs"])
        return cls(kept["text"], inputs, kept["symbols"], kept["target"], Limits(**kept["limits"]))

    def _size(self, axis: int | str) -> int:
        return self.symbols[axis] if isinstance(axis, str) else axis

    def _input_problems(self) -> list[str]:
        problems = [
            _SIZE.format(symbol=symbol, given=size) for symbol, size in self.symbols.items() if not _is_size(size)
        ]
        names = [entry.name for entry in self.inputs]
        problems += [_TWICE.format(name=name) for name in sorted({name for name in names if names.count(name) > 1})]
        for entry in self.inputs:
            problems += _entry_problems(entry)
            for axis in entry.shape:
                if isinstance(axis, str) and axis not in self.symbols:
                    problems.append(_SYMBOL.format(name=entry.name, symbol=axis))
                elif not isinstance(axis, str) and not _is_size(axis):
                    problems.append(_SIZE.format(symbol=entry.name, given=axis))
        return problems


def _entry_problems(entry: CodeInput) -> list[str]:
    problems = []
    if not entry.name.isidentifier() or keyword.iskeyword(entry.name):
        problems.append(_NAME.format(given=repr(entry.name)))
    if entry.dtype not in INPUT_DTYPES:
        problems.append(_DTYPE.format(name=entry.name, known=", ".join(INPUT_DTYPES), given=entry.dtype))
    if entry.fill not in FILLS:
        problems.append(_FILL.format(name=entry.name, known=", ".join(FILLS), given=entry.fill))
    if not _is_size(entry.seed) or entry.seed >= 2**63:
        problems.append(_SEED.format(name=entry.name, given=entry.seed))
    if len(entry.shape) > _MOST_AXES:
        problems.append(_AXES.format(name=entry.name, most=_MOST_AXES, given=len(entry.shape)))
    return problems


def _text_problems(text: str, limits: Limits) -> list[str]:
    problems = []
    if len(text) > _LONGEST_TEXT:
        problems.append(_TEXT.format(most=_LONGEST_TEXT, given=len(text)))
    if not limits.seconds > 0:
        problems.append(_SECONDS.format(given=limits.seconds))
    if limits.nbytes < _LEAST_BYTES:
        problems.append(_ROOM.format(least=_LEAST_BYTES, given=limits.nbytes))
    return problems


def _is_size(value: object) -> bool:
    return type(value) is int and value >= 0


def _dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def _filled(entry: CodeInput, shape: tuple[int, ...]) -> Tensor:
    dtype = _dtype(entry.dtype)
    count = math.prod(shape)
    if entry.fill == "ones":
        return torch.ones(shape, dtype=dtype)
    if entry.fill == "arange":
        return torch.arange(count).reshape(shape).to(dtype)
    generator = torch.Generator().manual_seed(entry.seed)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator, dtype=dtype)
    most = 2 if dtype == torch.bool else _LARGEST_NUMBER
    return torch.randint(most, shape, generator=generator).to(dtype)
