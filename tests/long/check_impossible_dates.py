"""Days that there are not, in every form: the trained model holds no answer to any of them for more likely than not."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from engine.pretrained.calibration import calibration
from engine.pretrained.date_check import doubt
from engine.pretrained.dates import FIRST, LAST, TRAIN_FORMATS, Form, Named
from engine.pretrained.odd_inputs import OddInput
from engine.pretrained.pretrained import build, trained_config
from tests.long.registry import Case, long_check

FIRST_THAT_IS_NOT = {4: 31, 6: 31, 9: 31, 11: 31}  # of February it depends on the year


def texts(draw: random.Random, form: Form) -> Iterator[str]:
    """The first day after the end of each short month, in years that are drawn."""
    for month in (2, 4, 6, 9, 11):
        year = draw.randint(FIRST.year, LAST.year)
        is_leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
        numbers = Named(year, month, FIRST_THAT_IS_NOT.get(month, 30 if is_leap else 29), draw.randrange(7))
        if form.can_write(numbers):
            yield form.text(numbers)


@long_check(cases=200, share=50)
@contextmanager
def impossible_dates() -> Iterator[Case]:
    """Every form, in years of its own each time: about 36,000 texts."""
    config = trained_config(device="cpu")
    model = build(config, torch.device("cpu"))

    def case(draw: random.Random) -> None:
        asked = [
            OddInput("none", text, frozenset(), impossible=True) for form in TRAIN_FORMATS for text in texts(draw, form)
        ]
        assert all(doubt(each.text) for each in asked)
        surest = calibration(model, asked).surest_impossible
        assert surest.probability <= 0.5, str(surest)

    yield case
