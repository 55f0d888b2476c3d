"""What a block calls the tensors it is given, where their makers call two of them the same."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from engine.graph.strip_box import StripBox
from engine.record.trace import Trace


def told_apart(trace: Trace, boxes: Sequence[StripBox]) -> list[StripBox]:
    """The boxes of a block, where tensors of one name that it only reads have the names of its own program.

    Both inputs of a cross-attention come out of a norm, which calls them ``shifted``; the attention calls the one
    ``query_input`` and the other ``memory``.

    Args:
        trace: what the boxes are of.
        boxes: those of one block.

    Returns:
        As many boxes. A tensor whose first reader is no call on it alone keeps the name that its maker gave it.
    """
    given = Counter(box.name for box in boxes if not box.op and not box.is_failed)
    named = list(boxes)
    for reader in boxes:
        if reader.step is None or reader.folded or len(reader.parents) != 1:
            continue
        [parent] = reader.parents
        # The first reader names it: then it no longer has its maker's name.
        if not boxes[parent].op and given[boxes[parent].name] > 1 and named[parent] is boxes[parent]:
            source = trace.steps[reader.step].source
            argument = None if source is None else _only_argument(source.expression)
            named[parent] = replace(boxes[parent], name=argument or boxes[parent].name)
    return named


def _only_argument(expression: str) -> str | None:
    """The variable that a call hands over, where that is all that it hands over."""
    try:
        call = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return None
    match call:
        case ast.Call(args=[ast.Name(id=name)], keywords=[]):
            return name
        case _:
            return None
