"""What an axis is called, with the sizes of the factors it is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """The name of one axis: its factors, outermost first, each with its size; ``H*d_k`` has two."""

    factors: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, symbol: str, size: int) -> Label:
        """An axis that is no product."""
        return cls(((symbol, size),))

    @property
    def text(self) -> str:
        """The name as it is shown."""
        named = [symbol for symbol, _ in self.factors if symbol != "1"]
        return "*".join(named) or "1"

    @property
    def size(self) -> int:
        """How many entries the axis has."""
        return math.prod(size for _, size in self.factors)

    def times(self, other: Label) -> Label:
        """This axis with another inside it, as a view merges the two."""
        return Label((*self.factors, *other.factors))

    def over(self, count: int) -> Label:
        """One of ``count`` equal parts: of ``3*d_model`` in three it is d_model."""
        if count == 1:
            return self
        for position, (symbol, size) in enumerate(self.factors):
            if symbol.isdigit() and size == count and len(self.factors) > 1:
                return Label((*self.factors[:position], *self.factors[position + 1 :]))
        return Label.of(f"{_bracketed(self.text)}/{count}", self.size // count)

    def repeated(self, count: int) -> Label:
        """``count`` of these one after the other: of ``d_k/2`` two are d_k."""
        symbol, size = self.factors[0]
        if len(self.factors) == 1 and symbol.endswith(f"/{count}"):
            return Label.of(symbol.removesuffix(f"/{count}"), size * count)
        return Label(((str(count), count), *self.factors))

    def plus(self, count: int) -> Label:
        """This axis with ``count`` more entries, or with fewer."""
        base, more = self.text, count
        for sign in "+-":
            stem, operator, number = base.rpartition(sign)
            if operator and number.isdigit():
                base, more = stem, count + int(sign + number)
                break
        return Label.of(f"{base}{more:+d}" if more else base, self.size + count)


ONE = Label.of("1", 1)
Labels = tuple[Label | None, ...]


def regrouped(labels: Sequence[Label | None], shape: Sequence[int], out_shape: Sequence[int]) -> list[Label | None]:
    """The axes of a view, whose numbers stand in the order they had.

    An axis is cut where its factors are, and neighbours are joined to a product. What cannot be told is None.

    Args:
        labels: of the input's axes.
        shape: of the input.
        out_shape: of the view, with as many numbers.

    Returns:
        A label for each axis of the view.
    """
    if 0 in shape:  # no numbers, and no order to follow them by
        return [None] * len(out_shape)
    factors = list(_known_factors(labels, shape))
    out: list[Label | None] = []
    for size in out_shape:
        taken: list[tuple[str | None, int]] = []
        held = 1
        # A new axis of size 1 takes nothing, an old one is taken where it was.
        while factors and (held < size or (not taken and factors[0][1] == size)):
            taken.append(factors.pop(0))
            held *= taken[-1][1]
        if held > size:  # cut in the middle of a factor: what is left of it has no name
            left = held // size if held % size == 0 else 0
            out.append(None)
            if not left:
                return out + [None] * (len(out_shape) - len(out))
            factors.insert(0, (None, left))
        elif not taken:
            out.append(ONE if size == 1 else None)
        elif any(symbol is None for symbol, _ in taken):
            out.append(None)
        else:
            out.append(_joined(taken))
    return out


def same_axes(shape: Sequence[int], out_shape: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The axes that a view leaves as they are, before and after: as many numbers stand before and in each."""
    before = {(outside, size): axis for axis, (outside, size) in enumerate(_prefixes(shape)) if size != 1}
    for out, key in enumerate(_prefixes(out_shape)):
        if key in before:
            yield before[key], out


def _prefixes(shape: Sequence[int]) -> Iterator[tuple[int, int]]:
    outside = 1
    for size in shape:
        yield outside, size
        outside *= size


def _known_factors(labels: Sequence[Label | None], shape: Sequence[int]) -> Iterator[tuple[str | None, int]]:
    for label, size in zip(labels, shape, strict=True):
        if label is None or label.size != size:
            yield None, size
        elif label != ONE:
            yield from label.factors


# Neighbours that together have a name of their own.
_TOGETHER = {("H_kv", "G"): "H", ("Hpx/p", "Wpx/p"): "N"}


def _joined(factors: Sequence[tuple[str | None, int]]) -> Label:
    known = [(symbol or "", size) for symbol, size in factors]
    for position in range(len(known) - 1):
        (first, size), (second, other) = known[position : position + 2]
        if (first, second) in _TOGETHER:
            return Label((*known[:position], (_TOGETHER[first, second], size * other), *known[position + 2 :]))
    return Label(tuple(known))


def _bracketed(text: str) -> str:
    return f"({text})" if set("*+-") & set(text) else text
