"""Which layer and which head matter at a row: what becomes of the next token when one of them looks everywhere alike.

After the uniform-weights baseline of Wiegreffe and Pinter, "Attention is not not Explanation" (EMNLP 2019). Where the
probability stays as it is, the weights that a map shows did not decide anything there.
"""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from engine.config import Config
from engine.model.attention import MultiHeadAttention
from engine.model.transformer import Transformer
from engine.record.trace import Trace
from engine.runtime.forward import build_model
from engine.runtime.memory_estimate import is_quick
from engine.runtime.threads import one_thread

KINDS = {
    "encoder": ("encoder", "self_attention"),
    "decoder": ("decoder", "self_attention"),
    "cross": ("decoder", "cross_attention"),
}
"""The three attentions of a Transformer: the stack that each stands in, and its name in a layer."""
_FEW_RUNS = 32


@dataclass(frozen=True)
class EvenAttention:
    """How probable the likeliest next token stays with the weights of an attention made even.

    Even weights give every key that a query may see the same, in all rows of all sentences.

    Attributes:
        whole: (B, T), the probability of the likeliest next token of each row, with the weights as they are.
        layers: (layers, B, T), of the same tokens, with all heads of one layer even.
        heads: (layers, H, B, T), with one head even.
    """

    whole: Tensor = field(repr=False)
    layers: Tensor = field(repr=False)
    heads: Tensor = field(repr=False)

    @property
    def nbytes(self) -> int:
        """The bytes of all numbers."""
        return sum(each.nbytes for each in (self.whole, self.layers, self.heads))


def is_quick_to_measure(config: Config, kind: str) -> bool:
    """Whether ``even_attention`` takes next to no time.

    Args:
        config: the config of the trace.
        kind: one of ``KINDS``.
    """
    layers = config.encoder_layers if kind == "encoder" else config.decoder_layers
    return is_quick(config) and layers * (config.heads + 1) <= _FEW_RUNS


def even_attention(trace: Trace, kind: str, *, model: Transformer | None = None) -> EvenAttention:
    """Runs the built-in model of a trace again, each time with one layer or one head of an attention made even.

    Args:
        trace: of the built-in Transformer.
        kind: one of ``KINDS``.
        model: the model of the trace; saves building it again. It is not changed.

    Returns:
        The probabilities, float64 on the CPU.

    Raises:
        ValueError: the trace is not of the built-in Transformer.
    """
    config = trace.config
    if not isinstance(config, Config):
        raise ValueError("even_attention needs a trace of the built-in Transformer, which can be run again")
    model = model or build_model(config)
    # A model may be in use by others: what is changed is a copy, which shares the parameters.
    shared: dict[int, object] = {id(parameter): parameter for parameter in model.parameters()}
    own: Transformer = copy.deepcopy(model, shared)
    stack, name = KINDS[kind]
    layers = cast(nn.ModuleList, own.get_submodule(f"{stack}.layers"))
    tokens = tuple(trace.inputs.values())
    with torch.no_grad(), one_thread() if is_quick(config) else nullcontext():
        whole, written = _probabilities(own, tokens, config).max(dim=-1)

        def share(number: int, heads: list[int]) -> Tensor:
            attention = cast(MultiHeadAttention, layers[number].get_submodule(name))
            handle = attention.w_q.register_forward_hook(_WithoutQueries(attention, heads))
            try:
                rows = _probabilities(own, tokens, config)
            finally:
                handle.remove()
            return rows.gather(-1, written.unsqueeze(-1)).squeeze(-1)

        everything = list(range(config.heads))
        by_layer = [share(number, everything) for number in range(len(layers))]
        by_head = [torch.stack([share(number, [head]) for head in everything]) for number in range(len(layers))]
    return EvenAttention(whole, torch.stack(by_layer), torch.stack(by_head))


class _WithoutQueries:
    """Makes the queries of some heads 0: then every score is 0, and softmax gives each key that is seen the same."""

    def __init__(self, attention: MultiHeadAttention, heads: list[int]) -> None:
        keep = torch.ones(attention.heads, attention.d_k)
        keep[heads] = 0
        self._keep = keep.flatten().to(attention.w_q.weight)

    def __call__(self, module: nn.Module, given: tuple[Tensor, ...], queries: Tensor) -> Tensor:
        return queries * self._keep


def _probabilities(model: Transformer, tokens: tuple[Tensor, ...], config: Config) -> Tensor:
    """The probabilities (B, T, V) of every next token, in float64 on the CPU."""
    output: Tensor = model(*tokens).to(device="cpu", dtype=torch.float64)
    return output if config.output == "softmax" else output.exp()
