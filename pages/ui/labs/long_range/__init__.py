"""How much of the first token is left in the last output, and what each layer costs."""

from __future__ import annotations

from functools import partial

import streamlit as st
import torch

from engine.labs import long_range as experiment
from engine.labs.long_range.paths import word_paths
from engine.ops.access import AffineMap, SameIndex
from engine.ops.conditions import Guard
from engine.ops.notation import number
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.panels import output_panel
from pages.ui.labs.kit.sample_words import words
from pages.ui.labs.long_range import layer_costs
from pages.ui.labs.long_range.path_figure import paths_html

_NAMES = {"rnn": "RNN", "both": "bidirectional RNN", "attention": "self-attention"}
_SAME = 1e-6
_SHOWN = 12  # words in the pictures, where more would be too small to point at
_HALVES = {  # by whether only the first words are shown, and whether both are equal
    (False, True): "Two RNNs run by hand, word by word, against `bidirectional=True`: equal in every bit.",
    (False, False): "Two RNNs run by hand, word by word, against `bidirectional=True`: the largest difference is "
    "{difference}, in float64.",
    (True, True): "The first {shown} words, seed 0. Two RNNs run by hand, word by word, against `bidirectional=True`: "
    "equal in every bit.",
    (True, False): "The first {shown} words, seed 0. Two RNNs run by hand, word by word, against "
    "`bidirectional=True`: the largest difference is {difference}, in float64.",
}


def draw() -> None:
    st.markdown(
        "An RNN hands the first word on from word to word, in one state of fixed size; self-attention looks at it "
        "directly, in one step. How much does the first word still count for the last output? Influence says how far "
        "that output moves when the word's embedding is moved a little: near 0, training cannot learn from what stood "
        "there."
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
            help="A number scales W_hh: without tanh, a state then grows or shrinks by about this factor a word.",
        )
    influences = result(experiment.influence, length, width, recurrent)
    title = "how influence is measured, and with which weights"
    lab_widgets.experts(title, "measure", partial(_measure, influences))
    script = experiment.code(length, width, recurrent)
    if _fades(influences):
        _paths(length, width)
        _curves(influences)
        lab_widgets.lines(script, "influence of the first word")
        if _both_ways(influences):
            _bidirectional(influences)
            lab_widgets.lines(script, "read both ways")
            _halves(length, width, recurrent)
            _map(length, width, recurrent)
            if layer_costs.dearer(width):
                layer_costs.measured(length, width)
                lab_widgets.lines(script, "FLOPs of one layer")
    lab_widgets.snippet(script)


def _measure(influences: experiment.Influence) -> None:
    st.markdown(
        "Influence is the gradient of the last output with respect to the first token's embedding: of the matrix "
        "∂ output / ∂ embedding (the Jacobian) the root of the sum of all squares (the Frobenius norm). Far above 1, "
        "training's steps blow up."
    )
    st.markdown(
        f"Random weights of {experiment.SEEDS} seeds, uniform in ±1/√d as PyTorch draws them for both kinds of layer. "
        f"The largest eigenvalue of W_hh then has the magnitude {_range(influences.radius)} (its spectral radius). "
        "They show what learning starts from, not what a trained RNN remembers. Attention has one head and no "
        "positional encoding."
    )


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
        wrong=lab_widgets.by_order(
            options,
            options[index],
            f"It fades faster. Each of the {n - 2} words more multiplies the influence by W_hh and by tanh′ once "
            "again, "
            f"here by {number((last / first) ** (1 / (n - 2)), 3)} on average; such factors multiply, they do not add.",
            "It fades more slowly: a word more multiplies the influence by "
            f"{number((last / first) ** (1 / (n - 2)), 3)} "
            f"on average, {n - 2} times. The larger W_hh is, the less is lost.",
        ),
    )


def _paths(length: int, width: int) -> None:
    lab_widgets.section("paths", "From the first word to the last output")
    st.html(paths_html(result(word_paths, length, width), length, width))
    st.caption(
        "A dot is a word; filled are those on the shortest way in PyTorch's autograd graph. A step is one use of a "
        "layer or of an RNN's cell. The last dot of the second RNN is its own output. The bar is how many of the "
        "sentence's numbers the last step reads."
    )


