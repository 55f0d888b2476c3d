"""The walkthrough and the attention of traces of other programs: `streamlit run tests/browser/walk_demo.py`, then
`?trace=fused` or `?trace=failed`, and `&page=attention`."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st
import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from engine import Trace, record  # noqa: E402
from pages.ui.state import link_notes, session  # noqa: E402
from pages.ui.views import attention, walkthrough  # noqa: E402


class FusedAttention(nn.Module):
    """Attention in one fused call, as published models write it."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        heads = self.qkv(x).view(batch, length, 3, 2, 4).permute(2, 0, 3, 1, 4)
        query, key, value = heads
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class WrongAttention(nn.Module):
    """The keys were not turned."""

    def __init__(self) -> None:
        super().__init__()
        self.w_q = nn.Linear(32, 32)
        self.w_k = nn.Linear(32, 32)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q = self.w_q(x).view(batch, length, 4, width // 4)  # (B, L, H, d_k)
        k = self.w_k(x).view(batch, length, 4, width // 4)  # (B, L, H, d_k)
        q = q.transpose(1, 2)  # (B, H, L, d_k)
        k = k.transpose(1, 2)  # (B, H, L, d_k)
        return q @ k


def fused() -> Trace:
    torch.manual_seed(0)
    return record(FusedAttention(), torch.randn(2, 5, 8))


def failed() -> Trace:
    torch.manual_seed(0)
    try:
        return record(WrongAttention(), torch.randn(2, 6, 32))
    except RuntimeError as error:
        return error.trace  # type: ignore[attr-defined, no-any-return]


def failed_at_once() -> Trace:
    try:
        return record(lambda x, y: x + y, torch.randn(2, 6), torch.randn(2, 5))
    except RuntimeError as error:
        return error.trace  # type: ignore[attr-defined, no-any-return]


TRACES = {"fused": fused, "failed": failed, "at_once": failed_at_once}


@st.cache_resource
def trace_of(name: str) -> Trace:
    return TRACES[name]()


def show() -> None:
    asked = st.query_params.to_dict()
    trace = trace_of(asked.get("trace", "fused"))
    if asked.get("page") == "attention":
        session.begin_page("pages/attention.py")
        with link_notes.banner():
            attention.draw(trace)
    else:
        session.begin_page("pages/walkthrough.py")
        walkthrough.draw(trace)


if __name__ == "__main__":
    st.set_page_config(layout="wide", page_title="walk demo")
    show()
