"""Results of experiments, kept while people look at them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar

_P, _R = ParamSpec("_P"), TypeVar("_R")
# A lab's largest result is about 8 MB, so all of them stay below 256 MB.
_MOST = 32


def result(experiment: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs) -> _R:
    """What a pure experiment returns for these arguments; computed once, for every visitor of the server."""
    return _computed(experiment, arguments, tuple(sorted(named.items())))


@lru_cache(maxsize=_MOST)
def _computed(experiment, arguments, named):
    return experiment(*arguments, **dict(named))
