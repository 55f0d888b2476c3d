"""The walk back from an element: by hand, through fused calls, and through what is not known."""

from __future__ import annotations

import random

import pytest
import torch
from torch.nn import functional as F

from engine import ops, record
from engine.explain.walk import elements_read, walk
from tests.engine.ops.test_registry import EXAMPLES, examples, last

X = torch.arange(12.0).view(3, 4)


def leaf(walked, name):
    (reached,) = [leaf for leaf in walked.leaves if leaf.tensor.name == name]
    return reached.elements.int().tolist()


def test_a_product_read_one_row_and_one_column():
    def program(x, y):
        shifted = x + 1
        product = shifted @ y
        return product

    trace = record(program, X, torch.ones(4, 2))
    walked = walk(trace, trace.find("product"), (1, 0))
    assert walked.steps[0].elements.int().tolist() == [[0] * 4, [1] * 4, [0] * 4]
    assert leaf(walked, "x") == [[0] * 4, [1] * 4, [0] * 4]
    assert leaf(walked, "y") == [[1, 0]] * 4
    assert (walked.insides, walked.whole) == ({}, {})


def test_a_step_that_two_read_has_what_either_read():
    trace = record(lambda x: (x * 2)[0] + (x * 3)[2], X)
    assert leaf(walk(trace, trace.steps[-1], (3,)), "x") == [[0, 0, 0, 1], [0] * 4, [0, 0, 0, 1]]


def test_a_mask_of_elements_begins_a_walk_as_well():
    trace = record(lambda x: x.t(), X)
    begun = torch.zeros(4, 3, dtype=torch.bool)
    begun[0] = True
    assert leaf(walk(trace, trace.steps[-1], begun), "x") == [[1, 0, 0, 0]] * 3


def test_fused_attention_is_gone_through_along_its_inside():
    def attend(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    trace = record(attend, *(torch.randn(1, 3, 2) for _ in range(3)))
    walked = walk(trace, trace.steps[-1], (0, 1, 0))
    inner = trace.steps[-1].inside
    assert walked.insides[0].steps[inner.find("weights").index].elements.int().tolist() == [[[0] * 3, [1] * 3, [0] * 3]]
    assert leaf(walked, "q") == [[[0, 0], [1, 1], [0, 0]]]
    # Hidden keys are read: softmax gives them the weight 0, and the product takes them along.
    assert leaf(walked, "k") == [[[1, 1]] * 3]
    assert leaf(walked, "v") == [[[1, 0]] * 3]


def test_an_unknown_operation_is_gone_through_to_everything_it_was_given_and_says_so():
    square = torch.eye(3) + 1
    trace = record(lambda x: torch.linalg.inv(x * 2)[0], square)
    walked = walk(trace, trace.steps[-1], (1,))
    assert leaf(walked, "x") == [[1] * 3] * 3
    assert list(walked.whole) == [1]
    assert walked.whole[1].startswith("the arithmetic of linalg_inv is not known here")


def test_memory_that_was_overwritten_since_is_gone_through_and_says_so():
    def program(x):
        y = x * 2
        z = y.sum(1)
        return z, y

    trace = record(program, X.clone())
    trace.output[1].zero_()
    walked = walk(trace, trace.find("z"), (0,))
    assert set(walked.steps) == {0, 1}
    assert "written to after the recording" in walked.whole[1]
    assert leaf(walked, "x") == [[1] * 4] * 3


@pytest.mark.parametrize("index", [(3, 0), (0, -1), (0,), ()])
def test_there_is_no_walk_from_an_element_that_there_is_not(index):
    trace = record(lambda x: x + 1, X)
    with pytest.raises(IndexError, match=r"an index of a tensor of shape \(3, 4\) has a number for each axis"):
        walk(trace, trace.steps[-1], index)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_several_elements_read_is_what_each_of_them_reads(name):
    draw = random.Random(name)
    for program, tensors in examples(name, 2):
        _, step = last(program, *tensors)
        for parent, read in zip(step.inputs, ops.reads(step), strict=True):
            chosen = torch.tensor([draw.random() < 0.4 for _ in range(step.value.numel())], dtype=torch.bool)
            chosen = chosen.reshape(step.shape)
            expected = torch.zeros(parent.value.shape, dtype=torch.bool)
            for index in chosen.nonzero().tolist():
                for cell in read.cells(tuple(index)):
                    expected[cell] = True
            assert torch.equal(elements_read(read, chosen, parent.value.shape), expected)
