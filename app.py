"""The server of all pages, and the front page: what this is, the model at a glance, and the ways in."""

if __name__ == "__main__":  # somebody visits the front page
    from pages.ui import frame, outline

    frame.begin("app.py", outline.draw)

    from pages.ui import opening, overview

    opening.show("app.py", overview.draw)
else:  # the server starts
    import streamlit as st

    from pages.ui import starting

    app = st.App(__file__, lifespan=starting.begin)
