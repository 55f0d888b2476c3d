"""The tensor view at single steps of a real trace: `streamlit run tests/browser/travel_demo.py`, then `?step=…`."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from engine import Config, Trace, run  # noqa: E402
from engine.ops import reads  # noqa: E402
from pages.ui.components.tensor_view import tensor_view  # noqa: E402
from pages.ui.state.url_step import step_from_key, step_to_key  # noqa: E402
from pages.ui.views.operation_card import card_of  # noqa: E402
from pages.ui.views.rearrange_animation import travel_of  # noqa: E402
from pages.ui.views.tensor_panels import step_panels  # noqa: E402

SMALL = Config(batch=1, src_len=5, tgt_len=4, d_model=32, heads=4, encoder_layers=1, decoder_layers=1, device="cpu")
BASE = Config(batch=10, src_len=20, tgt_len=20, d_model=512, heads=8, encoder_layers=1, decoder_layers=1, device="cpu")
WIDE = Config(batch=1, src_len=60, tgt_len=4, d_model=80, heads=2, encoder_layers=1, decoder_layers=1, device="cpu")
MANY = Config(batch=1, src_len=64, tgt_len=4, d_model=64, heads=1, encoder_layers=1, decoder_layers=1, device="cpu")
ONE = Config(batch=1, src_len=5, tgt_len=4, d_model=8, heads=1, encoder_layers=1, decoder_layers=1, device="cpu")
CONFIGS = {"small": SMALL, "base": BASE, "wide": WIDE, "many": MANY, "one": ONE}


@st.cache_resource
def trace_of(name: str) -> Trace:
    return run(CONFIGS[name])


def show() -> None:
    trace = trace_of(st.query_params.get("config", "small"))
    step = step_from_key(trace, st.query_params["step"])
    with st.container(horizontal=True):
        for one in (trace.steps[step.index - 1], trace.steps[step.index + 1]):
            st.button(
                f"to {one.index}",
                on_click=lambda key: st.query_params.update(step=key),
                args=(step_to_key(trace, one),),
                key=f"to {one.index - step.index}",
            )
    st.caption(f"step {step.index}")
    tensor_view(
        step_panels(trace, step),
        key="stage",
        reads=reads(step),
        operation=card_of(trace, step),
        travel=travel_of(step),
    )


if __name__ == "__main__":
    st.set_page_config(layout="wide", page_title="travel demo")
    show()
