"""GPT-2: the decoder alone (Radford et al. 2019), with learned positions and the norm before each sublayer."""

import torch
from torch import Tensor, nn

from engine.model.layers import LayerNorm
from engine.model.variants.parts.causal_attention import CausalSelfAttention
from engine.model.variants.parts.decoder_masks import CausalPaddingMask
from engine.model.variants.parts.feed_forward import TanhGeluFeedForward
from engine.model.variants.parts.key_value_cache import KeyValueCache
from engine.model.variants.parts.pre_norm import PreNormLayer
from engine.variant_config import GPT2Config


class GPT2Layer(PreNormLayer):
    """One of GPT-2's layers, which takes a mask and, where tokens were read before, their keys and values."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.self_attention_norm = LayerNorm(config.d_model)
        self.self_attention = CausalSelfAttention(config.d_model, config.heads, config.d_k)
        self.feed_forward_norm = LayerNorm(config.d_model)
        self.feed_forward = TanhGeluFeedForward(config.d_model, config.d_ff)


class GPT2(nn.Module):
    """From token ids to the logits of every place's next token. ``tokens`` is int64 (B, L); returns (B, L, V).

    With a ``cache`` it reads only the tokens that it has not read yet, and returns their logits.
    """

    def __init__(self, config: GPT2Config, pad: int) -> None:
        super().__init__()
        self.mask = CausalPaddingMask(pad)
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = nn.Embedding(config.positions, config.d_model)
        self.layers = nn.ModuleList(GPT2Layer(config) for _ in range(config.layers))
        self.norm = LayerNorm(config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        # The table that tokens are looked up in also says how much the answer is like each of them.
        self.head.weight = self.token_embedding.weight

    def forward(self, tokens: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        mask = self.mask(tokens)
        start = 0
        if cache is not None:
            start = cache.read
            tokens, mask = cache.unread(tokens, mask)
        embedded = self.token_embedding(tokens)  # (B, L, d_model)
        place = torch.arange(start, start + tokens.size(1), device=tokens.device)  # (L)
        place_embedded = self.position_embedding(place)  # (L, d_model)
        x = embedded + place_embedded  # (B, L, d_model)
        for number, layer in enumerate(self.layers):
            x = layer(x, mask, None if cache is None else cache.layers[number])
        normed = self.norm(x)
        logits = self.head(normed)  # (B, L, V)
        return logits
