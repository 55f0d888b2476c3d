"""What a PDF that Chromium printed shows, read from the drawing commands in it."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from playwright.sync_api import Page

_OBJECT = re.compile(rb"(?m)^(\d+) 0 obj\r?\n(.*?)endobj", re.DOTALL)
_CONTENTS = re.compile(rb"/Type /Page\b.*/Contents (\d+) 0 R", re.DOTALL)
_TEXT = re.compile(rb"\bT[jJ]\b")
_SHOWN = re.compile(rb"\bT[jJ]\b|/\w+ Do\b")
_COLOUR = re.compile(rb"([\d.]+ [\d.]+ [\d.]+) (?:rg|RG)\b")


@dataclass(frozen=True)
class Printed:
    """A printed page of the app.

    Attributes:
        pages: for each page of paper, how many runs of text and pictures it shows; 0 where it is empty.
        texts: how many runs of text there are, as text that can be selected.
        colours: the colours of text, lines and areas, each channel from 0 to 255.
    """

    pages: tuple[int, ...]
    texts: int
    colours: frozenset[tuple[int, ...]]


def printed(tab: Page) -> Printed:
    """Prints what is on a tab."""
    objects = dict(_OBJECT.findall(tab.pdf(prefer_css_page_size=True, print_background=True)))
    contents = [match[1] for match in map(_CONTENTS.search, objects.values()) if match]
    groups = [number for number, content in objects.items() if b"/Subtype /Form" in content]
    commands = {number: _commands(objects[number]) for number in (*contents, *groups)}
    colours = {colour for part in commands.values() for colour in _COLOUR.findall(part)}
    return Printed(
        tuple(len(_SHOWN.findall(commands[number])) for number in contents),
        sum(len(_TEXT.findall(part)) for part in commands.values()),
        frozenset(tuple(round(255 * float(channel)) for channel in colour.split()) for colour in colours),
    )


def _commands(content: bytes) -> bytes:
    head, _, stream = content.partition(b"stream\n")
    # What follows a stream is no part of it, and is left over.
    return zlib.decompressobj().decompress(stream) if b"/FlateDecode" in head else stream