def _curves(influences: experiment.Influence) -> None:
    lab_widgets.section("curves", "Influence of the first token on the last output")
    lines = [
        Curve(_NAMES[name], influences.lengths, experiment.mean(values), band=_reach(values))
        for name, values in (("rnn", influences.rnn), ("attention", influences.attention))
    ]
    without = Curve(
        "RNN without tanh, ‖W_hhⁿ⁻¹ W_ih‖", influences.lengths, experiment.mean(influences.linear), dashed=True
    )
    curves([*lines, without], x="length n", y="influence", log_y=True, height=320)
    n = influences.lengths[-1]
    rnn, attention = (experiment.mean(values) for values in (influences.rnn, influences.attention))
    step, without_tanh = ((line[-1] / line[0]) ** (1 / (n - 2)) for line in (rnn, experiment.mean(influences.linear)))
    share = (attention[-1] * n) / (attention[0] * 2)
    st.markdown(
        f"A line is the mean over {experiment.SEEDS} draws of the weights, its band the least and the most. For "
        "every word between, the RNN multiplies the gradient by W_hh and by tanh′ once more; a constant factor is a "
        f"straight line on this axis. The mean factor here is {number(step, 3)} a word, without tanh "
        f"{number(without_tanh, 3)}. Self-attention reaches the first word in one step, at any distance. What the word "
        f"gets is one share among n: influence × n changed by a factor of {number(share, 2)} from 2 to {n} words."
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
        wrong={
            options[
                0
            ]: "The second RNN reads the first word last, so it is near in the output of the first word. At the "
            "last word it has only just begun, and knows nothing of the first one.",
            options[1]: f"The two differ by {number(apart, 2)}, which is more than rounding.",
            options[2]: "Nothing is taken from the first RNN: its states stand unchanged in one half of the output.",
        },
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
            y="influence",
            log_y=True,
            height=320,
        )
    index = list(range(influences.lengths[-1]))
    mean = {name: experiment.mean(values) for name, values in influences.per_token.items()}
    with right:
        st.markdown("##### Every token, the sentence's summary")
        curves(
            [
                Curve("RNN, last output", index, mean["rnn"]),
                Curve("self-attention, last output", index, mean["attention"]),
                Curve("bidirectional RNN, both final states", index, mean["both"]),
            ],
            x="place of the token",
            y="influence",
            log_y=True,
            height=320,
        )
    if _alike(influences) < _SAME:
        st.markdown("In the first chart the lines of the two RNNs lie on each other.")
    lowest = min(index, key=lambda at: mean["both"][at])
    st.markdown(
        f"The second RNN ends at the first word. Its final state beside that of the first RNN, as a summary of "
        f"the sentence, depends on word 0 with {number(mean['both'][0], 3)} (the RNN's last output: "
        f"{number(mean['rnn'][0], 3)}), on word {index[-1]} with {number(mean['both'][-1], 3)}, and least on word "
        f"{lowest}, with {number(mean['both'][lowest], 3)}. In self-attention the strongest word has "
        f"{number(max(mean['attention']) / min(mean['attention']), 3)} times the influence of the weakest."
    )


def _halves(length: int, width: int, recurrent: str) -> None:
    shown = min(length, _SHOWN)
    two_halves = result(experiment.halves, shown, width, recurrent)
    lab_widgets.section("bidirectional", "Twice as wide: two RNNs side by side")
    labels = words(shown)
    tensor_view(
        [
            Panel("forward", two_halves.forward.float(), ("L", "d_model"), (labels, None), note="read from the left"),
            Panel(
                "backward", two_halves.backward.float(), ("L", "d_model"), (labels, None), note="read from the right"
            ),
            output_panel(
                "output",
                two_halves.output.float(),
                (labels, None),
                axes=("L", "2*d_model"),
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
        _HALVES[shown < length, two_halves.equal].format(shown=shown, difference=number(two_halves.difference, 2))
    )


def _map(length: int, width: int, recurrent: str) -> None:
    shown = min(length, _SHOWN)
    influence_maps = result(experiment.maps, shown, width, recurrent)
    lab_widgets.section("map", "Which tokens an output depends on")
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
                hatched="exactly 0",
                footer=f"{int(zeros.sum())} of {zeros.numel()} are 0",
            )
            tensor_view([panel], key=f"labs.long_range.map.{name}")


def _reach(values: torch.Tensor) -> tuple[list[float], list[float]]:
    return values.amin(dim=0).tolist(), values.amax(dim=0).tolist()


def _range(values: torch.Tensor) -> str:
    low, high = number(values.min().item(), 2), number(values.max().item(), 2)
    return low if low == high else f"{low} to {high}"


def _times(before: float, after: float) -> str:
    ratio = max(before / after, after / before)
    text = number(ratio, 3) if ratio < 1000 or ratio >= 1e10 else f"{float(f'{ratio:.3g}'):,.0f}"
    return f"{text} times weaker" if before >= after else f"{text} times stronger"


def _first(shown: int, length: int) -> str:
    return "" if shown == length else f"The first {shown} words, seed 0. "
