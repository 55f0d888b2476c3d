"""Greedy decoding against sentences that are written by hand."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.pretrained.greedy import greedy

BEGIN, END = 1, 2


def writer(sentences: list[list[int]]):
    """Chooses the next token of fixed sentences, and keeps what it was asked with."""
    asked: list[Tensor] = []

    def likeliest(tokens: Tensor) -> Tensor:
        asked.append(tokens)
        return torch.tensor([row[tokens.size(1) - 1] for row in sentences])

    return likeliest, asked


def begin(count: int) -> Tensor:
    return torch.full((count, 1), BEGIN)


def test_each_token_is_chosen_after_all_before_it():
    likeliest, asked = writer([[5, 6, END, 9]])
    assert greedy(likeliest, begin(1), END, 4).tolist() == [[5, 6, END]]
    assert [tokens.tolist() for tokens in asked] == [[[BEGIN]], [[BEGIN, 5]], [[BEGIN, 5, 6]]]


def test_it_goes_on_until_every_sentence_has_its_end():
    likeliest, _ = writer([[END, 7, 7, 7], [5, 6, END, 7]])
    assert greedy(likeliest, begin(2), END, 4).tolist() == [[END, 7, 7], [5, 6, END]]


def test_without_an_end_it_writes_as_many_as_it_may():
    likeliest, _ = writer([[END, END, 3]])
    assert greedy(likeliest, begin(1), None, 3).tolist() == [[END, END, 3]]
    assert greedy(likeliest, begin(1), None, 0).shape == (1, 0)


@given(st.lists(st.lists(st.integers(3, 9), min_size=6, max_size=6), min_size=1, max_size=4), st.integers(0, 6))
def test_no_more_tokens_are_written_than_allowed(sentences, most):
    likeliest, asked = writer(sentences)
    assert greedy(likeliest, begin(len(sentences)), END, most).tolist() == [row[:most] for row in sentences]
    assert len(asked) == most
