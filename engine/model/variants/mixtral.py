"""Mixtral (Jiang et al. 2024): Llama in which a router sends every token to a few of many feed-forward networks."""

from typing import cast

import torch
from torch import Tensor, nn

from engine.model.variants.llama import Llama
from engine.model.variants.parts.feed_forward import SwiGLU
from engine.variant_config import LlamaConfig, MixtralConfig


class Expert(SwiGLU):
    """One expert: SwiGLU of the tokens that were sent to it. ``x`` is (M, d_model); returns the same shape."""

    def forward(self, x: Tensor) -> Tensor:
        gate = self.w_gate(x)  # (M, d_ff)
        opened = nn.functional.silu(gate)  # (M, d_ff)
        up = self.w_up(x)  # (M, d_ff)
        hidden = opened * up  # (M, d_ff)
        output = self.w_down(hidden)  # (M, d_model)
        return output


class MixtureOfExperts(nn.Module):
    """Every token is answered by its likeliest experts, in the shares that the router gives them (section 2.1).

    On the meta device there are no numbers to route by: each expert gets an even share of the B·L·K choices there.
    ``x`` is (B, L, d_model); returns the same shape.
    """

    def __init__(self, config: MixtralConfig) -> None:
        super().__init__()
        self.experts_per_token = config.experts_per_token
        self.router = nn.Linear(config.d_model, config.experts, bias=False)
        self.experts = nn.ModuleList(Expert(config.d_model, config.d_ff) for _ in range(config.experts))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, d_model = x.size(0), x.size(1), x.size(2)
        tokens = x.view(batch * length, d_model)  # (B*L, d_model)
        router_logits = self.router(tokens)  # (B*L, E)
        probabilities = router_logits.softmax(dim=-1)  # (B*L, E)
        likeliest, chosen = probabilities.topk(self.experts_per_token, dim=-1)  # (B*L, K)
        total = likeliest.sum(dim=-1, keepdim=True)  # (B*L, 1)
        shares = likeliest / total  # (B*L, K)

        mixed = torch.zeros_like(tokens)  # (B*L, d_model)
        for number, expert in enumerate(self.experts):
            token, choice = self.sent_to(number, chosen)
            read = tokens[token]  # (M, d_model)
            answer = expert(read)
            share = shares[token, choice]  # (M)
            share_column = share.unsqueeze(1)  # (M, 1)
            shared = answer * share_column  # (M, d_model)
            mixed = mixed.index_add(0, token, shared)  # (B*L, d_model)
        output = mixed.view(batch, length, d_model)  # (B, L, d_model)
        return output

    def sent_to(self, number: int, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Which tokens chose the expert of this number, (M), and as which of their choices, (M)."""
        if chosen.is_meta:
            choices, experts = chosen.numel(), len(self.experts)
            even = (number + 1) * choices // experts - number * choices // experts
            token = torch.zeros(even, dtype=torch.int64, device=chosen.device)  # (M)
            choice = torch.zeros(even, dtype=torch.int64, device=chosen.device)  # (M)
            return token, choice
        is_sent = chosen == number  # (B*L, K)
        token, choice = is_sent.nonzero(as_tuple=True)  # (M)
        return token, choice

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        one row a token: tokens view
        route: router_logits linear, probabilities softmax, likeliest topk, chosen topk
        shares: total sum, shares div
        nothing yet: mixed zeros_like
        send?: is_sent eq, token nonzero, choice nonzero, token zeros, choice zeros, read getitem
        weigh and add: share getitem, share_column unsqueeze, shared mul, mixed index_add
        back to sentences: output view
    """


class Mixtral(Llama):
    """Llama with a mixture of experts in every layer."""

    def feed_forward(self, config: LlamaConfig) -> nn.Module:
        return MixtureOfExperts(cast(MixtralConfig, config))
