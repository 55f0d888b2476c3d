from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.kv_cache import D_K, multiplications, reading


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(2, 9), st.integers(1, 3), st.integers(1, 3))
def test_read_one_by_one_the_tokens_give_what_they_give_at_once(batch, length, kv_heads, group):
    read = reading(batch, length, kv_heads, group)
    assert read.difference < 1e-5
    assert read.key_shapes == tuple((batch, kv_heads, tokens, D_K) for tokens in range(1, length + 1))
    assert (read.scores[:, 0] - read.whole[:, -1]).abs().max() < 1e-5
    assert read.nbytes == 2 * batch * kv_heads * length * D_K * 4
    assert read.rows_without == batch * sum(range(1, length + 1))


def test_the_multiplications_by_hand():
    # d_model 16, W_Q 16 × 16, W_K and W_V 16 × 8; scores and mix 8 + 8 for each of 2 heads and every token seen.
    each = 16 * 16 + 2 * 16 * 8
    assert multiplications(3, 1, 2, cached=True) == [each + 32, each + 64, each + 96]
    assert multiplications(3, 1, 2, cached=False) == [each + 32, 2 * each + 4 * 32, 3 * each + 9 * 32]
