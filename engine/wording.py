"""Whole sentences for people: about one thing or many, and with the names of several things in them."""

from __future__ import annotations

from collections.abc import Iterable

_AND = ("{first} and {last}", "{others} and {last}")
_OR = ("{first} or {last}", "{others} or {last}")


def counted(count: int, singular: str, plural: str, **values: object) -> str:
    """The text about so many things, e.g. ``counted(3, "{count} row", "{count} rows")``.

    Args:
        count: how many things there are.
        singular: the whole text for exactly one thing.
        plural: the whole text for any other number, none included.
        **values: what stands at the other named places of the text, already safe to show.

    Returns:
        The text, with ``count`` and ``values`` at their places; a large count has commas.
    """
    return (singular if count == 1 else plural).format(count=f"{count:,}", **values)


def conjunction(names: Iterable[str]) -> str:
    """All of some things: ``a``, ``a and b`` or ``a, b and c``; empty where there are none."""
    return _enumerated(tuple(names), *_AND)


def disjunction(names: Iterable[str]) -> str:
    """One of some things: ``a``, ``a or b`` or ``a, b or c``; empty where there are none."""
    return _enumerated(tuple(names), *_OR)


def _enumerated(names: tuple[str, ...], of_two: str, of_several: str) -> str:
    if len(names) < 2:
        return "".join(names)
    if len(names) == 2:
        return of_two.format(first=names[0], last=names[1])
    return of_several.format(others=", ".join(names[:-1]), last=names[-1])
