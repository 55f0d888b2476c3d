"""A comment that can't be true is never shown as truth."""

import pytest
import torch
from torch import nn

from engine import record

X = torch.rand(10, 20, 512)


class Attention(nn.Module):
    def __init__(self, num_heads):
        super().__init__()
        self.num_heads = num_heads

    def forward(self, x):
        query = x.view(10, 20, 8, 64)  # (B, num_heads, L, d_k)
        return query


def test_the_modules_own_setting_speaks_against_a_comment():
    (step,) = record(Attention(8), X).steps
    assert step.axes == (None, None, None, None)
    assert step.axes_contradiction == (
        "The comment (B, num_heads, L, d_k) can't be true of shape (10, 20, 8, 64): "
        "num_heads is 8 in this module, not 20."
    )


def test_a_comment_that_the_modules_setting_agrees_with_is_shown():
    (step,) = record(Attention(20), X).steps
    assert (step.axes, step.axes_contradiction) == (("B", "H", "L", "d_k"), None)


def test_the_rest_of_the_line_speaks_against_a_comment():
    def split(x, num_heads):
        batch, length, width = x.shape
        query = x.view(batch, length, num_heads, width // num_heads)  # (B, num_heads, L, d_k)
        return query * 2

    query, doubled = record(split, X, 8).steps
    assert query.axes == doubled.axes == ("B", "L", "H", "d_k")
    assert "can't be true of shape (10, 20, 8, 64)" in query.axes_contradiction
    assert doubled.axes_contradiction is None


def wrong_rank(x):
    return x * 1  # (B, D)


def another_number(x):
    return x * 1  # (B, 21, D)


def one_that_is_not(x):
    return x * 1  # (B, 1, D)


def twice(x):
    return x * 1  # (B, D, D)


def arithmetic(x):
    return x * 1  # (B, L, 3*L)


@pytest.mark.parametrize(
    ("program", "part"),
    [
        (wrong_rank, "The comment (B, D) names 2 axes, but this tensor of shape (10, 20, 512) has 3."),
        (another_number, "it says 21 where there are 20."),
        (one_that_is_not, "it says 1 where there are 20."),
        (twice, "D would be both 20 and 512."),
        (arithmetic, "it says 3*L = 60 where there are 512."),
    ],
)
def test_the_sentence_says_which_part_cannot_be(program, part):
    (step,) = record(program, X).steps
    assert step.axes == (None, None, None)
    assert step.axes_contradiction.endswith(part)


def test_a_symbol_with_two_sizes_in_one_function_is_a_hint_and_both_stay():
    def program(x):
        whole = x * 1  # (B, L, D)
        begin = whole[:, :5]  # (B, L, D)
        return begin

    whole, begin = record(program, X).steps
    assert whole.axes == begin.axes == ("B", "L", "D")
    assert whole.axes_contradiction is None
    assert begin.axes_contradiction == (
        "The comment (B, L, D) gives L 5 entries, a comment before it in the same function 20."
    )


def test_the_same_function_run_twice_on_other_lengths_contradicts_nothing():
    def inner(x):
        return x * 1  # (B, L, D)

    def program(x):
        return inner(x), inner(x[:, :5])

    assert [step.axes_contradiction for step in record(program, X).steps] == [None, None, None]


def test_true_comments_contradict_nothing():
    def program(x):
        query = x.view(10, 20, 8, 64)  # (B, L, H, d_k)
        query = query.transpose(1, 2)  # (B, H, L, d_k)
        merged = query.transpose(1, 2).reshape(10, 20, 512)  # (B, L, H*d_k)
        return merged

    steps = record(program, X).steps
    assert [step.axes_contradiction for step in steps] == [None] * 4
    assert [step.axes_disagree for step in steps] == [()] * 4
