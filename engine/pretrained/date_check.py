"""Whether the trained model's answer to a text can be relied on, told by rule and not by the model."""

from __future__ import annotations

from engine.pretrained.dates import FIRST, LAST, MONTHS, TRAIN_FORMATS, WEEKDAYS, Named, last_day

_FORM = (
    "This is in none of the {forms} forms that the model's answers are measured in: it may be wrong however sure it is."
)
_MONTH = "There is no month {month}: no answer is right, however sure the model is."
_SLASHES = (
    "There is no month {month}, and numbers between slashes are month, day, year: no answer is right, however sure the "
    "model is."
)
_DAY = (
    "{day} {name} {year} does not exist, {name} {year} has {last} days: no answer is right, however sure the model is."
)
_YEAR = (
    "The year {year} is outside {first} to {last}, the years of the model's training: no answer is right, however sure "
    "it is."
)
_WEEKDAY = "{day} {name} {year} is a {right}, not a {given}: one of the two is wrong, and the model cannot tell which."


def doubt(text: str) -> str | None:
    """Why the answer to a text is not to be relied on.

    Args:
        text: a date as the model reads it, with single spaces.

    Returns:
        A sentence, or None for a date from 1900 to 2099 in one of the forms that the model was measured in.
    """
    readings = [(form, numbers) for form in TRAIN_FORMATS if (numbers := form.read(text)) is not None]
    if not readings:
        return _FORM.format(forms=len(TRAIN_FORMATS))
    form, numbers = readings[0]  # forms that read the same text read the same numbers in it
    return _doubt(numbers, has_slashes="/" in form.template and form.template.startswith("{m"))


def _doubt(numbers: Named, has_slashes: bool) -> str | None:
    if not 1 <= numbers.month <= 12:
        return (_SLASHES if has_slashes else _MONTH).format(month=numbers.month)
    names = {"day": numbers.day, "name": MONTHS[numbers.month - 1], "year": numbers.year}
    if not FIRST.year <= numbers.year <= LAST.year:
        return _YEAR.format(**names, first=FIRST.year, last=LAST.year)
    day = numbers.date
    if day is None:
        return _DAY.format(**names, last=last_day(numbers.year, numbers.month))
    if numbers.of_week not in (None, day.weekday()):
        return _WEEKDAY.format(**names, right=WEEKDAYS[day.weekday()], given=WEEKDAYS[numbers.of_week or 0])
    return None
