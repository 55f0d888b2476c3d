"""The questions people ask, each as an experiment."""

from pages.ui import frame

frame.begin("pages/labs.py")

from pages.ui.labs import room

room.draw()
