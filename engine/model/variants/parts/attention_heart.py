"""What attention is in every variant, between the heads being split and their being merged.

Plain functions, so that their steps belong to the module whose attention it is.
"""

from torch import Tensor


def compare(query: Tensor, key: Tensor) -> Tensor:
    """How much each query agrees with each key, their product.

    Args:
        query: (B, H, L, d_k).
        key: (B, H, L_k, d_k).

    Returns:
        The scores, (B, H, L, L_k).
    """
    key_t = key.transpose(-2, -1)  # (B, H, d_k, L_k)
    scores = query @ key_t  # (B, H, L, L_k)
    return scores


def mix(scores: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """The values, mixed by the softmax of the scores.

    Args:
        scores: (B, H, L, L_k).
        value: (B, H, L_k, d_k).
        mask: bool, broadcasts onto the scores; True hides, and no row is hidden whole.

    Returns:
        The heads' answers side by side, (B, L, H*d_k).
    """
    masked = scores.masked_fill(mask, float("-inf"))  # (B, H, L, L_k)
    weights = masked.softmax(dim=-1)  # (B, H, L, L_k)
    mixed = weights @ value  # (B, H, L, d_k)
    mixed = mixed.permute(0, 2, 1, 3)  # (B, L, H, d_k)
    # view needs the numbers of one row side by side in memory, and permute moved none.
    mixed = mixed.contiguous()  # (B, L, H, d_k)
    concat = mixed.view(mixed.size(0), mixed.size(1), -1)  # (B, L, H*d_k)
    return concat


# What the steps above are called together where they are taught, and before them those of an attention that can keep
# its keys and values.
SPLIT_STAGES = """
    Q K V: query linear, key linear, value linear
    split heads: query view, key view, value view, query permute, key permute, value permute
    append to the cache?: key cat, value cat
"""
COMPARE_STAGES = "scores: key_t transpose, scores matmul"
MIX_STAGES = """
    mask: masked masked_fill
    softmax: weights softmax
    mix: mixed matmul
    merge: mixed permute, mixed contiguous, concat view
"""
