"""The stops of the tour through one head. Nothing here imports torch: the top bar leads to the first of them."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = "encoder.layers.0.self_attention"


@dataclass(frozen=True)
class Stop:
    """A step of the built-in model.

    Attributes:
        step: the step, as the address has it.
        title: what happens there, in a few words.
        sentence: what to look at.
        second: a sentence that makes it seen beside another, where one alone does not show it; "" where any does.
    """

    step: str
    title: str
    sentence: str
    second: str = ""


STOPS = (
    Stop(
        f"{HEAD}.query:linear",
        "A token asks",
        "Each token's row is multiplied by W_Q: its query. Below it W_K and W_V make key and value from the same row. "
        "Press a number to see the sum that made it.",
    ),
    Stop(
        f"{HEAD}.query:view",
        "Each row is cut into heads",
        "`view` moves nothing: it reads d_model numbers as H pieces of d_k. Move the slider of heads and see the box "
        "change.",
    ),
    Stop(
        f"{HEAD}.query:permute",
        "Heads move in front of the tokens",
        "`@` works on the last two axes and takes those in front as a batch: so each head must hold all tokens. Press "
        "Replay below the numbers to see the cells go.",
    ),
    Stop(
        f"{HEAD}.key_t:transpose",
        "Keys stand up as columns",
        "A product takes rows times columns. Every query row is to meet every key row, so the keys are turned.",
    ),
    Stop(
        f"{HEAD}.scores:matmul",
        "Every query meets every key",
        "One table of tokens by tokens for each head. Press a score: its sum stands beside it, d_k products.",
    ),
    Stop(
        f"{HEAD}.masked:masked_fill",
        "What must not be seen becomes −∞",
        "Of two sentences the shorter one is padded, and its padding has no say. The mask has one row for all heads "
        "and queries, and is repeated.",
        second="3 May 1999",
    ),
    Stop(
        f"{HEAD}.weights:softmax",
        "Scores become weights",
        "Each row sums to 1: so much of each value is taken. A score of −∞ becomes exactly 0.",
    ),
    Stop(
        f"{HEAD}.mixed:matmul",
        "The values are mixed",
        "Weights times values: a row for each token again, in each head. From here the heads are put side by side, "
        "and W_O adds them up: the last boxes of the strip.",
    ),
)
# What the address of the front page has for the first stop.
FIRST = {"tour": "1", "step": STOPS[0].step}
