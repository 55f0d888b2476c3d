"""How much of the first token is left in the last output, and what each layer costs."""

from __future__ import annotations

import streamlit as st
import torch

from engine.labs import long_range as experiment
from engine.labs.long_range import costs
from engine.ops.access import AffineMap, SameIndex
from engine.ops.conditions import Guard
from engine.ops.notation import number
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.sample_words import words

_NAMES = {"rnn": "RNN", "both": "bidirectional RNN", "attention": "self-attention"}
_SAME = 1e-6
_SHOWN = 12  # words in the pictures, where more would be too small to point at


def draw() -> None:
    st.markdown(
        "Each layer reads the same tokens. Influence is the gradient of the last output with respect to the first "
        "token's embedding: the Frobenius norm of the whole Jacobian ∂ output / ∂ embedding. Near 0, training cannot "
        "learn from what stood there; far above 1, its steps blow up."
    )
    sliders = st.columns([2, 2, 4])
    with sliders[0]:
        length = lab_widgets.number("length", "Length n", 4, experiment.LONGEST, 24)
    with sliders[1]:
        width = lab_widgets.number("d", "Width d", 4, 32, 16)
    with sliders[2]:
        recurrent = lab_widgets.pick(
            "recurrent",
            "RNN's recurrent weight W_hh",
            tuple(experiment.RECURRENT),
            help="A number scales W_hh to this spectral radius, the largest magnitude of its eigenvalues.",
        )
    influences = result(experiment.influence, length, width, recurrent)
    st.caption(
        f"Random weights of {experiment.SEEDS} seeds, uniform in ±1/√d as PyTorch draws them for both kinds of layer. "
        f"W_hh then has spectral radius {_range(influences.radius)}. They show what learning starts from, not what a "
        "trained RNN remembers. Attention has one head and no positional encoding."
    )
    if _fades(influences):
        _curves(influences)
        if _both_ways(influences):
            _bidirectional(influences)
            _halves(length, width, recurrent)
            _map(length, width, recurrent)
            if _dearer(width):
                _costs(length, width)
    lab_widgets.snippet(experiment.code(length, width, recurrent), "The influence in a few lines of PyTorch")
    lab_widgets.snippet(costs.code(length, width), "The FLOPs in a few lines of PyTorch")


def _fades(influences: experiment.Influence) -> bool:
    n = influences.lengths[-1]
    first, last = (experiment.mean(influences.rnn)[index] for index in (0, -1))
    factor = first / last
    options = (
        "about as strong or stronger",
        "2 to 100 times weaker",
        "100 to a million times weaker",
        "more than a million times weaker",
    )
    index = 0 if factor < 2 else 1 if factor < 100 else 2 if factor < 1e6 else 3
    near, far = (experiment.mean(influences.attention)[index] for index in (0, -1))
    return lab_widgets.predict(
        "fades",
        f"In an RNN, how strong is the first token's influence on the last output when {n} words are read, compared "
        "with a sentence of 2 words?",
        options,
        options[index],
        f"{number(first, 3)} for 2 words, {number(last, 3)} for {n}: {_times(first, last)}. In self-attention "
        f"{number(near, 3)} and {number(far, 3)}: {_times(near, far)}.",
    )


def _curves(influences: experiment.Influence) -> None:
    st.markdown("##### Influence of the first token on the last output")
    lines = [
        Curve(_NAMES[name], influences.lengths, experiment.mean(values), band=_reach(values))
        for name, values in (("rnn", influences.rnn), ("attention", influences.attention))
    ]
    without = Curve(
        "RNN without tanh, ‖W_hhⁿ⁻¹ W_ih‖", influences.lengths, experiment.mean(influences.linear), dashed=True
    )
    curves([*lines, without], x="length n", y="Frobenius norm", log_y=True, height=320)
    n = influences.lengths[-1]
    rnn, attention = (experiment.mean(values) for values in (influences.rnn, influences.attention))
    step, without_tanh = ((line[-1] / line[0]) ** (1 / (n - 2)) for line in (rnn, experiment.mean(influences.linear)))
    share = (attention[-1] * n) / (attention[0] * 2)
    st.markdown(
        f"A line is the geometric mean of {experiment.SEEDS} seeds, its band the least and the most of them. For every "
        "word between, the RNN multiplies the gradient by W_hh and by tanh′ once more; a constant factor is a straight "
        f"line on this axis. The mean factor here is {number(step, 3)} a word, without tanh {number(without_tanh, 3)}. "
        "Self-attention reaches the first word in one step, at any distance. What the word gets is one share among n: "
        f"influence × n changed by a factor of {number(share, 2)} from 2 to {n} words."
    )


