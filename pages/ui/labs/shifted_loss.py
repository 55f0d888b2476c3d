"""Where the loss of a language model is: logits beside the label that follows, term by term."""

from __future__ import annotations

import math

import streamlit as st

from engine.labs.shifted_loss import IGNORED, Losses, code, losses
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.lab_widgets import Slider

_ANSWER = (
    "It is between the logits at t and the token at t + 1: the last position has no token to be held to, and padding "
    "is left out.\n\nThe loss is the mean of −log p over the positions that are left, p the probability of the label."
)
_HEAD = "| position | reads | label | p of the label | −log p |\n|---:|---:|---:|---:|---:|\n"
_ROW, _LEFT_OUT = "| {t} | {token} | {label} | {p:.4g} | {term:.4g} |", "| {t} | {token} | {label} | – | left out |"


def draw() -> None:
    st.markdown(
        "A language model reads tokens and gives at each position logits for the next one. Its loss is cross-entropy, "
        "and no target comes from elsewhere: the labels are the text itself, one place on."
    )
    length, vocabulary, padding, seed = lab_widgets.numbers(
        size_sliders.length(12, 8, least=6, label="Tokens"),
        Slider("vocabulary", "Vocabulary", 8, 24, 12),
        Slider("padding", "Of them padding", 0, 3, 2),
        size_sliders.seed("Another text and other logits."),
    )
    shifted = result(losses, length, vocabulary, padding, seed)
    script = code(length, vocabulary, padding, seed)
    if _counted(shifted, length, padding):
        st.markdown(_ANSWER)
        _terms(shifted)
        lab_widgets.lines(script, "the terms of the loss")
        if _twice(shifted):
            _mistakes(shifted)
            lab_widgets.lines(script, "held to the wrong label")
    lab_widgets.snippet(script)


def _counted(shifted: Losses, length: int, padding: int) -> bool:
    options = tuple(str(count) for count in sorted({length, length - 1, length - padding, shifted.counted}))
    return lab_widgets.predict(
        "counted",
        f"{length} tokens, of which {padding} are padding at the end. How many positions have a term in the loss?",
        options,
        str(shifted.counted),
        f"Positions that count: {shifted.counted} of {length}. Label {IGNORED}, the `ignore_index`, marks the others.",
        wrong=dict.fromkeys(
            options,
            "Two kinds of positions have no term: the last token has no next one to be held to, and padding is "
            "nothing to "
            f"learn. {length} − 1 positions have a next token, and those whose next token is padding are left out.",
        ),
    )


def _terms(shifted: Losses) -> None:
    panel = Panel("logits", shifted.logits, ("T", "V"), role="scores")
    tensor_view([panel], key="labs.shifted_loss.logits")
    rows = []
    for t, (token, label, term) in enumerate(
        zip(shifted.tokens.tolist(), shifted.labels.tolist(), shifted.terms.tolist(), strict=True)
    ):
        template = _LEFT_OUT if label == IGNORED else _ROW
        rows.append(template.format(t=t, token=token, label=label, p=math.exp(-term), term=term))
    st.markdown(_HEAD + "\n".join(rows))
    st.markdown(
        f"The mean of the terms is {shifted.loss:.5g}, and `cross_entropy(logits, labels)` is {shifted.of_torch:.5g}."
    )


def _twice(shifted: Losses) -> bool:
    options = ("smaller", "the same", "larger")
    index = 0 if shifted.twice < shifted.loss else 2 if shifted.twice > shifted.loss else 1
    return lab_widgets.predict(
        "twice",
        "Hugging Face's models shift labels themselves. Somebody shifts them as well before. The loss of this model, "
        "which likes the right next token, becomes",
        options,
        options[index],
        f"It is {shifted.twice:.5g} instead of {shifted.loss:.5g}: each position is held to the token after the next. "
        "Nothing fails, and training goes down all the same, to a model that skips a token.",
        wrong={
            options[0]: "It likes the next token, and is now held to the one after it. Being right about the wrong "
            "thing "
            "does not make the loss smaller.",
            options[1]: "The labels are others now: shifted twice, each position is held to another token than before.",
            options[2]: "With these draws the token after the next happens to be likelier, by chance and not by merit.",
        },
    )


def _mistakes(shifted: Losses) -> None:
    st.markdown(
        "| what was held to what | loss |\n|---|---:|\n"
        f"| logits t to token t + 1, padding left out | {shifted.loss:.5g} |\n"
        f"| padding counted as a label | {shifted.padding_counted:.5g} |\n"
        f"| not shifted: logits t to token t | {shifted.unshifted:.5g} |\n"
        f"| shifted twice: logits t to token t + 2 | {shifted.twice:.5g} |"
    )
