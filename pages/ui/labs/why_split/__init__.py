"""If heads never interact, why split: where they meet, what each gives, and one wide head instead."""

from __future__ import annotations

import streamlit as st

from engine.labs.why_split import HeadContributions, Removed, Wide, code, removed, split, wide
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import output_panel, weights_panel
from pages.ui.labs.kit.sample_words import words
from pages.ui.labs.why_split import trained

# Between sums of the same float32 numbers in another order; these outputs are near 1.
_ROUNDING = 1e-4

_LOOP = (
    "The largest difference of the outputs is {outputs}, that of the attention weights {weights}.",
    "The largest difference of the outputs is {outputs}, that of the attention weights {weights}. That is rounding, in "
    "the seventh digit: no head needed another.",
)
_SUM_IS_OUTPUT = (
    "The sum of the {heads} contributions and the bias is the layer's output: the largest difference is {difference}."
)
_SUM_IS_NOT_OUTPUT = (
    "The sum of the {heads} contributions and the bias is not the layer's output: the largest difference is "
    "{difference}."
)


def draw() -> None:
    st.markdown(
        "Each head has its own rows of W_Q, W_K and W_V, its own scores and its own softmax. Up to the merge, no head "
        "reads a number of another. They meet in W_O, by a sum. And each head has a softmax of its own, so that one "
        "word "
        "can attend to several positions at once, one for each head."
    )
    sliders = st.columns(4)
    with sliders[0]:
        heads = lab_widgets.number("heads", "Heads", 2, 8, 4)
    with sliders[1]:
        d_k = lab_widgets.number("d_k", "d_k = d_v", 1, 8, 4)
    with sliders[2]:
        length = lab_widgets.number("length", "Length", 2, 8, 5)
    with sliders[3]:
        head = lab_widgets.number("head", "Head to remove", 0, heads - 1, 0)
    whole = result(split, heads, d_k, length)
    script = code(heads, d_k, length, head)
    if _loop(whole, heads):
        lab_widgets.lines(script, "head after head")
        _sum(whole)
        lab_widgets.lines(script, "the sum of the heads")
        without = result(removed, heads, d_k, length, head)
        if _removed(without, head):
            _change(whole, without, head)
            lab_widgets.lines(script, "without one head")
            wide_head = result(wide, heads, d_k, length)
            if _price(wide_head, heads, d_k):
                _patterns(whole, wide_head, heads, d_k)
                lab_widgets.lines(script, "one wide head")
                trained.draw()
    lab_widgets.snippet(script)


def _loop(whole: HeadContributions, heads: int) -> bool:
    options = ("the same numbers, up to rounding", "other numbers")
    same = whole.loop_difference <= _ROUNDING
    return lab_widgets.predict(
        "loop",
        f"Cut the layer into {heads} attentions of one head each: slices of its own weights. Run them one after the "
        "other, and add up what they return. What comes out, beside the layer's output?",
        options,
        options[0] if same else options[1],
        _LOOP[same].format(outputs=number(whole.loop_difference), weights=number(whole.loop_weights_difference)),
        wrong={
            options[
                0
            ]: f"A difference of {number(whole.loop_difference)} is more than rounding leaves: the outputs are "
            "other numbers.",
            options[
                1
            ]: f"{number(whole.loop_difference)} means the same numbers: the outputs are near 1, float32 keeps "
            "about seven digits, and adding up in another order rounds the last one another way. Nothing passes from "
            "head "
            "to head, so it makes no difference whether they run together.",
        },
    )


def _sum(whole: HeadContributions) -> None:
    heads, length, d_v = whole.mixed.shape
    labels = words(length)
    lab_widgets.section("sum", "They meet in W_O, and only by a sum")
    st.markdown(
        "Merged, the heads lie side by side in one row, and W_O multiplies that row. Head by head, this is a product "
        "with one block of W_O for each head. Point at a number to see what it reads."
    )
    tensor_view(
        [
            Panel("mixed", whole.mixed, ("H", "L", "d_v"), (None, labels, None), role="output", note="one per head"),
            Panel("W_O, in blocks", whole.blocks, ("H", "d_v", "d_model"), role="parameter"),
            output_panel(
                "contributions",
                whole.contributions,
                (None, labels, None),
                axes=("H", "L", "d_model"),
                footer="what each head adds to the output",
            ),
        ],
        key="labs.why_split.blocks",
        reads=[
            AffineMap.of(whole.mixed, SameIndex(0), SameIndex(1), AllIndices()),
            AffineMap.of(whole.blocks, SameIndex(0), AllIndices(), SameIndex(2)),
        ],
        operation=OperationCard(
            title="each head, its own block",
            code=f"blocks = w_o.weight.T.view({heads}, {d_v}, {heads * d_v})\ncontributions = mixed @ blocks",
        ),
    )
    tensor_view(
        [
            Panel("contributions", whole.contributions, ("H", "L", "d_model"), (None, labels, None), role="output"),
            Panel("bias of W_O", whole.bias, ("d_model",), role="parameter"),
            output_panel(
                "output",
                whole.output,
                (labels, None),
                note="of the layer",
                footer=f"largest difference from the sum: {number(whole.sum_difference)}",
            ),
        ],
        key="labs.why_split.sum",
        reads=[
            AffineMap.of(whole.contributions, AllIndices(), SameIndex(0), SameIndex(1)),
            AffineMap.of(whole.bias, SameIndex(1)),
        ],
        operation=OperationCard(title="added up", code="contributions.sum(dim=0) + bias"),
    )
    sentence = _SUM_IS_OUTPUT if whole.sum_difference <= _ROUNDING else _SUM_IS_NOT_OUTPUT
    st.markdown(
        f"{sentence.format(heads=heads, difference=number(whole.sum_difference))} What one head found, another reads "
        "only in the next layer, from this sum."
    )


