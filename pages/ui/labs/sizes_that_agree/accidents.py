"""The part of the lab of sizes on lines that are wrong and run, because sizes agree by accident."""

from __future__ import annotations

import streamlit as st

from engine.labs.sizes_that_agree.attention_sizes import AttentionSizes
from engine.labs.sizes_that_agree.by_accident import MISTAKES, Accident, accident
from engine.ops.notation import number
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.sample_words import words


def draw(sizes: AttentionSizes) -> None:
    """Lets a person choose a mistake, asks what it does, and shows it."""
    lab_widgets.section("accidents", "Sizes that agree by accident")
    st.markdown(
        "Agreement is no proof. These lines are wrong, and whether PyTorch says so depends on the sizes. Here queries "
        "and keys have the d_k of the queries, and there are as many values as keys."
    )
    name = lab_widgets.pick("mistake", "Mistake", tuple(MISTAKES))
    mistake = MISTAKES[name]
    st.code(f"{mistake.right}  # right\n{mistake.wrong}  # wrong", language="python", wrap_lines=True)
    outcome = result(accident, name, sizes)
    options = ("it raises", "it runs, and numbers are wrong", "it runs, and every number is right")
    index = 0 if outcome.wrong is None else 1 if outcome.changed else 2
    if lab_widgets.predict(
        f"accident.{name}",
        f"With B = {sizes.batch}, L = {sizes.queries}, L_k = {sizes.keys} and d_k = {sizes.d_k}: what does the wrong "
        "line do?",
        options,
        options[index],
        _became(outcome),
        wrong={
            options[0]: "PyTorch compares sizes, not meanings. The sizes that meet are the same here, so nothing stops "
            "the line.",
            options[1]: "With these sizes the sizes that meet differ, and PyTorch stops at the line."
            if index == 0
            else "With these sizes the wrong line does the very same as the right one.",
            options[2]: "The sizes that meet differ, so it cannot run."
            if index == 0
            else "The shape is right, the numbers are not: each was made from other numbers than it should be.",
        },
    ):
        _accident(name, outcome, sizes)


def _became(outcome: Accident) -> str:
    if outcome.wrong is None:
        return "The sizes that meet differ."
    if not outcome.changed:
        return f"All {outcome.right.numel()} numbers are equal."
    return (
        f"{outcome.changed} of {outcome.right.numel()} numbers differ, by up to {number(outcome.difference)}, and the "
        "shape is the right one."
    )


def _accident(name: str, outcome: Accident, sizes: AttentionSizes) -> None:
    mistake = MISTAKES[name]
    if outcome.wrong is None:
        st.code(outcome.error, language=None, wrap_lines=True)
        st.markdown(f"It runs when {mistake.runs_when}. {mistake.means}")
        lab_widgets.examples(
            {"Make the sizes agree by accident": {"keys": _same(name, sizes), "values": _same(name, sizes)}}
        )
        return
    if not outcome.changed:
        st.markdown(
            f"It runs: {mistake.runs_when}. With these sizes it is the right line too, so a test with them finds "
            f"nothing. {mistake.means}"
        )
        lab_widgets.examples({"Larger sizes": {name: max(size, 2) for name, size in _sizes_seen(sizes).items()}})
        return
    st.markdown(f"It runs: {mistake.runs_when}. {mistake.means}")
    labels = words(sizes.queries)
    along = tuple(labels if axis == "L" else None for axis in mistake.axes)
    for column, side, value in zip(
        st.columns(2, gap="large"), ("right", "wrong"), (outcome.right, outcome.wrong), strict=True
    ):
        with column:
            panel = Panel(mistake.name, value, mistake.axes, along, note=f"by the {side} line", role="output")
            tensor_view([panel], key=f"labs.sizes.accident.{side}")


def _same(name: str, sizes: AttentionSizes) -> int:
    """The number of keys with which this mistake runs."""
    return sizes.d_k if name == "key not transposed" else sizes.queries


def _sizes_seen(sizes: AttentionSizes) -> dict[str, int]:
    """What decides whether a mistake shows, as the sliders are named."""
    return {
        "batch": sizes.batch,
        "queries": sizes.queries,
        "keys": sizes.keys,
        "values": sizes.keys,
        "d_k": sizes.d_k,
        "d_k_of_keys": sizes.d_k,
    }
