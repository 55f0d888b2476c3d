"""Names of folders that people type: what cannot be seen, or would mislead who reads it, is refused."""

from __future__ import annotations

import os
import re
import unicodedata

EXAMPLE = "trace-csv"
_SEPARATORS = re.compile("([" + re.escape(os.sep + (os.altsep or "")) + "])")
_REFUSED = "{rule}: '{name}'; use {nearest}"
_JOINERS = "\u200c\u200d"  # inside Persian words and inside emoji
_HIDDEN = ("Cc", "Cf", "Zl", "Zp")  # control and format characters, which direction marks are, and breaks of a line


class FolderNameError(ValueError):
    """A name that no folder gets: the rule it breaks, the name, and the nearest one that works."""


def check_folder_name(name: str) -> None:
    """Refuses a name that no folder should get.

    Args:
        name: the path that a person typed.

    Raises:
        FolderNameError: the name is empty, has a character that cannot be seen, or a space at an end of one of its
            folders; gives the nearest name that works.
    """
    if not name.strip():
        rule = "a folder needs a name"
    elif any(map(_is_hidden, name)):
        rule = "the name of a folder has no control characters, direction marks or other characters that nobody sees"
    elif any(part != part.strip() for part in _SEPARATORS.split(name)):
        rule = "the name of a folder has no space before or after it"
    else:
        return
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
    raise FolderNameError(_REFUSED.format(rule=rule, name=shown, nearest=_nearest(name)))


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS


def _nearest(name: str) -> str:
    seen = "".join(character for character in name if not _is_hidden(character))
    parts = (part.strip() for part in _SEPARATORS.split(seen))
    nearest = "".join(parts)
    # Nothing may be left but the folder it was to lie in.
    return nearest if nearest.strip(os.sep + (os.altsep or "")) else EXAMPLE
