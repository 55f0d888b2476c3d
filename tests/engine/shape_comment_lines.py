"""The comments of a program, its lines that have a shape comment, and what such a comment must agree with."""

import math
import tokenize
from pathlib import Path

from engine.record.axis_names.comments import shape_comment


def comments_of(path):
    """Every comment of a file, with its line."""
    with tokenize.open(path) as text:
        for token in tokenize.generate_tokens(text.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def commented_lines(files):
    """The file and the number of every line with a shape comment."""
    return [(str(path), line) for path in files for line, comment in comments_of(path) if shape_comment(comment)]


def symbols_of(files):
    """Every symbol of the shape comments, with the comment it stands in; a product as its factors."""
    for path in files:
        for _, comment in comments_of(path):
            for symbol in shape_comment(comment) or ():
                yield from ((factor, comment) for factor in symbol.split("*"))


def hold_shape_comments(trace, sizes, *, unknown=()):
    """Every step of a trace has a shape comment, and its shape is what the comment says.

    Args:
        trace: what was recorded.
        sizes: what each symbol is.
        unknown: symbols whose size no setting says.
    """
    for step in trace.steps:
        where = f"{step.full_name} at {Path(step.source.file).name}:{step.source.line}"
        assert step.source.comment_axes is not None, f"no shape comment: {where}"
        assert None not in step.axes, where
        for symbol, size in zip(step.axes, step.shape, strict=True):
            if symbol not in unknown:
                assert math.prod(sizes[factor] for factor in symbol.split("*")) == size, f"{symbol}: {where}"
