"""All recorded tensors in one table, to search and filter."""

from pages.ui import frame

frame.begin("pages/every_step.py")

from pages.ui import opening, table

opening.show("pages/every_step.py", table.draw)
