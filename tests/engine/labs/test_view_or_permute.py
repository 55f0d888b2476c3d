"""What a straight view gets wrong, counted another way."""

import math
import re

import pytest
import torch
from einops import rearrange
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.view_or_permute import HeadProducts, code, head_products, routes

sizes = st.integers(1, 8)


@settings(max_examples=60)
@given(st.integers(1, 3), sizes, sizes, st.integers(1, 4))
def test_the_count_of_numbers_in_place_is_that_of_number_theory(batch, length, heads, d_k):
    # Row h·L + l of the view is row l·H + h of the permuted rows where h·(L − 1) = l·(H − 1).
    pairs = math.gcd(length - 1, heads - 1) + 1 if length > 1 and heads > 1 else length * heads
    assert routes(batch, length, heads, d_k).in_place == batch * d_k * pairs


@settings(max_examples=20)
@given(st.integers(1, 3), sizes, sizes, st.integers(1, 4))
def test_permute_is_the_split_that_einops_makes_and_view_is_not_where_heads_and_tokens_differ(
    batch, length, heads, d_k
):
    found = routes(batch, length, heads, d_k)
    assert torch.equal(found.permuted, rearrange(found.rows, "b l h d -> b h l d"))
    assert found.viewed.shape == found.permuted.shape
    assert torch.equal(found.viewed, found.permuted) == (length == 1 or heads == 1)


def test_a_row_of_the_view_belongs_to_the_tokens_that_a_hand_count_says():
    # Rows of 3 heads of 2 features: memory is 000000 111111, read in pieces of 2 by head and token.
    owners = routes(1, 2, 3, 2).owners
    assert owners.tolist() == [[[0, 0], [0, 0]], [[0, 0], [1, 1]], [[1, 1], [1, 1]]]


def test_attention_on_permuted_heads_is_pytorchs_and_on_viewed_ones_it_is_not():
    found = routes(2, 5, 4, 3)
    query, key, value = torch.randn(3, 2, 5, 12, generator=torch.Generator().manual_seed(0))
    split = [rearrange(x, "b l (h d) -> b h l d", h=4) for x in (query, key, value)]
    mixed = torch.nn.functional.scaled_dot_product_attention(*split)
    torch.testing.assert_close(found.weights[0] @ split[2], mixed)
    assert found.output_difference > 0.1
    assert routes(2, 5, 1, 3).output_difference == 0


def test_a_product_head_by_head_that_differs_in_one_number_is_not_the_same():
    products = head_products(4, 3, 2)
    for_each_head = torch.einsum("hqd,hdk->hqk", products.query, products.key_t)
    assert torch.equal(products.by_hand, for_each_head)
    assert products.same
    other = for_each_head.clone()
    other[2, 3, 3] += 1
    assert not HeadProducts(products.query, products.key_t, products.at_once, other).same


@pytest.mark.parametrize("sizes", [(1, 4, 3, 4), (2, 1, 1, 1)])
def test_the_code_prints_what_the_experiment_found(sizes, capsys):
    exec(code(*sizes), {})
    found = routes(*sizes)
    owners = found.owners[0, min(1, sizes[1] - 1)].unique().tolist()
    printed = capsys.readouterr().out
    apart = re.search(r"outputs differ by up to (.*)\n", printed)
    assert float(apart[1]) == pytest.approx(found.output_difference, rel=1e-3)
    assert printed.replace(f"after merging the heads the {apart[0]}", "") == (
        f"shapes {tuple(found.permuted.shape)} and {tuple(found.viewed.shape)}\n"
        f"{found.in_place} of {found.rows.numel()} numbers in the same place\n"
        f"row {min(1, sizes[1] - 1)} of head 0 is made of tokens {owners}\n"
        f"scores {(sizes[2], sizes[1], sizes[1])} at once and head by hand the same: True\n"
    )
