"""The front page: what this is, the model at a glance with the shape on every edge, and the ways in."""

from pages.ui import frame

frame.begin("app.py")

from pages.ui import opening, overview

opening.show("app.py", overview.draw)
