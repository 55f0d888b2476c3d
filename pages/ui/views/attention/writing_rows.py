"""The rows of the decoder: what was read there, and what the model writes next."""

from __future__ import annotations

from engine import Config, Trace
from pages.ui.app.markdown_escape import visible
from pages.ui.views.tensor_panels import tokens_along

CAPTION = "A row of the target is named by what the decoder has just read → what it writes after it."
_ROW = "{read} → {written}"


def writes(trace: Trace) -> bool:
    """Whether what the model writes means something: of random weights it does not."""
    return isinstance(trace.config, Config) and trace.config.weights == "trained"


def query_names(trace: Trace, symbol: str | None, sentence: int) -> tuple[str, ...] | None:
    """What each row of an attention is called.

    Args:
        trace: the trace whose tokens these are.
        symbol: the axis of the queries.
        sentence: its place in the batch.

    Returns:
        A name for each row: the token that was read, and in a trained decoder the likeliest next one after it; None
        for an axis along which nothing is named.
    """
    read = tokens_along(trace, symbol, sentence)
    if read is None or symbol != "T" or not writes(trace):
        return read
    vocabulary = tokens_along(trace, "V", sentence)
    if vocabulary is None:
        return read
    best = trace.find("logits").value[sentence].argmax(dim=-1).tolist()
    return tuple(
        _ROW.format(read=token, written=visible(vocabulary[index])) for token, index in zip(read, best, strict=True)
    )
