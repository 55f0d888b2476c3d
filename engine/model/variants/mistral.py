"""Mistral 7B (Jiang et al. 2023): Llama with a window, so that a text of any length costs the same for every token."""

from torch import Tensor

from engine.model.variants.llama import Llama
from engine.model.variants.parts.decoder_masks import SlidingWindowMask
from engine.variant_config import MistralConfig


class Mistral(Llama):
    """Llama, in which a token sees itself and the ``window`` − 1 tokens before it (section 2)."""

    def __init__(self, config: MistralConfig, pad: int) -> None:
        super().__init__(config, pad)
        self.window_mask = SlidingWindowMask(config.window)

    def hidden_keys(self, tokens: Tensor) -> Tensor:
        mask = self.mask(tokens)
        return self.window_mask(mask)
