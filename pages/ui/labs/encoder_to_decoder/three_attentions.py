"""Where queries, keys and values come from: the model's three attentions side by side, then the one between two."""

from __future__ import annotations

import streamlit as st
import torch

from engine.labs.encoder_to_decoder import Crossing
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import number
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.panels import weights_panel

_CALLS = ("attend(x, x)", "attend(y, y, causal)", "attend(y, memory)")
_ATTEND = """def attend(asking, asked, causal=False):
    query, key, value = w_q(asking), w_k(asked), w_v(asked)"""
_NO_LOOK_AHEAD = (
    "Layer {layer} of the trained model, head {head}. x are the rows of the source, y those of the target, memory is "
    "what the encoder gives in the end. Above the diagonal of the decoder's own weights all numbers together are "
    "{ahead}: no token looks at a later one."
)


def side_by_side(cross_attention: Crossing, layer: int, head: int) -> None:
    """Draws the weights of the three attentions of one layer, each under the call that says where it takes its rows.

    Args:
        cross_attention: the attentions of a layer, as recorded.
        layer, head: which layer and which head of it.
    """
    lab_widgets.section("three", "Where Q, K and V come from in all three attentions")
    st.code(_ATTEND, language="python")
    source, target = cross_attention.source, cross_attention.target
    decoder = cross_attention.decoder_weights
    future = torch.ones(decoder.shape[-2:], dtype=torch.bool).triu(diagonal=1)
    three = (
        ("encoder", cross_attention.encoder_weights, ("S", "S_k"), (source, source), None),
        ("decoder, masked", decoder, ("T", "T_k"), (target, target), future),
        ("encoder to decoder", cross_attention.weights, ("T", "S"), (target, source), None),
    )
    columns = st.columns(3)
    for index, (column, call, (title, weights, axes, names, masked)) in enumerate(
        zip(columns, _CALLS, three, strict=True)
    ):
        with column:
            st.markdown(f"`{call}`  \nweights {tuple(weights.shape)}")
            panel = weights_panel(weights[0, head], axes, names, title=title, note=f"head {head}", masked=masked)
            tensor_view([panel], key=f"labs.encoder_to_decoder.three.{index}")
    lines = (
        "| | call | Q from | K and V from |",
        "|---|---|---|---|",
        f"| encoder | `{_CALLS[0]}` | source | source |",
        f"| decoder, masked | `{_CALLS[1]}` | target | target |",
        f"| encoder to decoder | `{_CALLS[2]}` | target | source, as the encoder left it |",
    )
    st.markdown("\n".join(lines))
    ahead = number(float(decoder[0, head][future].sum()))
    st.caption(_NO_LOOK_AHEAD.format(layer=layer, head=head, ahead=ahead))


def across(cross_attention: Crossing, head: int) -> None:
    """Draws the attention from the decoder to the encoder: the shapes of all that takes part, and one head's numbers.

    Args:
        cross_attention: the attentions of a layer, as recorded.
        head: which head is drawn.
    """
    lab_widgets.section("cross", "Encoder to decoder: T queries against S keys")
    rows = (
        ("memory", "encoder's output", "(B, S, d_model)", cross_attention.memory),
        ("asking", "decoder, after masked self-attention", "(B, T, d_model)", cross_attention.asking),
        ("Q", "w_q(asking), in heads", "(B, H, T, d_k)", cross_attention.query),
        ("K", "w_k(memory), in heads", "(B, H, S, d_k)", cross_attention.key),
        ("V", "w_v(memory), in heads", "(B, H, S, d_v)", cross_attention.value),
        ("weights", "softmax of QKᵀ / √d_k", "(B, H, T, S)", cross_attention.weights),
    )
    lines = [f"| {name} | {tensor} | {axes} | {tuple(value.shape)} |" for name, tensor, axes, value in rows]
    st.markdown("\n".join(["| | made from | axes | shape |", "|---|---|---|---|", *lines]))
    query, key = (value[0, head] for value in (cross_attention.query, cross_attention.key))
    tensor_view(
        [
            Panel("query", query, ("T", "d_k"), (cross_attention.target, None), note=f"head {head}", role="query"),
            Panel("key", key, ("S", "d_k"), (cross_attention.source, None), note=f"head {head}", role="key"),
            weights_panel(
                cross_attention.weights[0, head],
                ("T", "S"),
                (cross_attention.target, cross_attention.source),
                note=f"head {head}",
            ),
        ],
        key="labs.encoder_to_decoder.cross",
        # softmax reads the whole row of scores, and so every key
        reads=[
            AffineMap.of(query, SameIndex(0), AllIndices()),
            AffineMap.of(key, AllIndices(), AllIndices()),
        ],
        operation=OperationCard(title="cross-attention", code="(query @ key.mT / sqrt(d_k)).softmax(-1)"),
    )
    st.caption(
        "Rows of the weights are what the decoder read, columns what the encoder read. The queries come from the "
        "decoder, the keys and values from the encoder: the first kind of attention in section 3.2.3 of the paper."
    )
