"""Results of experiments, kept while people look at them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")
# A lab's largest result is about 8 MB, so all of them stay below 256 MB.
_MOST = 32


def result(experiment: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs) -> _R:
    """The result of a pure experiment, computed once for all visitors of the server.

    Args:
        experiment: a function whose result depends on its arguments alone.
        arguments, named: its arguments; all must be hashable.
    """
    value: _R = _computed(experiment, arguments, tuple(sorted(named.items())))
    return value


@lru_cache(maxsize=_MOST)
def _computed(experiment: Callable[..., Any], arguments: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> Any:
    return experiment(*arguments, **dict(named))