def _removed(without: Removed, head: int) -> bool:
    options = ("by exactly what the head gave", "by more: the other heads change as well", "not at all")
    index = 2 if without.moved == 0 else 0 if without.beyond_own <= _ROUNDING else 1
    others = (
        "The weights of all heads stay what they were, bit for bit."
        if without.others_equal
        else "The weights of all heads change."
    )
    return lab_widgets.predict(
        "removed",
        f"Set the block of head {head} in W_O to zero and run the layer again. How far does its output move?",
        options,
        options[index],
        f"It moves by up to {number(without.moved)}. That is the contribution of head {head}, to within "
        f"{number(without.beyond_own)}. {others}",
        wrong={
            options[0]: "The output moved by something else than this head's contribution.",
            options[
                1
            ]: f"The other heads never read head {head}: their scores, weights and sums are the same as before. "
            "Only one term of the sum in W_O is gone.",
            options[2]: f"Head {head} had added something to the output, and nothing steps in for it.",
        },
    )


def _change(whole: HeadContributions, without: Removed, head: int) -> None:
    labels = words(whole.output.size(0))
    elementwise = AffineMap.of(whole.output, SameIndex(0), SameIndex(1))
    axes, names = ("L", "d_model"), (labels, None)
    tensor_view(
        [
            Panel("output", whole.output, axes, names, role="output", note="all heads"),
            Panel("output", without.output, axes, names, role="output", note=f"without head {head}"),
            Panel(
                "change",
                whole.output - without.output,
                axes,
                names,
                footer=f"from the contribution of head {head} at most {number(without.beyond_own)} away",
            ),
        ],
        key="labs.why_split.change",
        reads=[elementwise, elementwise],
        operation=OperationCard(title="the difference", code="output - without"),
    )


def _price(wide_head: Wide, heads: int, d_k: int) -> bool:
    split_cost, wide_cost = wide_head.split_cost, wide_head.wide_cost
    ratio = split_cost.products / wide_cost.products
    options = (f"{heads} times as many", "as many", f"1/{heads} as many")
    index = 1 if ratio == 1 else 0 if ratio > 1 else 2
    more = split_cost.others - wide_cost.others
    share = more / (wide_cost.products + wide_cost.others)
    return lab_widgets.predict(
        "price",
        f"Load the same parameters into an attention with one head of {heads * d_k} features. How many FLOPs in matrix "
        f"products do {heads} heads of {d_k} take, compared with it?",
        options,
        options[index],
        f"{split_cost.products:,} beside {wide_cost.products:,}. Only scaling and softmax, which run over {heads} "
        f"tables of scores where it has one, add {more:,}: {number(100 * share, digits=2)} % of the whole.",
        wrong={
            options[0]: f"There are {heads} products, but each is over {d_k} features and not over {heads * d_k}: "
            f"{heads} times as many, each 1/{heads} as long.",
            options[1]: "The two counts differ here.",
            options[2]: f"Each head's product is 1/{heads} as long, but there are {heads} of them. And the projections "
            "W_Q, W_K, W_V and W_O are the same in both.",
        },
    )


def _patterns(whole: HeadContributions, wide_head: Wide, heads: int, d_k: int) -> None:
    lab_widgets.section("patterns", "Several positions at once: the same parameters, one pattern or several")
    st.dataframe(
        {
            "": ["parameters", "FLOPs in matrix products", "FLOPs in scaling and softmax", "weight patterns"],
            f"{heads} heads": _column(
                wide_head.split_cost.parameters, wide_head.split_cost.products, wide_head.split_cost.others, heads
            ),
            "one wide head": _column(
                wide_head.wide_cost.parameters, wide_head.wide_cost.products, wide_head.wide_cost.others, 1
            ),
        },
        hide_index=True,
        width="content",
        column_config={
            name: st.column_config.TextColumn(alignment="right") for name in (f"{heads} heads", "one wide head")
        },
    )
    labels = words(whole.weights.size(-1))
    for column, weights, title in zip(
        st.columns([3, 2], gap="large"),
        (whole.weights, wide_head.weights),
        (f"{heads} heads", "one wide head"),
        strict=True,
    ):
        with column:
            panel = weights_panel(weights, ("H", "L", "L_k"), (None, labels, labels), note=title)
            tensor_view([panel], key=f"labs.why_split.weights.{'split' if weights is whole.weights else 'wide'}")
    best = whole.weights[:, -1].argmax(dim=-1).tolist()
    looked_at = ", ".join(f"head {head} at `{labels[index]}`" for head, index in enumerate(best))
    st.markdown(
        f"`{labels[-1]}` looks most of all: {looked_at}; the wide head at "
        f"`{labels[int(wide_head.weights[0, -1].argmax())]}`. "
        "The wide head's q·k is the sum of the q·k of all heads (largest difference "
        f"{number(wide_head.score_difference)}). It adds them up before its one softmax, so one pattern serves all "
        f"{heads * d_k} features. Split, every {d_k} features have a softmax of their own. The outputs differ by up to "
        f"{number(wide_head.output_difference)}."
    )


def _column(*counts: int) -> list[str]:
    return [f"{count:,}" for count in counts]
