"""Why Llama has fewer heads of keys and values than of queries."""

from __future__ import annotations

import streamlit as st

from engine.export.units import format_bytes
from engine.labs.key_heads import Grouped, cache_bytes, code, grouped
from engine.ops.notation import number
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.sample_words import words

_LENGTHS = tuple(2**power for power in range(1, 15))
_ANSWER = (
    "The scores are as many as before: every head of queries still has a map of its own.\n\n"
    "What shrinks is what must be kept and read again for every new token: keys and values, and W_K and W_V."
)


def draw() -> None:
    st.markdown(
        "In Llama, Mistral and Mixtral several heads of queries share one head of keys and values (grouped queries, "
        "Ainslie et al. 2023). With one for all it is multi-query attention, with one for each the attention of 2017."
    )
    kv_heads, group, length, d_k = lab_widgets.numbers(
        size_sliders.kv_heads(4, 2), size_sliders.group(8, 2), size_sliders.length(12, 5), size_sliders.d_k(16, 8)
    )
    heads = kv_heads * group
    shared = result(grouped, kv_heads, group, length, d_k)
    script = code(kv_heads, group, length, d_k)
    if _scores(shared, heads, kv_heads, length) and _cache(shared, heads, kv_heads):
        st.markdown(_ANSWER)
        _copies(shared, length)
        lab_widgets.lines(script, "keys and values that are shared")
        lab_widgets.lines(script, "what is saved")
        _price(shared, d_k, heads, kv_heads)
        lab_widgets.lines(script, "what averaging moves")
    lab_widgets.snippet(script)


def _scores(shared: Grouped, heads: int, kv_heads: int, length: int) -> bool:
    options = ("as many as before", "as few as there are heads of keys")
    whole = heads * length * length
    return lab_widgets.predict(
        "scores",
        f"{heads} heads of queries, and the heads of keys go from {heads} to {kv_heads}. How many maps of scores are "
        "there then?",
        options,
        options[0] if shared.weights.numel() == whole else options[1],
        f"The weights are {tuple(shared.weights.shape)}, {whole:,} numbers, whatever the heads of keys are.",
        wrong={
            options[0]: "Here there are fewer maps than heads of queries.",
            options[1]: "It is the queries that ask: each of their heads gets a map of its own, and those of one group "
            "only compare with the same keys.",
        },
    )


def _cache(shared: Grouped, heads: int, kv_heads: int) -> bool:
    share = shared.whole_cache // shared.cache
    options = ("as large as before", "half as large or less", "larger")
    return lab_widgets.predict(
        "cache",
        f"And what must be kept of the keys and values, with {kv_heads} heads of keys instead of {heads}?",
        options,
        options[0] if share == 1 else options[1],
        f"{shared.cache:,} numbers instead of {shared.whole_cache:,}: one in {share}. W_K and W_V have "
        f"{shared.parameters:,} parameters instead of {shared.whole_parameters:,}.",
        wrong={
            options[0]: "Only keys and values are kept, and there are fewer heads of them now. The queries, which "
            "are as "
            "many as before, are never kept.",
            options[1]: "Each head of queries has its own head of keys here, so nothing is saved.",
            options[2]: "Nothing is added: heads of queries share keys and values, they do not get copies that are "
            "kept.",
        },
    )


def _copies(shared: Grouped, length: int) -> None:
    labels = words(length)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"##### What is kept: {tuple(shared.key.shape)}")
        kept = Panel("key", shared.key, ("H_kv", "L", "d_k"), (None, labels, None), role="key")
        tensor_view([kept], key="labs.key_heads.kept")
    with right:
        st.markdown(f"##### Beside the queries: {tuple(shared.repeated.shape)}")
        repeated = Panel("repeated", shared.repeated, ("H", "L", "d_k"), (None, labels, None), role="key")
        tensor_view([repeated], key="labs.key_heads.repeated")
    st.markdown(
        "The copies are made for the product alone. By broadcasting, without a copy, the output differs by "
        f"{number(shared.difference)}."
    )


def _price(shared: Grouped, d_k: int, heads: int, kv_heads: int) -> None:
    st.markdown("##### The cache of one layer, in float32")
    by_heads = {heads: f"{heads} heads", kv_heads: f"{kv_heads} heads", 1: "1 head"}
    curves(
        [
            Curve(name, _LENGTHS, result(cache_bytes, count, d_k, _LENGTHS))
            for count, name in sorted(by_heads.items(), reverse=True)
        ],
        x="tokens",
        y="bytes",
        log_x=True,
        log_y=True,
    )
    last = _LENGTHS[-1]
    sizes = [format_bytes(result(cache_bytes, count, d_k, _LENGTHS)[-1]) for count in (heads, kv_heads)]
    st.markdown(
        f"At {last:,} tokens: {sizes[0]} with {heads} heads of keys, {sizes[1]} with {kv_heads}. It is not free. "
        f"Averaging the heads of each group moves the output of these random numbers by "
        f"{number(shared.pooled_difference)} of its length; a model that is trained with shared heads, or trained on "
        "after they were averaged, learns to do with them."
    )
