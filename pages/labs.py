"""The questions people ask, each as an experiment."""

from pages.ui.app import frame

frame.begin("pages/labs.py")

from pages.ui.labs.kit import labs_page

labs_page.draw()
