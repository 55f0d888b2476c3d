"""What our components keep from one update of Streamlit's to the next."""

from __future__ import annotations

from playwright.sync_api import Page

from pages.ui.components.mount import script_of

_UPDATES = """() => {
    const log = [];
    const host = document.body.appendChild(document.createElement("div"));
    const parent = host.attachShadow({ mode: "open" });
    const make = () => ({ close: () => log.push("closed") });
    const updated = () => mounted(parent, make);
    const [[first, overtaken], [second, last]] = [updated(), updated()];
    overtaken();
    const [third] = updated();
    log.push(first === second && second === third);
    host.remove();
    overtaken();
    last();
    document.body.append(host);
    log.push(updated()[0] === first);
    return log;
}"""


def test_a_view_outlives_an_update_that_was_overtaken_and_is_closed_once_when_it_has_left_the_page(tab: Page):
    tab.add_script_tag(content=script_of([]))
    assert tab.evaluate(_UPDATES) == [True, "closed", False]
