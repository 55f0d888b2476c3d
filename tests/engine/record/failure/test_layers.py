"""What a failed norm or loss says, and that the nearest thing which works does."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine import record


def failure_of(function, *given):
    with pytest.raises((RuntimeError, IndexError)) as raised:
        record(function, *given)
    return raised.value.trace.failure


@pytest.mark.parametrize("kind", [nn.LayerNorm, nn.RMSNorm])
def test_a_norm_of_another_size_names_both_and_the_layer_for_this_input(kind):
    x = torch.rand(2, 6, 32)
    failure = failure_of(kind(16), x)
    x_name = failure.operands[0].name
    assert failure.reason == f"{failure.op} was made for 16 numbers on the last axis: {x_name} has 32 there."
    assert failure.remedy == f"nn.{kind.__name__}(32) for this input"
    kind(32)(x)
    assert failure_of(lambda x: F.layer_norm(x, (6, 16)), x).remedy == ""


def test_logits_with_the_classes_last_are_moved_to_axis_1():
    logits, labels = torch.rand(2, 6, 32), torch.zeros(2, 6, dtype=torch.long)
    failure = failure_of(lambda logits, labels: F.cross_entropy(logits, labels), logits, labels)
    assert failure.reason == (
        "cross_entropy needs the classes on axis 1: logits has 6 there, and labels (2, 6) has a label for each cell of "
        "(2, 6)."
    )
    assert failure.remedy == "logits.movedim(-1, 1)"
    assert F.cross_entropy(eval(failure.remedy), labels).shape == ()


@pytest.mark.parametrize(("label", "remedy"), [(32, ""), (-1, "ignore_index=-1, if this label means no class")])
def test_a_label_that_is_no_class_is_found(label, remedy):
    logits, labels = torch.rand(4, 32), torch.tensor([1, -100, label, 3])
    failure = failure_of(lambda logits, labels: F.cross_entropy(logits, labels), logits, labels)
    assert failure.reason == f"logits has 32 classes, so a label goes from 0 to 31: labels[2] is {label}."
    assert failure.remedy == remedy
    if remedy:
        F.cross_entropy(logits, labels.clamp(min=-1), ignore_index=-1)


def test_a_condition_that_is_no_bool_says_so():
    failure = failure_of(lambda mask, x: torch.where(mask, x, -1.0), torch.ones(3), torch.rand(3))
    assert failure.reason == "where needs a mask of bool: mask is float32."
    assert failure.remedy == "mask.bool()"
