"""The front page's headings and columns, and what it shows while torch loads."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.app import loading_placeholder

# Grey: it reads on light and on dark.
_OUTLINE = """digraph {
    graph [bgcolor=transparent, rankdir=TB, nodesep=1]
    node [shape=box, style=rounded, color="#8891a3", fontcolor="#8891a3", fontname="sans-serif", fontsize=12, height=.4]
    edge [color="#8891a3", arrowsize=.6]
    source [label="source tokens"]
    target [label="target tokens"]
    next [label="probability of each next token"]
    source -> encoder -> decoder -> next
    target -> decoder
    { rank=same; source; target }
}"""


# As high as the sizes and the strip of the first block, so that nothing below them moves when they come.
_ROOM_FOR_INSTRUMENT = '<div style="height: 27rem"></div>'


def parts() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Draws the headings.

    Returns:
        The containers below them: for the instrument, for the words and for the picture.
    """
    st.title("Point at any number. See what made it.")
    instrument = st.container()
    words, picture = st.columns([4, 7], gap="large")
    picture.markdown("##### The model, with the shape of every tensor that passes")
    return instrument, words, picture


def draw() -> None:
    """Draws what the front page shows while torch loads.

    The outline has the browser load what draws graphs while it has nothing else to do, so the graph comes sooner.
    """
    instrument, words, picture = parts()
    instrument.html(_ROOM_FOR_INSTRUMENT)
    with words:
        st.markdown("A complete encoder–decoder Transformer will run, and every tensor on the way be kept.")
        loading_placeholder.loading_line()
    picture.graphviz_chart(_OUTLINE, alt="The model in outline: encoder and decoder")
