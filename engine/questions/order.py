"""Questions on sequences: order, distance, recurrence, and writing token by token."""

from __future__ import annotations

from engine.questions.question import Figure, Question

_TOPIC = "order"

QUESTIONS = (
    Question(
        "far_words",
        _TOPIC,
        "Why can attention use a far word as easily as a near one?",
        (
            "Attention multiplies the last word's query with the first word's key: one step at any distance. An RNN "
            "has to carry the first word through {steps} states of fixed size, one after the other.",
            "Measured over 24 words: how much the last output depends on the first word is {rnn_first} in an RNN (on "
            "the last word {rnn_last}), and {attention_first} in attention.",
        ),
        (
            Figure(
                "path_lengths",
                ("way", "distance"),
                "steps from one word to another, by how many words apart they are",
                ("RNN", "attention"),
                ("1 apart", "2", "4", "8", "16", "23"),
            ),
        ),
        lab="long_range",
        lab_section="paths",
    ),
    Question(
        "costs",
        _TOPIC,
        "What does a layer cost: attention against recurrence, and where do they cross?",
        (
            "Attention takes n²·d products in 1 step, recurrence n·d² in n steps, each waiting for the one before. "
            "They cross at n = d: shorter sentences are cheaper with attention, longer ones with recurrence.",
            "For d = 64: at n = {n_small} attention takes {attention_small} and recurrence {recurrence_small}; at "
            "n = {n_large} {attention_large} and {recurrence_large}. From word to word the path is 1 step long in "
            "attention, up to n in recurrence (Table 1 of “Attention Is All You Need”).",
        ),
        (Figure("table", ("row", "column"), "", columns=("n words", "attention n²·d", "recurrence n·d²")),),
        lab="long_range",
        lab_section="costs",
    ),
    Question(
        "bidirectional",
        _TOPIC,
        "What is concatenated in a bidirectional RNN, and how wide is the result?",
        (
            "For each word the forward state and the backward state, side by side: with 3 numbers a state the result "
            "is {states_shape}, and its last size is 2 · 3 = {double}.",
            "At the last word the forward RNN has read the whole sentence, the backward one only that word; at the "
            "first word it is the other way round.",
        ),
        (Figure("states", ("B", "L", "2*width"), "three columns forward, three backward"),),
        lab="long_range",
        lab_section="bidirectional",
    ),
    Question(
        "all_at_once",
        _TOPIC,
        "How can n words be encoded in one go?",
        (
            "A query never needs another word's query: all rows of one matrix are multiplied at once. {products} "
            "products give all 6 words; word by word it takes {products_alone}.",
            "They give the same numbers (`torch.allclose`: {agrees}). An RNN can't: each state needs the one before.",
        ),
        lab="all_at_once",
    ),
    Question(
        "shuffled",
        _TOPIC,
        "What happens without positional encoding when words are shuffled?",
        (
            "Nothing: each output row is the same and moves with its word (`torch.allclose`: {without}), since a "
            "sum over all words has no order.",
            "With positions added, the words meet other positions and their outputs change, here by up to {moved}.",
        ),
        lab="word_order",
    ),
    Question(
        "add_positions",
        _TOPIC,
        "Why are positions added and not appended?",
        (
            "Added, the shape stays {added_shape}; appended it would be {appended_shape}, and every matrix behind it "
            "twice as large: W_Q {w_q_appended} numbers instead of {w_q_added}.",
            "The model can still tell them apart: with d_model numbers there is room for both, and what W_Q and W_K "
            "learn decides which directions they read.",
        ),
        lab="word_order",
    ),
    Question(
        "cache",
        _TOPIC,
        "How is a sentence written token by token, and what does a K/V cache save?",
        (
            "The decoder reads what it has written, takes the likeliest next token, and reads again. Keys and values "
            "of older tokens never change, so a cache keeps them: {rows_with} rows are projected for 6 tokens instead "
            "of {rows_without}.",
            "The results are the same (`torch.allclose`: {agrees}). The price is memory: {kept} numbers for "
            "each layer and head here.",
        ),
        lab="encoder_to_decoder",
        lab_section="cache",
    ),
    Question(
        "teacher_forcing",
        _TOPIC,
        "Which token is the label of which? Why is the target shifted by one?",
        (
            "The decoder reads the target without its last token and is to write it without its first: {pairs}.",
            "For the loss, cross_entropy wants a row a token: logits (1, 5, 12) become {rows}, and the labels one "
            "number a row.",
        ),
    ),
)
