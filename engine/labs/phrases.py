"""Phrases whose wording depends on a number."""

from __future__ import annotations


def by_count(count: int, singular: str, plural: str) -> str:
    """The phrase for this count: ``by_count(2, "{count} row", "{count} rows")`` is "2 rows".

    Args:
        count: how many things there are.
        singular, plural: the phrase for one and for any other number.
    """
    return (singular if count == 1 else plural).format(count=count)
