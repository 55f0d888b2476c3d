"""Ten programs that fail in ten ways, each with what the page must say of it."""

from __future__ import annotations

from dataclasses import dataclass

_ATTENTION = """\
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, d_model, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d_model, 3 * d_model)

    def forward(self, x):
        B, L, D = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        split = (B, L, self.heads, D // self.heads)
        q = q.view(split).transpose(1, 2)
        k = k.view(split).transpose(1, 2)
        v = v.view(split).transpose(1, 2)
"""


@dataclass(frozen=True)
class FailingProgram:
    """A program, the line that fails, words of the sentence on it, and what stands beside the line.

    Attributes:
        text: the program.
        line: the line that is marked.
        says: part of what is said, by the trace's failure or by the ending.
        edges: what stands below the line; "" where that is not looked at.
        has_steps: whether steps that ran before it are shown.
    """

    text: str
    line: int
    says: str
    edges: str = ""
    has_steps: bool = True


FAILING = {
    "keys that are not transposed": FailingProgram(
        f"{_ATTENTION}        return q @ k\n", 18, "the last axis of q (d_k 8)", "d_k 8 ≠ L 6"
    ),
    "a view after a transpose": FailingProgram(
        f"{_ATTENTION}        return (q @ k.mT @ v).transpose(1, 2).view(B, L, D)\n",
        18,
        "view never moves a number",
        "H 4 ≠ d_k 8",
    ),
    "a mask that does not broadcast": FailingProgram(
        f"{_ATTENTION}        mask = torch.ones(B, L)\n        return q @ k.mT + mask\n", 19, "Shapes are lined up"
    ),
    "a softmax along an axis that is not there": FailingProgram(
        f"{_ATTENTION}        return (q @ k.mT).softmax(4)\n", 18, "4"
    ),
    "a name that is not defined": FailingProgram(
        f"{_ATTENTION}        return scores.softmax(-1)\n", 18, "name 'scores' is not defined"
    ),
    "a parenthesis that is not closed": FailingProgram(
        f"{_ATTENTION}        return (q @ k.mT\n", 18, "'(' was never closed", has_steps=False
    ),
    "indices that are no whole numbers": FailingProgram(
        "from torch import nn\n\n\nclass Model(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.embed = nn.Embedding(50, 8)\n\n    def forward(self, x):\n        return self.embed(x)\n",
        10,
        "whole numbers",
        has_steps=False,
    ),
    "a loop without an end": FailingProgram(
        "def run(x):\n    while True:\n        x = x\n", 2, "It was stopped after", has_steps=False
    ),
    "an exit": FailingProgram(
        "def run(x):\n    exit(3)\n", 2, "It ended its process by itself, with status 3", has_steps=False
    ),
    "more memory than there is": FailingProgram(
        "import torch\n\n\ndef run(x):\n    return torch.ones(20 * 2**30 // 4) + 1\n", 5, "memory", has_steps=False
    ),
}
