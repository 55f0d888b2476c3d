"""Rotary positions: queries and keys are turned by an angle that grows with their place (RoFormer: Su et al. 2021).

Each pair of features turns at a frequency of its own. Which two are a pair is a convention; the weights of a model
trained with one work with the other once the rows of W_Q and W_K are put in the other's order.
"""

import math

import torch
from torch import Tensor, nn


class RotaryAngles(nn.Module):
    """Cosine and sine of every place at d_k / 2 frequencies, θ_i = base^(−2i / d_k) (RoFormer, section 3.2.2).

    ``x`` is anything whose tokens lie along axis 1, (B, L, d_model), ``start`` the place of the first of them; returns
    the cosine and the sine, (L, F) each.
    """

    def __init__(self, d_k: int, base: float) -> None:
        super().__init__()
        self.d_k, self.base = d_k, base

    def forward(self, x: Tensor, start: int = 0) -> tuple[Tensor, Tensor]:
        # Angles of a long text need more digits than half precision has.
        precision = torch.float64 if x.dtype == torch.float64 else torch.float32
        place = torch.arange(start, start + x.size(1), dtype=precision, device=x.device)  # (L)
        place_column = place.unsqueeze(1)  # (L, 1)
        even = torch.arange(0, self.d_k, 2, dtype=precision, device=x.device)  # (F)
        exponent = even * (-math.log(self.base) / self.d_k)  # (F)
        frequency = exponent.exp()  # (F)
        angle = place_column * frequency  # (L, F)
        cosine = angle.cos()  # (L, F)
        sine = angle.sin()  # (L, F)
        cosine = cosine.to(x.dtype)  # (L, F)
        sine = sine.to(x.dtype)  # (L, F)
        return cosine, sine

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        place: place arange, place_column unsqueeze
        frequency: even arange, exponent mul, frequency exp
        angle: angle mul
        sine and cosine: cosine cos, sine sin, cosine to, sine to
    """


def turn(first: Tensor, second: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor]:
    """Turns the pairs (first, second) by the angles, as a rotation of the plane does.

    Args:
        first, second: (B, H, L, F).
        cosine, sine: of the angles, (L, F).

    Returns:
        The turned pairs, (B, H, L, F) each.
    """
    first_cosine = first * cosine  # (B, H, L, F)
    second_sine = second * sine  # (B, H, L, F)
    turned_first = first_cosine - second_sine  # (B, H, L, F)
    second_cosine = second * cosine  # (B, H, L, F)
    first_sine = first * sine  # (B, H, L, F)
    turned_second = second_cosine + first_sine  # (B, H, L, F)
    return turned_first, turned_second


class RotateHalves(nn.Module):
    """Feature i turns with feature i + d_k / 2, as in Hugging Face's weights.

    ``x`` is (B, H, L, d_k); returns the same shape.
    """

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        half = x.size(-1) // 2
        first = x[..., :half]  # (B, H, L, F)
        second = x[..., half:]  # (B, H, L, F)
        turned_first, turned_second = turn(first, second, cosine, sine)
        turned = torch.cat([turned_first, turned_second], dim=-1)  # (B, H, L, d_k)
        return turned

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        pair up: first getitem, second getitem
        turn: first_cosine mul, second_sine mul, turned_first sub, second_cosine mul, first_sine mul, turned_second add
        join: turned cat
    """


class RotateInterleaved(nn.Module):
    """Feature 2i turns with feature 2i + 1, as RoFormer has it and Meta's own weights do.

    ``x`` is (B, H, L, d_k); returns the same shape.
    """

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        first = x[..., 0::2]  # (B, H, L, F)
        second = x[..., 1::2]  # (B, H, L, F)
        turned_first, turned_second = turn(first, second, cosine, sine)
        pairs = torch.stack([turned_first, turned_second], dim=-1)  # (B, H, L, F, P)
        turned = pairs.flatten(-2)  # (B, H, L, d_k)
        return turned

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        pair up: first getitem, second getitem
        turn: first_cosine mul, second_sine mul, turned_first sub, second_cosine mul, first_sine mul, turned_second add
        join: pairs stack, turned flatten
    """
