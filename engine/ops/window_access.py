"""Indices that are computed from the output's: one of an axis, or several neighbouring ones.

Several are the window a kernel lies on, the part of a kernel that is used, or a block.

Their JSON forms, each an entry for one axis (``engine.ops.access``):

``{"sum": [{"out": j, "times": t, "div": d, "mod": m}, ...], "start": s, "wrap": w}``
    s + Σ t · (⌊i / d⌋ mod m), i being the output's index along its axis j; ``times`` and ``div`` are left out where
    they are 1, ``mod`` where there is none. ``wrap`` says what becomes of an index outside the axis: "repeat" goes on
    from the other end, "reflect" goes back from the edge, "edge" stays at it (roll, repeat, pad, unfold)
``{"window": j, "start": s, "step": t, "every": e, "count": n}``
    the indices s + t · i + e · k for k from 0 to n − 1 that the axis has, i being the output's index along its axis j
    (the input of a convolution)
``{"taps": j, "start": s, "step": t, "every": e, "of": m}``
    those k for which s + t · i + e · k is one of 0 … m − 1 (the kernel of a convolution)
``{"block": j, "per": p, "size": n}``
    block number ⌊i / p⌋ of n indices each (the channels of a group)
``{"share": j, "of": m}``
    share number i of an axis of size n that is cut into m: ⌊i · n / m⌋ to ⌈(i + 1) · n / m⌉ − 1 (adaptive pooling)
``{"landing": j, "pad": p, "step": s, "every": e, "count": n}``
    the indices a of the axis from which a kernel of n lands on the output's index i: s · a + e · k − p = i for one of
    its places k (the input of a transposed convolution)
``{"landed": j, "pad": p, "step": s, "every": e, "of": m}``
    those places k, for an input of m indices (the kernel of a transposed convolution)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.ops.access import AxisAccess, Index, PartOfAxis, Shape


def written_sum(scaled: str, constant: int) -> str:
    """``2i`` and −1 as ``2i − 1``."""
    return f"{scaled} + {constant}" if constant > 0 else f"{scaled} − {-constant}" if constant else scaled


@dataclass(frozen=True)
class IndexTerm:
    """``times * (i // div % mod)`` for the output's index i along axis ``out``."""

    out: int
    times: int = 1
    div: int = 1
    mod: int | None = None

    def at(self, index: Index) -> int:
        """What it comes to for the output element at ``index``."""
        quotient = index[self.out] // self.div
        return self.times * (quotient if self.mod is None else quotient % self.mod)

    def written(self, letters: Sequence[str]) -> str:
        """The term in a formula, the output's own indices being ``letters``."""
        letter = letters[self.out]
        text = letter if self.div == 1 else f"⌊{letter} / {self.div}⌋"
        text = text if self.mod is None else f"({text} mod {self.mod})"
        if abs(self.times) == 1:
            return text if self.times == 1 else f"−{text}"
        times = f"{self.times} · " if len(text) > 1 else f"{self.times}"
        return f"{times}{text}".replace("-", "−")

    def to_json(self) -> dict[str, int]:
        """The term in the JSON form."""
        entry = {"out": self.out}
        entry |= {"times": self.times} if self.times != 1 else {}
        entry |= {"div": self.div} if self.div != 1 else {}
        return entry if self.mod is None else {**entry, "mod": self.mod}


@dataclass(frozen=True)
class ComputedIndex(AxisAccess):
    """``start`` and the terms added up; ``wrap`` says what becomes of an index outside the axis."""

    terms: tuple[IndexTerm, ...]
    start: int = 0
    wrap: str = ""

    def indices(self, size: int, index: Index) -> range:
        position = wrapped(self.start + sum(term.at(index) for term in self.terms), size, self.wrap)
        return range(position, position + 1)

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        text = " + ".join(term.written(letters) for term in self.terms).replace("+ −", "− ")
        if len(self.terms) == 1 and text.startswith("("):
            text = text[1:-1]
        if self.start:
            negative = text.startswith("−")
            before = f"{self.start} − {text[1:]}" if negative else f"{text} + {self.start}"
            text = before if self.start > 0 else f"{text} − {-self.start}"
        names = {"repeat": f"({text}) mod {size}", "reflect": f"({text}) reflected", "edge": f"({text}) or the edge"}
        return names.get(self.wrap, text)

    def to_json(self) -> dict[str, Any]:
        terms = [term.to_json() for term in self.terms]
        return {"sum": terms, "start": self.start, **({"wrap": self.wrap} if self.wrap else {})}


def wrapped(position: int, size: int, wrap: str) -> int:
    """The index inside an axis that stands in for one outside it.

    Args:
        position: along the axis, from before its beginning to past its end.
        size: of the axis.
        wrap: "repeat" goes on at the other end, "edge" stays at the nearest end, "reflect" turns back there.

    Returns:
        The index inside; the position itself where ``wrap`` is none of these.
    """
    if wrap == "repeat":
        return position % size
    if wrap == "edge":
        return min(max(position, 0), size - 1)
    if wrap == "reflect" and size > 1:
        position = abs(position) % (2 * size - 2)
        return min(position, 2 * size - 2 - position)
    return position


@dataclass(frozen=True)
class SlidingWindow(PartOfAxis):
    """The indices ``start + step * i + every * k`` for k below ``count``, of those the axis has; i is the output's.

    ``out`` is the output's axis, ``running_letter`` the letter for k in a formula.
    """

    out: int
    start: int
    step: int
    every: int
    count: int
    running_letter: str = "k"

    def taps(self, size: int, index: Index) -> range:
        """The k that stand on an index of the axis."""
        first = self.start + self.step * index[self.out]
        low = max(0, -(first // self.every))
        high = min(self.count - 1, (size - 1 - first) // self.every)
        return range(low, max(low, high + 1))

    def indices(self, size: int, index: Index) -> range:
        taps, first = self.taps(size, index), self.start + self.step * index[self.out]
        return range(first + self.every * taps.start, first + self.every * taps.stop, self.every)

    def written_running(self, letters: Sequence[str], letter: str) -> str:
        moved = letters[self.out] if self.step == 1 else f"{self.step}{letters[self.out]}"
        running = letter if self.every == 1 else f"{self.every}{letter}"
        return written_sum(running if letters[self.out] == "0" else f"{moved} + {running}", self.start)

    def written_running_at(self, index: Index, letter: str) -> str:
        running = letter if self.every == 1 else f"{self.every}{letter}"
        return written_sum(running, self.start + self.step * index[self.out])

    def to_json(self) -> dict[str, Any]:
        return {"window": self.out, "start": self.start, "step": self.step, "every": self.every, "count": self.count}

    def taps_to_json(self) -> dict[str, Any]:
        """What the JSON form of its taps says of it."""
        return {"taps": self.out, "start": self.start, "step": self.step, "every": self.every}


@dataclass(frozen=True)
class ChannelBlock(AxisAccess):
    """Block number ``index // per`` of ``size`` indices each, where ``index`` is the output's along axis ``out``.

    ``running_letter`` stands for the index in a formula.
    """

    out: int
    per: int
    size: int = 1
    running_letter: str = "c"

    @property
    def runs(self) -> bool:
        return self.size > 1

    @property
    def partial(self) -> bool:
        return self.size > 1

    def indices(self, size: int, index: Index) -> range:
        first = index[self.out] // self.per * self.size
        return range(first, first + self.size)

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        return None if self.runs else self._block(letters[self.out])

    def written_running(self, letters: Sequence[str], letter: str) -> str:
        return f"{self.size} · {self._block(letters[self.out])} + {letter}"

    def written_running_at(self, index: Index, letter: str) -> str:
        return written_sum(letter, index[self.out] // self.per * self.size)

    def to_json(self) -> dict[str, Any]:
        return {"block": self.out, "per": self.per, "size": self.size}

    def _block(self, letter: str) -> str:
        return letter if self.per == 1 else f"⌊{letter} / {self.per}⌋"


@dataclass(frozen=True)
class AxisShare(PartOfAxis):
    """Share number ``index`` along axis ``out`` of an axis that is cut into ``of``; neighbouring ones may overlap."""

    out: int
    of: int
    running_letter: str = "u"

    def indices(self, size: int, index: Index) -> range:
        return range(index[self.out] * size // self.of, -(-(index[self.out] + 1) * size // self.of))

    def to_json(self) -> dict[str, Any]:
        return {"share": self.out, "of": self.of}


@dataclass(frozen=True)
class LandingIndices(PartOfAxis):
    """The indices from which a kernel of ``count`` lands on the output's index along ``out``.

    Index a and place k of the kernel go to ``step * a + every * k - pad``.

    ``running_letter`` is the letter for k in a formula.
    """

    out: int
    pad: int
    step: int
    every: int
    count: int
    running_letter: str = "u"

    def taps(self, size: int, index: Index) -> range:
        """The places of the kernel that land there; the indices they land from run the other way."""
        target = index[self.out] + self.pad
        taps = [
            tap
            for tap in range(self.count)
            if (target - self.every * tap) % self.step == 0 and 0 <= (target - self.every * tap) // self.step < size
        ]
        return _evenly(taps)

    def indices(self, size: int, index: Index) -> range:
        target = index[self.out] + self.pad
        return _evenly([(target - self.every * tap) // self.step for tap in reversed(self.taps(size, index))])

    def written_running(self, letters: Sequence[str], letter: str) -> str:
        return self._from(written_sum(letters[self.out], self.pad), letter)

    def written_running_at(self, index: Index, letter: str) -> str:
        return self._from(str(index[self.out] + self.pad), letter)

    def to_json(self) -> dict[str, Any]:
        return {"landing": self.out, "pad": self.pad, "step": self.step, "every": self.every, "count": self.count}

    def taps_to_json(self) -> dict[str, Any]:
        """What the JSON form of its taps says of it."""
        return {"landed": self.out, "pad": self.pad, "step": self.step, "every": self.every}

    def _from(self, target: str, letter: str) -> str:
        running = letter if self.every == 1 else f"{self.every}{letter}"
        return f"{target} − {running}" if self.step == 1 else f"({target} − {running}) / {self.step}"


@dataclass(frozen=True)
class Taps(PartOfAxis):
    """The places of a kernel that meet the input, which has ``of`` indices there, and not its padding."""

    window: SlidingWindow | LandingIndices
    of: int

    @property
    def running_letter(self) -> str:
        return self.window.running_letter

    def indices(self, size: int, index: Index) -> range:
        return self.window.taps(self.of, index)

    def to_json(self) -> dict[str, Any]:
        return {**self.window.taps_to_json(), "of": self.of}


def _evenly(indices: Sequence[int]) -> range:
    """Indices at equal distances, as a range."""
    if not indices:
        return range(0)
    distance = indices[1] - indices[0] if len(indices) > 1 else 1
    return range(indices[0], indices[-1] + 1, distance)
