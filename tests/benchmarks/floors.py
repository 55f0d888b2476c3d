"""Apps that compute nothing and have as many elements and bytes as this one: what Streamlit takes for that alone."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.visit import CONTROLS

_TRAVEL_LINKS = """
import streamlit as st


def links():
    with st.container(horizontal=True):
        st.page_link("travel.py", label="first")
        st.page_link("pages/second.py", label="second")
        for i in range(8):
            st.page_link("travel.py", label=f"page {i}", query_params={"n": str(i)})
"""

_TRAVEL_FIRST = """
import streamlit as st
from travel_links import links

st.set_page_config(layout="wide")
links()
st.write("first page")
"""

# In the order of the attention page: what people wait for comes as early as there, and then the rest.
_TRAVEL_SECOND = """
import streamlit as st
from travel_links import links

maps = st.components.v2.component(
    "maps",
    html="<canvas class='drawn' hidden></canvas>",
    js="export default ({ parentElement }) => {"
    " parentElement.querySelector('.drawn').hidden = false; }\\n//" + "x" * 20_000,
)
st.set_page_config(layout="wide")
st.markdown("**app**")
top = st.container()
bar = st.container(horizontal=True)
with bar:
    model, sizes, drawer = st.container(), st.container(), st.popover("drawer")
with st.container(horizontal=True):
    st.segmented_control("kind", ("one", "two", "three"), default="one", label_visibility="collapsed")
st.caption("A caption of a line or two, with `code` and **bold** in it, as long as what is said above the maps. " * 2)
maps(data="x" * 20_000, key="maps")
st.caption("caption")
st.page_link("travel.py", label="elsewhere")
st.expander("folded")
st.markdown("##### heading")
maps(data="x" * 20_000, key="stage")
with st.container(horizontal=True):
    for i in range(3):
        st.page_link("travel.py", label=f"opened {i}")
st.expander("folded too")
st.markdown("##### heading")
st.markdown("text " * 60)
st.text_input("text")
st.caption("caption")
st.html("<table>" + "<tr><td>cell</td></tr>" * 200 + "</table>")
with top:
    links()
model.selectbox("model", ("one", "two"))
with drawer:
    controls()
"""

_COLD = """
import streamlit as st

st.write("begun")
import torch

drawn = st.components.v2.component(
    "drawn",
    html="<div class='said'></div>",
    js="export default ({ parentElement }) => { parentElement.querySelector('.said').textContent = 'ready'; }\\n//"
    + "x" * 230_000,
)
drawn(data=bytes(40_000) if torch.tensor(1).item() else b"", key="drawn")
"""


def travel_app(folder: Path) -> Path:
    """An app of two pages, of which the second has the elements of the attention page, in its order."""
    script = folder / "travel" / "travel.py"
    (script.parent / "pages").mkdir(parents=True)
    (script.parent / "travel_links.py").write_text(_TRAVEL_LINKS, "utf-8")
    (script.parent / "pages" / "second.py").write_text(CONTROLS + _TRAVEL_SECOND, "utf-8")
    script.write_text(_TRAVEL_FIRST, "utf-8")
    return script


def cold_app(folder: Path) -> Path:
    """A page that imports torch and draws one component, with as many bytes of script and data as the first page."""
    script = folder / "cold_page.py"
    script.write_text(_COLD, "utf-8")
    return script
