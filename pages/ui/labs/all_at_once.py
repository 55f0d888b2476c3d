"""How one pass encodes all words: what each word does by itself, and what it needs from the others."""

from __future__ import annotations

import streamlit as st

from engine.labs import all_at_once as experiment
from engine.labs.all_at_once import CostPart, Timed
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.sample_words import words

_ROWS = ("L", "d_model")
_SHOWN = 10  # words in the pictures
_RUN = "labs.all_at_once.run"
_ROUNDING = 1e-5  # of the largest number: float32 keeps about 7 digits


def draw() -> None:
    st.markdown(
        "A sentence of n words is one tensor, (1, n, d_model), and one pass through the encoder layer encodes all of "
        "them. Here the same layer also gets one word at a time, (1, 1, d_model), n times over. A word keeps its "
        "positional encoding either way."
    )
    length, heads, d_k = lab_widgets.numbers(
        size_sliders.length(64, 8, label="Words n"), size_sliders.heads(4, 2), size_sliders.d_k(32, 16, least=4)
    )
    script = experiment.code(length, heads, d_k)
    if _alone(length, heads, d_k):
        _parts(length, heads, d_k)
        lab_widgets.lines(script, "each row by itself")
        if _others(length, heads, d_k):
            _outputs(length, heads, d_k)
            lab_widgets.lines(script, "what a word needs from the others")
            _changes(length, heads, d_k)
            if _longer(length, heads, d_k):
                _times(length, heads, d_k)
                lab_widgets.lines(script, "time for n words")
    lab_widgets.snippet(script)


def _alone(length: int, heads: int, d_k: int) -> bool:
    part = _named(result(experiment.parts, length, heads, d_k), "feed_forward")
    exact = _named(result(experiment.parts, length, heads, d_k, "float64"), "feed_forward")
    options = ("yes, in every bit", "yes, up to rounding", "no")
    return lab_widgets.predict(
        "alone",
        f"The feed-forward network gets all {length} words in one pass, then each in a pass of its own. Are the "
        "outputs the same?",
        options,
        options[0] if part.equal else options[1] if _rounding(part) else options[2],
        f"The largest difference is {number(part.difference, 2)} in float32 and {number(exact.difference, 2)} in "
        "float64.",
        wrong={
            options[
                0
            ]: "As numbers of mathematics they are. PyTorch adds up one row in another order than many rows, so "
            "the last digit can be rounded another way.",
            options[1]: "Not even rounding differs here: every row was added up in the same order both times.",
            options[
                2
            ]: "The feed-forward network multiplies each row by the same matrices and never mixes rows, so a word "
            "does not notice whether others are there. What differs is rounding, in the last of seven digits.",
        },
    )


def _parts(length: int, heads: int, d_k: int) -> None:
    single = result(experiment.parts, length, heads, d_k)
    double = result(experiment.parts, length, heads, d_k, "float64")
    part = _named(single, "feed_forward")
    labels = words(min(length, _SHOWN))
    lab_widgets.section("rows", "Each row by itself")
    st.caption(f"Point at an output: it is made of one row alone.{_first(length)}")
    given = _named(single, "self_attention_norm").together
    tensor_view(
        [
            Panel("normed", given[:_SHOWN], _ROWS, (labels, None), footer="what the first LayerNorm gives"),
            Panel("output", part.together[:_SHOWN], _ROWS, (labels, None), role="output", footer="all in one pass"),
        ],
        key="labs.all_at_once.rows",
        reads=[AffineMap.of(given, SameIndex(0), AllIndices())],
        operation=OperationCard(
            title="feed-forward",
            code="output = feed_forward(normed)",
            facts=(("one at a time", f"differs by {number(part.difference, 2)} at most"),),
        ),
    )
    rows = (
        f"| `{single_part.name}` | {_same(single_part)} | {_same(other)} |"
        for single_part, other in zip(single, double, strict=True)
    )
    st.markdown("##### Every part that works on a word by itself")
    st.markdown("\n".join(["| One pass − n passes | float32 | float64 |", "|:--|--:|--:|", *rows]))
    st.caption(
        "The largest difference, each part on the input it has in the layer. PyTorch may add up one row in another "
        "order than many rows, and then the last digit rounds another way."
    )


def _others(length: int, heads: int, d_k: int) -> bool:
    parts = result(experiment.whole_layer, length, heads, d_k)
    alone, given = parts["alone"], parts["given"]
    options = ("yes", "no")
    return lab_widgets.predict(
        "others",
        "Now one word goes through the whole encoder layer alone, attention included. Does it come out as it does in "
        f"the sentence of {length}?",
        options,
        options[0] if _rounding(alone) else options[1],
        f"Alone, a word differs by up to {number(alone.difference, 3)}. Alone, but with the keys and values of all "
        f"handed in, by up to {number(given.difference, 2)}.",
        wrong={
            options[0]: "Attention is the one place where words meet. Alone, a word can look at nothing but itself, so "
            "it gets its own value back instead of a mixture.",
            options[1]: f"A sentence of {length} gives the word nothing else to look at: what is left is rounding.",
        },
    )


