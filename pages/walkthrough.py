"""One operation at a time: what went in, what was done, what came out."""

from pages.ui import frame

frame.begin("pages/walkthrough.py")

from pages.ui import opening, walk

opening.show("pages/walkthrough.py", walk.draw)
