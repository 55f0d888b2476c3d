"""Questions on what attention says, and on what else a Transformer can read."""

from __future__ import annotations

from engine.questions.question import Figure, Question

_TOPIC = "outside"

QUESTIONS = (
    Question(
        "explanation",
        _TOPIC,
        "Can attention weights be read as an explanation?",
        (
            "Not by themselves: they say where a head looked, not what the model made of it. Against: keys 0 and 1 "
            "hold the same value, so weights (0.8, 0.1, 0.1) and (0.1, 0.8, 0.1) give outputs that differ by {same}.",
            "For: where the values differ, the weights decide what comes out. Moved to key 2, they change the output "
            "by {other}.",
        ),
        (
            Figure("weights", ("pattern", "L_k")),
            Figure("value", ("L_k", "d_v")),
            Figure("output", ("pattern", "d_v"), "patterns 0 and 1 agree"),
        ),
        lab="explanation",
    ),
    Question(
        "image_tokens",
        _TOPIC,
        "How does an image become tokens? Which shapes has 32 × 32 with patches of 8?",
        (
            "N = h·w / p² patches: 32 · 32 / 8² = {count} tokens. Each has p²·c numbers: 8² · 3 = {features}. So "
            "(1, 3, 32, 32) becomes {tokens_shape}.",
            "A class token in front makes it {with_class_shape}: N + 1. A linear layer brings each row to d_model.",
        ),
        lab="image_as_sentence",
        lab_values=(("side", "32"), ("patch", "8")),
    ),
    Question(
        "tied",
        _TOPIC,
        "Why can the embedding and the last layer share their weights?",
        (
            "Both are one row of d_model numbers for each token of the vocabulary: one reads it by index, the other "
            "multiplies with it.",
            "Shared, they count once: {after} parameters instead of {before}.",
        ),
    ),
)
