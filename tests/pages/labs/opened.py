"""A lab as its link opens it, for the tests."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import opened

PAGE = "pages/labs.py"


def lab(key: str, **values: object) -> AppTest:
    """The lab with these values of its sliders, as an address says them."""
    return opened(PAGE, lab=key, **{f"lab_{name}": str(value) for name, value in values.items()})


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
