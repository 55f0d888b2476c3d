"""Questions on shapes and memory."""

from __future__ import annotations

from engine.questions.question import Figure, Question

_TOPIC = "shapes"

QUESTIONS = (
    Question(
        "why_key_transposed",
        _TOPIC,
        "Why is k transposed before the scores?",
        (
            "Each query row is to meet each key row, and `@` multiplies rows by columns: so the keys must stand as "
            "columns, and query {query_shape} @ key_t {key_t_shape} gives scores {scores_shape}, one for each pair.",
            "Without the transpose PyTorch says: “{message}”. One score by hand, query row 1 times key row 2, is the "
            "number in row 1, column 2.",
        ),
        (
            Figure("query", ("L", "d_k")),
            Figure("key_t", ("d_k", "L_k")),
            Figure("scores", ("L", "L_k"), "row: who asks; column: who is asked"),
        ),
        lab="sizes_that_agree",
    ),
    Question(
        "permute_before_product",
        _TOPIC,
        "Why permute(0, 2, 1, 3) before the score matmul?",
        (
            "`matmul`, written `@`, multiplies the last two axes and takes everything in front as a batch. So the last "
            "two must be (L, d_k), and the heads must stand in front with the batch.",
            "Without the permute nothing fails: the product is {wrong_shape}, in which each token compares its own "
            "heads with each other and no token meets another. After it the product is {right_shape}: for each head, "
            "every token against every token; head 1 multiplied by itself gives the same numbers.",
        ),
        (
            Figure("not_moved", ("B", "L", "H", "H"), "without the permute: heads against heads"),
            Figure("scores", ("B", "H", "L", "L_k"), "with it: tokens against tokens, for each head"),
            Figure("head_1_by_hand", ("L", "L_k"), "head 1 alone, by hand"),
        ),
        lab="view_or_permute",
        lab_section="product",
    ),
    Question(
        "view_straight",
        _TOPIC,
        "Why not .view(B, H, L, d_k) in the first place?",
        (
            "`view` never moves a number: it only cuts memory into other rows, and memory has token after token. With "
            "B 1, L 5, H 4, d_k 8 only {same} of {total} numbers stand where they should, {wrong} are wrong.",
            "The rows of head 0 should be one token's each; after the straight view they come from tokens "
            "{owners}. Nothing fails: the shape is right and the numbers are not.",
        ),
        lab="view_or_permute",
        lab_values=(("batch", "1"), ("length", "5"), ("heads", "4"), ("d_k", "8")),
    ),
    Question(
        "transpose_or_permute",
        _TOPIC,
        "transpose or permute: what can each do, what does each take?",
        (
            "`transpose(a, b)` takes two axes and swaps them. `permute(…)` takes all axes in their new order: "
            "x {shape} becomes {turned_shape} with permute(2, 0, 1), which no single transpose can do.",
            "Both are views: x.transpose(0, 1) and x.permute(1, 0, 2) give the same shape {swapped_shape} and the same "
            "strides {swapped_stride}; no number moves.",
        ),
        lab="memory_layout",
    ),
    Question(
        "contiguous",
        _TOPIC,
        "What does contiguous() do, and when must it be called?",
        (
            "It writes the numbers anew, in the order of the axes. The rule: after transpose or permute, before view; "
            "or write `reshape`, which copies where it must.",
            "Here transpose made the strides {turned_strides}, and `view` refused: “{message}”. After contiguous() "
            "they are {copied_strides}, and `view` works.",
        ),
        (
            Figure("turned", ("d_model", "L"), "read column by column from memory"),
            Figure("in_memory", ("element",), "in memory after contiguous()"),
        ),
        lab="memory_layout",
        lab_section="contiguous",
    ),
    Question(
        "view_or_reshape",
        _TOPIC,
        "view or reshape?",
        (
            "`reshape` gives a view where the memory allows it and else copies; `view` gives a view or an error. The "
            "numbers are the same.",
            "Here: the same memory for a tensor in order, {same_memory}; a copy after a transpose, "
            "{copied_memory}. Write `view` where a copy would be a surprise.",
        ),
        lab="memory_layout",
    ),
    Question(
        "minus_one",
        _TOPIC,
        "What does −1 in view mean?",
        (
            "The one size that is left: PyTorch divides the number of elements by the other sizes. Of {elements} "
            "elements, view(2, 5, 4, -1) leaves {elements} / (2 · 5 · 4) = {rest}.",
            "Only one −1 can stand in a view, and the division must come out even.",
        ),
    ),
    Question(
        "keys_and_values",
        _TOPIC,
        "Must there be as many keys as values? Must d_k equal d_v?",
        (
            "As many keys as values, yes: the weight of a key says how much of its value is taken. Weights "
            "{weights_shape} and one value too many: “{message}”.",
            "d_k and d_v are free of each other: with d_k = 3 and d_v = 5 the result is {mixed_shape}, one row a query "
            "and one column a feature of the values. Only queries and keys must share d_k.",
        ),
        lab="sizes_that_agree",
    ),
    Question(
        "broadcasting",
        _TOPIC,
        "How can a mask of (B, 1, 1, L_k) be used on scores (B, H, L, L_k)?",
        (
            "An axis of size 1 is repeated along the other tensor's axis: mask {mask_shape} fits scores {scores_shape} "
            "and counts the same for every head and every query.",
            "{mask_numbers} numbers in the mask decide over all of the scores: one padded token hides {hidden} of "
            "them, in 4 heads and 3 queries.",
        ),
        (Figure("is_padding", ("B", "L_k"), "True: hidden"),),
        lab="masking",
    ),
    Question(
        "expand_or_repeat",
        _TOPIC,
        "expand or repeat?",
        (
            "Both show the same numbers. `expand` reads them again, with a stride of 0: strides {expanded_stride}, "
            "{expanded_bytes} bytes. `repeat` writes them again: strides {repeated_stride}, {repeated_bytes} bytes.",
            "Grouped queries expand their keys: several query heads read one key head.",
        ),
        lab="memory_layout",
    ),
    Question(
        "einsum_letters",
        _TOPIC,
        'What do the letters of einsum("bhqd,bhkd->bhqk") mean?',
        (
            "A letter is an axis. One that stands on both sides is kept; one that is missing on the right, here d, is "
            "multiplied and summed. So it is query @ keyᵀ for each b and h: {scores_shape}.",
            "It gives what query @ key.transpose(-2, -1) gives: `torch.allclose` says {same}.",
        ),
    ),
)
