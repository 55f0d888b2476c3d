"""A small app with the tensor view alone: `streamlit run tests/browser/tensor_view_demo.py`, then `?show=matmul`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import streamlit as st

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from engine.ops.access import AffineMap, AllIndices, GatherMap, SameIndex  # noqa: E402
from engine.ops.axis_groups import FlatMap  # noqa: E402
from pages.ui.components.tensor_view import Badge, OperationCard, Panel, tensor_view  # noqa: E402

WORDS = ("⟨begin⟩", "I", "go", "home", "⟨end⟩")
KOREAN = ("⟨begin⟩", "나는", "집에", "간다", "⟨end⟩")
BHSD = ("B", "H", "S", "d_k")


def normal(*shape: int, seed: int = 7) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def statistics(value: torch.Tensor) -> str:
    numbers = value.float()
    return (
        f"mean {numbers.mean():.2f} ± {numbers.std():.2f} · min {numbers.min():.2f} · max {numbers.max():.2f}"
        f" · {str(value.dtype).removeprefix('torch.')} · new memory"
    ).replace("-", "−")


def measured(title: str, value: torch.Tensor, *rest: Any) -> Panel:
    """A panel with the statistics of its numbers below it."""
    return Panel(title, value, *rest, footer=statistics(value))


def out(tensor: torch.Tensor, *axes: int) -> AffineMap:
    """Along each axis of a tensor the output's index along another, or all of it where that is −1."""
    return AffineMap.of(tensor, *(AllIndices() if axis < 0 else SameIndex(axis) for axis in axes))


def matmul(batch: int = 2, heads: int = 4, length: int = 5, width: int = 8, seed: int = 1) -> None:
    words = [WORDS, KOREAN] if (batch, length) == (2, 5) else [f"w{i}" for i in range(length)]
    query, key_t = normal(batch, heads, length, width, seed=seed), normal(batch, heads, width, length, seed=seed + 1)
    scores = query @ key_t
    selection = tensor_view(
        [
            measured("query", query, BHSD, (None, None, words, None), "from step 14", "query"),
            measured("key_t", key_t, ("B", "H", "d_k", "S"), (None, None, None, words), "from step 17", "key"),
            measured("scores", scores, ("B", "H", "S", "S"), (None, None, words, words), "step 18", "scores"),
        ],
        key="matmul",
        reads=[out(query, 0, 1, 2, -1), out(key_t, 0, 1, -1, 3)],
        operation=OperationCard(
            "matmul",
            [
                ("scores", "i"),
                ("qk", "sub"),
                (" = Σ", ""),
                ("d", "sub"),
                (" query", "i"),
                ("qd", "sub"),
                (" · ", ""),
                ("key", "i"),
                ("kd", "sub"),
            ],
            "key_t = key.transpose(-2, -1)  # (B, H, d_k, S)\n"
            "scores = query @ key_t  # (B, H, S, S)\n"
            "scaled = scores / d_k ** 0.5",
            mark=(1, 9, 22),
            facts=(
                ("einops", "b h q d, b h d k → b h q k"),
                ("reads", f"{width} + {width} numbers a cell"),
                ("cost", f"{2 * scores.numel() * width:,} FLOPs"),
                ("memory", "new, 800 B"),
                ("stride", str(scores.stride())),
            ),
            badges=(Badge("B, H kept apart"), Badge("equals torch.nn", detail="furthest apart: 1.2e−07")),
        ),
    )
    with st.container(key="selection"):
        st.text(f"pinned {' '.join(map(str, selection.pinned)) if selection.pinned else 'nothing'}")
        st.text(" · ".join(f"chosen {axis} {place}" for axis, place in selection.choice.items()))


def permute() -> None:
    before = normal(2, 5, 4, 8)
    after = before.permute(0, 2, 1, 3)
    tensor_view(
        [
            Panel("query", before, ("B", "S", "H", "d_k"), (None, WORDS, None, None), "from step 13", "query"),
            Panel("query", after, BHSD, (None, None, WORDS, None), "step 14", "query", footer=statistics(after)),
        ],
        key="permute",
        reads=[out(before, 0, 2, 1, 3)],
        operation=OperationCard("permute", "", "query = query.permute(0, 2, 1, 3)  # (B, H, S, d_k)", (0, 8, 33)),
    )


def softmax() -> None:
    future = torch.ones(5, 5, dtype=torch.bool).triu(1)
    scores = normal(2, 2, 5, 5).masked_fill(future, -torch.inf)
    weights = scores.softmax(-1)
    axes, words = ("B", "H", "T", "T"), (None, None, KOREAN, KOREAN)
    tensor_view(
        [
            Panel("scores", scores, axes, words, "from step 20", "scores", masked=future),
            Panel("weights", weights, axes, words, "step 21", "weights", "probability", future, statistics(weights)),
        ],
        key="softmax",
        reads=[out(scores, 0, 1, 2, -1)],
        operation=OperationCard(
            "softmax", "exp(s) / Σ exp(s)", "weights = scores.softmax(dim=-1)", badges=(Badge("rows sum to 1"),)
        ),
    )