def _outputs(length: int, heads: int, d_k: int) -> None:
    lab_widgets.section("attention", "What a word needs from the others: their keys and values")
    parts = result(experiment.attention, length, heads, d_k)
    labels = words(min(length, _SHOWN))
    ways = (
        ("all in one pass", parts["alone"].together, None),
        ("each alone", parts["alone"].apart, parts["alone"]),
        ("each alone, keys and values handed in", parts["given"].apart, parts["given"]),
    )
    for column, (index, (title, rows, part)) in zip(st.columns(3), enumerate(ways), strict=True):
        with column:
            st.markdown(f"**{title[0].upper()}{title[1:]}**")
            footer = (
                "what the others are compared with"
                if part is None
                else f"differs from one pass by {number(part.difference, 2)} at most"
            )
            panel = Panel("attended", rows[:_SHOWN], _ROWS, (labels, None), role="output", footer=footer)
            tensor_view([panel], key=f"labs.all_at_once.attention.{index}")
    st.markdown(
        "Alone, a word has one key to look at, its own: softmax gives it weight 1 and it gets its own value back. A "
        "query never needs another word's query, so each word can ask by itself as soon as all keys and values are "
        f"there.{_first(length)}"
    )


def _changes(length: int, heads: int, d_k: int) -> None:
    changes = result(experiment.changes, length, heads, d_k)
    labels = words(min(length, _SHOWN))
    lab_widgets.section("changes", "Replace one word: which outputs change?")
    st.caption("Row: an output. Column: the word that was replaced. The largest change is shown; hatched: exactly 0.")
    for column, (name, rows) in zip(st.columns(3), changes.items(), strict=True):
        with column:
            zeros = rows == 0
            panel = Panel(
                name,
                rows[:_SHOWN, :_SHOWN],
                ("L", "L_k"),
                (labels, labels),
                masked=zeros[:_SHOWN, :_SHOWN],
                hatched="exactly 0",
                footer=f"{int((~zeros).sum()):,} of {zeros.numel():,} changed",
            )
            tensor_view([panel], key=f"labs.all_at_once.changes.{name}")


def _longer(length: int, heads: int, d_k: int) -> bool:
    counted = result(experiment.counted, length, heads, d_k)
    together, apart = counted["together"], counted["apart"]
    time = _measured(length, heads, d_k)
    (_, together_ms, _), (_, many, _) = time.together[-1], time.apart[-1]
    ratio = many / together_ms
    options = ("less than twice as long", "2 to 5 times as long", "5 to 20 times as long", "more than 20 times as long")
    flops = (
        f"Both ways take {together.flops:,} FLOPs."
        if together.flops == apart.flops
        else f"One pass takes {together.flops:,} FLOPs, one word at a time {apart.flops:,}."
    )
    return lab_widgets.predict(
        "longer",
        f"{flops} One pass is {together.calls:,} PyTorch calls; one word at a time, with keys and values handed in, is "
        f"{apart.calls:,}. How long does that take on this machine, against one pass?",
        options,
        options[0] if ratio < 2 else options[1] if ratio < 5 else options[2] if ratio < 20 else options[3],
        f"{number(many, 3)} ms against {number(together_ms, 3)} ms: {ratio:,.{0 if ratio >= 10 else 1}f} times.",
        wrong=lab_widgets.by_order(
            options,
            options[0] if ratio < 2 else options[1] if ratio < 5 else options[2] if ratio < 20 else options[3],
            f"It takes longer. The arithmetic is much the same, but {apart.calls:,} calls each have a price, whatever "
            "they compute, and short rows leave the processor idle.",
            f"It takes less. {apart.calls:,} calls against {together.calls:,}: the more arithmetic there is in a call, "
            "the less its own price counts.",
        ),
    )


def _times(length: int, heads: int, d_k: int) -> None:
    lab_widgets.section("times", "Time for n words, measured on this machine")
    time = _measured(length, heads, d_k)
    lines = [
        Curve(name, time.lengths, [middle for _, middle, _ in rows], band=([r[0] for r in rows], [r[2] for r in rows]))
        for name, rows in (("one word at a time", time.apart), ("one pass", time.together))
    ]
    if length > 1:
        curves(lines, x="words n", y="milliseconds", log_x=True, log_y=True, height=320)
    (low, middle, high), (least, half, most) = time.together[-1], time.apart[-1]
    st.markdown(
        f"For {length} words, one pass: **{number(middle, 3)} ms** ({number(low, 3)} to {number(high, 3)}), "
        f"{number(middle / length, 2)} ms a word. One at a time: **{number(half, 3)} ms** ({number(least, 3)} to "
        f"{number(most, 3)}), {number(half / length, 2)} ms a word."
    )
    st.caption(
        f"Median and quartiles of {experiment.REPEATS} repeats, the two ways taking turns, on one thread of this "
        "machine's processor. One pass multiplies n rows in one call, and a call has its price whatever it computes. "
        "An RNN has no such pass over its states: each needs the one before."
    )
    st.button("Measure again", key="labs.all_at_once.again", on_click=_again)


def _again() -> None:
    st.session_state[_RUN] = st.session_state.get(_RUN, 0) + 1


def _measured(length: int, heads: int, d_k: int) -> Timed:
    return result(experiment.timed, length, heads, d_k, st.session_state.get(_RUN, 0))


def _named(parts: tuple[CostPart, ...], name: str) -> CostPart:
    return next(part for part in parts if part.name == name)


def _same(part: CostPart) -> str:
    return "0, in every bit" if part.equal else number(part.difference, 2)


def _rounding(part: CostPart) -> bool:
    return part.difference <= _ROUNDING * part.together.abs().max().item()


def _first(length: int) -> str:
    return "" if length <= _SHOWN else f" The first {_SHOWN} of {length} words are shown."
