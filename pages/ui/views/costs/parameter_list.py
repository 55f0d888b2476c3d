"""How many parameters a model has, module by module, each with the arithmetic that gives its count."""

from __future__ import annotations

import html

import streamlit as st

from engine.runtime.parameters import ParameterCount, rows

_STYLE = """<style>
.parameters { margin: 0; padding: 0 !important; max-width: 46rem; font-size: 0.85rem; }
.parameters div { display: grid; grid-template-columns: 1fr max-content; gap: 0 1rem; align-items: baseline;
  padding: 0.2rem 0 0.2rem calc(var(--depth) * 0.9rem); border-bottom: 1px solid rgb(128 128 128 / 0.2); }
.parameters dt { font: 0.82rem var(--st-code-font, monospace); overflow-wrap: anywhere; }
.parameters dd { margin: 0; }
.parameters dd + dd { grid-column: 1 / -1; opacity: 0.75; }
</style>"""
_HOW = "A Linear from 32 to 128 features has 32 × 128 weights and 128 biases, a LayerNorm 2 for each feature."


def draw(model: ParameterCount) -> None:
    """Draws the list; of layers that are alike the first stands for all.

    Args:
        model: the parameters of the whole model.
    """
    lines = "".join(_line(depth, name, module) for depth, name, module in ((0, "model", model), *rows(model)))
    st.html(f'{_STYLE}<dl class="parameters">{lines}</dl>')
    st.caption(_HOW)


def _line(depth: int, name: str, module: ParameterCount) -> str:
    sizes = html.escape(module.arithmetic)
    return f'<div style="--depth: {depth}"><dt>{html.escape(name)}</dt><dd>{module.count:,}</dd><dd>{sizes}</dd></div>'
