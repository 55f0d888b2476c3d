"""Sentences that count something, which have one form for one thing and another for any other number of things."""

from __future__ import annotations


def counted(count: int, singular: str, plural: str, **values: object) -> str:
    """The sentence for this many things, e.g. ``counted(3, "{count} sentence", "{count} sentences")``.

    Args:
        count: how many things there are.
        singular: the whole sentence for exactly one thing.
        plural: the whole sentence for any other number, none included.
        **values: what stands at the other named places of the sentence, already safe to show.

    Returns:
        The sentence, with ``count`` and ``values`` at their places; a large count has commas.
    """
    return (singular if count == 1 else plural).format(count=f"{count:,}", **values)
