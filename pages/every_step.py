"""All recorded tensors in one table, to search and filter."""

from pages.ui.app import frame

frame.begin("pages/every_step.py")

from pages.ui.app import page_runner
from pages.ui.views import steps_table

page_runner.run_page("pages/every_step.py", steps_table.draw)
