"""The comments of a program, and its lines that have a shape comment."""

import tokenize

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
