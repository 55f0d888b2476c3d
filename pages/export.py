"""The trace as CSV."""

from pages.ui import frame

frame.begin("pages/export.py")

from pages.ui import exporting, opening

opening.show("pages/export.py", exporting.draw)
