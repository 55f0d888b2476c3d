"""The place beside a step where people take it along: link, picture, numbers, Python."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from engine import Step, Trace
from engine.graph.module_paths import is_inside
from engine.wording import disjunction
from pages.ui.app.markdown_escape import code
from pages.ui.app.palette import axis_colour
from pages.ui.components.share_panel import StripCaption, share_panel
from pages.ui.components.tensor_view import Selection
from pages.ui.state import session
from pages.ui.state.drawn_module import drawn_module
from pages.ui.traces import reproduce
from pages.ui.traces.opened import OPENED
from pages.ui.views.download_buttons import tensor_buttons
from pages.ui.views.instrument.strip import title_of
from pages.ui.views.share.stage_picture import FONT, stage_svg
from pages.ui.views.your_code.program import InputError, UserProgram
from pages.ui.views.your_code.script import recording_script_of

_FIND = "\nstep = trace.find({name!r})\nprint(step.axes, step.shape)\nprint(step.value)"
_CALL = ".steps[{index}].inside"
_AT = "\nstep = trace{calls}.steps[{index}]\nprint(step.axes, step.shape)\nprint(step.value)"
_LEGEND = "{symbol} = {sizes}"
_HOW_TO_READ = "Sides grow with the logarithm of the sizes; what stands behind a face are its heads and sentences."
_PYTHON = "The Python that makes this tensor again, run in the project's folder"
_PYTHON_OF_FILE = "The Python that opens this tensor, run beside the file {file}"


def draw(
    trace: Trace,
    step: Step,
    selection: Selection,
    key: str,
    *,
    within: tuple[int, ...] = (),
    strip: bool = True,
    picture: tuple[str, str] | None = None,
) -> None:
    """Draws all ways to take a step along.

    Args:
        trace: the trace of the step: what the page shows, or what a fused call of that does inside.
        step: the step.
        selection: which part of its tensor is on screen.
        key: what the keys of the downloads begin with.
        within: the index of each fused call that the step lies inside of, outermost first.
        strip: whether the strip of its block is on the page, to be taken along too.
        picture: another picture than the stage of the step, as SVG, and the name of its file without an ending.
    """
    caption = strip_caption(trace, step) if strip else None
    svg, file = picture or (stage_svg(step), f"step_{step.index}_{step.name}")
    share_panel(svg, file, caption, key="share")
    tensor_buttons(step, selection, key, within)
    heading, script = _script()
    st.caption(heading)
    st.code(python_of(trace, step, script, within), language="python", wrap_lines=True)


def _script() -> tuple[str, str]:
    """What is said above the Python that makes the trace on screen, and that Python."""
    settings = session.settings_shown()
    if not settings.opened:
        return _PYTHON, reproduce.script(settings)
    opened = OPENED.get(settings.opened)
    if isinstance(opened.made_from, UserProgram):
        with suppress(InputError):
            if script := recording_script_of(opened.made_from):
                return _PYTHON, script
    return _PYTHON_OF_FILE.format(file=code(opened.file)), reproduce.from_file(opened.file)


def strip_caption(trace: Trace, step: Step) -> StripCaption:
    """What stands around the strip of the block of a step in a picture of it: its title, and every axis with its size.

    Args:
        trace: the trace that is drawn.
        step: a step of the block.
    """
    module = drawn_module(step)
    sizes: dict[str, set[int]] = {}
    for other in trace.steps:
        if is_inside(other.path, module):
            for symbol, size in zip(other.axes, other.shape, strict=True):
                if symbol is not None and symbol != "1":
                    sizes.setdefault(symbol, set()).add(size)
    legend = []
    for symbol, lengths in sizes.items():
        tone = axis_colour(symbol), axis_colour(symbol, dark=True)
        words = disjunction(f"{length:,}" for length in sorted(lengths))
        legend.append((_LEGEND.format(symbol=symbol.replace("*", "·"), sizes=words), *tone))
    return StripCaption(title_of(module), legend, _HOW_TO_READ, FONT, f"strip_{module or 'model'}".replace(".", "_"))


def python_of(trace: Trace, step: Step, script: str, within: tuple[int, ...] = ()) -> str:
    """The script that makes a trace, with the lines that print one of its tensors instead of those that export it.

    Args:
        trace: the trace.
        step: the step whose tensor is printed.
        script: makes the trace.
        within: the calls that the step is inside of, by number, outermost first; empty for a step of the trace.

    Returns:
        The script.
    """
    lines = [line for line in script.splitlines() if not line.startswith("save_csv(")]
    program = "\n".join(lines).replace(", save_csv", "").replace("save_csv, ", "")
    if not within and trace.find(step.full_name) is step:
        return program + _FIND.format(name=step.full_name)
    calls = "".join(_CALL.format(index=call) for call in within)
    return program + _AT.format(calls=calls, index=step.index)
