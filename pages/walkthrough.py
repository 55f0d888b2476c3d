"""One operation at a time: what went in, what was done, what came out."""

from pages.ui.app import frame

frame.begin("pages/walkthrough.py")

from pages.ui.app import page_runner
from pages.ui.views import walkthrough

page_runner.run_page("pages/walkthrough.py", walkthrough.draw)
