"""The answers to the questions, held against facts that are known without their scripts."""

from __future__ import annotations

import io
import math
import runpy
import warnings
from contextlib import redirect_stdout
from typing import Any

import pytest
import torch

from engine.questions import QUESTIONS, TOPICS, Question, answer, question_of


def computed(key: str) -> dict[str, Any]:
    """The variables of a question's script."""
    question = question_of(key)
    assert question is not None
    with redirect_stdout(io.StringIO()):
        return runpy.run_path(str(question.script))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_every_script_runs_alone_prints_and_fills_every_sentence(question: Question):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answered = answer(question)
    assert answered.output.strip()
    assert answered.code == question.script.read_text(encoding="utf-8")
    assert 2 <= len(answered.sentences) <= 3
    assert not any("{" in sentence or "}" in sentence for sentence in answered.sentences)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_every_tensor_of_an_answer_has_a_name_for_each_axis_row_and_column(question: Question):
    for figure, tensor in zip(question.figures, answer(question).tensors, strict=True):
        assert len(figure.axes) == tensor.dim() <= 4
        assert not figure.rows or len(figure.rows) == tensor.shape[-2]
        assert not figure.columns or len(figure.columns) == tensor.shape[-1]


def test_no_key_stands_twice_and_every_topic_has_questions():
    keys = [question.key for question in QUESTIONS]
    assert len(set(keys)) == len(keys) == sum(len(questions) for _, questions in TOPICS.values())
    assert question_of("no such question") is None


def test_a_straight_view_leaves_16_of_160_numbers_in_place():
    # Number n of token l, head h, feature d stands at l*32 + h*8 + d, and the straight view puts l*8 + d + h*40 there.
    same = sum(l * 32 + h * 8 + d == h * 40 + l * 8 + d for h in range(4) for l in range(5) for d in range(8))  # noqa: E741
    values = computed("view_straight")
    assert (values["same"], values["wrong"]) == (same, 160 - same) == (16, 144)
    assert values["owners"] == "0, 0, 0, 0, 1"


def test_a_weight_of_softmax_has_the_gradient_p_times_one_minus_p():
    values = computed("flat_region")
    assert values["by_formula"] == pytest.approx(values["large"], rel=1e-6)
    assert values["rest"] == pytest.approx(1 / (1 + math.exp(16)), rel=1e-6)
    for score, p, gradient in values["table"].tolist():
        exact = 1 / (1 + math.exp(-score))
        assert p == pytest.approx(exact)
        assert gradient == pytest.approx(exact * (1 - exact), rel=1e-4)


def test_zero_after_softmax_takes_the_hidden_score_s_part_of_the_row():
    values = computed("minus_infinity")
    e = [math.exp(score) for score in (2.0, 1.0, 1.5)]
    assert values["row_sum"] == pytest.approx((e[0] + e[1]) / sum(e))
    raised = sum(e[:2]) + math.exp(3.5)
    assert values["moved"] == pytest.approx(e[0] / sum(e) - e[0] / raised, rel=1e-5)
    assert values["right_sum"] == pytest.approx(1)


def test_the_variance_of_a_product_is_d_k_and_one_when_divided():
    values = computed("root_d_k")
    assert values["variance"] == pytest.approx(64, rel=0.02)
    assert values["divided"] == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(("name", "divisor"), [("largest", 1), ("largest_divided", 8)])
def test_the_largest_of_ten_weights_is_that_of_a_softmax_written_out(name, divisor):
    values = computed("root_d_k")
    exponentials = [[math.exp(score / divisor) for score in row] for row in values["ten_keys"].tolist()]
    expected = sum(max(row) / sum(row) for row in exponentials) / len(exponentials)
    assert values[name] == pytest.approx(expected, rel=1e-4)


def test_two_heads_look_at_two_words_and_a_wide_head_at_both_half():
    values = computed("several_positions")
    sharp = math.exp(6 / math.sqrt(2))
    assert values["animal_0"] == values["tired_1"] == pytest.approx(sharp / (sharp + 3))
    half = math.exp(6 / 2)
    assert values["animal_wide"] == values["tired_wide"] == pytest.approx(half / (2 * half + 2))


