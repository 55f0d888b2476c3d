"""What a decoder keeps of the tokens it has read, so that a new token reads their keys and values and nothing else."""

from __future__ import annotations

import torch
from torch import Tensor


class LayerKeyValues:
    """The keys and values of one layer; with a window those of its last tokens, as no token looks further back."""

    def __init__(self, window: int | None = None) -> None:
        self.window = window
        self.key: Tensor | None = None
        self.value: Tensor | None = None

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Puts new keys and values after those of before, and keeps them.

        Args:
            key, value: of the new tokens, (B, H_kv, L, d_k) each.

        Returns:
            Those of all tokens that are kept and the new ones, (B, H_kv, L_k, d_k) each.
        """
        if self.key is not None and self.value is not None:
            key = torch.cat([self.key, key], dim=2)  # (B, H_kv, L_k, d_k)
            value = torch.cat([self.value, value], dim=2)  # (B, H_kv, L_k, d_k)
        self.key, self.value = key, value
        if self.window is not None and key.size(2) > self.window:
            self.key = key[:, :, -self.window :]  # (B, H_kv, window, d_k)
            self.value = value[:, :, -self.window :]  # (B, H_kv, window, d_k)
        return key, value

    def kept(self) -> tuple[Tensor, Tensor]:
        """The keys and values that there are, (B, H_kv, L_k, d_k) each.

        Raises:
            LookupError: nothing was read yet.
        """
        if self.key is None or self.value is None:
            raise LookupError("a cache has keys and values once something was read")
        return self.key, self.value


class ReadTokens:
    """How far a decoder has read.

    Attributes:
        read: how many tokens it has read.
        window: how many tokens back a layer keeps keys and values, None for all.
    """

    def __init__(self, window: int | None = None) -> None:
        self.window = window
        self.read = 0

    def unread(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The tokens that were not read yet, and the corner of the mask in which they ask. They then count as read.

        Args:
            tokens: all tokens so far, int64 (B, T).
            mask: of all of them, bool (B, 1, T, T).

        Returns:
            The new tokens, (B, L), and the last rows of the mask, of the columns whose keys there are, (B, 1, L, L_k).
        """
        kept = self.read if self.window is None else min(self.read, self.window)
        new = tokens[:, self.read :]  # (B, L)
        corner = mask[:, :, self.read :, self.read - kept :]  # (B, 1, L, L_k)
        self.read = tokens.size(1)
        return new, corner


class KeyValueCache(ReadTokens):
    """The cache of a whole decoder that reads one text.

    Attributes:
        layers: what each layer keeps of the tokens.
    """

    def __init__(self, layers: int, window: int | None = None) -> None:
        super().__init__(window)
        self.layers = [LayerKeyValues(window) for _ in range(layers)]

    @property
    def nbytes(self) -> int:
        """The bytes of the keys and values that are kept."""
        return sum(map(_bytes_of, self.layers))


class TwoSidedKeyValues:
    """What one layer of a decoder keeps that looks at an encoder's memory as well.

    Attributes:
        own: of the tokens it has read; one more of each with every token.
        of_memory: of the memory, made once.
    """

    def __init__(self) -> None:
        self.own = LayerKeyValues()
        self.of_memory = LayerKeyValues()


class EncoderDecoderCache(ReadTokens):
    """The cache of a whole decoder that looks at an encoder's memory as well.

    Attributes:
        layers: what each layer keeps of the tokens and of the memory.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = [TwoSidedKeyValues() for _ in range(layers)]

    @property
    def nbytes(self) -> int:
        """The bytes of the keys and values that are kept."""
        return sum(_bytes_of(layer.own) + _bytes_of(layer.of_memory) for layer in self.layers)


def _bytes_of(layer: LayerKeyValues) -> int:
    kept = (tensor for tensor in (layer.key, layer.value) if tensor is not None)
    return sum(tensor.numel() * tensor.element_size() for tensor in kept)
