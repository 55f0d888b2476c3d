"""What is suspicious in a trace: how much, the list of all of it, and what is about the step on screen.

Findings are looked for once a trace. Whoever draws these views draws them last: what people wait for is on screen then.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine import Finding, Step, Trace
from engine.wording import counted
from pages.ui.app import frame
from pages.ui.app.markdown_escape import code, escaped
from pages.ui.state import session
from pages.ui.state.url_step import step_to_key
from pages.ui.traces.trace_analyses import findings_by_step, findings_of, found_at_once, is_quick_to_search

EVERY_STEP = "pages/every_step.py"
_WALK = "app.py"
_ONE, _MANY = "{count} finding in this trace", "{count} findings in this trace"
_LOOK = "Look for what is suspicious in these {count:,} steps"
_LOOKING = "Looking for what is suspicious in these {count:,} steps."
_BELOW_ONE = "[{count} finding in this trace, below the table](#findings)"
_BELOW_MANY = "[{count} findings in this trace, below the table](#findings)"
_NOTHING = "Nothing suspicious was found in this trace."
_FINDING = "**{rule}.** {sentence}"
_HINT = "**{rule} (a hint).** {sentence}"
_FIX = "Fix: {fix}."
_MORE_ONE, _MORE_MANY = "The same at {count} more step.", "The same at {count} more steps."
_MOST_LINKS = 4


def draw_count(trace: Trace) -> None:
    """Draws how many findings a trace has, as a link to their list; nothing where it has none.

    The findings of a long trace are not looked for here: the link leads to where they are.
    """
    count = len(findings_of(trace)) if found_at_once(trace) else None
    if count == 0:
        return
    with st.container(key="findings-count"):
        label = _LOOK.format(count=len(trace.steps)) if count is None else counted(count, _ONE, _MANY)
        frame.link(EVERY_STEP, label, session.settings_now().to_query())


def draw_of_step(trace: Trace, step: Step) -> None:
    """Draws the findings that are about a step; nothing where there are none, or nobody has looked yet."""
    if not found_at_once(trace):
        return
    for finding in findings_by_step(trace).get(step.index, ()):
        _box(finding)


def draw_around(trace: Trace, draw_table: Callable[[], None]) -> None:
    """Draws every finding of a trace and the table of its steps.

    The findings stand above the table, which would move if they came later. Those of a long trace take long: they stand
    below it, and a line above says so.

    Args:
        trace: any trace.
        draw_table: draws the table.
    """
    if is_quick_to_search(trace):
        if not findings_of(trace):
            st.caption(_NOTHING)
        _draw_all(trace)
        draw_table()
        return
    line = st.empty()
    line.caption(_LOOKING.format(count=len(trace.steps)))
    draw_table()
    count = len(findings_of(trace))
    line.caption(counted(count, _BELOW_ONE, _BELOW_MANY) if count else _NOTHING)
    _draw_all(trace)


def title_of(finding: Finding) -> str:
    """The rule of a finding in words."""
    words = finding.rule.replace("_", " ")
    return words[:1].upper() + words[1:]


def _draw_all(trace: Trace) -> None:
    """Draws every finding of a trace, each with links to the steps that it is about."""
    suspicions = findings_of(trace)
    if not suspicions:
        return
    st.markdown("#### Findings")
    for finding in suspicions:
        _box(finding)
        steps = [step for step in (finding.step, *finding.also) if step is not None]
        with st.container(horizontal=True, vertical_alignment="center"):
            for step in steps[:_MOST_LINKS]:
                _link(trace, step)
            if len(steps) > _MOST_LINKS:
                st.caption(counted(len(steps) - _MOST_LINKS, _MORE_ONE, _MORE_MANY))


def _box(finding: Finding) -> None:
    template, draw = (_HINT, st.info) if finding.is_hint else (_FINDING, st.warning)
    lines = [template.format(rule=title_of(finding), sentence=escaped(finding.sentence))]
    if finding.fix:
        lines.append(_FIX.format(fix=escaped(finding.fix)))
    draw("\n\n".join(lines))


def _link(trace: Trace, step: Step) -> None:
    query = {**session.settings_now().to_query(), "step": step_to_key(trace, step)}
    frame.link(_WALK, code(f"{step.index} {step.full_name}"), query)
