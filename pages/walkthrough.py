"""The front page, for links from when the walkthrough was a page of its own."""

from pages.ui.app import frame

frame.begin(frame.WALKTHROUGH)

from pages.ui.app import page_runner
from pages.ui.views.instrument import front_page

page_runner.run_page(frame.WALKTHROUGH, front_page.draw)
