"""What the model costs in memory and arithmetic, at any size."""

from pages.ui.app import frame

frame.begin("pages/costs.py")

from pages.ui.views import variant_costs
from pages.ui.app import page_runner

page_runner.run_page("pages/costs.py", variant_costs.draw)
