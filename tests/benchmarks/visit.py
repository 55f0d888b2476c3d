"""A person at a page of a Streamlit server: what they press, and how long until it is painted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as Late

from tests.benchmarks.interleaved import UnableError
from tests.browser.conftest import ROOT, WIDE

APP = ROOT / "app.py"
_PATIENCE = 60_000  # ms: other people's work may stand before this one's
_REST = 700  # ms between presses: what was sent ahead has come, and nothing is under way

# Notes the time of the press itself, or of letting go, then waits, frame by frame, for what the press should bring.
_WATCH = """(done) => {
    const reached = new Function(`return ${done}`);
    const mine = (window.watched = {}); // a watch that was given up on looks no further
    window.painted = null;
    const heard = new AbortController();
    const pressed = () => {
        heard.abort(); // the other kind of press is that of another watch
        const start = performance.now();
        const look = () => {
            if (window.watched !== mine) return;
            if (reached()) requestAnimationFrame(() => (window.painted = performance.now() - start));
            else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    };
    const how = { capture: true, signal: heard.signal };
    ["keydown", "pointerdown", "pointerup"].forEach((name) => document.addEventListener(name, pressed, how));
}"""
# A stage lives in a shadow root: what is asked for is looked for in all of them. What was found is remembered as long
# as it is on the page, because looking through a whole page in every frame would take longer than what is measured.
_DEEP = """
const found = new Map();
const search = (selector, root) =>
    root.querySelector(selector) ?? [...root.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean)
        .map((shadow) => search(selector, shadow)).find(Boolean) ?? null;
window.deep = (selector) => {
    if (!found.get(selector)?.isConnected) found.set(selector, search(selector, document));
    return found.get(selector);
};
"""
# The drawer of this app, for scripts of pages that compute nothing.
CONTROLS = """
import streamlit as st


def controls():
    for i in range(2):
        st.segmented_control(f"choice {i}", ("one", "two"), default="one", width="stretch")
    for i in range(2):
        st.text_area(f"text {i}", "I go home")
    for i in range(3):
        st.slider(f"count {i}", 1, 6, 2)
    for i in range(4):
        st.number_input(f"number {i}", 0, 1000, 1)
    for i in range(5):
        st.selectbox(f"option {i}", ("one", "two"))
    for i in range(2):
        st.toggle(f"switch {i}")
"""
_CROWDED = """
import streamlit as st

st.set_page_config(layout="wide")
stage = st.components.v2.component(
    "crowded",
    html="<div class='said'></div>",
    js="export default ({ data, parentElement }) => {"
    " parentElement.querySelector('.said').textContent = `value ${new TextDecoder().decode(data.slice(0, 4))}`; }",
)
if "n" not in st.session_state:
    st.session_state.n = 5


@st.fragment
def body():
    st.markdown("**stage**")
    stage(data=f"{st.session_state.n:<4}".encode() + bytes(120_000), key="stage")
    left, right = st.columns(2)
    left.caption("caption")
    right.selectbox("steps", [f"step {i}" for i in range(259)], label_visibility="collapsed")
    left, right = st.columns(2)
    for place in (left, right):
        place.markdown("##### heading")
        place.html("<pre>code</pre>")
        place.caption("caption")
    st.expander("folded")
    st.caption("caption")
    st.slider("n", 0, 1000, key="n")
    for i in range(7):
        st.page_link("crowded.py", label=f"page {i}", query_params={"n": str(st.session_state.n)})
    with st.popover("drawer"):
        controls()


st.markdown("**app**")
body()
"""

_FETCHED = """
import streamlit as st

if __name__ == "__main__":
    st.components.v2.component(
        "fetched",
        html="<input type='range' max='1000' value='5'><div class='said'></div>",
        js="export default ({ parentElement }) => {\\n"  # a single line is taken for the name of a file
        " const [thumb, said] = parentElement.querySelectorAll('input, .said');"
        " thumb.onchange = async () => { const answer = await fetch(new URL(`bytes/${thumb.value}`, document.baseURI));"
        " said.textContent = `value ${new TextDecoder().decode((await answer.arrayBuffer()).slice(0, 4))}`; }; }",
    )(key="fetched")
else:
    from starlette.responses import Response
    from starlette.routing import Route

    def answer(request):
        return Response(f"{request.path_params['n']:<4}".encode() + bytes(22_000))

    app = st.App(__file__, routes=[Route("/bytes/{n}", answer)])
"""


@contextmanager
def in_time(what: str, patience: int = _PATIENCE) -> Iterator[None]:
    """Gives up where the browser waits for ``what`` in vain.

    Raises:
        UnableError: it has waited this many milliseconds.
    """
    try:
        yield
    except Late:
        raise UnableError(f"gave up on {what} after {patience // 1000} s") from None


class Visit:
    """One page in the browser."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = browser.new_page(viewport=WIDE)
        self.page.add_init_script(_DEEP)
        self.page.set_default_timeout(_PATIENCE)
        self.received = 0
        """Bytes that came over the page's connection, the files it loads not counted."""
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, frame: bytes | str) -> None:
        self.received += len(frame)

    def open(self, address: str, shows: str) -> Visit:
        """Opens an address and waits until this selector is on screen and nothing is under way."""
        with in_time(shows):
            self.page.goto(address)
            self.page.locator(shows).first.wait_for()
        self.rest()
        return self

    def rest(self) -> None:
        with in_time("the end of a run"):
            self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        self.page.wait_for_timeout(_REST)

    def until(self, done: str, press: Callable[[Page], None]) -> float:
        """Seconds from the press to the frame in which ``done``, an expression of JavaScript, holds."""
        self.page.bring_to_front()
        self.rest()
        self.page.evaluate(_WATCH, done)
        try:
            with in_time(done):
                press(self.page)
                self.page.wait_for_function("window.painted !== null", polling=10)
        except UnableError:
            self.page.evaluate("window.watched = null")
            raise
        return float(self.page.evaluate("window.painted")) / 1e3

    def close(self) -> None:
        self.page.close()


