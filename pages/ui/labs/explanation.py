"""Whether attention is an explanation: both sides, on the trained model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import streamlit as st

from engine.labs.explanation import KINDS, SHUFFLES, Exchanged, Exchanges, exchanges
from engine.labs.explanation.adversarial_attention import STARTS, STEPS, Adversary, adversary
from engine.labs.explanation.frozen_attention import accuracy
from engine.labs.explanation.one_position import code
from engine.labs.explanation.transferred_attention import transferred
from engine.ops.notation import number
from engine.text.tokenizer import TextError
from pages.ui.app.markdown_escape import code as said
from pages.ui.app.markdown_escape import visible
from pages.ui.components.tensor_view import tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import weights_panel
from pages.ui.labs.kit.scatter import Points, scatter
from pages.ui.views.percentage import percent

_USUAL = "21 November 2026"
_POSITION = 9
_LAYERS = {"both": (0, 1), "0": (0,), "1": (1,)}
_EXCHANGED = (
    "It writes {answer}; at position {position} it writes {token}. Exchanged are the weights of {heads}.",
    "It writes {answer}; at position {position} it writes {token}. Exchanged are the weights of {heads}. The other "
    "heads there keep theirs.",
)
_HEADS = {"all": (0, 1, 2, 3), **{str(head): (head,) for head in range(4)}}
_BOUNDS = ("0.01", "0.05", "0.1")
_FAR = math.log(2) / 2
_SORTS = ("digits", "hyphens", "the end", "other characters")
_KEPT = ("all of them", "9 in 10 or more, but not all", "half or more, but fewer than 9 in 10", "fewer than half")


_VERDICT = (
    "**Against:** other weights often give the same output, so one map alone proves no reason.\n\n"
    "**For:** a model that may not look where it learned to can lose its answers, so where it looks is no accident."
)


def draw() -> None:
    st.markdown(_VERDICT)
    st.markdown(
        "A map of attention weights is often read as a reason: it wrote this character because it looked there. Jain "
        "and Wallace (“Attention is not Explanation”, 2019) exchange the weights for others and find that the output "
        "often does not move. Wiegreffe and Pinter (“Attention is not not Explanation”, 2019) hold that this does not "
        "show what it seems to. Here are their tests on the cross-attention of the model that reads dates."
    )
    text = lab_widgets.line("date", "A date", _USUAL)
    sliders = st.columns(3)
    with sliders[0]:
        layers = _LAYERS[lab_widgets.pick("layer", "Decoder layer", tuple(_LAYERS))]
    with sliders[1]:
        heads = _HEADS[lab_widgets.pick("head", "Head", tuple(_HEADS))]
    try:
        trials = result(exchanges, text, layers, heads)
    except TextError as error:
        st.error(str(error))
        return
    with sliders[2]:
        position = lab_widgets.number("position", "Position in the answer", 0, len(trials.answer) - 1, _POSITION)
    st.markdown(
        _EXCHANGED[len(heads) == 1].format(
            answer=said("".join(trials.answer)),
            position=position,
            token=said(trials.answer[position]),
            heads=_whose(layers, heads),
        )
    )
    script = code(text, layers, heads, position)
    if _shuffles(trials):
        _exchanges(trials)
        lab_widgets.lines(script, "shuffled weights at one position")
        search = partial(_search, text, trials, layers, heads, position)
        lab_widgets.experts("search for other weights with the same output (two more questions)", "search", search)
        _frozen(trials, layers, heads)
    lab_widgets.snippet(script)


def _search(text: str, trials: Exchanges, layers: tuple[int, ...], heads: tuple[int, ...], position: int) -> None:
    lab_widgets.section("search", "Look for other weights with the same output")
    st.markdown(
        "A shuffle is blind. Jain and Wallace also search for weights as far from the model's as can be: gradient "
        "ascent on how far the weights moved, with a penalty once the output moves by more than a bound "
        f"({STARTS} random starts, {STEPS} steps each)."
    )
    bound = lab_widgets.pick("bound", "The output may move by", _BOUNDS)
    other = result(adversary, text, layers, heads, position, float(bound))
    if _exists(trials, other, float(bound)):
        _side_by_side(other)
        _reply(other)


def _whose(layers: tuple[int, ...], heads: tuple[int, ...]) -> str:
    what = "all heads" if len(heads) > 1 else f"head {heads[0]}"
    return f"{what} of decoder layer {layers[0]}" if len(layers) == 1 else f"{what} of both decoder layers"


def _shuffles(trials: Exchanges) -> bool:
    lab_widgets.section("exchange", "Exchange the weights")
    shuffled = trials.by_kind["shuffled"]
    total, kept = len(shuffled.kept), int(shuffled.kept.sum())
    share = kept / total
    weights, output = shuffled.medians
    return lab_widgets.predict(
        "kept",
        f"At each of the {len(trials.answer)} positions these weights are put in a random order, {SHUFFLES} times. In "
        f"how many of the {total:,} cases does the most probable next character stay the same?",
        _KEPT,
        _KEPT[sum((share < 1, share < 0.9, share < 0.5))],
        f"In {kept:,} of {total:,}. The median move of the weights is {number(weights, 3)}, that of the output "
        f"{_small(output)}.",
        wrong=lab_widgets.by_order(
            _KEPT,
            _KEPT[sum((share < 1, share < 0.9, share < 0.5))],
            "Fewer stay. Where the model needs one certain character of the source, such as a digit of the year, "
            "weights "
            "on others bring another value to the output.",
            "More stay. At many positions, such as the hyphens, the decoder knows from what it has written what comes "
            "next, wherever it looks.",
        ),
    )


def _exchanges(trials: Exchanges) -> None:
    st.markdown(
        "Each point is one exchange. To the right: how far the weights moved, from 0 to 0.693, where both look at "
        "nothing in common. Upwards: how far the probabilities of the next character moved, from 0 to 1. Were the "
        "weights the reason for the output, points on the right would lie high."
    )
    lab_widgets.experts("how the two moves are measured", "distances", _measures)
    kind = lab_widgets.pick("kind", "Exchanged for", KINDS)
    drawn = trials.by_kind[kind]
    groups: dict[str, list[int]] = {}
    for run, position in enumerate(drawn.position.tolist()):
        groups.setdefault(_sort(trials.answer[position]), []).append(run)
    names = [name for name in _SORTS if name in groups]
    moves = drawn.weights_moved.tolist(), drawn.output_moved.tolist()
    left, right = st.columns([3, 2], gap="large")
    with left:
        scatter(
            [Points(name, *([column[run] for run in groups[name]] for column in moves)) for name in names],
            x="weights moved",
            y="output moved",
            x_range=(0, math.log(2)),
            y_range=(0, 1),
        )
        kept = {name: sum(drawn.kept[groups[name]].tolist()) for name in names}
        shares = ", ".join(f"{kept[name]:,} of {len(groups[name]):,} for {name}" for name in names)
        st.caption(
            f"The most probable character stays the same in {shares}. The tables have the medians of both "
            f"moves, and how often it stays the same: over all positions, and position by position ({kind})."
        )
        every = [trials.by_kind[name] for name in KINDS]
        st.dataframe(_table("exchanged for", KINDS, every), hide_index=True, height="content")
    with right:
        positions = [f"{index}: {visible(token)}" for index, token in enumerate(trials.answer)]
        each = [drawn.at(index) for index in range(len(trials.answer))]
        st.dataframe(_table("position", positions, each), hide_index=True, height="content")


def _measures() -> None:
    st.markdown(
        "Weights: Jensen–Shannon divergence (JS), how far each of the two is from their average, in nats; ln 2 ≈ 0.693 "
        "is the most there can be. Probabilities: total variation distance (TV), half the sum of all differences, at "
        "most 1."
    )


def _sort(token: str) -> str:
    return {"-": "hyphens", "⟨end⟩": "the end"}.get(token, "digits" if token.isdigit() else "other characters")


def _table(name: str, rows: Sequence[str], moved: Sequence[Exchanged]) -> dict[str, list[str]]:
    return {
        name: list(rows),
        "weights moved": [number(trial.medians[0], 3) for trial in moved],
        "output moved": [_small(trial.medians[1]) for trial in moved],
        "same": [percent(int(trial.kept.sum()) / len(trial.kept)) for trial in moved],
    }


def _short(layers: tuple[int, ...], heads: tuple[int, ...]) -> str:
    what = "all heads" if len(heads) > 1 else f"head {heads[0]}"
    return f"{what}, layer {layers[0]}" if len(layers) == 1 else f"{what}, both layers"


def _exists(trials: Exchanges, other: Adversary, bound: float) -> bool:
    options = ("yes, the search finds some", "no, the search finds none")
    return lab_widgets.predict(
        "found",
        f"Position {other.position}, where it writes {said(trials.answer[other.position])}: are there weights more "
        f"than {number(_FAR, 3)} away, half of the most there can be, with which the output moves by no more than "
        f"{bound}?",
        options,
        options[other.weights_moved <= _FAR],
        f"The farthest found are {number(other.weights_moved, 3)} away, of at most 0.693; the output moves by "
        f"{_small(other.output_moved)}.",
        wrong={
            options[
                0
            ]: "Every way to look so far elsewhere that was tried moves the output by more than the bound: here "
            "the model needs what it looks at.",
            options[1]: "Far weights can give nearly the same sum of values: many characters of the source have values "
            "that lead to the same next character.",
        },
    )


def _side_by_side(other: Adversary) -> None:
    sides = (("the model's own", other.own, other.before), ("found", other.moved, other.after))
    names = tuple(map(str, other.heads))
    for column, (name, weights, likeliest) in zip(st.columns(2, gap="large"), sides, strict=True):
        with column:
            for index, layer in enumerate(other.layers):
                panel = weights_panel(weights[index], ("H", "S"), (names, other.source), note=f"{name}, layer {layer}")
                tensor_view([panel], key=f"labs.explanation.{name}.{layer}")
            shares = " · ".join(f"{said(token)} {percent(share)}" for token, share in likeliest)
            st.markdown(f"Next character: {shares}")


def _reply(other: Adversary) -> None:
    st.markdown("##### What the reply holds against this")
    st.markdown(
        "Wiegreffe and Pinter: a model does not choose its weights freely. They are computed by parameters that were "
        "trained together with all others. An adversary that sets them by hand, for one instance, cuts that tie: it "
        "shows that other weights *exist*, not that the model could have computed them, nor that they would do for a "
        "second instance. And that there is another explanation does not make the first one false. They ask for an "
        "adversary that is itself a trained model, and first for a baseline: where uniform weights do as well, the "
        "task needs no attention, and can say nothing about it."
    )
    tried = result(transferred, other)
    if not tried.dates:
        st.caption(
            "Whether both work for other dates can be tried where the text is a date in a form that the model was "
            "taught, and the model answers it right. This one is not."
        )
        return
    own, others = tried.kept
    options = ("the model's weights for this date", "the weights that were found", "both as often")
    lab_widgets.predict(
        "second",
        f"Both are now used for {tried.dates} other dates that are written like this one, at the same position. With "
        "which does the model's most probable character stay the same more often?",
        options,
        options[0 if own > others else 1 if others > own else 2],
        f"With the model's weights for this date in {own} of {tried.dates}, with those found in {others}. The median "
        f"move of the output is {_small(tried.moved[0])} and {_small(tried.moved[1])}.",
        wrong={
            options[0]: "The model's own weights fit this date, but they carry over no further than those found.",
            options[1]: "Those were found for one text alone. The model's weights follow a pattern that other dates "
            "written like this one share.",
            options[2]: "One of the two carries over to more of the other dates.",
        },
    )


def _frozen(trials: Exchanges, layers: tuple[int, ...], heads: tuple[int, ...]) -> None:
    lab_widgets.section("baseline", "The baseline: uniform weights for every date")
    usual, frozen = result(accuracy, (), ()), result(accuracy, layers, heads)
    options = ("all of them", "half or more, but not all", "fewer than half, but some", "none")
    share = frozen.dates_right / usual.dates
    answer = lab_widgets.predict(
        "frozen",
        f"As it was trained the model answers {usual.dates_right} of {usual.dates} held-out dates right, in random "
        f"forms. Now the cross-attention of {_whose(layers, heads)} is uniform at every position. How many are right?",
        options,
        options[sum((share < 1, share < 0.5, share == 0))],
        f"{frozen.dates_right} of {frozen.dates} dates, {frozen.characters_right} of {frozen.characters} characters.",
        wrong=lab_widgets.by_order(
            options,
            options[sum((share < 1, share < 0.5, share == 0))],
            "Fewer. Looking at everything alike, the decoder gets the mean of all characters and no longer knows which "
            "digit stood where.",
            "More. Other heads and the other layer still look where they should, and carry what is needed.",
        ),
    )
    if not answer:
        return
    shuffled = trials.by_kind["shuffled"]
    st.markdown(
        f"**Against:** with shuffled weights the same character stays the likeliest in {int(shuffled.kept.sum()):,} of "
        f"{len(shuffled.kept):,} cases, so one map alone is no reason.  \n**For:** with uniform weights "
        f"{frozen.dates_right} of {usual.dates} dates are right instead of {usual.dates_right}, so this model does "
        "need "
        "to look."
        if frozen.dates_right < usual.dates_right
        else f"With uniform weights of these heads {frozen.dates_right} of {usual.dates} dates are right, as many as "
        "before: these heads explain nothing about the answer."
    )
    whole = result(accuracy, _LAYERS["both"], _HEADS["all"])
    rows = {"nothing": usual, _short(layers, heads): frozen, _short(_LAYERS["both"], _HEADS["all"]): whole}
    st.dataframe(
        {
            "uniform": list(rows),
            "dates": [f"{score.dates_right} of {score.dates}" for score in rows.values()],
            "characters": [f"{score.characters_right} of {score.characters}" for score in rows.values()],
        },
        hide_index=True,
    )
    st.caption(
        "Right answers. A character counts as right if it is the likeliest after the right ones before it. Wiegreffe "
        "and Pinter train again with the weights frozen; here nothing is trained again, so this says how much this "
        "very model relies on them, not what a model without attention could learn."
    )
    st.markdown("##### What this can show")
    st.markdown(
        "Here cross-attention is the only way from the source to the answer, and heads in two layers share the "
        "work. Jain and Wallace tested text classification, inference and question answering, with one attention "
        "over an encoder, most often one whose states had mixed the whole text already; they left models that "
        "write a sequence to others. So these numbers speak for this model and this task. What carries over is "
        "the method: exchange before you believe a map, try weights that were found on a second instance, and "
        "measure what a model needs by taking it away."
    )


def _small(share: float) -> str:
    """A distance to three digits; what is as good as nothing, or as all, said so."""
    if share < 0.0001:
        return "< 0.0001"
    return number(share, 3) if share < 0.9995 else "> 0.999"
