import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from engine import LlamaConfig
from engine.labs.key_heads import cache_bytes, grouped
from engine.model.variants.parts.grouped_attention import GroupedQueryAttention
from engine.runtime.variants.cost_sheet import kv_cache_bytes

sizes = (st.integers(1, 4), st.integers(1, 8), st.integers(1, 9), st.integers(1, 16))


@given(*sizes)
def test_sharing_leaves_the_scores_and_divides_the_cache_by_the_group(kv_heads, group, length, d_k):
    shared = grouped(kv_heads, group, length, d_k)
    assert shared.weights.shape == (kv_heads * group, length, length)
    assert shared.key.numel() * 2 == shared.cache
    assert shared.repeated.numel() * 2 == shared.whole_cache == group * shared.cache
    assert shared.difference < 1e-6


def test_a_head_for_every_query_head_changes_nothing_and_one_for_all_does():
    assert grouped(4, 1, 5, 8).pooled_difference == 0
    assert grouped(1, 4, 5, 8).pooled_difference > 0.1


def test_torch_groups_the_same_queries_with_the_same_keys():
    shared = grouped(2, 3, 5, 8)
    query = torch.randn(3, 6, 5, 8, generator=torch.Generator().manual_seed(0))[0]
    theirs = nn.functional.scaled_dot_product_attention(query, shared.key, shared.key, enable_gqa=True)
    torch.testing.assert_close(shared.weights @ shared.repeated, theirs)


def test_parameters_and_bytes_are_those_of_the_model():
    shared = grouped(2, 2, 5, 8)
    attention = GroupedQueryAttention(32, 4, 2, 8, interleaved=False)
    assert shared.parameters == attention.w_k.weight.numel() + attention.w_v.weight.numel()
    config = LlamaConfig(batch=1, layers=1, heads=4, kv_heads=2, d_model=32, length=7)
    assert cache_bytes(2, 8, [7]) == [kv_cache_bytes(config, "float32")]


@pytest.mark.parametrize("group", [2, 4])
def test_what_is_copied_stands_beside_the_queries_of_its_group(group):
    shared = grouped(2, group, 3, 4)
    for head in range(2 * group):
        assert shared.repeated[head].equal(shared.key[head // group])
