"""Reads the values of a link: which value to use, and a note where it is not the one the link asked for.

Anybody can make a link, so nothing in it is trusted. A value that its control can reach is used, else the nearest or
the usual one; the note that says so has the text of the link as a code span.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pages.ui.app.markdown_escape import code, short_text

BEYOND = "{given} was asked for; {label} goes from {low} to {high}. {used} is used."
NO_NUMBER = (
    "{given} was asked for; {label} is a whole number from {low} to {high}, in the digits 0 to 9. {used} is used."
)
NO_CHOICE = "{given} was asked for; {label} can be {choices}. {used} is used."
NONE_OF_MANY = "{given} was asked for, which is none of the {count} that {label} can be. {used} is used."

_MOST_GIVEN, _MOST_CHOICES = 24, 6
_MOST_DIGITS = 18  # Python refuses to read thousands of them, and no range of a control goes as far


@dataclass(frozen=True)
class Note:
    """What a link asked for and did not get: the names in the address it is about, and the sentence."""

    names: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class LinkProblem:
    """A value of a link that is not used as it stands.

    Args:
        name: the value's name in the address.
        given: the link's text for it.
        template: the whole sentence, with the places ``given`` and ``used`` and those of ``values``.
        values: what stands in the other places, already safe to show.
        usual: whether the usual value is used instead, because this one has no nearest.
    """

    name: str
    given: str
    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    usual: bool = True

    def note(self, used: object = "") -> Note:
        """The note on this problem.

        Args:
            used: what is used instead, safe to show.
        """
        given = code(f"{self.name}={short_text(self.given, _MOST_GIVEN)}")
        return Note((self.name,), self.template.format(given=given, used=used, **self.values))

    def with_template(self, template: str) -> LinkProblem:
        """The same problem in another sentence, with the places of ``template``."""
        return dataclasses.replace(self, template=template)


def whole_number(
    name: str, text: str, low: int, high: int, usual: int, label: str = ""
) -> tuple[int, LinkProblem | None]:
    """The whole number that a link asks for; the nearest that works, or the usual one where it is no number.

    Args:
        name: the value's name in the address.
        text: what the link says, of any length.
        low: the smallest that works.
        high: the largest.
        usual: what is used where the text is no whole number in the digits 0 to 9.
        label: what people see it called, by default its name.

    Returns:
        The number to use, and the problem where that is not what was asked for.
    """
    values = {"label": label or name, "low": low, "high": high}
    # int() alone would also take "1_000" and the digits of other scripts.
    if not re.fullmatch("-?[0-9]+", text):
        return usual, LinkProblem(name, text, NO_NUMBER, values)
    digits = text.removeprefix("-").lstrip("0") or "0"
    size = int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
    number = -size if text.startswith("-") else size
    if low <= number <= high:
        return number, None
    return min(max(number, low), high), LinkProblem(name, text, BEYOND, values, usual=False)


def choice(name: str, text: str, options: Sequence[str], usual: str, label: str = "") -> tuple[str, LinkProblem | None]:
    """The option that a link asks for, else the usual one.

    Args:
        name: the value's name in the address.
        text: what the link says, of any length.
        options: all that work.
        usual: what is used where the text is none of them.
        label: what people see it called, by default its name.

    Returns:
        The option to use, and the problem where that is not what was asked for.
    """
    if text in options:
        return text, None
    label = label or name
    if len(options) > _MOST_CHOICES:
        return usual, LinkProblem(name, text, NONE_OF_MANY, {"label": label, "count": len(options)})
    listed = ", ".join(code(short_text(option, _MOST_GIVEN)) for option in options)
    return usual, LinkProblem(name, text, NO_CHOICE, {"label": label, "choices": listed})
