"""Hostile addresses: nothing in one ends in a traceback, and every note names what is really used."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from engine import Config, Trace, run
from pages.ui.labs.kit.registry import LABS
from pages.ui.state.link_values import Note, choice, whole_number
from pages.ui.state.settings import RANGES, Settings, from_query
from pages.ui.state.url_pin import exists, pin_at, trail_at, view_at
from pages.ui.state.url_step import step_from_key
from tests.long.registry import Case, long_check

ROOT = Path(__file__).parents[2]
VIEWS = {
    "app.py": (),
    "pages/walkthrough.py": ("step", "pin", "trail", "at", "scope", "open"),
    "pages/attention.py": ("kind", "module", "layer", "head", "sentence", "position", "told"),
    "pages/decoding.py": ("sentence", "position", "told"),
    "pages/every_step.py": ("search", "module", "op", "step"),
    "pages/export.py": (),
    "pages/costs.py": (),
    "pages/labs.py": ("lab",),
}
SETTINGS = tuple(sorted(Settings.QUERY_NAMES))
# What those controls show, by what begins their keys.
KEYS = {"pages/attention.py": "attention.", "pages/decoding.py": "decoding.", "pages/labs.py": "labs."}
ON_PAGES = 0.05  # of the cases: a page takes a second, reading an address takes none
LIGHT = ("heads", "seed", "upto", "dtype", "device", "output", "reads", "weights")  # never a run that takes long

HOSTILE = (
    *("", " ", "-", "+", "0", "-0", "007", "1", "2", "3", "9", "10", "16", "-1", "4.0", "1e3", "0x10", "1_0", "nan"),
    *("9" * 20, "9" * 5000, "-" + "9" * 5000, "0" * 5000 + "1", "１２", "١٢", "²", "½", "Ⅻ", "𝟐", "4\u202e", "\u200f4"),
    *("\x00", "\x1b[31m", "\n", "4\n", "\r\n# x", "\u202eabc", "\u2066x", "\u200b", "\ufeff1", "\U000e0041", "\x7f"),
    *("<b>x</b>", "<script>alert(1)</script>", "<img src=x onerror=y>", "&lt;", "**x**", "[a](http://x.y)", "`x`"),
    *("``", "$x^2$", ":red[x]", ":smile:", ":material/home:", "# x", "- x", "| a | b |", "{given}", "{0}", "%s", "{"),
    *("true", "false", "None", "random", "trained", "tokens", "sentences", "float64", "int8", "cross", "encoder"),
    *("../../etc/passwd", "encoder.layers.0", "encoder.layers.99.self_attention.scores", "scores:matmul", "a:b:c"),
    *("encoder.layers.0.self_attention.scores", "0.1.2.3", "i0.0.1.2.3", "x", "i9.0", "5-0.0_6-1", "H-3_S.2-16"),
    *("-".join("_" * 300), "5-0_" * 500, "H-" + "9" * 5000, ".", "..", ",,,", "a,b,c", "y" * 5000, "👨‍👩‍👧", "나는"),
)
_GIVEN = re.compile(r"`+ ?(\w+)=")
_USED = re.compile(r"\. (`+ ?.*?`+|\S+) is used\.$")


@long_check(2000)
@contextmanager
def links() -> Iterator[Case]:
    """Random parameters of every page and lab, read as the pages read them, and a twentieth of them on the page."""
    trace = run(Config(batch=2, src_len=3, tgt_len=2, d_model=8, heads=2, encoder_layers=1, decoder_layers=1))

    def case(drawn: random.Random) -> None:
        if drawn.random() < ON_PAGES:
            _on_a_page(drawn)
        else:
            _settings(drawn)
            _view(trace, drawn)

    yield case


def _settings(drawn: random.Random) -> None:
    query = {name: _text(drawn) for name in drawn.sample(SETTINGS, drawn.randint(1, 8))}
    settings, notes = from_query(query)
    for name, (low, high) in RANGES.items():
        assert low <= getattr(settings.config, name) <= high, (name, query)
    assert from_query(settings.to_query()) == (settings, ()), query
    for note in notes:
        _is_true(note.text, lambda name: _setting(settings, name))
        _is_readable(note)


def _view(trace: Trace, drawn: random.Random) -> None:
    text, low = _text(drawn), drawn.randint(-3, 3)
    high = low + drawn.randint(0, 20)
    value, problem = whole_number("layer", text, low, high, low)
    assert low <= value <= high, text
    options = drawn.sample(HOSTILE, 3)
    chosen, other = choice("kind", text, options, options[0])
    assert chosen in options, text
    for found, used in ((problem, value), (other, "that")):
        if found is not None:
            _is_readable(found.note(used))
    step = step_from_key(trace, text)
    assert step in trace.steps
    pinned = pin_at(trace, step, text)
    assert pinned is None or len(pinned[1]) <= 4
    assert all(exists(trace, cell) for cell in trail_at(trace, text))
    assert all(type(start) is int for start in view_at(text).values())


def _on_a_page(drawn: random.Random) -> None:
    page = drawn.choice(list(VIEWS))
    names = [*drawn.sample(LIGHT, drawn.randint(0, 3)), *VIEWS[page]]
    query: dict[str, str | list[str]] = {name: _text(drawn) for name in names if drawn.random() < 0.8}
    if page == "pages/labs.py" and drawn.random() < 0.9:
        lab = drawn.choice(LABS).key
        query |= {"lab": lab} | {f"lab_{name}": _text(drawn) for name in _parameters(lab)}
    if drawn.random() < 0.1:
        query["heads"] = [_text(drawn), _text(drawn)]
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=180)
    for name, value in query.items():
        app.query_params[name] = value
    app = (app if page == "app.py" else app.switch_page(page)).run()
    assert not app.exception, (page, query, app.exception)
    banners = [warning.value for warning in app.warning if "was asked for" in warning.value]
    assert len(banners) <= 1, (page, query, banners)
    settings = app.session_state["explorer.settings"]
    for line in banners[0].split("\n- ") if banners else ():
        _is_true(line, lambda name: _shown(app, page, settings, name))


def _parameters(lab: str) -> list[str]:
    """The names that a lab's own file asks for."""
    home = ROOT / "pages/ui/labs" / lab
    file = home / "__init__.py" if home.is_dir() else home.with_suffix(".py")
    source = file.read_text("utf-8")
    return re.findall(r'lab_widgets\.(?:number|pick|line)\(\s*"(\w+)"', source)