def _both_ways(influences: experiment.Influence) -> bool:
    n = influences.lengths[-1]
    apart = _alike(influences)
    options = ("stronger than in the RNN", "the same as in the RNN", "weaker than in the RNN")
    both, forward = (experiment.mean(values)[-1] for values in (influences.both, influences.rnn))
    return lab_widgets.predict(
        "both_ways",
        "A second RNN reads the sentence from the right, and its states are put beside the first one's. How strong "
        "is the first token's influence on the last output now?",
        options,
        options[1] if apart < _SAME else options[0] if both > forward else options[2],
        f"{number(both, 3)} for {n} words, against {number(forward, 3)}; over all lengths and seeds the largest "
        f"relative difference is {number(apart, 2)}. At the last word the second RNN has only read "
        "the last word.",
    )


def _alike(influences: experiment.Influence) -> float:
    """The largest relative difference of the two RNNs, over all lengths and seeds."""
    return (influences.both / influences.rnn - 1).abs().max().item()


def _bidirectional(influences: experiment.Influence) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### First token, last output")
        curves(
            [
                Curve("RNN", influences.lengths, experiment.mean(influences.rnn)),
                Curve("self-attention", influences.lengths, experiment.mean(influences.attention)),
                Curve("bidirectional RNN", influences.lengths, experiment.mean(influences.both)),
            ],
            x="length n",
            y="Frobenius norm",
            log_y=True,
            height=320,
        )
    index = list(range(influences.lengths[-1]))
    mean = {name: experiment.mean(values) for name, values in influences.places.items()}
    with right:
        st.markdown("##### Every token, the sentence's summary")
        curves(
            [
                Curve("RNN, last output", index, mean["rnn"]),
                Curve("self-attention, last output", index, mean["attention"]),
                Curve("bidirectional RNN, both final states", index, mean["both"]),
            ],
            x="place of the token",
            y="Frobenius norm",
            log_y=True,
            height=320,
        )
    same = "The lines of the two RNNs on the left lie on each other. " if _alike(influences) < _SAME else ""
    lowest = min(index, key=lambda at: mean["both"][at])
    st.markdown(
        f"{same}The second RNN ends at the first word. Its final state beside that of the first RNN, as a summary of "
        f"the sentence, depends on word 0 with {number(mean['both'][0], 3)} (the RNN's last output: "
        f"{number(mean['rnn'][0], 3)}), on word {index[-1]} with {number(mean['both'][-1], 3)}, and least on word "
        f"{lowest}, with {number(mean['both'][lowest], 3)}. In self-attention the strongest word has "
        f"{number(max(mean['attention']) / min(mean['attention']), 3)} times the influence of the weakest."
    )


def _halves(length: int, width: int, recurrent: str) -> None:
    shown = min(length, _SHOWN)
    two_halves = result(experiment.halves, shown, width, recurrent)
    st.markdown("##### Twice as wide: two RNNs side by side")
    labels = words(shown)
    tensor_view(
        [
            Panel("forward", two_halves.forward.float(), ("L", "d_model"), (labels, None), note="read from the left"),
            Panel(
                "backward", two_halves.backward.float(), ("L", "d_model"), (labels, None), note="read from the right"
            ),
            Panel(
                "output",
                two_halves.output.float(),
                ("L", "2*d_model"),
                (labels, None),
                role="output",
                footer="forward, then backward",
            ),
        ],
        key="labs.long_range.halves",
        reads=[
            AffineMap.of(two_halves.forward, SameIndex(0), SameIndex(1), when=Guard(1, end=width)),
            AffineMap.of(two_halves.backward, SameIndex(0), SameIndex(1, -width), when=Guard(1, first=width)),
        ],
        operation=OperationCard(
            title="side by side",
            code=f"torch.nn.RNN({width}, {width},\n    bidirectional=True)",
            facts=(("width", f"{two_halves.output.size(1)} = 2 · {two_halves.forward.size(1)}"),),
        ),
    )
    st.markdown(
        f"{_first(shown, length)}Two RNNs run by hand, word by word, against `bidirectional=True`: "
        + (
            "equal in every bit."
            if two_halves.equal
            else f"the largest difference is {number(two_halves.difference, 2)}, in float64."
        )
    )


