"""The whole encoder–decoder Transformer of "Attention Is All You Need" (2017), figure 1."""

from torch import Tensor, nn

from engine.config import Config
from engine.model.embedding import PositionalEncoding, TokenEmbedding
from engine.model.layers import DecoderLayer, EncoderLayer, LayerNorm
from engine.model.masks import CausalMask, PaddingMask


class Encoder(nn.Module):
    """The stack of encoder layers. ``x`` is (B, S, d_model); returns the memory, (B, S, d_model)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        # Pre-norm leaves the sum of all layers un-normalised, so one norm closes the stack; post-norm needs none.
        self.norm = LayerNorm(config.d_model) if config.norm_first else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


class Decoder(nn.Module):
    """The stack of decoder layers. ``x`` is (B, T, d_model), ``memory`` (B, S, d_model); returns (B, T, d_model)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = LayerNorm(config.d_model) if config.norm_first else nn.Identity()

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None) -> Tensor:
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask)
        return self.norm(x)


class Transformer(nn.Module):
    """From source and target token ids to (log-)probabilities of every target position's next token.

    ``source`` is int64 (B, S), ``target`` int64 (B, T), already shifted right (it begins with the begin token).
    Returns (B, T, V). Built on the CPU with uninitialised weights; ``engine.model.weights`` fills them.
    """

    def __init__(self, config: Config, pad: int) -> None:
        super().__init__()
        self.softmax_output = config.output == "softmax"
        self.source_padding_mask = PaddingMask(pad) if config.padding_mask else None
        self.target_padding_mask = PaddingMask(pad) if config.padding_mask else None
        self.causal_mask = CausalMask() if config.causal_mask else None
        self.source_embedding = TokenEmbedding(config.vocab_size, config.d_model)
        self.source_position = PositionalEncoding()
        self.target_embedding = TokenEmbedding(config.vocab_size, config.d_model)
        self.target_position = PositionalEncoding()
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.projection = nn.Linear(config.d_model, config.vocab_size)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        source_embedded = self.source_embedding(source)
        source_placed = self.source_position(source_embedded)
        source_mask = self.source_padding_mask(source) if self.source_padding_mask else None
        memory = self.encoder(source_placed, source_mask)

        target_embedded = self.target_embedding(target)
        target_placed = self.target_position(target_embedded)
        target_mask = self.decoder_mask(target)
        decoded = self.decoder(target_placed, memory, target_mask, source_mask)

        logits = self.projection(decoded)  # (B, T, V)
        if self.softmax_output:
            probabilities = logits.softmax(dim=-1)  # (B, T, V)
            return probabilities
        log_probabilities = logits.log_softmax(dim=-1)  # (B, T, V)
        return log_probabilities

    def decoder_mask(self, target: Tensor) -> Tensor | None:
        """What the decoder's self-attention must not see: padding, the future, both, or nothing."""
        padding = self.target_padding_mask(target) if self.target_padding_mask else None
        future = self.causal_mask(target) if self.causal_mask else None
        if padding is None or future is None:
            return future if padding is None else padding
        mask = padding | future  # (B, 1, T, T)
        return mask

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = "combine masks: mask bitwise_or"
