"""What people take along from a step, in a real browser: the link, and the picture in both kinds."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

STEP = "encoder.layers.0.self_attention.masked"


def _download(tab: Page, button: str) -> tuple[str, bytes]:
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name=button).click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def test_a_step_is_taken_along_as_link_svg_and_png(tabs: Opener, app: str) -> None:
    tab = tabs(permissions=["clipboard-read", "clipboard-write"])
    tab.set_default_timeout(90_000)
    tab.goto(f"{app}/?weights=random&step={STEP}")
    tab.get_by_text("Share and download").click()
    name, svg = _download(tab, "Picture as SVG")
    assert name.endswith("masked.svg")
    assert b"masked_fill" in svg
    name, png = _download(tab, "Picture as PNG")
    assert name.endswith("masked.png")
    picture = Image.open(io.BytesIO(png)).convert("L")
    width = int(svg.split(b'width="')[1].split(b'"')[0])
    assert picture.width == 2 * width
    darkest, lightest = picture.getextrema()
    assert darkest < 60
    assert lightest == 255
    name, strip = _download(tab, "Strip as SVG")
    assert name == "strip_encoder_layers_0_self_attention.svg"
    # Drawn, and not only in what a screen reader says.
    for words in ("encoder · layer 0 · self-attention", "H = 4", "d_k = 8", "scores", "masked"):
        assert f">{words}</text>" in strip.decode("utf-8")
    _, png = _download(tab, "Strip as PNG")
    picture = Image.open(io.BytesIO(png)).convert("L")
    assert picture.width == 2 * int(strip.split(b'width="')[1].split(b'"')[0])
    # Below the title and above the legend: the names of the boxes can be read.
    assert sum(picture.crop((0, 120, picture.width, picture.height - 260)).histogram()[:80]) > 3000
    tab.get_by_role("button", name="Copy link").click()
    expect(tab.get_by_text("The link is copied.")).to_be_visible()
    link = tab.evaluate("navigator.clipboard.readText()")
    assert f"step={STEP}" in link.replace("%2E", ".")
    tab.get_by_role("button", name="Copy picture").click()
    expect(tab.get_by_text("The picture is copied.")).to_be_visible()


def test_where_the_clipboard_is_refused_the_page_says_what_to_do(tabs: Opener, app: str) -> None:
    tab = tabs()
    tab.set_default_timeout(90_000)
    tab.add_init_script(
        """for (const name of ["write", "writeText"])
             navigator.clipboard[name] = () => Promise.reject(new DOMException("no", "NotAllowedError"));"""
    )
    tab.goto(f"{app}/attention?weights=random")
    tab.get_by_text("Share and download").click()
    expect(tab.get_by_role("button", name="Picture as PNG")).to_be_visible()
    expect(tab.get_by_role("button", name="Strip as PNG")).to_be_hidden()
    tab.get_by_role("button", name="Copy link").click()
    expect(tab.get_by_text("This is the link: press Ctrl C")).to_be_visible()
    field = tab.get_by_label("link", exact=True)
    expect(field).to_have_value(tab.url)
    expect(field).to_be_focused()
    assert field.evaluate("field => field.selectionEnd - field.selectionStart") == len(tab.url)
    tab.get_by_role("button", name="Copy picture").click()
    expect(tab.get_by_text("Take “Picture as PNG” instead.")).to_be_visible()
    expect(field).to_be_hidden()
    name, svg = _download(tab, "Picture as SVG")
    assert name == "attention_cross.svg"
    for words in ("Cross-attention", "layer 0", "head 3", "weights", "H 4", "T "):
        assert words in svg.decode("utf-8")