def _text(drawn: random.Random) -> str:
    if drawn.random() < 0.6:
        return drawn.choice(HOSTILE)
    if drawn.random() < 0.5:
        return str(drawn.randint(-(10 ** drawn.randint(1, 30)), 10 ** drawn.randint(1, 30)))
    return "".join(chr(drawn.choice((drawn.randint(0, 0x7F), drawn.randint(0x80, 0xD7FF)))) for _ in range(12))


def _is_true(line: str, real: Any) -> None:
    """That what a note names as used is what there is, where it names something and that can be asked for."""
    given, used = _GIVEN.match(line.removeprefix("- ")), _USED.search(line)
    if given and used:
        value = real(given[1])
        assert value is None or value == used[1].strip("` "), (line, value)


def _is_readable(note: Note) -> None:
    assert note.text.isprintable(), note
    assert len(note.text) < 400, note


def _setting(settings: Settings, name: str) -> str | None:
    if name not in Settings.QUERY_NAMES:
        return None
    value = getattr(settings.config, name) if hasattr(settings.config, name) else getattr(settings, name)
    return str(int(value)) if isinstance(value, bool) else str(value)


def _shown(app: AppTest, page: str, settings: Settings, name: str) -> str | None:
    """What the settings or the control of this name have; None where a page has no control to ask."""
    if name == "upto":
        return None  # which counts what there is to show
    if name in Settings.QUERY_NAMES:
        return _setting(settings, name)
    prefix, end = KEYS.get(page, " "), "place" if name == "position" else name.removeprefix("lab_")
    for control in (*app.main.slider, *app.main.segmented_control, *app.main.selectbox):
        if str(control.key).startswith(prefix) and str(control.key).endswith(f".{end}"):
            return str(control.value)
    return None
