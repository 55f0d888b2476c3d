"""Ten mistakes in attention, by their symptoms: where does the run first go wrong, and which line mends it."""

from __future__ import annotations

import math

import streamlit as st

from engine import Step
from engine.labs.bugs import STAGES, Pair, RunComparison, SublayerSizes, changed, compare, with_other_sizes
from engine.labs.bugs.checks import Symptom, symptom, symptoms
from engine.labs.bugs.mistakes import MISTAKES, AttentionMistake, difference
from engine.labs.bugs.programs_text import code
from engine.ops.notation import number
from pages.ui.components.tensor_view import AxisLabels, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.lab_widgets import Slider
from pages.ui.labs.kit.line_table import Cell, Row, Shape, line_table
from pages.ui.labs.kit.sample_words import words

_SOURCE = 4  # tokens of the source, where no slider says
_NAMES = tuple(f"mistake {ordinal}" for ordinal in range(1, len(MISTAKES) + 1))
_NOWHERE = "nowhere: every step is the same"
_OUTCOMES = {
    "raises": "it raises an error",
    "wrong": "it runs, and is wrong",
    "right": "it runs, and is right",
}
# What stands in the table of a step that the wrong run does not have as the right one does, by verdict.
_ONE_SIDED = {
    "raised": "raises",
    "only right": "left out",
    "only wrong": "added",
    "not reached": "not reached",
}
_NO_STEP = {
    "raised": "**{name}**: the {run} run raises here.",
    "only right": "**{name}**: the {run} run has no such line.",
    "only wrong": "**{name}**: the {run} run has no such line.",
    "not reached": "**{name}**: the {run} run did not get here.",
}
_CROSS_ATTENTION = "The decoder's attention to {words} words of the source: x is {x}, memory {memory}."
_SELF_ATTENTION = "The decoder's self-attention, each word looking at itself and those before it: x is {x}."
_FIRST_DIFFERS = "{name} is the first step that differs: {unequal:,} numbers of {total:,}, by up to {most}."
_FIRST_IS_NAN = "{name} is the first step that differs: {unequal:,} numbers of {total:,}, some of them NaN."


def draw() -> None:
    st.markdown(
        "A decoder's attention with one mistake in it, beside the same program without it. Both have the same weights "
        "and the same words. Read the symptom, say where the numbers first go wrong, then look."
    )
    index = _NAMES.index(lab_widgets.pick("mistake", "Choose a mistake", _NAMES))
    mistake = MISTAKES[index]
    sizes = _sizes(mistake)
    comparison = result(compare, index, sizes)
    seen, all_mistakes = st.columns([3, 2], gap="large")
    with seen:
        _symptom(mistake, comparison, result(symptom, index, sizes))
    with all_mistakes:
        _all(index, sizes)
    known = _where(index, comparison)
    if known:
        script = code(index, sizes)
        _steps(index, mistake, comparison)
        lab_widgets.lines(script, "with these sizes")
        if _elsewhere(index, mistake, sizes):
            _other_sizes(index, sizes, comparison)
            lab_widgets.lines(script, "with other sizes")
        lab_widgets.snippet(script)


def _sizes(mistake: AttentionMistake) -> SublayerSizes:
    sliders = [
        size_sliders.batch(6, 3),
        size_sliders.length(8, 5),
        size_sliders.heads(8, 4),
        size_sliders.d_k(16, 8, least=4),
        Slider("padding", "Padded words at most", 0, 7, 2),
    ]
    if mistake.crossed:
        sliders.append(Slider("source", "Source length L_k", 1, 8, _SOURCE))
    batch, length, heads, d_k, padding, *source = lab_widgets.numbers(*sliders)
    return SublayerSizes(batch, length, source[0] if source else _SOURCE, heads, d_k, padding)


