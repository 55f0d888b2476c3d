"""T5's positions: a learned number for every head and distance, added to the scores (Raffel et al. 2020, section 2.1).

Short distances have a bucket each. Longer ones share buckets that widen with the logarithm, and all from
``max_distance`` on share the last.
"""

import math

import torch
from torch import Tensor, nn


def distances(x: Tensor) -> Tensor:
    """How far each key lies behind each query, negative for one before it.

    Args:
        x: anything whose tokens lie along axis 1, (B, L, d_model).

    Returns:
        Key's place − query's place, int64 (L, L_k).
    """
    place = torch.arange(x.size(1), device=x.device)  # (L)
    query_place = place.unsqueeze(1)  # (L, 1)
    key_place = place.unsqueeze(0)  # (1, L_k)
    distance = key_place - query_place  # (L, L_k)
    return distance


def bucket(steps: Tensor, buckets: int, max_distance: int) -> Tensor:
    """The bucket of each distance, whatever its direction.

    Args:
        steps: distances of 0 or more, int64 (L, L_k).
        buckets: how many there are; half of them for a distance each.
        max_distance: from here on all distances share the last.

    Returns:
        Bucket numbers, int64 (L, L_k).
    """
    exact = buckets // 2
    # The logarithm is of use from there on alone, and has no value at 0.
    far = steps.clamp(min=exact)  # (L, L_k)
    far_float = far.float()  # (L, L_k)
    ratio = far_float / exact  # (L, L_k)
    logarithm = ratio.log()  # (L, L_k)
    portion = logarithm / math.log(max_distance / exact)  # (L, L_k)
    beyond = portion * (buckets - exact)  # (L, L_k)
    whole = beyond.to(torch.int64)  # (L, L_k)
    shared = whole + exact  # (L, L_k)
    last = shared.clamp(max=buckets - 1)  # (L, L_k)
    is_short = steps < exact  # (L, L_k)
    number = torch.where(is_short, steps, last)  # (L, L_k)
    return number


# What the steps above are called together where they are taught.
_DISTANCE_STAGES = "distance: place arange, query_place unsqueeze, key_place unsqueeze, distance sub"
_BUCKET_STAGES = """
    logarithm of far ones: far clamp, far_float float, ratio div, logarithm log, portion div, beyond mul, whole to
    logarithm of far ones: shared add, last clamp
    short or far: is_short lt, number where
"""


class TwoWayBuckets(nn.Module):
    """The encoder's: half of the buckets for keys before a query, half for those behind. Returns int64 (L, L_k)."""

    def __init__(self, buckets: int, max_distance: int) -> None:
        super().__init__()
        self.buckets, self.max_distance = buckets, max_distance

    def forward(self, x: Tensor) -> Tensor:
        half = self.buckets // 2
        distance = distances(x)
        steps = distance.abs()  # (L, L_k)
        number = bucket(steps, half, self.max_distance)
        is_behind = distance > 0  # (L, L_k)
        offset = is_behind * half  # (L, L_k)
        directed = number + offset  # (L, L_k)
        return directed

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = f"""
        {_DISTANCE_STAGES}
        how far: steps abs
        {_BUCKET_STAGES}
        which side: is_behind gt, offset mul, directed add
    """


class PastBuckets(nn.Module):
    """The decoder's: all buckets for keys before a query; the future, hidden anyway, counts as 0. Returns (L, L_k)."""

    def __init__(self, buckets: int, max_distance: int) -> None:
        super().__init__()
        self.buckets, self.max_distance = buckets, max_distance

    def forward(self, x: Tensor) -> Tensor:
        distance = distances(x)
        backwards = distance.clamp(max=0)  # (L, L_k)
        steps = backwards.neg()  # (L, L_k)
        number = bucket(steps, self.buckets, self.max_distance)
        return number

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = f"""
        {_DISTANCE_STAGES}
        how far: backwards clamp, steps neg
        {_BUCKET_STAGES}
    """


class DistanceBias(nn.Module):
    """The learned number of every head and pair of places, for all layers of a stack.

    ``x`` is anything whose tokens lie along axis 1, (B, L, d_model); returns (1, H, L, L_k).
    """

    def __init__(self, buckets: nn.Module, count: int, heads: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.table = nn.Embedding(count, heads)

    def forward(self, x: Tensor) -> Tensor:
        number = self.buckets(x)
        bias = self.table(number)  # (L, L_k, H)
        per_head = bias.permute(2, 0, 1)  # (H, L, L_k)
        per_sentence = per_head.unsqueeze(0)  # (1, H, L, L_k)
        return per_sentence

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        look up: bias embedding
        heads in front: per_head permute
        make room for sentences: per_sentence unsqueeze
    """
