"""Llama (Touvron et al. 2023): RMSNorm, rotary positions, grouped queries, SwiGLU, and no biases."""

from torch import Tensor, nn

from engine.model.variants.parts.decoder_masks import CausalPaddingMask
from engine.model.variants.parts.feed_forward import SwiGLU
from engine.model.variants.parts.grouped_attention import GroupedQueryAttention
from engine.model.variants.parts.key_value_cache import KeyValueCache
from engine.model.variants.parts.pre_norm import PreNormLayer
from engine.model.variants.parts.rms_norm import RMSNorm
from engine.model.variants.parts.rotary import RotaryAngles
from engine.variant_config import LlamaConfig

EPS = 1e-5


class LlamaLayer(PreNormLayer):
    """One of Llama's layers, which takes the angles of rotary positions, a mask and, where tokens were read before,
    their keys and values. ``feed_forward`` is the layer's own network of every token.
    """

    def __init__(self, config: LlamaConfig, feed_forward: nn.Module) -> None:
        super().__init__()
        self.self_attention_norm = RMSNorm(config.d_model, EPS)
        self.self_attention = GroupedQueryAttention(
            config.d_model, config.heads, config.kv_heads, config.d_k, config.interleaved
        )
        self.feed_forward_norm = RMSNorm(config.d_model, EPS)
        self.feed_forward = feed_forward


class Llama(nn.Module):
    """From token ids to the logits of every place's next token. ``tokens`` is int64 (B, L); returns (B, L, V).

    With a ``cache`` it reads only the tokens that it has not read yet, and returns their logits.
    """

    def __init__(self, config: LlamaConfig, pad: int) -> None:
        super().__init__()
        self.mask = CausalPaddingMask(pad)
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.rotary_angles = RotaryAngles(config.d_k, config.rope_base)
        self.layers = nn.ModuleList(LlamaLayer(config, self.feed_forward(config)) for _ in range(config.layers))
        self.norm = RMSNorm(config.d_model, EPS)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)

    def feed_forward(self, config: LlamaConfig) -> nn.Module:
        """The network that a layer asks about every token."""
        return SwiGLU(config.d_model, config.d_ff)

    def hidden_keys(self, tokens: Tensor) -> Tensor:
        """Which keys a query must not see. ``tokens`` is int64 (B, L); returns bool (B, 1, L, L)."""
        return self.mask(tokens)

    def forward(self, tokens: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        mask = self.hidden_keys(tokens)
        start = 0
        if cache is not None:
            start = cache.read
            tokens, mask = cache.unread(tokens, mask)
        embedded = self.token_embedding(tokens)  # (B, L, d_model)
        cosine, sine = self.rotary_angles(embedded, start)
        x = embedded
        for number, layer in enumerate(self.layers):
            x = layer(x, cosine, sine, mask, None if cache is None else cache.layers[number])
        normed = self.norm(x)
        logits = self.head(normed)  # (B, L, V)
        return logits