def test_without_the_permute_heads_meet_heads():
    values = computed("permute_before_product")
    expected = torch.einsum("blhd,blgd->blhg", values["query"], values["key"])
    assert torch.equal(values["not_moved"], expected)
    assert torch.equal(values["scores"], torch.einsum("blhd,bmhd->bhlm", values["query"], values["key"]))
    assert values["agrees"]


def test_a_picture_of_32_pixels_a_side_is_16_tokens_of_192_numbers():
    values = computed("image_tokens")
    assert (values["count"], values["features"]) == (16, 192)
    first = values["image"][0, :, :8, :8].permute(1, 2, 0).reshape(-1)
    assert torch.equal(values["tokens"][0, 0], first)


def test_costs_cross_where_words_are_as_many_as_features():
    for words, attention, recurrence in computed("costs")["table"].tolist():
        assert (attention < recurrence, attention == recurrence) == (words < 64, words == 64)


@pytest.mark.parametrize(
    ("key", "facts"),
    [
        ("why_key_transposed", {"agrees": True, "scores_shape": (3, 3)}),
        ("transpose_or_permute", {"same": True, "turned_shape": (4, 2, 3)}),
        ("contiguous", {"strides": (3, 1), "turned_strides": (1, 3), "copied_strides": (2, 1), "same": True}),
        ("view_or_reshape", {"same_memory": True, "copied_memory": True}),
        ("minus_one", {"d_k": 8, "rest": 8}),
        ("keys_and_values", {"weights_shape": (2, 4), "mixed_shape": (2, 5)}),
        ("broadcasting", {"mask_numbers": 6, "hidden": 12}),
        ("expand_or_repeat", {"same": True, "expanded_bytes": 24, "repeated_bytes": 96}),
        ("einsum_letters", {"same": True}),
        ("why_split", {"agrees": True, "products_split": 288, "products_wide": 288}),
        ("where_from", {"encoder_shape": (5, 5), "decoder_shape": (3, 3), "cross_shape": (3, 5), "future": 0.0}),
        ("width_of_a_head", {"usual_shape": (1, 6, 32), "free_shape": (1, 6, 20), "output_shape": (1, 6, 32)}),
        ("parameters", {"count": 1_048_576, "of_one_head": 1_048_576}),
        ("masked_fill", {"at_true": 0.0, "row_sum": 1.0, "kept": 0.5}),
        ("causal", {"first": 1, "last": 4, "hidden": 6}),
        ("two_masks", {"of_padding": 4, "of_causal": 6, "of_both": 7}),
        ("bool_or_float", {"as_bool": 1.0, "as_float": 1.0}),
        ("all_hidden", {"nan": 3}),
        ("which_axis", {"row": 1.0}),
        ("residual", {"gradient": 1.0}),
        ("bidirectional", {"states_shape": (1, 5, 6), "double": 6, "forward_ends": True, "backward_ends": True}),
        ("all_at_once", {"agrees": True, "products_alone": 12}),
        ("shuffled", {"without": True, "with_positions": False}),
        ("add_positions", {"w_q_added": 1024, "w_q_appended": 2048}),
        ("cache", {"agrees": True, "rows_with": 6, "rows_without": 21, "kept": 96}),
        ("teacher_forcing", {"rows": (5, 12)}),
        ("explanation", {"same": 0.0}),
        ("tied", {"before": 128_000, "after": 64_000}),
    ],
)
def test_the_facts_of_an_answer_are_those_of_the_textbook(key: str, facts: dict[str, Any]):
    values = computed(key)
    for name, fact in facts.items():
        assert values[name] == (pytest.approx(fact, abs=1e-6) if isinstance(fact, float) else fact), name


def test_the_first_word_fades_in_the_rnn_and_not_in_attention():
    values = computed("far_words")
    assert values["path_lengths"].tolist() == [[1, 2, 4, 8, 16, 23], [1] * 6]
    assert values["rnn_first"] < 1e-6 * values["rnn_last"]
    assert values["attention_first"] > 1e-3


def test_layer_norm_makes_a_token_ten_times_as_large_the_same():
    values = computed("layer_norm")
    row = torch.tensor([1.0, 2.0, 3.0, 6.0])
    assert torch.allclose(values["normed"][0], (row - 3) / row.std(correction=0), atol=1e-5)
    assert values["difference"] < 1e-5
