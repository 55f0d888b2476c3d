"""The attention page, for links from when the answer character by character was a page of its own."""

from pages.ui.app import frame

frame.begin(frame.DECODING)

from pages.ui.app import page_runner
from pages.ui.views import attention

page_runner.run_page(frame.DECODING, attention.draw)
