"""What a sentence calls an element: by the names of its axes and the tokens that stand there."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ops.notation import number, sentence_name
from engine.record.trace import Leaf, Step, Trace


def describe_element(trace: Trace, parent: Step | Leaf, index: Sequence[int | range | None]) -> str:
    """An element by the names of its axes, ``scores[B=0, H=1, S=2 “go”, S=3 “home”]``.

    Args:
        trace: where the tokens stand that are named.
        parent: the tensor, or a number given in a call.
        index: an entry for each axis: a position, a range of them (``0..2``), or None for the whole axis.
    """
    if isinstance(parent, Leaf) and parent.kind == "argument":
        return number(parent.value)
    axes = parent.axes or (None,) * len(index)
    entries = [_entry(trace, axes, index, axis) for axis in range(len(index))]
    return f"{sentence_name(parent)}[{', '.join(entries)}]" if entries else sentence_name(parent)


def token_at(
    trace: Trace,
    axes: Sequence[str | None],
    index: Sequence[int | range | None],
    symbol: str | None,
    position: int,
) -> str | None:
    """The token at a position along an axis of tokens, None where there is none to name.

    Args:
        trace: the trace that knows the texts.
        axes: the symbols of the tensor's axes.
        index: the element, or the part of it that is known.
        symbol: of the axis of tokens.
        position: along that axis.

    Returns:
        The token as it was written.
    """
    words: Sequence[str | tuple[str, ...]] = trace.labels.get(symbol, ()) if symbol else ()
    if words and isinstance(words[0], tuple):  # one list of tokens for each sentence
        row = index[axes.index("B")] if "B" in axes else 0 if len(words) == 1 else None
        words = words[row] if isinstance(row, int) and row < len(words) else ()
    word = words[position] if position < len(words) else None
    return word if isinstance(word, str) else None


def table_token(trace: Trace, table: Step | Leaf, row: int) -> str | None:
    """The token of the vocabulary whose vector is this row of a table, None where the table has another length.

    Args:
        trace: the trace that knows the vocabulary.
        table: the tensor whose rows are vectors of tokens.
        row: the row's number.

    Returns:
        The token as it was written.
    """
    words = trace.labels.get("V", ())
    word = words[row] if len(words) == table.value.shape[0] else None
    return word if isinstance(word, str) else None


def _entry(trace: Trace, axes: Sequence[str | None], index: Sequence[int | range | None], axis: int) -> str:
    symbol, position = axes[axis], index[axis]
    if position is None:
        return f"every {symbol}" if symbol else "every"
    if isinstance(position, range) and len(position) > 1:
        first, last = position[0], position[-1]
        between = f"{first}, {position[1]}..{last}" if len(position) > 2 else f"{first}, {last}"
        text, word = f"{first}..{last}" if position.step == 1 else between, None
    else:
        at = position.start if isinstance(position, range) else position
        text, word = str(at), token_at(trace, axes, index, symbol, at)
    # An axis "1" has a single entry, and nothing to be named.
    named = f"{symbol}={text}" if symbol and symbol != "1" else text
    return f"{named} “{word}”" if word else named
