"""The answer character by character: what was probable at each place."""

from pages.ui.app import frame

frame.begin("pages/decoding.py")

from pages.ui.views import decoding
from pages.ui.app import page_runner

page_runner.run_page("pages/decoding.py", lambda _: decoding.draw())
