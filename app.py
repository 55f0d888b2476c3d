"""The server of all pages, and the front page: the shapes of a block, and the chosen step opened."""

if __name__ == "__main__":  # somebody visits the front page
    from pages.ui.app import frame

    frame.begin("app.py")

    from pages.ui.app import page_runner
    from pages.ui.views.instrument import front_page

    page_runner.run_page("app.py", front_page.draw)
else:  # the server starts
    import streamlit as st

    from starlette.middleware import Middleware

    from pages.ui.app import page_style, server_startup
    from pages.ui.state import direct_answers

    app = st.App(
        __file__,
        lifespan=server_startup.begin,
        routes=direct_answers.routes(st.get_option("server.baseUrlPath")),
        middleware=[Middleware(page_style.PageStyle)],
    )
