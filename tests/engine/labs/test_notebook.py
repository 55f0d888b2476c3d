"""The exercise on multi-head attention against torch's own layer, and its shapes against the rules of algebra."""

import ast
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.labs.notebook import PAD, code, nearest, replay, with_the_length_left_open
from engine.labs.notebook.shapes import options

CLASSIC = (10, 20, 512, 8)


def by_name(found):
    """The last line with each name, as the names stand at the end."""
    return {line.name: line.step.value for line in found.lines}


def test_the_classic_sizes_print_the_shapes_of_the_classic_notebook():
    printed = [(line.name, line.step.shape) for line in replay(*CLASSIC).lines]
    row, cut, heads, grid = (10, 20, 512), (10, 20, 8, 64), (10, 8, 20, 64), (10, 8, 20, 20)
    assert printed == [
        ("batch", (10, 20)),
        ("embedded", row),
        *((name, row) for name in "qkv"),
        *((name, cut) for name in "qkv"),
        *((name, heads) for name in "qkv"),
        ("k_t", (10, 8, 64, 20)),
        ("scores", grid),
        ("scaled", grid),
        ("weights", grid),
        ("mixed", heads),
        ("moved", cut),
        ("packed", cut),
        ("concat", row),
        ("output", row),
    ]


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(1, 7), st.integers(1, 5), st.integers(1, 6))
def test_the_output_is_that_of_torchs_multihead_attention(batch, length, heads, d_k):
    d_model = heads * d_k
    found = replay(batch, length, d_model, heads)
    weights = {leaf.name: leaf.value for step in found.trace.steps for leaf in step.inputs if leaf.kind == "parameter"}
    theirs = nn.MultiheadAttention(d_model, heads, batch_first=True)
    made = by_name(found)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([weights[f"w_{name}.weight"] for name in "qkv"]))
        theirs.in_proj_bias.copy_(torch.cat([weights[f"w_{name}.bias"] for name in "qkv"]))
        theirs.out_proj.weight.copy_(weights["w_o.weight"])
        theirs.out_proj.bias.copy_(weights["w_o.bias"])
        output, mixed = theirs(made["embedded"], made["embedded"], made["embedded"], average_attn_weights=False)
    torch.testing.assert_close(made["output"], output, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(made["weights"], mixed, atol=1e-5, rtol=1e-4)


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 9))
def test_every_sentence_is_padded_to_the_longest_and_the_attention_to_padding_is_counted(batch, length):
    found = replay(batch, length, 8, 2)
    made = by_name(found)
    assert max(found.lengths) == length
    shares = []
    for row, count in enumerate(found.lengths):
        assert (made["batch"][row, :count] != PAD).all()
        assert (made["batch"][row, count:] == PAD).all()
        shares += [made["weights"][row, head, at, count:].sum().item() for head in range(2) for at in range(count)]
    assert found.to_padding == pytest.approx(sum(shares) / len(shares), abs=1e-6)


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(1, 7), st.integers(1, 6), st.integers(1, 6))
def test_a_question_offers_the_right_shape_once_among_others(batch, length, heads, d_k):
    found = replay(batch, length, heads * d_k, heads)
    asked = [line for line in found.lines if options(line, batch, length, heads * d_k, heads)]
    assert [line.name for line in asked if line.name in ("k", "v")] == []
    assert len(asked) == 14
    for line in asked:
        shapes = options(line, batch, length, heads * d_k, heads)
        assert 3 <= len(shapes) <= 4
        assert len(set(shapes)) == len(shapes)
        assert shapes.count(tuple(line.step.value.shape)) == 1


def test_lines_and_steps_are_one_to_one_and_each_line_is_the_text_that_ran():
    found = replay(*CLASSIC)
    assert [line.step.index + 1 for line in found.lines] == [line.number for line in found.lines]
    assert len(found.trace.steps) == len(found.lines) == 20
    for line in found.lines:
        assert line.code == f"{line.name} = {line.step.source.expression}".replace("self.", "")
        assert line.axes == line.step.axes


@pytest.mark.parametrize(("length", "heads"), [(1, 4), (5, 1), (5, 4)])
def test_contiguous_copies_unless_there_is_one_head_or_one_token(length, heads):
    packed = replay(2, length, 8, heads).trace.find("packed")
    assert packed.memory == ("same" if length == 1 or heads == 1 else "new")


def test_costs_are_the_textbooks():
    batch, length, d_model, heads = CLASSIC
    flops = {(line.name, line.step.op): line.step.flops for line in replay(*CLASSIC).lines}
    rows = batch * length
    assert flops["output", "linear"] == 2 * rows * d_model**2 + rows * d_model
    assert flops["scores", "matmul"] == 2 * batch * heads * length**2 * (d_model // heads)


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 7), st.integers(4, 40), st.integers(1, 16))
def test_heads_that_do_not_divide_raise_at_the_first_view_and_others_never(batch, length, d_model, heads):
    found = replay(batch, length, d_model, heads)
    if d_model % heads == 0:
        assert (found.error, found.raised) == ("", 0)
        return
    assert found.raised == 6
    assert found.lines[5].code.startswith("q = q.view(")
    assert [line.number for line in found.lines if line.step] == [1, 2, 3, 4, 5]
    with pytest.raises(RuntimeError) as raised:
        torch.zeros(batch, length, d_model).view(batch, length, heads, d_model // heads)
    assert found.error == str(raised.value)


@settings(max_examples=60)
@given(st.integers(4, 512), st.integers(1, 16))
def test_the_nearest_sizes_divide_and_none_between_does(d_model, heads):
    widths, counts = nearest(d_model, heads, (4, 512), (1, 16))
    assert all(width % heads == 0 for width in widths)
    assert all(d_model % count == 0 for count in counts)
    between = range(min(counts) + 1, max(counts)) if len(counts) == 2 else ()
    assert [count for count in between if d_model % count == 0 and count != heads] == []
    assert all(abs(width - d_model) <= heads for width in widths)


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(4, 40), st.integers(1, 16))
def test_a_length_left_open_is_what_the_count_of_numbers_allows(batch, length, d_model, heads):
    shape, error = with_the_length_left_open(batch, length, d_model, heads)
    piece = batch * heads * (d_model // heads)
    if piece and batch * length * d_model % piece == 0:
        assert shape == (batch, batch * length * d_model // piece, heads, d_model // heads)
        assert (shape[1] == length) == (d_model % heads == 0)
    else:
        assert error


@pytest.mark.parametrize("sizes", [CLASSIC, (2, 3, 12, 4), (1, 1, 4, 4)])
def test_the_code_prints_the_lengths_the_shapes_and_the_padding_of_the_experiment(sizes, capsys):
    exec(code(*sizes), {})
    lengths, *shapes, padding = capsys.readouterr().out.splitlines()
    found = replay(*sizes)
    assert lengths == f"lengths {list(found.lengths)}"
    printed = [line.partition(" ") for line in shapes]
    assert [(name, ast.literal_eval(shape)) for name, _, shape in printed] == [
        (line.name, line.step.shape) for line in found.lines
    ]
    assert padding == f"attention that goes to padding {found.to_padding:.1%}"


def test_the_scores_are_divided_by_the_root_of_d_k():
    made = by_name(replay(2, 4, 12, 3))
    torch.testing.assert_close(made["scaled"] * math.sqrt(4), made["scores"])