def key(name: str) -> Callable[[Page], None]:
    return lambda page: page.keyboard.press(name)


def says(text: str) -> str:
    return f"document.body.innerText.includes({text!r})"


def bare_app(folder: Path) -> Path:
    """A Streamlit app with next to nothing in it: a slider, and a second page that imports torch."""
    pages = folder / "pages"
    pages.mkdir()
    links = 'st.page_link("bare.py", label="first")\nst.page_link("pages/second.py", label="second")\n'
    first = folder / "bare.py"
    slider = 'n = st.slider("n", 0, 1000, 5)\nst.write(f"value {n}")\n'
    first.write_text(f"import streamlit as st\n{links}{slider}", "utf-8")
    (pages / "second.py").write_text(f'import streamlit as st\n{links}st.write("second page")\n', "utf-8")
    return first


def crowded_app(folder: Path) -> Path:
    """As many elements of Streamlit's own as the walkthrough has beside its stage, and as many bytes for a component
    that only says which number it was sent. Like there, all of it is one fragment, and what people wait for first."""
    script = folder / "crowded" / "crowded.py"
    pages = script.parent / "pages"  # Streamlit knows links between pages only where there are several
    pages.mkdir(parents=True)
    (pages / "other.py").write_text("import streamlit as st\n", "utf-8")
    script.write_text(CONTROLS + _CROWDED, "utf-8")
    return script


def fetched_app(folder: Path) -> Path:
    """A page that on a press fetches as many bytes as a moved size, and says the number that it asked for."""
    script = folder / "fetched.py"
    script.write_text(_FETCHED, "utf-8")
    return script


def torch_page(folder: Path) -> Path:
    """A page that says something, imports torch, and says that it has."""
    script = folder / "torch_page.py"
    script.write_text(
        'import streamlit as st\nst.write("begun")\nimport torch\nst.write("ready", torch.tensor(1).item())\n'
    )
    return script
