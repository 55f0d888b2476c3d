"""The axes in a shape comment, in the ways in which people write them.

``# (B, H, L, d_k)``, ``# [batch, seq-len, d_model]``, ``# B x L x 3*D``, ``# (배치, 길이)``, ``# (B, L) -> (L, B)``.
Brackets in a sentence, as in ``# use (a, b, c) here``, are not read as axes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.axes import symbol_for

_GROUP = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_ARROW = re.compile(r"->|→|⇒|=>")
_WORD = r"[^\W\d]\w*"
_FACTOR = rf"(?:{_WORD}|\d+)"
# d_model, 64, 3*D, H·d_k, d_model//h, L+1, 2D
_ITEM = re.compile(rf"\d*{_FACTOR}(?:\s*(?:\*|·|×|//?|\+|-)\s*{_FACTOR})*")
_SPACED = re.compile(rf"{_WORD}(?:[ -]{_WORD}){{1,2}}")
_BARE = re.compile(rf"{_FACTOR}(?:\s+[x×]\s+(?:{_FACTOR}|\d*\*?{_FACTOR}))+")
# What a shape stands behind: a name with a colon, "of shape", "is", an arrow.
_INTRODUCED = re.compile(
    r"(?:^|[:;,=)\]]|\b(?:shapes?|sizes?|dims?|dimensions|is|are|now|becomes?|returns?|gives?|to|형태|크기|모양))\s*$",
    re.IGNORECASE,
)
_ENDINGS = frozenset(
    [
        "size",
        "length",
        "len",
        "dim",
        "dims",
        "dimension",
        "heads",
        "head",
        "width",
        "height",
        "channels",
        "features",
        "tokens",
        "patches",
        "experts",
        "positions",
        "vocab",
        "vocabulary",
        "queries",
        "keys",
    ]
)


def shape_comment(comment: str) -> tuple[str, ...] | None:
    """The axes named in a comment such as ``# (B, H, L, d_k)``; after an arrow, those on its right.

    Where nothing on the right of the arrow is a shape, ``# (B, L, D) -> …``, those on its left.
    """
    parts = _ARROW.split(comment.lstrip("#"))
    for part in reversed(parts):
        for axes in _shapes(part):
            return axes
    return None


def is_shape_alone(comment: str) -> bool:
    """Whether a comment says a shape and nothing else, so that it may stand on the line above."""
    text = comment.lstrip("#").strip()
    text = re.sub(rf"^{_WORD}\s*[:=]\s*", "", text)
    group = _GROUP.fullmatch(text)
    return shape_comment(comment) is not None and (group is not None or _BARE.fullmatch(text) is not None)


def _shapes(text: str) -> Iterator[tuple[str, ...]]:
    """Every shape in a part of a comment."""
    for group in _GROUP.finditer(text):
        inside = group[1].strip()
        items = re.split(r"\s+[x×]\s+", inside) if _BARE.fullmatch(inside) else inside.split(",")
        axes = _axes([item.strip() for item in items if item.strip()])
        if axes is not None and _is_shape(axes, text[: group.start()], text[group.end() :]):
            yield axes
    if not _GROUP.search(text):
        bare = _BARE.search(text)
        if bare is not None:
            axes = _axes(re.split(r"\s+[x×]\s+", bare[0]))
            outside = (text[: bare.start()] + text[bare.end() :]).strip()
            if axes is not None and all(map(_looks_like_an_axis, axes)) and (not outside or all(map(_known, axes))):
                yield axes


def _axes(items: list[str]) -> tuple[str, ...] | None:
    axes = []
    for item in items:
        if _SPACED.fullmatch(item) and _is_a_name(item):
            axes.append(re.sub(r"[ -]", "_", item))
        elif _ITEM.fullmatch(item):
            axes.append(_tight(item))
        else:
            return None
    return tuple(axes) or None


def _tight(item: str) -> str:
    """A product as it is shown: without spaces, with one sign for times."""
    text = re.sub(r"\s+", "", item).replace("·", "*").replace("×", "*")
    return re.sub(rf"^(\d+)({_WORD})", r"\1*\2", text)


def _is_a_name(item: str) -> bool:
    """Whether several words are the name of an axis: ``batch size``, ``seq-len``, not ``see figure``."""
    if "-" in item and " " not in item and re.fullmatch(r"[A-Z]-[A-Z]", item):
        return False  # a difference
    words = re.split(r"[ -]", item)
    named = words[-1].lower() in _ENDINGS or words[0].lower() in ("num", "number", "n")
    return not item.isascii() or named or symbol_for("_".join(words)) is not None


def _is_shape(axes: tuple[str, ...], before: str, after: str) -> bool:
    """Whether a bracket is a shape and not part of a sentence."""
    if all(map(_known, axes)):
        return True
    if len(axes) == 1:
        return _looks_like_an_axis(axes[0]) and _INTRODUCED.search(before) is not None
    if _INTRODUCED.search(before) is not None:
        return True
    # q (N, L, E), and nothing more
    alone = re.fullmatch(rf"\s*{_WORD}\s*", before) is not None and not after.strip(" .,;")
    return alone and all(map(_looks_like_an_axis, axes))


def _known(item: str) -> bool:
    words = re.findall(_WORD, item)
    return all(symbol_for(word) is not None or word in _SYMBOLS for word in words) and (bool(words) or item.isdigit())


def _looks_like_an_axis(item: str) -> bool:
    return _known(item) or any(letter.isupper() or letter.isdigit() or letter == "_" for letter in item)


_SYMBOLS = frozenset("BLSTHVDCNPFEK") | frozenset(("L_k", "d_v", "Hpx", "Wpx"))
