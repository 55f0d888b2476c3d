"""Questions on masks."""

from __future__ import annotations

from engine.questions.question import Figure, Question

_TOPIC = "masks"

QUESTIONS = (
    Question(
        "masked_fill",
        _TOPIC,
        "What does masked_fill(mask, value) do?",
        (
            "It returns a new tensor: `value` where the mask is True, the old number elsewhere. The mask is a bool "
            "tensor whose shape broadcasts to the scores; the scores themselves stay as they were (still {kept}).",
            "With value −∞ on the scores, the softmax after it gives exactly {at_true} there, and the row still sums "
            "to {row_sum}.",
        ),
        (
            Figure("scores", ("L", "L_k")),
            Figure("mask", ("L", "L_k")),
            Figure("masked", ("L", "L_k")),
            Figure("weights", ("L", "L_k"), "after softmax"),
        ),
        lab="masking",
        run="On two sentences of different length, to take along",
        run_values=(
            ("source", "21 November 2026\n3 May 1999"),
            ("step", "encoder.layers.0.self_attention.masked"),
            ("share", "open"),
        ),
    ),
    Question(
        "minus_infinity",
        _TOPIC,
        "Why −∞ before softmax rather than 0 after it?",
        (
            "Zero after softmax is too late: the hidden score has had its part of the denominator. The row sums to "
            "{row_sum} instead of 1, and raising only the hidden score by 2 still moves a visible weight by {moved}: "
            "the hidden token leaks through.",
            "−∞ before softmax is e^−∞ = 0 in the sum: the row sums to {right_sum}, and nothing of the hidden score "
            "is left.",
        ),
        (Figure("rows", ("way", "L_k"), "", ("0 after softmax", "−∞ before softmax")),),
        lab="masking",
        lab_section="after",
    ),
    Question(
        "causal",
        _TOPIC,
        "What does the causal mask hide, and why triu(1)?",
        (
            "Every key after the query: above the diagonal, which triu(1) keeps. The first token sees {first}, itself; "
            "the last sees all {last}. {hidden} of 16 scores are hidden.",
            "The diagonal stays visible: a token may look at itself. With triu(0) the first row would have nothing "
            "left, and softmax would give NaN.",
        ),
        (
            Figure("future", ("L", "L_k"), "True: hidden"),
            Figure("weights", ("L", "L_k"), "after softmax of equal scores"),
        ),
        lab="masking",
    ),
    Question(
        "two_masks",
        _TOPIC,
        "Padding mask and causal mask: how do they go together?",
        (
            "By `|` (or): hidden is what one of them hides. (B, 1, 1, L_k) and (1, 1, L, L_k) broadcast to "
            "{both_shape}: {of_padding} hidden by padding, {of_causal} by causality, {of_both} by either.",
            "The padding mask has no row of its own, it hides columns for everybody; the causal one is the same for "
            "all sentences.",
        ),
        (Figure("both", ("B", "1", "L", "L_k"), "True: hidden"),),
        lab="masking",
    ),
    Question(
        "bool_or_float",
        _TOPIC,
        "In torch's own attention, does True in a mask mean look or hide?",
        (
            "In scaled_dot_product_attention True means look: with True for key 0 alone the result is {as_bool}, its "
            "value. In nn.MultiheadAttention's masks True means hide.",
            "A float mask is added to the scores: the same mask as 0 and 1 gives {added}, which hides nothing; as 0 "
            "and −∞ it gives {as_float}.",
        ),
        lab="masking",
    ),
    Question(
        "all_hidden",
        _TOPIC,
        "What happens in a row where everything is hidden?",
        (
            "Softmax divides 0 by 0: {nan} of 3 weights are NaN, and NaN spreads to everything that reads them.",
            "With −1e9 instead of −∞ each hidden key gets {share}: no NaN, but the row looks at what it must not see. "
            "Such rows are padding: leave them out of the loss.",
        ),
        lab="masking",
    ),
)
