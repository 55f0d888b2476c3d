"""The trace as CSV."""

from pages.ui import frame

frame.begin("pages/export.py")

from pages.ui import exporting, opening

exporting.draw(opening.open_page("pages/export.py"))
