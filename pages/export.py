"""The trace as CSV."""

from pages.ui.app import frame

frame.begin("pages/export.py")

from pages.ui.views import export_page
from pages.ui.app import page_runner

page_runner.run_page("pages/export.py", export_page.draw)
