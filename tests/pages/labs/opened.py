"""A lab as its link opens it, for the tests."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from pages.ui.app.lazy_expander import OPENED
from pages.ui.labs.kit.registry import LABS
from tests.pages.test_pages import ROOT, opened, words

PAGE = "pages/labs.py"
EXPERTS = ("distances", "measure", "merges", "rows", "search", "trained")  # the parts that are folded, in any lab


def lab(key: str, **values: object) -> AppTest:
    """The lab with these values of its sliders, as an address says them, and with its parts for experts open."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state[OPENED] = {f"labs.{known.key}.experts.{name}" for known in LABS for name in EXPERTS}
    app.query_params.update({"weights": "random", "lab": key} | {f"lab_{name}": str(values[name]) for name in values})
    return app.switch_page(PAGE).run()


def folded(key: str) -> AppTest:
    """The lab as a newcomer opens it: nobody has opened what is folded for experts."""
    return opened(PAGE, lab=key)


def predicted(key: str, choice: str, *, right: bool = True) -> AppTest:
    """The lab after its first question got this prediction, before which it showed that question and no tensor."""
    app = lab(key)
    assert not app.exception
    assert len(app.radio) == 1
    assert app.get("bidi_component") == []
    app.radio[0].set_value(choice).run()
    assert ("You predicted that." if right else f"You predicted: {choice}. **Computed: ") in words(app)
    return app


def revealed(app: AppTest) -> AppTest:
    """The lab after everything in it was shown without a prediction."""
    while waiting := [button for button in app.button if button.key.endswith(".show")]:
        waiting[0].click().run()
    return app


def answers(app: AppTest) -> dict[str, str]:
    """The computed answer to each question that is open, by the question's name."""
    waiting = {button.key.removesuffix(".show") for button in app.button}
    names = [radio.key.partition("predict.")[2] for radio in app.radio if radio.key not in waiting]
    computed = [text.value for text in app.markdown if "**Computed: " in text.value]
    said = [text.partition("**Computed: ")[2].partition(".**")[0] for text in computed]
    return dict(zip(names, said, strict=True))


def shown(app: AppTest) -> AppTest:
    """The lab after the question that waits was shown without a prediction."""
    next(button for button in app.button if button.key.endswith(".show")).click().run()
    return app
