"""Two traces side by side, and the first step at which they part."""

from pages.ui.app import frame

frame.begin("pages/compare.py")

from pages.ui.app import page_runner
from pages.ui.views.compare_page import page

page_runner.run_page("pages/compare.py", page.draw)
