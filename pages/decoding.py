"""The answer character by character: what was probable at each place."""

from pages.ui import frame

frame.begin("pages/decoding.py")

from pages.ui import decoding, opening

opening.show("pages/decoding.py", lambda _: decoding.draw())
