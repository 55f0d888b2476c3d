"""The demos of this folder on one server: `streamlit run tests/browser/demos.py`, then `/travel?step=…`, `/strip`, …"""

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent


def names() -> None:
    st.text("\n".join(page.url_path for page in DEMOS))


DEMOS = [st.Page(file, url_path=file.stem.removesuffix("_demo")) for file in sorted(FOLDER.glob("*_demo.py"))]
# The first page of all is found under no name but the server's own.
st.navigation([st.Page(names, default=True), *DEMOS], position="hidden").run()
