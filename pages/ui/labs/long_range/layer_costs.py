"""The part of the lab of long distances on what each layer costs."""

from __future__ import annotations

import streamlit as st

from engine.labs.long_range import costs
from engine.ops.notation import number
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves

_LAYERS = ("rnn", "both", "attention")


def dearer(width: int) -> bool:
    """Asks at which lengths attention takes more operations than an RNN."""
    counted = result(costs.flops_over_lengths, width)
    rnn, whole = tuple(counts.rnn for counts in counted), tuple(counts.attention for counts in counted)
    start = costs.crossing(costs.LENGTHS, whole, rnn)
    options = ("at every length", "only from n = d on", "only from n = d² on", "at no length")
    index = 3 if start is None else 0 if start == costs.LENGTHS[0] else 1 if start < width * 4 else 2
    return lab_widgets.predict(
        "dearer",
        "Table 1 of “Attention Is All You Need” counts n²·d operations for self-attention and n·d² for an RNN. With "
        f"d = {width}, and "
        "with all their weights, at which lengths does a layer of self-attention take more FLOPs than an RNN?",
        options,
        options[index],
        f"Counted by PyTorch at n = {costs.LENGTHS[0]}: {whole[0]:,} against {rnn[0]:,}; at n = {costs.LENGTHS[-1]}: "
        f"{whole[-1]:,} against {rnn[-1]:,}.",
        wrong=lab_widgets.by_order(
            options,
            options[index],
            "It takes fewer at short lengths: the part that grows with n² is small there.",
            "It takes more from shorter lengths on. Table 1 leaves out the projections W_Q, W_K, W_V and W_O: 4 "
            "products "
            f"of n·d·d with d = {width}, twice the RNN's 2, before one score is computed.",
        ),
    )


def measured(length: int, width: int) -> None:
    """Draws what was counted over the lengths, and beside the paper's table."""
    counted = result(costs.flops_over_lengths, width)
    lab_widgets.section("costs", "FLOPs of one layer")
    rnn, between = (tuple(getattr(counts, name) for counts in counted) for name in ("rnn", "between"))
    curves(
        [
            Curve("RNN", costs.LENGTHS, rnn),
            Curve("self-attention, Q·Kᵀ and weights·V", costs.LENGTHS, between),
            Curve("self-attention with projections", costs.LENGTHS, [counts.attention for counts in counted]),
        ],
        x="length n",
        y="FLOPs",
        log_x=True,
        log_y=True,
        at=width,
        height=320,
    )
    meets = costs.crossing(costs.LENGTHS, between, rnn)
    where = "do not meet here" if meets is None else f"meet at n = {number(meets)}"
    st.markdown(
        "Table 1 leaves the projections out. Without them the measured lines of an RNN and of attention "
        f"**{where}**, and d = {width}. The RNN needs 2 products of n·d·d terms, attention 2 of n·n·d: "
        "they are the same where n = d. The projections add 4 of n·d·d."
    )
    _table(length, width)


def _table(length: int, width: int) -> None:
    counted = result(costs.flops, length, width)
    chain = result(costs.chains, length, width)
    st.markdown(f"##### Table 1, and what was counted for n = {length}, d = {width}")
    rows = (
        ("**Operations**, table 1", "n·d²", "–", "n²·d"),
        ("FLOPs", f"{counted.rnn:,}", f"{counted.both:,}", f"{counted.between:,}"),
        ("FLOPs with W_Q, W_K, W_V, W_O", "–", "–", f"{counted.attention:,}"),
        ("**Sequential operations**, table 1", "O(n)", "–", "O(1)"),
        ("Longest chain", *(str(chain[name].longest) for name in _LAYERS)),
        ("**Path length**, table 1", "O(n)", "–", "O(1)"),
        ("Shortest chain", *(str(chain[name].shortest) for name in _LAYERS)),
    )
    lines = ["| | RNN | both ways | attention |", "|:--|--:|--:|--:|", *(f"| {' | '.join(row)} |" for row in rows)]
    st.markdown("\n".join(lines))
    st.caption(
        "The bidirectional RNN is not in table 1. FLOPs: matrix products by torch.utils.flop_counter, a multiplication "
        "and an addition each counting one; softmax and tanh are not counted. Chains: operations between the first "
        "token and the last output in autograd's graph, layout left out. A chain cannot run in parallel: each waits "
        "for the one before."
    )
