"""Whether the order of the words matters: the encoder on shuffled words, and the waves that tell positions apart."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from engine.labs.word_order import ORDERS, SAME, Shuffled, code, order_of, pooled, shuffled
from engine.labs.word_order.predicate_probe import NOUNS, STEPS, trained
from engine.ops.access import AffineMap, GatherMap, SameIndex
from engine.ops.notation import number
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.lab_widgets import Slider
from pages.ui.labs.kit.panels import output_panel
from pages.ui.labs.kit.sample_words import words
from pages.ui.labs.word_order import waves_of_positions

_PAIRS = (
    ("dog bites man", "man bites dog"),
    ("not good but bad", "not bad but good"),
    ("she only told him", "only she told him"),
)
_MOVES, _STAYS, _CHANGES = "the same; it moves with the word", "the same; it stays at its place", "another"
_FATES = (_MOVES, _STAYS, _CHANGES)
# The questions, by whether there is a causal mask.
_WITHOUT = {
    False: "No positional encoding. After the words were put in the new order, the output of each word is",
    True: "No positional encoding, with a causal mask. After the words were put in the new order, the output of each "
    "word is",
}
_WITH = {
    False: "Now the positional encoding is added to the embeddings. The output of each word is",
    True: "Now the positional encoding is added to the embeddings, with a causal mask. The output of each word is",
}
_ROUNDING = "What is left is rounding: the sums over the keys are taken in another order."
_EQUIVARIANT = (
    "Attention gives each word a weighted sum over all words, and a sum has no order. LayerNorm and feed-forward look "
    "at one row at a time. So no layer knows where a word stands. This is called permutation equivariance."
)
_ORDER_OF_THE_MASK = (
    "The output of {changed} of {words} words is another. The mask brings in an order of its own: the first word sees "
    "one key, the second sees two, and so on. A decoder can therefore learn something of the order without any "
    "encoding; an encoder without a mask cannot."
)


def draw() -> None:
    st.markdown(
        "Self-attention compares every word with every word, and nothing in it says which came first. The paper adds "
        "the order to the embeddings, as a positional encoding (section 3.5). Here the encoder gets the same words in "
        "another order, once without that encoding and once with it."
    )
    length, layers, drawn = lab_widgets.numbers(
        size_sliders.length(12, 6, least=2, label="Words"),
        Slider("layers", "Encoder layers", 1, 4, 2),
        Slider("draw", "Random seed", 0, 50, 0, help="Another permutation, where the order is drawn."),
    )
    choices = st.columns([3, 2])
    with choices[0]:
        kind = lab_widgets.pick("order", "New order", ORDERS)
    with choices[1]:
        causal = lab_widgets.pick(
            "mask", "Mask", ("none", "causal"), help="A causal mask hides from each word those after it."
        )
    order = tuple(order_of(kind, length, drawn).tolist())
    labels = words(length)
    st.caption(f"As given: {' '.join(labels)}. In the new order: {' '.join(labels[index] for index in order)}.")
    waves = waves_of_positions.USUAL
    script = partial(code, length, layers, order, causal=causal == "causal")
    if _shuffled(length, layers, order, causal == "causal"):
        lab_widgets.lines(script(*waves), "the words in another order")
        pair = lab_widgets.pick("sentences", "Two sentences of the same words", tuple(map(" / ".join, _PAIRS)))
        if _pooled(_PAIRS[[" / ".join(pooled_means) for pooled_means in _PAIRS].index(pair)], layers) and _bites(
            layers
        ):
            waves = waves_of_positions.draw(script)
    lab_widgets.snippet(script(*waves))


def _shuffled(length: int, layers: int, order: tuple[int, ...], causal: bool) -> bool:
    without = result(shuffled, length, layers, order, encoding=False, causal=causal)
    exact = result(shuffled, length, layers, order, encoding=False, causal=causal, dtype="float64")
    if not lab_widgets.predict(
        "without",
        _WITHOUT[causal],
        _FATES,
        _fate(without),
        f"Moved along with the words, the old outputs differ from the new ones by at most "
        f"{number(without.moved_difference)} in float32 and {number(exact.moved_difference)} in float64.",
        wrong={
            _MOVES: "With these sizes something else tells the words apart by their place, so the outputs are others.",
            _STAYS: "An output belongs to a word and not to a place: without positional encoding no layer knows which "
            "place a row is at.",
            _CHANGES: "Every word still sees the same words, with the same scores. They are only added up in another "
            "order, and a sum does not care.",
        },
    ):
        return False
    _stage(without, length, encoding=False)
    st.markdown(_why(without, causal))
    outputs = result(shuffled, length, layers, order, encoding=True, causal=causal)
    if not lab_widgets.predict(
        "with",
        _WITH[causal],
        _FATES,
        _fate(outputs),
        f"The largest difference is {number(outputs.moved_difference)}. {outputs.rows_changed} of {length} words have "
        "another output than before.",
        wrong={
            _MOVES: "The encoding of the new place was added to each word that moved, so its embedding, its query, its "
            "key and its value are others now.",
            _STAYS: "Another word stands at that place now. Its embedding differs even though the encoding of the "
            "place "
            "is the same.",
            _CHANGES: "No word moved here, so every word has the encoding that it had.",
        },
    ):
        return False
    _stage(outputs, length, encoding=True)
    return True


def _fate(outputs: Shuffled) -> str:
    if outputs.moved_difference < SAME:
        return _MOVES
    return _STAYS if outputs.still_difference < SAME else _CHANGES


def _why(outputs: Shuffled, causal: bool) -> str:
    if outputs.moved_difference < SAME:
        return f"{_ROUNDING} {_EQUIVARIANT}" if outputs.moved_difference else _EQUIVARIANT
    if causal:
        return _ORDER_OF_THE_MASK.format(changed=outputs.rows_changed, words=len(outputs.order))
    return f"The outputs differ by up to {number(outputs.moved_difference)}."


def _stage(outputs: Shuffled, length: int, *, encoding: bool) -> None:
    labels = words(length)
    moved = tuple(labels[index] for index in outputs.order.tolist())
    name, given, again = ("with", "position(x)", "position(x[:, order])") if encoding else ("plain", "x", "x[:, order]")
    tensor_view(
        [
            Panel("given", outputs.given, ("L", "d_model"), (labels, None), note="words as given", role="output"),
            Panel("order", outputs.order, ("L",), (moved,), note="which word stands here now", scale="ids"),
            output_panel(
                "shuffled",
                outputs.shuffled,
                (moved, None),
                note="words in the new order",
                footer=f"differs from given[order] by up to {number(outputs.moved_difference)}",
            ),
        ],
        key=f"labs.word_order.shuffled.{name}",
        reads=[
            GatherMap(tuple(outputs.given.shape), 0, 1, (SameIndex(1),), outputs.order),
            AffineMap.of(outputs.order, SameIndex(0)),
        ],
        operation=OperationCard(
            title="Encoder with positional encoding" if encoding else "Encoder without positional encoding",
            code=f"given = encoder({given})\nshuffled = encoder({again})",
            facts=(("largest |shuffled − given[order]|", number(outputs.moved_difference)),),
        ),
    )
    st.caption("`x` holds the embeddings. Point at `shuffled`: what lights up in `given` belongs to the same word.")


def _pooled(sentences: tuple[str, str], layers: int) -> bool:
    without, encoded = (result(pooled, sentences, layers, encoding=encoding) for encoding in (False, True))
    options = ("the same", "different")
    if not lab_widgets.predict(
        "pooled",
        f"“{sentences[0]}” and “{sentences[1]}” are the same bag of words. Without positional encoding and without a "
        "mask, the means of the encoder's outputs over the words are",
        options,
        options[without.difference >= SAME],
        f"They differ by up to {number(without.difference)} without the encoding, and by up to "
        f"{number(encoded.difference)} with it.",
        wrong={
            options[0]: "The outputs of the words differ by more than rounding here.",
            options[
                1
            ]: "Both sentences are the same bag of words. Without an encoding each word's output is the same in "
            f"both, wherever it stands, and so is their mean: {number(without.difference)} is rounding.",
        },
    ):
        return False
    for column, pooled_means, title in zip(
        st.columns(2, gap="large"), (without, encoded), ("without encoding", "with encoding"), strict=True
    ):
        with column:
            panel = output_panel(
                "mean output",
                pooled_means.means,
                (sentences, None),
                axes=("B", "d_model"),
                note=title,
                footer=f"the two rows differ by up to {number(pooled_means.difference)}",
            )
            tensor_view([panel], key=f"labs.word_order.pooled.{title}")
    return True


def _bites(layers: int) -> bool:
    without, encoded = (result(trained, layers, encoding=encoding) for encoding in (False, True))
    half, count = NOUNS // 2, without.sentences
    options = ("nearly all, 9 in 10 or more", "more than half", "half or fewer")
    share = without.right / count
    if not lab_widgets.predict(
        "bites",
        f"Does the dog bite? Encoder and classifier are trained on “dog bites X” and “X bites dog” for {half} nouns X, "
        f"then asked about {half} nouns they were not trained on: {count} sentences. Without positional encoding, how "
        "many answers are right?",
        options,
        options[0 if share >= 0.9 else 1 if share > 0.5 else 2],
        f"{without.right} of {count} are right without the encoding, {encoded.right} of {count} with it.",
        wrong=lab_widgets.by_order(
            options,
            options[0 if share >= 0.9 else 1 if share > 0.5 else 2],
            "Fewer. “dog bites X” and “X bites dog” are the same bag of words, so both get the same answer, and one of "
            "the two is wrong. No training changes that.",
            "More. Something tells the two orders apart here.",
        ),
    ):
        return False
    steps, bound = range(STEPS), math.log(2)
    curves(
        [
            Curve("without encoding", steps, without.losses),
            Curve("with encoding", steps, encoded.losses),
            Curve("theory: log 2", (0, STEPS - 1), (bound, bound), dashed=True),
        ],
        x="training step",
        y="loss",
    )
    st.markdown(
        "Without the encoding both sentences give the classifier the same mean. It gives both the same answer, and one "
        f"of the two is wrong: the loss cannot fall below log 2 = {number(bound, 6)}. The lowest was "
        f"{number(min(without.losses), 6)}. With the encoding the last is {number(encoded.losses[-1], 3)}."
    )
    return True
