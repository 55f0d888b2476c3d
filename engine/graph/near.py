"""Which of very many things in a row are shown: those near the one that a person looks at."""

from __future__ import annotations


def slice_near(count: int, at: int, most: int) -> slice:
    """The part of a row that is shown around one of its members.

    It stays the same for several members that follow each other, so that what is drawn need not move at every step.

    Args:
        count: how many members the row has.
        at: the position of the member that must be among them.
        most: how many are shown at the most; an even number.

    Returns:
        A slice of the row; all of it where it has no more than ``most``.
    """
    if count <= most:
        return slice(0, count)
    # Windows of `most` that begin every half of it: a quarter of one, at least, lies on either side of the member.
    half = most // 2
    start = min(max((at - half // 2) // half * half, 0), count - most)
    return slice(start, start + most)