def view() -> None:
    before = normal(2, 5, 32)
    after = before.view(2, 5, 4, 8)
    tensor_view(
        [
            Panel("query", before, ("B", "S", "H*d_k"), (None, WORDS, None), role="query", footer=statistics(before)),
            Panel("query", after, ("B", "S", "H", "d_k"), (None, WORDS, None, None), role="query"),
        ],
        key="view",
        reads=[FlatMap(tuple(before.shape), tuple(after.shape))],
        operation=OperationCard(
            "view", "", "query = query.view(batch, length, heads, d_k)  # (B, S, H, d_k)", (0, 8, 45)
        ),
    )


def gather() -> None:
    table, ids = normal(1000, 32), torch.tensor([[1, 17, 4, 250, 2], [1, 4, 17, 2, 0]])
    found = table[ids]
    tensor_view(
        [
            Panel("table", table, ("V", "d_model"), role="parameter"),
            Panel("ids", ids, ("B", "S"), (None, [WORDS, KOREAN])),
            Panel("embedded", found, ("B", "S", "d_model"), (None, [WORDS, KOREAN], None), role="embedding"),
        ],
        key="gather",
        reads=[
            GatherMap(tuple(table.shape), 0, 1, (SameIndex(2),), ids),
            out(ids, 0, 1),
        ],
        operation=OperationCard("embedding", "", "embedded = table[ids]  # (B, S, d_model)", (0, 11, 21)),
    )


def large() -> None:
    tensor_view([Panel("scores", normal(8, 16, 256, 256), ("B", "H", "S", "S"), role="scores")], key="large")
    tensor_view([Panel("weight", normal(2048, 2048), ("d_ff", "d_model"), role="parameter")], key="huge")


def stage_large() -> None:
    matmul(8, 16, 256, 64)


def base() -> None:
    """The paper's base model: 8 heads of 64, 20 words."""
    matmul(10, 8, 20, 64)


def ranks() -> None:
    tensor_view([Panel("loss", torch.tensor(3.25), ())], key="rank0")
    tensor_view([Panel("bias", normal(12), ("d_model",), footer="mean 0.1")], key="rank1")
    tensor_view([Panel("long bias", normal(512), ("d_model",))], key="rank1-long")
    tensor_view([Panel("five", normal(2, 3, 2, 4, 5), (None, "B", "H", "S", "d_k"))], key="rank5")
    tensor_view([Panel("six", normal(2, 2, 2, 2, 3, 4), ("P", "B", "H", None, "S", "d_k"))], key="rank6")
    tensor_view([Panel("empty", torch.zeros(0, 4), ("B", "S"))], key="empty")
    tensor_view([Panel("unmade", torch.zeros(3, 4, device="meta"), ("B", "S"))], key="meta")


def special() -> None:
    inf, nan = torch.inf, torch.nan
    odd = torch.tensor([[nan, inf, -inf, -0.0, 0.0], [1.5, -2.25, 3e-5, 123456.0, 1.0]])
    tensor_view([Panel("special", odd, ("S", "F"))], key="special")
    many = normal(2, 4, 12, 12)
    many[0, :, ::3, ::2], many[1, :, ::4, 1::3], many[0, 1, 5:, 3] = nan, inf, -inf
    tensor_view([Panel("many", many, ("B", "H", "S", "S"), masked=torch.ones(12, 12).triu(8).bool())], key="many")
    tensor_view(
        [Panel("future", torch.ones(5, 5).triu(1).bool(), ("T", "T"), (KOREAN, KOREAN), role="mask")], key="bool"
    )
    tensor_view([Panel("ids", torch.tensor([[1, 17, 2**40, 3, 0]]), ("B", "S"), (None, WORDS))], key="ids")
    tensor_view([Panel("half", normal(3, 4).bfloat16(), ("S", "d_v"), footer="bfloat16")], key="bfloat16")
    tensor_view([Panel("double", normal(3, 4).double() / 3, ("S", "thing"), footer="float64")], key="double")


def slider() -> None:
    seed = st.slider("seed", 1, 9, 1, key="seed")
    st.text(f"seed is {seed}")
    matmul(seed=seed)


def hostile() -> None:
    """Text that would do harm if it were read as markup."""
    tensor_view(
        [
            Panel("<img src=x onerror=alert(1)>", normal(2, 2), ("S", "T"), (("<b>bold</b>", "</div>"), None)),
            Panel("out", normal(2, 2), ("S", "<i>T</i>"), note="<script>", footer="&lt;"),
        ],
        key="hostile",
        operation=OperationCard("<script>alert(2)</script>", "<b>x</b>", "x  # <img>", facts=[("<hr>", "<hr>")]),
    )


SHOWS = {
    show.__name__: show
    for show in (
        matmul,
        permute,
        softmax,
        view,
        gather,
        large,
        stage_large,
        base,
        ranks,
        special,
        slider,
        hostile,
    )
}

st.set_page_config(layout="wide", page_title="tensor view demo")
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.caption(f"tensor view demo · run {st.session_state['runs']}", text_alignment="left")
SHOWS[st.query_params.get("show", "matmul")]()
