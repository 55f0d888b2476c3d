"""Questions on scaling, softmax, normalisation and residuals."""

from __future__ import annotations

from engine.questions.question import Figure, Question

_TOPIC = "softmax"

QUESTIONS = (
    Question(
        "root_d_k",
        _TOPIC,
        "Why divide by the root of d_k? What is the variance of q·k?",
        (
            "q·k adds d_k products of mean 0 and variance 1, so its variance is d_k: {variance} measured at d_k = 64. "
            "Among numbers so far apart softmax picks one winner, with {largest} of the weight of ten keys, and hardly "
            "learns any more.",
            "Divided by √64 = {root} the variance is {divided}, whatever d_k is, and the largest of ten weights is "
            "{largest_divided}.",
        ),
        lab="scaling",
        lab_values=(("d_k", "64"),),
    ),
    Question(
        "flat_region",
        _TOPIC,
        "What happens to softmax's gradient when scores are large?",
        (
            "Large d_k, so large products, so one weight p near 1, so a gradient near 0: the derivative of a weight by "
            "its own score is p (1 − p).",
            "A score of 1 against 0 gives p = {p_small} and a gradient of {small}. A score of 16 gives p = 1 − {rest} "
            "and a gradient of {large}: the weight is settled and hardly learns any more.",
        ),
        (Figure("table", ("row", "column"), "", columns=("score", "p", "gradient p (1 − p)")),),
        lab="scaling",
        lab_section="gradient",
    ),
    Question(
        "which_axis",
        _TOPIC,
        "Over which axis does the softmax go?",
        (
            "Over the keys, the last axis: each query divides 1 among the keys, so each row sums to {row}.",
            "Over the other axis nothing fails, but a row sums to {wrong_row} here: the queries would compete for each "
            "key.",
        ),
        (
            Figure("over_keys", ("L", "L_k"), "softmax(-1): rows sum to 1"),
            Figure("over_queries", ("L", "L_k"), "softmax(-2): columns sum to 1"),
        ),
        lab="bugs",
    ),
    Question(
        "layer_norm",
        _TOPIC,
        "What does LayerNorm average over?",
        (
            "Over the features of one token, d_model: each token by itself, whatever the batch and the length are. "
            "After it a token has mean {mean} and deviation {std}.",
            "So a token ten times as large comes out the same, to {difference}; weight and bias then scale each "
            "feature.",
        ),
        (Figure("x", ("L", "d_model")), Figure("normed", ("L", "d_model"), "normalised")),
    ),
    Question(
        "residual",
        _TOPIC,
        "Why is x added again after each sublayer?",
        (
            "The sum lets the gradient pass unchanged: here the sublayer gives nothing yet, and the gradient of x is "
            "{gradient} all the same.",
            "It needs a sublayer that returns the shape it was given; else: “{message}”. That is why W_O and the "
            "second feed-forward matrix lead back to d_model.",
        ),
    ),
)
