"""What writing one token at a time costs: everything computed anew, against keys and values that are kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.labs.encoder_to_decoder.cached_decoder import begun, encoded, positions, read
from engine.labs.encoder_to_decoder.one_text import CONFIG, ids, understood, written
from engine.model.transformer import Transformer
from engine.pretrained.greedy import greedy
from engine.record.recorder import record
from engine.record.trace import Trace
from engine.runtime.forward import build_model
from engine.text import char_tokenizer
from engine.text.tokenizer import BEGIN


@dataclass(frozen=True)
class Ways:
    """The same answer written in three ways, and the FLOPs of every one of its N steps.

    Attributes:
        source: the S tokens of the source, as displayed.
        tokens: what was written at each step, recomputing everything.
        cached_tokens: what was written with the cache.
        recomputed: (N, V) log-probabilities, recomputing everything.
        cached: (N, V) log-probabilities with the cache.
        queries: (N, layers, B, H, 1, d_k) of masked self-attention with the cache.
        keys: of the last step, for every layer (B, H, N, d_k): what masked self-attention keeps.
        memory_keys: for every layer (B, H, S, d_k): what cross-attention keeps.
        everything: FLOPs of each step, encoder and decoder computed anew.
        decoder: with the encoder computed once, in step 0, and the decoder anew.
        cache: with the encoder computed once, and keys and values kept.
    """

    source: tuple[str, ...]
    tokens: tuple[str, ...]
    cached_tokens: tuple[str, ...]
    recomputed: Tensor
    cached: Tensor
    queries: Tensor
    keys: tuple[Tensor, ...]
    memory_keys: tuple[Tensor, ...]
    everything: tuple[int, ...]
    decoder: tuple[int, ...]
    cache: tuple[int, ...]

    def scores(self, step: int, layer: int) -> Tensor:
        """The query of a step against the keys kept by then (B, H, 1, t), before they are scaled."""
        kept = self.keys[layer][:, :, : step + 1]  # (B, H, t, d_k)
        return self.queries[step, layer] @ kept.transpose(-2, -1)

    @property
    def differences(self) -> tuple[float, ...]:
        """The largest difference of a log-probability at each step."""
        return tuple((self.recomputed - self.cached).abs().amax(dim=-1).tolist())


@torch.no_grad()
def ways(text: str) -> Ways:
    """Greedy decoding, recomputing everything at each step, and with a K/V cache; FLOPs as ``engine.ops`` counts them
    on recordings of both.

    Raises:
        TextError: the text cannot be read.
    """
    batch = understood(text)
    source = ids(batch)
    model = build_model(CONFIG)
    memory = encoded(model, source)
    kept = written(model, memory)
    encoder = _flops(record(encoded, model, source))
    rows: list[Tensor] = []
    everything: list[int] = []
    decoder: list[int] = []

    def likeliest(target: Tensor) -> Tensor:
        whole = record(model, source, target)
        everything.append(_flops(whole))
        decoder.append(_flops(record(_decoder, model, target, memory)) + (0 if rows else encoder))
        rows.append(whole.output[0, -1])
        return rows[-1].argmax().view(1)

    # As many tokens as with the cache, so that the two can be compared step by step.
    tokens = greedy(likeliest, torch.tensor([[BEGIN]]), None, len(kept.tokens))[0].tolist()
    before = encoder + _flops(record(begun, model, memory)) + _flops(record(positions, model, len(tokens), memory))
    cache = [
        _flops(record(read, model, torch.tensor([[given]]), kept.positions[:, step : step + 1], kept.caches(step)))
        + (0 if step else before)
        for step, given in enumerate(kept.given)
    ]
    last = kept.reads[-1].caches
    return Ways(
        source=batch.source_tokens[0],
        tokens=tuple(map(char_tokenizer.VOCABULARY.label, tokens)),
        cached_tokens=kept.labels,
        recomputed=torch.stack(rows),
        cached=torch.cat([reading.log_probabilities for reading in kept.reads]),
        queries=torch.stack([torch.stack([own for own, _ in reading.queries]) for reading in kept.reads]),
        keys=tuple(layer.key for layer in last),
        memory_keys=tuple(layer.memory_key for layer in last),
        everything=tuple(everything),
        decoder=tuple(decoder),
        cache=tuple(cache),
    )


def _decoder(model: Transformer, target: Tensor, memory: Tensor) -> Tensor:
    placed = model.target_position(model.target_embedding(target))
    decoded = model.decoder(placed, memory, model.decoder_mask(target), None)
    return model.projection(decoded).log_softmax(dim=-1)


def _flops(trace: Trace) -> int:
    return sum(step.flops or 0 for step in trace.steps)
