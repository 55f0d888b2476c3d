"""Runs of any settings, made again by the command and the script that the page shows for them."""

from __future__ import annotations

import contextlib
import io
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import Config, ConfigError, TextError, trained_config
from engine.config import CHOICES, LIMITS
from engine.runtime.decode import MOST_STEPS
from pages.ui.state.settings import SENTENCES, TOKENS, Settings
from pages.ui.traces import reproduce
from pages.ui.traces.trace_cache import CannotRunError, trace_of
from tests.long.registry import Case, long_check
from tests.pages.reproduced import files_of, files_of_command, files_of_script

_MOST = 12  # of any size: what matters is which are said, and how
_LETTERS = "abXY 2026-11년 월'\"\\$`!*?#~%&|;<>(){}[]=+-@\t🙂é나는 집에"
_DATES = ("21 November 2026", "5 Mar '75", "2026년 3월 1일", "11/21/2026", "-1")


@long_check(cases=200, share=40)
@contextmanager
def reproduced_runs() -> Iterator[Case]:
    """Random settings: the files of the page, of the command and of the script are the same bytes."""
    yield _case


def _case(chance: random.Random) -> None:
    while True:
        try:
            shown = _settings(chance)
            expected = files_of(trace_of(shown))
        except (ConfigError, TextError, CannotRunError):
            continue  # nothing is shown for what cannot be run
        break
    with tempfile.TemporaryDirectory() as command, tempfile.TemporaryDirectory() as script:
        with contextlib.redirect_stdout(io.StringIO()):
            by_command = files_of_command(reproduce.command(shown), Path(command))
        assert by_command == expected, reproduce.command(shown)
        assert files_of_script(reproduce.script(shown), Path(script)) == expected, reproduce.script(shown)


def _settings(chance: random.Random) -> Settings:
    trained = chance.random() < 0.4
    config = _trained(chance) if trained else _random(chance)
    count = chance.choice((1, 1, 2, 3))
    source = "\n".join(_line(chance, trained) for _ in range(count))
    target = "" if trained and chance.random() < 0.7 else "\n".join(_line(chance, trained) for _ in range(count))
    upto = chance.choice((None, chance.randrange(MOST_STEPS)))
    reads = SENTENCES if trained or chance.random() < 0.6 else TOKENS
    return Settings(config, reads, source, target, upto)


def _trained(chance: random.Random) -> Config:
    free = ("output", "dtype", "padding_mask", "causal_mask")
    return trained_config(**{name: _value(chance, name) for name in free if chance.random() < 0.4})


def _random(chance: random.Random) -> Config:
    names = [name for name in Config.__dataclass_fields__ if name not in ("weights", "device")]
    return Config(**{name: _value(chance, name) for name in names if chance.random() < 0.4})


def _value(chance: random.Random, name: str) -> object:
    if name in CHOICES:
        return chance.choice(CHOICES[name])
    if name == "seed":
        return chance.choice((0, 1, 2**31 - 1, 2**63 - 1))
    if name in LIMITS:
        return chance.randint(LIMITS[name][0], _MOST if name != "vocab_size" else 99)
    return chance.random() < 0.5


def _line(chance: random.Random, trained: bool) -> str:
    if trained and chance.random() < 0.6:
        return chance.choice(_DATES)
    return "".join(chance.choices(_LETTERS, k=chance.randint(1, 12)))
