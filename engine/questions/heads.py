"""Questions on heads, and on what attends to what."""

from __future__ import annotations

from engine.questions.question import Figure, Question

_TOPIC = "heads"
_WORDS = ("the", "animal", "was", "tired")

QUESTIONS = (
    Question(
        "several_positions",
        _TOPIC,
        "Why does multi-head attention let a model look at several positions at once?",
        (
            "Each head has a softmax of its own, so each has a pattern of its own: asked by “it”, head 0 puts "
            "{animal_0} on “animal” and head 1 puts {tired_1} on “tired”, both at full strength.",
            "One wide head over the same features adds both products up before its only softmax: {animal_wide} and "
            "{tired_wide}. One pattern has to serve all features, so it takes the average of both words.",
        ),
        (Figure("patterns", ("head", "L_k"), "weights of “it”", ("head 0", "head 1", "one wide head"), _WORDS),),
        lab="why_split",
        lab_section="patterns",
    ),
    Question(
        "why_split",
        _TOPIC,
        "If heads never interact, why split? Where do they meet again?",
        (
            "Each head has a softmax of its own, so 4 heads have 4 patterns where one wide head has 1, and no more "
            "work: the scores take {products_split} multiplications, those of one head as wide as all {products_wide}.",
            "They meet in W_O, and only by a sum: the output is each head's part times its own rows of W_O, added up "
            "(`torch.allclose`: {agrees}). What one head found, another reads in the next layer, from that sum.",
        ),
        lab="why_split",
    ),
    Question(
        "where_from",
        _TOPIC,
        "Where do Q, K and V come from in the three attentions?",
        (
            "Encoder: attend(x, x), all three from the source: weights {encoder_shape}. Decoder: attend(y, y, causal), "
            "all three from the target, and no look ahead: weights {decoder_shape}, {future} above the diagonal.",
            "Encoder to decoder: attend(y, memory): queries from the decoder, keys and values from the encoder's "
            "output: weights {cross_shape}, a row for each target token over all source tokens.",
        ),
        (
            Figure("encoder_self", ("S", "S_k"), "attend(x, x)"),
            Figure("decoder_self", ("T", "T_k"), "attend(y, y, causal)"),
            Figure("cross", ("T", "S"), "attend(y, memory)"),
        ),
        lab="encoder_to_decoder",
        lab_section="three",
    ),
    Question(
        "width_of_a_head",
        _TOPIC,
        "Must d_k be d_model / H?",
        (
            "No, it is a habit: 32 / 4 = {d_k} makes all heads together as wide as the input, {usual_shape}, for the "
            "same work as one wide head.",
            "With any other width, here 5 for each of 4 heads, the projections give {free_shape}, and W_O brings it "
            "back to {output_shape}, as the residual needs it.",
        ),
        lab="sizes_that_agree",
    ),
    Question(
        "parameters",
        _TOPIC,
        "Do more heads mean more parameters?",
        (
            "No. W_Q, W_K, W_V and W_O are d_model × d_model each, whatever the number of heads: with 8 heads {count} "
            "parameters, with one {of_one_head}.",
            "For d_model = 512 that is 4 · 512² = {four_squares}; biases come on top.",
        ),
        lab="why_split",
    ),
)
