"""Which module of the model is drawn, as a strip or as a graph: the one in the address, or that of the step."""

from __future__ import annotations

from engine import Step
from engine.graph.module_paths import ancestors
from pages.ui.state import session

WHOLE = "."  # the whole model in the address, where nothing at all means the module of the step


def drawn_module(step: Step) -> str:
    """The module that is drawn: the one that was chosen, as long as the step is in it, else the step's own.

    Args:
        step: the step on screen.

    Returns:
        The module's path; "" for the whole model.
    """
    return module_of_scope(session.view("scope"), step)


def module_of_scope(scope: str, step: Step) -> str:
    """The module that is drawn of what the address says; for where there is no session.

    Args:
        scope: the chosen module as the address has it, ``""`` for none.
        step: the step on screen.

    Returns:
        The module's path; "" for the whole model.
    """
    if scope == WHOLE:
        return ""
    own = ancestors(step.path)
    return scope if scope in own else own[-1] if own else ""
