"""What a token of a decoder must not see. True hides, as in ``engine.model.masks``."""

import torch
from torch import Tensor, nn


class CausalPaddingMask(nn.Module):
    """Hides the future and the padding, on whichever side that is.

    A token is never hidden from itself: the softmax of a row in which nothing is left would be NaN, and a padding token
    before all others sees nothing but padding. ``tokens`` is (B, L); returns bool (B, 1, L, L_k).
    """

    def __init__(self, pad: int) -> None:
        super().__init__()
        self.pad = pad

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.size(1)
        padding = tokens == self.pad  # (B, L_k)
        per_query = padding.unsqueeze(1)  # (B, 1, L_k)
        ones = torch.ones(length, length, dtype=torch.bool, device=tokens.device)  # (L, L_k)
        past = ones.tril(diagonal=-1)  # (L, L_k)
        future = ones.triu(diagonal=1)  # (L, L_k)
        past_padding = per_query & past  # (B, L, L_k)
        hidden = past_padding | future  # (B, L, L_k)
        mask = hidden.unsqueeze(1)  # (B, 1, L, L_k)
        return mask

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        find padding: padding eq, per_query unsqueeze
        past and future: ones ones, past tril, future triu
        hide both: past_padding bitwise_and, hidden bitwise_or
        make room for heads: mask unsqueeze
    """


class SlidingWindowMask(nn.Module):
    """Hides as well what is ``window`` tokens back or more (Mistral 7B, section 2).

    ``mask`` is bool (B, 1, L, L_k); returns the same shape.
    """

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def forward(self, mask: Tensor) -> Tensor:
        length = mask.size(-1)
        ones = torch.ones(length, length, dtype=torch.bool, device=mask.device)  # (L, L_k)
        too_far = ones.tril(diagonal=-self.window)  # (L, L_k)
        windowed = mask | too_far  # (B, 1, L, L_k)
        return windowed

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        too far back: ones ones, too_far tril
        hide it too: windowed bitwise_or
    """
