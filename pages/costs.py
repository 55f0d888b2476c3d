"""What the model costs in memory and arithmetic, at any size."""

from pages.ui.app import frame

frame.begin("pages/costs.py")

from pages.ui.views.costs import cost_sheet_page
from pages.ui.app import page_runner

page_runner.run_page("pages/costs.py", cost_sheet_page.draw)
