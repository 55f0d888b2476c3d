"""Programs of other people, each with what it is called with: torch's own modules and Hugging Face's classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

F = torch.nn.functional
Program = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
IDS = torch.tensor([[5, 9, 20, 31, 7, 11]])


def encoder() -> Program:
    """Torch's encoder in training, where it makes every call itself."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, 2), (torch.randn(2, 5, 16),), {}


def fused_encoder() -> Program:
    """Torch's encoder in evaluation without gradients, each layer one call; and attention on its own."""
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2).eval()
    attention = nn.MultiheadAttention(16, 2, batch_first=True).eval()

    @torch.no_grad()
    def forward(x: torch.Tensor) -> torch.Tensor:
        x = encoder(x)
        x, _ = attention(x, x, x)
        y, _ = attention(x, x[:, :2], x[:, :2])
        return F.scaled_dot_product_attention(y, x, x, scale=0.5)

    return forward, (torch.randn(2, 5, 16),), {}


def gpt2() -> Program:
    """Two layers of GPT-2, its weights random."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=64, n_embd=16, n_layer=2, n_head=2, n_positions=16, bos_token_id=1, eos_token_id=2
    )
    return transformers.GPT2LMHeadModel(config).eval(), (), {"input_ids": IDS}


def llama() -> Program:
    """Two layers of Llama with half as many heads for keys, its weights random."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return transformers.LlamaForCausalLM(config).eval(), (), {"input_ids": IDS}


def lstm() -> Program:
    """A recurrence, one call of torch."""
    torch.manual_seed(0)
    return nn.LSTM(8, 6, num_layers=2, batch_first=True), (torch.randn(2, 4, 8),), {}


def mixture() -> Program:
    """Calls of many kinds: windows that overlap, writes in place, several results, flags of every kind."""

    def forward(x: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, ...]:
        windows = x.unfold(1, 3, 1)  # (B, W, 3)
        low, high = x.aminmax(dim=-1, keepdim=True)
        written = x.clone()
        written[:, 1:3] = 0.5
        written.mul_(scale)
        picked = x[..., torch.tensor([0, 2])]
        turned = x.to(torch.complex64).mT.conj()
        wide = x[:, :1].expand(-1, 7)
        kept = x.to(torch.bfloat16, copy=True, memory_format=torch.contiguous_format)
        mask = torch.full((3, 3), float("-inf")).triu(1)
        sparse = x.relu().to_sparse()
        parts = torch.split(x, [1, 3], dim=1)
        return windows.sum(-1), high - low, written, picked, turned.real, wide, kept, mask, sparse, *parts

    return forward, (torch.arange(12.0).view(3, 4), torch.tensor(2.0)), {}


def compressed() -> Program:
    """Tensors that are no plain grid of numbers: sparse ones with compressed indices, and channels quantised each."""

    def forward(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rows, columns = x.to_sparse_csr(), x.to_sparse_csc()
        blocks = x.to_sparse_bsr((2, 2))
        block_columns = x.to_sparse_bsc((2, 2))
        scales, zeros = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0, 1, 2, 3])
        channels = torch.quantize_per_channel(x, scales, zeros, 0, torch.qint8)
        product = rows @ x
        return product, columns.to_dense(), blocks, block_columns, channels.dequantize()

    return forward, (torch.arange(-8.0, 8.0).view(4, 4).relu(),), {}


def meta() -> Program:
    """A module without numbers."""
    return nn.Linear(1000, 2000, device="meta"), (torch.empty(4, 1000, device="meta"),), {}


PROGRAMS = {build.__name__: build for build in (encoder, fused_encoder, gpt2, llama, lstm, mixture, compressed, meta)}