def _map(length: int, width: int, recurrent: str) -> None:
    shown = min(length, _SHOWN)
    influence_maps = result(experiment.maps, shown, width, recurrent)
    st.markdown("##### Which tokens an output depends on")
    st.caption(
        f"{_first(shown, length)}Row: an output. Column: a token's share of the influence on it; a row sums to 1. "
        "Hatched: exactly 0."
    )
    labels = words(shown)
    for column, (name, title) in zip(st.columns(3), _NAMES.items(), strict=True):
        with column:
            zeros = influence_maps[name] == 0
            panel = Panel(
                title,
                influence_maps[name].float(),
                ("L", "L_k"),
                (labels, labels),
                scale="probability",
                masked=zeros,
                footer=f"{int(zeros.sum())} of {zeros.numel()} are 0",
            )
            tensor_view([panel], key=f"labs.long_range.map.{name}")


def _dearer(width: int) -> bool:
    counted = result(costs.flops_over_lengths, width)
    rnn, whole = tuple(counts.rnn for counts in counted), tuple(counts.attention for counts in counted)
    start = costs.crossing(costs.LENGTHS, whole, rnn)
    options = ("at every length", "only from n = d on", "only from n = d² on", "at no length")
    index = 3 if start is None else 0 if start == costs.LENGTHS[0] else 1 if start < width * 4 else 2
    return lab_widgets.predict(
        "dearer",
        f"Table 1 of the paper counts n²·d operations for self-attention and n·d² for an RNN. With d = {width}, and "
        "with all their weights, at which lengths does a layer of self-attention take more FLOPs than an RNN?",
        options,
        options[index],
        f"Counted by PyTorch at n = {costs.LENGTHS[0]}: {whole[0]:,} against {rnn[0]:,}; at n = {costs.LENGTHS[-1]}: "
        f"{whole[-1]:,} against {rnn[-1]:,}.",
    )


def _costs(length: int, width: int) -> None:
    counted = result(costs.flops_over_lengths, width)
    st.markdown("##### FLOPs of one layer")
    rnn, between = (tuple(getattr(counts, name) for counts in counted) for name in ("rnn", "between"))
    curves(
        [
            Curve("RNN", costs.LENGTHS, rnn),
            Curve("self-attention, Q·Kᵀ and weights·V", costs.LENGTHS, between),
            Curve("self-attention with W_Q, W_K, W_V, W_O", costs.LENGTHS, [counts.attention for counts in counted]),
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
        ("Longest chain", *(str(chain[name].longest) for name in _NAMES)),
        ("**Path length**, table 1", "O(n)", "–", "O(1)"),
        ("Shortest chain", *(str(chain[name].shortest) for name in _NAMES)),
    )
    lines = ["| | RNN | both ways | attention |", "|:--|--:|--:|--:|", *(f"| {' | '.join(row)} |" for row in rows)]
    st.markdown("\n".join(lines))
    st.caption(
        "The bidirectional RNN is not in table 1. FLOPs: matrix products by torch.utils.flop_counter, a multiplication "
        "and an addition each counting one; softmax and tanh are not counted. Chains: operations between the first "
        "token and the last output in autograd's graph, layout left out. A chain cannot run in parallel: each waits "
        "for the one before."
    )


def _reach(values: torch.Tensor) -> tuple[list[float], list[float]]:
    return values.amin(dim=0).tolist(), values.amax(dim=0).tolist()


def _range(values: torch.Tensor) -> str:
    low, high = number(values.min().item(), 2), number(values.max().item(), 2)
    return low if low == high else f"{low} to {high}"


def _times(before: float, after: float) -> str:
    ratio = max(before / after, after / before)
    said = number(ratio, 3) if ratio < 1000 or ratio >= 1e10 else f"{float(f'{ratio:.3g}'):,.0f}"
    return f"{said} times weaker" if before >= after else f"{said} times stronger"


def _first(shown: int, length: int) -> str:
    return "" if shown == length else f"The first {shown} words, seed 0. "
