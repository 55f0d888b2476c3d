"""The page tells on demand where the names of axes are from."""

# ruff: noqa: RUF059  a shape is unpacked for the names alone

import torch

from engine import record
from pages.ui.views.walkthrough import axis_sources


def test_each_axis_has_a_line_and_a_contradiction_stands_below():
    def program(x):
        batch, heads = x.shape
        return x * 2  # (B, H, L)

    (step,) = record(program, torch.rand(2, 3)).steps
    assert axis_sources(step).split("  \n") == [
        "**B** carried from x",
        "**H** carried from x",
        r"The comment \(B\, H\, L\) names 3 axes\, but this tensor of shape \(2\, 3\) has 2\.",
    ]


def test_an_axis_without_a_name_says_so():
    (step,) = record(lambda x: x * 2, torch.rand(2)).steps
    assert axis_sources(step) == r"**\?** has no name"
