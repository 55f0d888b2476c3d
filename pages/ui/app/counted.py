"""Sentences that count something, which have one form for one thing and another for any other number of things."""

from __future__ import annotations


def counted(count: int, one: str, many: str, **values: object) -> str:
    """The sentence for this many things, e.g. ``counted(3, "{count} sentence", "{count} sentences")``.

    Args:
        count: how many things there are.
        one: the whole sentence for exactly one thing.
        many: the whole sentence for any other number, none included.
        **values: what stands at the other named places of the sentence, already safe to show.

    Returns:
        The sentence, with ``count`` and ``values`` at their places; a large count has commas.
    """
    return (one if count == 1 else many).format(count=f"{count:,}", **values)
