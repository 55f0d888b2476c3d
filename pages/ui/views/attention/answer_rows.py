"""The rows of an attention: in a decoder what is written there and what was read before, elsewhere the token."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from engine import Trace
from engine.text import tokenizer
from pages.ui.app.markdown_escape import visible
from pages.ui.views.row_names import next_tokens, row_name
from pages.ui.views.tensor_panels import tokens_along

_PAD = tokenizer.SPECIALS[tokenizer.PAD]
_WRITING = "Writing {written}, having read {read}"
_LOOKS, _NUMBERED = "What {token} looks at", "What row {number} looks at"


@dataclass(frozen=True)
class AttentionRow:
    """One row of an attention.

    Attributes:
        token: the token that stands there: in a decoder the one that was read last; "" where nothing is named.
        sentence: what happens at this row, a sentence.
        name: the same in two or three words.
        written: the likeliest next token; None where the model writes none there.
        share: its probability.
        ranked: all tokens with their probabilities, the likeliest first.
    """

    token: str
    sentence: str
    name: str
    written: str | None = None
    share: float = 0.0
    ranked: tuple[tuple[str, float], ...] = ()


def rows_of(trace: Trace, symbol: str | None, sentence: int, count: int) -> tuple[AttentionRow, ...]:
    """The rows of an attention, without those of padding.

    Args:
        trace: the trace whose tokens these are.
        symbol: the axis of the queries.
        sentence: its place in the batch.
        count: the size of that axis.
    """
    tokens = tokens_along(trace, symbol, sentence)
    if tokens is None:
        return tuple(AttentionRow("", _NUMBERED.format(number=n), str(n)) for n in range(count))
    tokens = tokens[: tokens.index(_PAD)] if _PAD in tokens[1:] else tokens
    rows = next_tokens(trace, sentence) if symbol == "T" else None
    vocabulary = tokens_along(trace, "V", sentence)
    if rows is None or vocabulary is None:
        return tuple(AttentionRow(token, _LOOKS.format(token=visible(token)), visible(token)) for token in tokens)
    return tuple(_written(tokens[: n + 1], row, vocabulary) for n, row in zip(range(len(tokens)), rows, strict=False))


def query_names(trace: Trace, symbol: str | None, sentence: int) -> tuple[str, ...] | None:
    """What each row of a tensor of attention is called, padding included; None where nothing is named.

    Args:
        trace: the trace whose tokens these are.
        symbol: the axis of the queries.
        sentence: its place in the batch.
    """
    tokens = tokens_along(trace, symbol, sentence)
    if tokens is None:
        return None
    rows = rows_of(trace, symbol, sentence, len(tokens))
    return (*(row.name for row in rows), *tokens[len(rows) :])


def _written(read: tuple[str, ...], row: Tensor, vocabulary: tuple[str, ...]) -> AttentionRow:
    ordered = row.sort(descending=True, stable=True)
    pairs = zip(ordered.indices.tolist(), ordered.values.tolist(), strict=True)
    ranked = tuple((visible(vocabulary[index]), share) for index, share in pairs)
    (written, share), last = ranked[0], visible(read[-1])
    return AttentionRow(
        token=read[-1],
        sentence=_WRITING.format(written=written, read=visible(joined(read))),
        name=row_name(written, last),
        written=written,
        share=share,
        ranked=ranked,
    )


def joined(tokens: tuple[str, ...]) -> str:
    """Tokens as one text: characters side by side, words with spaces."""
    is_spelled = all(len(token) == 1 or token.startswith("⟨") for token in tokens)
    return ("" if is_spelled else " ").join(tokens)
