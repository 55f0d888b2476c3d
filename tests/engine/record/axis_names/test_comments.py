"""Shape comments in the ways in which people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import record
from engine.record.axis_names.comments import shape_comment


@pytest.mark.parametrize(
    ("comment", "axes"),
    [
        ("# (B, S, d_model)", ("B", "S", "d_model")),
        ("# [B, S, d_model]", ("B", "S", "d_model")),
        ("# (B, S) -> (S, B)", ("S", "B")),
        ("# (B, S) → (S, B)", ("S", "B")),
        ("# B first: (B, L, H*d_k), heads side by side", ("B", "L", "H*d_k")),
        ("# (B, L, H·d_k)", ("B", "L", "H*d_k")),
        ("# (L)", ("L",)),
        ("# (1, 1, T, T)", ("1", "1", "T", "T")),
        ("# (see figure 2)", None),
        ("# (paper, section 3.2.1) (B, S)", ("B", "S")),
        ("# no axes here", None),
        ("#", None),
        ("# ()", None),
        ("# (B, S", None),
        ("# (배치, 길이, 차원)", ("배치", "길이", "차원")),
        ("# 출력: (배치, 문장 길이)", ("배치", "문장_길이")),
        ("# (B, L, 3*D)", ("B", "L", "3*D")),
        ("# (B, L, 3D)", ("B", "L", "3*D")),
        ("# (B, L, d_model//h)", ("B", "L", "d_model//h")),
        ("# (B, L + 1, D)", ("B", "L+1", "D")),
        ("# B x L x D", ("B", "L", "D")),
        ("# [B × L × D], heads apart", ("B", "L", "D")),
        ("# (batch size, seq-len, d_model)", ("batch_size", "seq_len", "d_model")),
        ("# (number of heads, L)", ("number_of_heads", "L")),
        ("# (B, L, D) -> …", ("B", "L", "D")),
        ("# (B, L) -> project -> (B, V)", ("B", "V")),
        ("# q (N, L, E)", ("N", "L", "E")),
        ("# returns (B, L)", ("B", "L")),
        ("# use (a, b, c) here", None),
        ("# see (foo, bar)", None),
        ("# call f(x, y) first", None),
        ("# (if masked, zero elsewhere)", None),
        ("# (optional)", None),
        ("# 2 x faster", None),
        ("# scaled (by sqrt, as in the paper) before", None),
    ],
)
def test_a_shape_is_read_and_a_sentence_is_not(comment, axes):
    assert shape_comment(comment) == axes


@given(st.text(max_size=60))
def test_any_comment_at_all_is_read_without_an_error(comment):
    axes = shape_comment("# " + comment)
    assert axes is None or all(isinstance(axis, str) and axis for axis in axes)


def test_words_of_the_field_are_shown_as_its_symbols_and_others_as_they_stand():
    import torch

    def program(x):
        heads = x.view(2, 3, 4, 5)  # (batch size, num_heads, 길이, head_dim)
        return heads

    assert record(program, torch.rand(120)).steps[0].axes == ("B", "H", "길이", "d_k")
