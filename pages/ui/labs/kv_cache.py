"""What a cache of keys and values keeps, what it saves, and what it costs."""

from __future__ import annotations

import streamlit as st

from engine.labs.kv_cache import D_K, CachedReading, code, multiplications, reading
from engine.ops.notation import number
from pages.ui.app import frame
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.curves import Curve, curves
from pages.ui.labs.kit.sample_words import words

_ANSWER = (
    "Of every token that was read it keeps the keys and values of every layer, and no more: no query asks twice.\n\n"
    "A new token then costs one row of every projection, whatever the length before it, and one row of scores."
)
_LONGEST = 256


def draw() -> None:
    st.markdown(
        "A model that writes reads its own text again for every token. With a causal mask nothing that comes later "
        "changes the keys and values of a token, so they can be kept: prefill reads the text at once, and decoding "
        "reads one token at a time."
    )
    batch, length, kv_heads, group = lab_widgets.numbers(
        size_sliders.batch(4, 1),
        size_sliders.length(12, 6, least=2, label="Tokens"),
        size_sliders.kv_heads(4, 2),
        size_sliders.group(4, 2),
    )
    read = result(reading, batch, length, kv_heads, group)
    script = code(batch, length, kv_heads, group)
    if _computed(read, batch, length) and _grows(read):
        st.markdown(_ANSWER)
        _last_row(read, length)
        lab_widgets.lines(script, "one token at a time")
        lab_widgets.lines(script, "beside all at once")
        _saved(length, kv_heads, group)
        frame.link("app.py", "The same in Llama, step by step →", {"model": "llama", "kept": "6"})
    lab_widgets.snippet(script)


def _computed(read: CachedReading, batch: int, length: int) -> bool:
    options = ("of that token alone", "of all tokens again", "of none")
    only_new = read.rows_with == batch * length
    return lab_widgets.predict(
        "computed",
        f"Token {length} of {length} is read, with the cache. Of which tokens are keys computed?",
        options,
        options[0] if only_new else options[1],
        f"Over all {length} passes W_Q, W_K and W_V meet {read.rows_with:,} rows; without a cache they meet "
        f"{read.rows_without:,}. The outputs differ by {number(read.difference)}: rounding.",
        wrong={
            options[0]: "Here keys of earlier tokens are computed again as well.",
            options[1]: "Those of earlier tokens lie in the cache. The causal mask hid this token from them, so they "
            "are "
            "what they would be now.",
            options[2]: "The new token's own key and value are in no cache yet: they are computed, and appended.",
        },
    )


def _grows(read: CachedReading) -> bool:
    first, last = read.key_shapes[0], read.key_shapes[-1]
    options = ("the batch", "the heads", "the tokens", "d_k")
    grown = [axis for axis, (before, after) in enumerate(zip(first, last, strict=True)) if before != after]
    return lab_widgets.predict(
        "grows",
        f"After the first token the keys in the cache are {first}, (B, H_kv, T, d_k). Which axis grows?",
        options,
        options[grown[0]],
        f"By one a pass; in the end keys are {last}, values too: {read.nbytes:,} bytes.",
        wrong={
            options[0]: "The batch is the number of sentences, and no sentence comes in.",
            options[1]: "The heads are fixed by the weights W_K and W_V. Each of them keeps one key more.",
            options[2]: "The number of tokens stays here.",
            options[3]: "d_k is how wide a key is. Another token brings another key, as wide as the others.",
        },
    )


def _last_row(read: CachedReading, length: int) -> None:
    labels = words(length)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### With the cache: the last token asks")
        row = Panel("scores", read.scores, ("H", "L", "T"), (None, labels[-1:], labels), role="scores")
        tensor_view([row], key="labs.kv_cache.row")
    with right:
        st.markdown("##### Without: all ask again")
        whole = Panel("scores", read.whole, ("H", "T", "T"), (None, labels, labels), role="scores")
        tensor_view([whole], key="labs.kv_cache.whole")
    st.caption(
        "The row of each head with the cache is that head's last row without it, where the mask hides nothing. The "
        "rows above it were computed once before."
    )


def _saved(length: int, kv_heads: int, group: int) -> None:
    positions = tuple(range(1, _LONGEST + 1))
    with_cache = result(multiplications, _LONGEST, kv_heads, group, cached=True)
    without = result(multiplications, _LONGEST, kv_heads, group, cached=False)
    st.markdown("##### Multiplications to read one more token")
    curves(
        [Curve("with a cache", positions, with_cache), Curve("without", positions, without)],
        x="tokens so far",
        y="multiplications",
        log_y=True,
        at=length,
    )
    times = sum(without) / sum(with_cache)
    st.markdown(
        f"Over {_LONGEST} tokens the cache saves all but one in {times:,.3g} of the multiplications of this layer, and "
        f"takes 2 · {kv_heads} · {D_K} = {2 * kv_heads * D_K} numbers a token."
    )