def _symptom(mistake: AttentionMistake, comparison: RunComparison, seen: Symptom) -> None:
    st.markdown(f"##### The symptom: {seen.headline}")
    x, memory = comparison.material.x, comparison.material.memory
    template = _CROSS_ATTENTION if mistake.crossed else _SELF_ATTENTION
    st.caption(template.format(words=memory.size(1), x=tuple(x.shape), memory=tuple(memory.shape)))
    if comparison.error:
        st.markdown("The program raises. PyTorch says:")
        st.code(comparison.error, language=None, wrap_lines=True)
        return
    st.markdown("It runs. What tests of its output and weights say:")
    st.markdown(
        "  \n".join(
            f"{':green[✓]' if check.holds else ':red[✗]'} {check.rule}: {check.measured}" for check in seen.checks
        )
    )


def _where(index: int, comparison: RunComparison) -> bool:
    answer = _NOWHERE if comparison.first is None else comparison.pairs[comparison.first].stage
    if comparison.first is None:
        because = f"With these sizes the mistake changes nothing. {_reads(comparison)}"
    else:
        because = _because(comparison.pairs[comparison.first], comparison)
    return lab_widgets.predict(
        f"{index + 1}.where",
        "Where do the two runs first differ?",
        (*STAGES, _NOWHERE),
        answer,
        because,
        wrong={stage: _not_here(stage, comparison) for stage in (*STAGES, _NOWHERE)},
    )


def _not_here(stage: str, comparison: RunComparison) -> str:
    """Feedback for those who look for the first difference at the wrong stage."""
    if stage == _NOWHERE:
        return "The two runs do differ. Follow the table below from the top to the first row that is marked."
    if comparison.first is None:
        return "With these sizes both runs are equal there, and everywhere else. Other sizes show the mistake."
    first = comparison.pairs[comparison.first]
    pair_indices = [index for index, pair in enumerate(comparison.pairs) if pair.stage == stage]
    if not pair_indices:
        return f"Neither run has a step of that kind. The difference begins at `{first.name}`."
    if pair_indices[0] < comparison.first:
        if any(comparison.pairs[index].verdict == "only right" for index in pair_indices):
            return f"Lines are left out there; all numbers are still equal. The first that differ: `{first.name}`."
        return f"There both runs are still equal, number for number. It goes wrong later, at `{first.name}`."
    return f"There it is wrong already: what is read there came from `{first.name}`, where it first went wrong."


def _because(first: Pair, comparison: RunComparison) -> str:
    name = f"`{first.name}`"
    if first.verdict == "raised":
        return f"All steps before {name} are equal, and the line that makes it raises."
    if first.verdict == "shape" and first.right and first.wrong:
        return f"{name} is {first.wrong.shape} where it should be {first.right.shape}. {_reads(comparison)}"
    total = first.right.value.numel() if first.right else 0
    apart = first.difference or 0.0
    template = _FIRST_IS_NAN if math.isnan(apart) else _FIRST_DIFFERS
    differs = template.format(name=name, unequal=first.unequal, total=total, most=number(apart))
    return f"{differs} {_reads(comparison)}"


def _steps(index: int, mistake: AttentionMistake, comparison: RunComparison) -> None:
    st.markdown("##### Both runs, step by step")
    usual = 1 + (len(comparison.pairs) - 1 if comparison.first is None else comparison.first)
    name = f"step{index + 1}"
    chosen = lab_widgets.number(name, "Step to look at", 1, len(comparison.pairs), usual) - 1
    pair = comparison.pairs[chosen]
    for column, side, step in zip(
        st.columns(2, gap="large"), ("right", "wrong"), (pair.right, pair.wrong), strict=True
    ):
        with column:
            _side(side, step, pair)
    mended, steps = st.columns(2, gap="large")
    with mended:
        _mended(mistake)
    with steps:
        line_table(
            ("step", "shape", "wrong run", "differ", "by up to"),
            [_row(pair, at == comparison.first) for at, pair in enumerate(comparison.pairs)],
            chosen=chosen,
            key=f"labs.bugs.steps.{index}",
            on_choose=lambda at: lab_widgets.move(**{name: at + 1}),
        )


