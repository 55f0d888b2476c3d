"""Scores, mask and weights of every head, with the tokens along both sides."""

from pages.ui.app import frame

frame.begin("pages/attention.py")

from pages.ui.views import attention
from pages.ui.app import page_runner

page_runner.run_page("pages/attention.py", attention.draw)
