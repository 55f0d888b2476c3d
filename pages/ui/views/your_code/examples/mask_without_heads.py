def attend(query, key, value, is_padding):
    """Attention of heads that are split already.

    Args:
        query: (B, H, L, d_k)
        key: (B, H, S, d_k)
        value: (B, H, S, d_k)
        is_padding: (B, S), True where there is no token
    """
    scores = query @ key.transpose(-2, -1)  # (B, H, L, S)
    scores = scores / query.shape[-1] ** 0.5
    masked = scores.masked_fill(is_padding, float("-inf"))
    weights = masked.softmax(dim=-1)  # (B, H, L, S)
    return weights @ value  # (B, H, L, d_k)
