"""The export page: what there is to take along, how large it is, and the ways to take it."""

from __future__ import annotations

import shlex
from pathlib import Path

import streamlit as st

from engine import Trace
from engine.export import SPREADSHEET_ROWS, estimated_bytes, values_rows
from engine.save import ExportError, save
from engine.units import in_words
from pages.ui import download, state
from pages.ui.plain import code

_SWITCHES = {"padding_mask": "--no-padding-mask", "causal_mask": "--no-causal-mask", "norm_first": "--norm-first"}


def draw(trace: Trace) -> None:
    """Draws the ways to export the whole trace."""
    st.markdown("#### Take the trace along")
    rows, size = values_rows(trace.steps), estimated_bytes(trace.steps)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### steps.csv")
        st.markdown("One row a step: name, axes, shape, stride, dtype, memory, FLOPs, statistics, code line, parents.")
        st.caption(f"{len(trace.steps):,} rows")
        download.steps_button(trace.steps, "Download steps.csv", key="steps.csv")
    with right:
        st.markdown("##### values.csv")
        st.markdown("One row an element: step, name, index on every axis, value. Every number reads back exactly.")
        st.caption(f"{rows:,} rows, about {in_words(size)}")
        download.values_button(trace.steps, size, "Download values.csv", key="values.csv")
        if rows >= SPREADSHEET_ROWS:  # the header is one of them
            st.caption(f"Longer than the {SPREADSHEET_ROWS:,} rows a spreadsheet opens; pandas reads it.")
        if size > download.LARGEST_DOWNLOAD:
            st.caption("Too large to hand to the browser in one piece: write it to a folder below.")
    _to_folder(trace, size)
    _elsewhere()


def _to_folder(trace: Trace, size: int) -> None:
    st.markdown("##### Write both to a folder on this computer")
    with st.form("folder", border=False):
        folder = st.text_input("Folder", value="trace-csv", help="Made if it is not there.")
        asked = st.form_submit_button(f"Write both files, about {in_words(size)}")
    if not asked:
        return
    if not folder.strip():
        st.error("The folder needs a name, such as trace-csv.")
        return
    bar = st.progress(0.0, text="Writing")
    try:
        save(
            trace.steps,
            Path(folder).expanduser(),
            lambda done, total: bar.progress(done / max(total, 1), text="Writing"),
        )
    except (ExportError, RuntimeError, ValueError) as error:  # no home to expand "~", or no path at all
        bar.empty()
        st.error(code(str(error)))
    else:
        bar.empty()
        st.success(f"Wrote steps.csv and values.csv to {code(str(Path(folder).expanduser().resolve()))}")


def _elsewhere() -> None:
    st.markdown("##### The same from a terminal or a notebook")
    settings = state.settings_shown()
    parts = ["python", "-m", "engine", "run"]
    for name, value in settings.to_query().items():
        if name in _SWITCHES:
            parts.append(_SWITCHES[name])
        elif name not in ("reads", "source", "target"):
            parts += [f"--{name.replace('_', '-')}", value]
    changes = {name: getattr(settings.config, name) for name in settings.to_query() if hasattr(settings.config, name)}
    call = ", ".join(f"{name}={value!r}" for name, value in changes.items())
    text = ""
    if settings.sentences is not None:
        source, target = settings.sentences
        for sentence, flag in [*((s, "--source") for s in source), *((t, "--target") for t in target)]:
            # A dash at the beginning would make it an option of its own.
            parts += [f"{flag}={sentence}"] if sentence.startswith("-") else [flag, sentence]
        text = f", source={list(source)!r}, target={list(target)!r}"
    st.code(shlex.join([*parts, "--csv", "trace-csv"]), language="bash", wrap_lines=True)
    st.code(f"from engine import Config, run\n\ntrace = run(Config({call}){text})", language="python", wrap_lines=True)
    st.markdown(
        "Every table on the page **Every step** and every tensor in the **Walkthrough** can be taken on its own."
    )
