"""The demos of this folder on one server: `streamlit run tests/browser/demos.py`, then `/travel?step=…`, `/strip`, …"""

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent

st.navigation(
    [st.Page(file, url_path=file.stem.removesuffix("_demo")) for file in sorted(FOLDER.glob("*_demo.py"))],
    position="hidden",
).run()
