"""Shape comments in the ways in which people write them."""

import pytest

from engine import record
from engine.record.axis_names.comments import shape_comment


@pytest.mark.parametrize(
    ("comment", "axes"),
    [
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


def test_words_of_the_field_are_shown_as_its_symbols_and_others_as_they_stand():
    import torch

    def program(x):
        heads = x.view(2, 3, 4, 5)  # (batch size, num_heads, 길이, head_dim)
        return heads

    assert record(program, torch.rand(120)).steps[0].axes == ("B", "H", "길이", "d_k")
