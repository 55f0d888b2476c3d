"""Scores, mask and weights of every head, with the tokens along both sides."""

from pages.ui import frame

frame.begin("pages/attention.py")

from pages.ui import attention, opening

opening.show("pages/attention.py", attention.draw)