def _row(pair: Pair, first: bool) -> Row:
    run = pair.right or pair.wrong
    wrong: Cell = _ONE_SIDED.get(pair.verdict, "")
    if pair.verdict == "shape" and pair.wrong:
        wrong = Shape(pair.wrong.axes, pair.wrong.shape)
    cells: list[Cell] = [
        f"{pair.name}  ← first" if first else pair.name,
        Shape(run.axes, run.shape) if run else "",
        wrong,
        f"{pair.unequal:,} of {pair.right.value.numel():,}" if pair.unequal is not None and pair.right else "",
        number(pair.difference, 3) if pair.difference is not None else "",
    ]
    return Row(cells, "bad" if first else "soft" if pair.verdict in _ONE_SIDED else "")


def _side(side: str, step: Step | None, pair: Pair) -> None:
    if step is None:
        st.markdown(_NO_STEP[pair.verdict].format(name=pair.name, run=side))
        return
    assert step.source is not None
    written = step.source.expression if not step.source.targets else f"{step.name} = {step.source.expression}"
    st.code(written, language="python", wrap_lines=True)
    tensor_view([_panel(step, side)], key=f"labs.bugs.{side}")


def _panel(step: Step, side: str) -> Panel:
    labels: tuple[AxisLabels, ...] = tuple(
        words(size) if symbol in ("L", "L_k") else None for symbol, size in zip(step.axes, step.shape, strict=True)
    )
    scale = "probability" if step.name == "weights" else "auto"
    return Panel(step.name, step.value, step.axes, labels, note=f"{side} run", scale=scale)


def _mended(mistake: AttentionMistake) -> None:
    st.markdown(f"##### The mistake: {mistake.title}")
    st.code(difference(mistake), language="diff", wrap_lines=True)
    st.markdown(mistake.teaches)


def _elsewhere(index: int, mistake: AttentionMistake, sizes: SublayerSizes) -> bool:
    change, other = changed(sizes, mistake.turns)
    comparison = result(compare, index, other)
    return lab_widgets.predict(
        f"{index + 1}.elsewhere",
        f"The same mistake with {change}, all else as it is: what happens?",
        tuple(_OUTCOMES.values()),
        _OUTCOMES[comparison.outcome],
        _reads(comparison),
        wrong={
            _OUTCOMES["raises"]: "The sizes that meet still fit, or are repeated, so PyTorch has no reason to stop.",
            _OUTCOMES["wrong"]: "With these sizes PyTorch cannot do the operation at all."
            if comparison.outcome == "raises"
            else "With these sizes the mistake makes no difference: that is how it gets past a test.",
            _OUTCOMES["right"]: "With these sizes PyTorch cannot do the operation at all."
            if comparison.outcome == "raises"
            else "It runs, but its numbers are made from other numbers than they should be.",
        },
    )


def _reads(comparison: RunComparison) -> str:
    """How the two runs ended."""
    if comparison.error:
        return f"PyTorch says: {comparison.error}."
    if not comparison.difference:
        return "The two outputs are equal, number for number."
    wrong = comparison.outputs[1]
    if math.isnan(comparison.difference) and wrong is not None:
        return f"Of the output's {wrong.numel():,} numbers {int(wrong.isnan().sum()):,} are NaN."
    return f"The outputs differ by up to {number(comparison.difference)}."


def _other_sizes(index: int, sizes: SublayerSizes, comparison: RunComparison) -> None:
    st.markdown("##### Which sizes show it")
    rows = [("as the sliders are", comparison), *result(with_other_sizes, index, sizes)]
    st.table(
        {
            "sizes": [change for change, _ in rows],
            "what happens": [_OUTCOMES[run.outcome] for _, run in rows],
            "largest difference": ["" if run.error else number(run.difference, 3) for _, run in rows],
        },
        hide_index=True,
    )


def _all(index: int, sizes: SublayerSizes) -> None:
    st.markdown("##### All of them with these sizes")
    line_table(
        ("what is seen of each",),
        [Row([f"{name}: {run.headline}"]) for name, run in zip(_NAMES, result(symptoms, sizes), strict=True)],
        chosen=index,
        key="labs.bugs.all",
        on_choose=lambda at: lab_widgets.move(mistake=_NAMES[at]),
    )
