"""What a learner might take the shape of a line for, made from the sizes by the usual mistakes."""

from __future__ import annotations

from engine.labs.notebook import VOCABULARY, NotebookLine

Shape = tuple[int, ...]

_MOST = 4


def options(line: NotebookLine, batch: int, length: int, d_model: int, heads: int) -> tuple[Shape, ...]:
    """The shape of the line and up to three others, in an order that says nothing.

    Empty where the line made nothing, and for the keys and values, which only repeat what the queries did.

    Args:
        line: whose shape is asked for.
        batch, length, d_model, heads: of ``replay``.
    """
    mistaken = _mistaken(line, batch, length, d_model, heads)
    if line.step is None or not mistaken:
        return ()
    right = line.step.shape
    # Where sizes agree, several mistakes give the right shape; then an axis lost or gained.
    wrong = dict.fromkeys((*mistaken, right[:-1], (*right, 1), (1, *right)))
    others = [shape for shape in wrong if shape != right]
    return tuple(sorted([right, *others[: _MOST - 1]]))


def _mistaken(line: NotebookLine, b: int, n: int, d: int, h: int) -> list[Shape]:
    """The likeliest first. Beside each is what a person may have thought."""
    k = d // h
    rows, cut, heads, grid = (b, n, d), (b, n, h, k), (b, h, n, k), (b, h, n, n)
    shapes: dict[str, list[Shape]] = {
        # lengths first; one-hot; one long row
        "batch tensor": [(n, b), (b, n, VOCABULARY), (b * n,)],
        # one vector for a sentence; one-hot; features before tokens
        "embedded embedding": [(b, d), (b, n, VOCABULARY), (b, d, n)],
        # one head's width; cut already; the weight's shape
        "q linear": [(b, n, k), heads, (d, d)],
        # straight into the shape that is wanted; sizes changed over; every head as wide as the model
        "q view": [heads, (b, n, k, h), (b, n, h, d)],
        # nothing happened; the last two axes; counted from 1
        "q transpose": [cut, (b, n, k, h), (h, n, b, k)],
        # nothing happened; axes 1 and 2; all axes reversed, as .T does
        "k_t transpose": [heads, cut, (k, n, h, b)],
        # the shape of q; features against features; the heads summed up
        "scores matmul": [heads, (b, h, k, k), (b, n, n)],
        # the shape of q; one number for a query; the heads summed up
        "scaled div": [heads, (b, h, n), (b, n, n)],
        # the axis is summed away; the shape of q; one number for a key
        "weights softmax": [(b, h, n), heads, (b, h, 1, n)],
        # the shape of the weights; merged already; transposed
        "mixed matmul": [grid, rows, (b, h, k, n)],
        # nothing happened; merged already; the last two axes
        "moved transpose": [heads, rows, (b, h, k, n)],
        # merged already; moved back; heads and tokens in one axis
        "packed contiguous": [rows, heads, (b, n * h, k)],
        # nothing merged; one head's width; a row for each head
        "concat view": [cut, (b, n, k), (b, h, d)],
        # one vector for a sentence; a score for each word; cut again
        "output linear": [(b, d), (b, n, VOCABULARY), cut],
    }
    return shapes.get(" ".join(line.deed), [])
