"""Somebody's own code, run in a process of its own, in the same instrument as the built-in model."""

from pages.ui.app import frame

frame.begin("pages/your_code.py")

from pages.ui.views.your_code import page

page.draw()
