"""Mistral 7B (Jiang et al. 2023): Llama with a window, so that a text of any length costs the same for every token."""

from torch import Tensor, nn

from engine.model.variants.llama import EPS, LlamaLayer
from engine.model.variants.parts.decoder_masks import CausalPaddingMask, SlidingWindowMask
from engine.model.variants.parts.feed_forward import SwiGLU
from engine.model.variants.parts.key_value_cache import KeyValueCache
from engine.model.variants.parts.rms_norm import RMSNorm
from engine.model.variants.parts.rotary import RotaryAngles
from engine.variant_config import MistralConfig


class Mistral(nn.Module):
    """From token ids to the logits of every place's next token. ``tokens`` is int64 (B, L); returns (B, L, V).

    With a ``cache`` it reads only the tokens that it has not read yet, and returns their logits.
    """

    def __init__(self, config: MistralConfig, pad: int) -> None:
        super().__init__()
        self.mask = CausalPaddingMask(pad)
        self.window_mask = SlidingWindowMask(config.window)
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.rotary_angles = RotaryAngles(config.d_k, config.rope_base)
        self.layers = nn.ModuleList(
            LlamaLayer(config, SwiGLU(config.d_model, config.d_ff)) for _ in range(config.layers)
        )
        self.norm = RMSNorm(config.d_model, EPS)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)

    def forward(self, tokens: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        mask = self.mask(tokens)
        windowed = self.window_mask(mask)
        start = 0
        if cache is not None:
            start = cache.read
            tokens, windowed = cache.unread(tokens, windowed)
        embedded = self.token_embedding(tokens)  # (B, L, d_model)
        cosine, sine = self.rotary_angles(embedded, start)
        x = embedded
        for number, layer in enumerate(self.layers):
            x = layer(x, cosine, sine, windowed, None if cache is None else cache.layers[number])
        normed = self.norm(x)
        logits = self.head(normed)  # (B, L, V)
        return logits
