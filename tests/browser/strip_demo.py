"""A small app with the strip alone: `streamlit run tests/browser/strip_demo.py`, then `?of=llama`."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from engine import Config, Trace, record, run  # noqa: E402
from engine.graph.strip import strip_of, symbol_sizes  # noqa: E402
from pages.ui.components.shape_strip import StripContents, StripPart, shape_strip  # noqa: E402
from pages.ui.components.size_sliders import SizeSlider, Status, size_sliders  # noqa: E402
from pages.ui.state import session  # noqa: E402
from pages.ui.views.instrument.minimap import minimap  # noqa: E402
from pages.ui.views.instrument.strip import hues_of  # noqa: E402


def of_three_lines() -> Trace:
    def attend(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        key_t = key.transpose(-2, -1)  # (B, d, L_k)
        scores = query @ key_t  # (B, L, L_k)
        weights = scores.softmax(-1)  # (B, L, L_k)
        return weights

    return record(attend, torch.rand(2, 5, 8), torch.rand(2, 7, 8))


def failing() -> Trace:
    def attend(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        query = query.view(2, 6, 4, 8).transpose(1, 2)  # (B, H, L, d_k)
        key = key.view(2, 6, 4, 8).transpose(1, 2)  # (B, H, L, d_k)
        return query @ key

    try:
        record(attend, torch.rand(2, 6, 32), torch.rand(2, 6, 32))
    except RuntimeError as error:
        return error.trace
    raise AssertionError("the inner edges differ")


def llama() -> Trace:
    from transformers import LlamaConfig, LlamaModel

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "vocab_size": 64}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
    torch.manual_seed(0)
    model = LlamaModel(LlamaConfig(**sizes, **heads)).eval()
    with torch.no_grad():
        return record(model, torch.arange(12).view(2, 6))


def ours() -> Trace:
    numbers = {name: int(st.query_params[name]) for name in ("batch", "src_len", "heads", "d_model", "d_k")}
    return run(Config(**numbers, d_v=numbers["d_k"], encoder_layers=1, decoder_layers=1, device="cpu"))


st.set_page_config(layout="wide")
TRACES = {
    "function": (of_three_lines, ""),
    "failing": (failing, ""),
    "llama": (llama, "layers.0.self_attn"),
    "block": (llama, "layers.0"),
}


def ran(name: str, size: int) -> None:
    if st.query_params["asked"] != "refused":
        st.session_state["runs"] = st.session_state.get("runs", 0) + 1


wanted = st.query_params.get("of", "ours")
make, module = TRACES.get(wanted, (ours, "encoder.layers.0.self_attention"))
trace = st.cache_resource(make)() if wanted in TRACES else make()
strip = strip_of(trace, module)
if "asked" in st.query_params:
    # What the sizes foresee is wrong here on purpose: no run changes with them.
    foreseen = {size: {"H": size, "d_k": 2} for size in (1, 2, 4, 8, 16)}
    slider = SizeSlider("heads", "H", "H heads", trace.config.heads, foreseen)
    size_sliders(
        [],
        [slider],
        key="sizes",
        sizes=symbol_sizes(trace.config),
        status=Status(None, "Reads nothing", "Random weights", has_undo=False),
        on_size=ran,
        on_undo=lambda: None,
        on_source=lambda text: None,
    )
if "map" in st.query_params and "explorer.view" not in st.session_state:
    session.open_view()  # as a page of the app has one
contents = StripContents(
    strip,
    run=f"{wanted} {st.session_state.get('runs', 0)}",
    open_step=next((box.step for box in strip.boxes if box.name == "scores"), None),
    title=module or "program",
    hues=hues_of(strip),
    blocks=[StripPart(module, module or "program")],
    block=module,
    whole=minimap(trace, lambda key: st.session_state.update(picked=key)) if "map" in st.query_params else None,
)
shape_strip(
    contents,
    key="strip",
    on_pick=lambda step: st.session_state.update(picked=step),
    on_block=lambda block: None,
)
st.text(f"picked {st.session_state.get('picked')}")
