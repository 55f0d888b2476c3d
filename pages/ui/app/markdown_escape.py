"""Texts that people bring (tokens, values in a link, paths) inside Markdown, shown as exactly what they are."""

from __future__ import annotations

import re

_RUNS = re.compile("`+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def code(text: str) -> str:
    """The text as a code span, the one place where Markdown, HTML, icons and links all mean nothing."""
    text = visible(text)
    fence = "`" * (max(map(len, _RUNS.findall(text)), default=0) + 1)
    # One space at either side is taken away again, and keeps a backtick of the text off the fence.
    padding = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) or not text else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def escaped(text: str) -> str:
    """The text with every mark that Markdown could read made a plain one, for sentences that hold somebody's words."""
    return _PUNCTUATION.sub(r"\\\1", visible(text))


def visible(text: str) -> str:
    """The text with what cannot be seen, or would move what can, written out: ``\\u202e`` and its like."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def short_text(text: str, most: int = 60) -> str:
    """The text, or its beginning where it is long: a link can bring any amount of it."""
    return text if len(text) <= most else text[:most] + "…"
