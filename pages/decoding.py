"""The answer character by character: what was probable at each place."""

from pages.ui import frame

frame.begin("pages/decoding.py")

from pages.ui import decoding, opening

opening.open_page("pages/decoding.py")
decoding.draw()
