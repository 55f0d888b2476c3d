"""What a run found, as text for the terminal and as Markdown for ``docs/``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.interleaved import Spread


@dataclass(frozen=True)
class Goal:
    """What a figure should be. ``says`` names it: ``÷ floor ≤ 1.15``."""

    says: str
    met: bool

    def __str__(self) -> str:
        return f"{self.says}: {'met' if self.met else 'not met'}"


def at_most(what: str, found: float, limit: float, unit: str = "") -> Goal:
    return Goal(f"{what} ≤ {limit:g}{unit}", found <= limit)


def at_least(what: str, found: float, limit: float, unit: str = "") -> Goal:
    return Goal(f"{what} ≥ {limit:g}{unit}", found >= limit)


@dataclass(frozen=True)
class Row:
    """One contestant in one case: a cell for each column but the last, which says the goals."""

    cells: Sequence[str]
    goals: Sequence[Goal] = ()


@dataclass(frozen=True)
class Section:
    """One subject: what was compared, the figures, and what to know when reading them."""

    title: str
    says: str
    columns: Sequence[str]
    rows: Sequence[Row]
    notes: Sequence[str] = field(default=())

    @property
    def goals(self) -> list[Goal]:
        return [goal for row in self.rows for goal in row.goals]

    def _lines(self) -> list[list[str]]:
        last = ["goal"] if self.goals else []
        body = [[*row.cells, *(["; ".join(map(str, row.goals))] if last else [])] for row in self.rows]
        return [[*self.columns, *last], *body]


def ratio(spread: Spread) -> str:
    """``1.24 (1.22–1.31)``: the median, and the quartiles between which half of the rounds lie."""
    return f"{_short(spread.median)} ({_short(spread.low)}–{_short(spread.high)})"


def milliseconds(seconds: float) -> str:
    return f"{_short(1e3 * seconds)} ms"


def megabytes(nbytes: float) -> str:
    return f"{nbytes / 1e6:.1f} MB"


def as_text(heading: Sequence[str], sections: Iterable[Section]) -> str:
    """For a terminal: every column as wide as its widest cell."""
    parts = ["\n".join(heading)]
    for section in sections:
        lines = section._lines()
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        rule = "  ".join("─" * width for width in widths)
        parts.append("\n".join([section.title.upper(), section.says, "", table[0], rule, *table[1:], *section.notes]))
    return "\n\n".join(parts)


def as_markdown(heading: Sequence[str], sections: Iterable[Section]) -> str:
    """A page for ``docs/``."""
    parts = ["# Benchmarks", "\n".join(f"- {line}" for line in heading)]
    for section in sections:
        lines = [[cell.replace("|", "\\|") for cell in line] for line in section._lines()]
        body = ["| " + " | ".join(line) + " |" for line in lines]
        body.insert(1, "|" + "---|" * len(lines[0]))
        parts += [f"## {section.title}", section.says, "\n".join(body), *section.notes]
    return "\n\n".join(parts) + "\n"


def verdict(sections: Iterable[Section]) -> str:
    """How many goals are met, and which are not: ``not met: B: ÷ plain ≤ 1.05``."""
    goals = [(row.cells[0], goal) for section in sections for row in section.rows for goal in row.goals]
    missed = [f"\nnot met: {what}: {goal.says}" for what, goal in goals if not goal.met]
    return f"{len(goals) - len(missed)} of {len(goals)} goals met" + "".join(missed)


def _short(number: float) -> str:
    """Three digits that count, and no more decimals than they need."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def _width(text: str) -> int:
    """How many columns a terminal needs for it."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
