"""Configs of the built-in Transformer, drawn at random."""

from hypothesis import strategies as st

from engine import Config
from engine.config import DTYPES

_USUAL = {
    "batch": st.integers(1, 3), "src_len": st.integers(1, 6), "tgt_len": st.integers(1, 6),
    "d_k": st.sampled_from((None, 1, 3)), "d_v": st.sampled_from((None, 1, 5)), "d_ff": st.integers(1, 20),
    "encoder_layers": st.just(1), "decoder_layers": st.just(1), "vocab_size": st.integers(4, 40),
    "norm_first": st.booleans(), "padding_mask": st.booleans(), "causal_mask": st.booleans(),
    "activation": st.sampled_from(("relu", "gelu")), "output": st.sampled_from(("softmax", "log_softmax")),
    "dtype": st.sampled_from(DTYPES), "seed": st.integers(0, 99), "device": st.just("cpu"),
}  # fmt: skip


@st.composite
def any_config(draw, most_heads=4, **own):
    """A small config with any of the switches.

    Args:
        most_heads: the most heads; d_model is a multiple of theirs.
        own: strategies of some settings, in place of the usual ones.
    """
    heads = draw(st.integers(1, most_heads))
    settings = {name: draw(values) for name, values in {**_USUAL, **own}.items()}
    return Config(heads=heads, d_model=heads * draw(st.integers(1, 12)), **settings)
