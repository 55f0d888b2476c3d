"""Nine mistakes in attention, by their symptoms: where does the run first go wrong, and which line mends it."""

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
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.line_table import Cell, Row, Shape, line_table
from pages.ui.labs.kit.sample_words import words

_NAMES = tuple(f"mistake {place}" for place in range(1, len(MISTAKES) + 1))
_NOWHERE = "nowhere: every step is the same"
_OUTCOMES = {
    "raises": "it raises an error",
    "wrong": "it runs, and is wrong",
    "right": "it runs, and is right",
}
_SAYS = {
    "raised": "raises",
    "only right": "left out",
    "only wrong": "added",
    "not reached": "not reached",
}


def draw() -> None:
    st.markdown(
        "A decoder's attention with one mistake in it, beside the same program without it. Both have the same weights "
        "and the same words. Read the symptom, say where the numbers first go wrong, then look."
    )
    place = _NAMES.index(lab_widgets.pick("mistake", "Choose a mistake", _NAMES))
    mistake = MISTAKES[place]
    sizes = _sizes(mistake)
    found = result(compare, place, sizes)
    _symptom(mistake, found, result(symptom, place, sizes))
    known = _where(place, found)
    if known:
        _steps(place, found)
        _mended(mistake)
        if _elsewhere(place, mistake, sizes):
            _other_sizes(place, sizes, found)
    _all(place, sizes)
    if known:
        lab_widgets.snippet(code(place, sizes), "Both programs, to copy and run alone")


def _sizes(mistake: AttentionMistake) -> SublayerSizes:
    columns = st.columns(6 if mistake.crossed else 5)
    with columns[0]:
        batch = lab_widgets.number("batch", "Batch B", 1, 6, 3)
    with columns[1]:
        length = lab_widgets.number("length", "Length L", 1, 8, 5)
    with columns[2]:
        heads = lab_widgets.number("heads", "Heads H", 1, 8, 4)
    with columns[3]:
        d_k = lab_widgets.number("d_k", "d_k", 4, 16, 8)
    with columns[4]:
        padding = lab_widgets.number("padding", "Padded words at most", 0, 7, 2)
    source = 4
    if mistake.crossed:
        with columns[5]:
            source = lab_widgets.number("source", "Source length L_k", 1, 8, 4)
    return SublayerSizes(batch, length, source, heads, d_k, padding)


def _symptom(mistake: AttentionMistake, found: RunComparison, seen: Symptom) -> None:
    st.markdown(f"##### The symptom: {seen.headline}")
    x, memory = found.material.x, found.material.memory
    asked = f"{memory.size(1)} words of the source" if mistake.crossed else "the words themselves, no future ones"
    st.caption(
        f"The decoder's attention to {asked}: x is {tuple(x.shape)}, memory {tuple(memory.shape)}."
        if mistake.crossed
        else f"The decoder's self-attention, each word looking at itself and those before it: x is {tuple(x.shape)}."
    )
    if found.error:
        st.markdown("The program raises. PyTorch says:")
        st.code(found.error, language=None, wrap_lines=True)
        return
    st.markdown("It runs. What tests of its output and weights say:")
    st.markdown(
        "  \n".join(f"{':green[✓]' if check.holds else ':red[✗]'} {check.says}: {check.found}" for check in seen.checks)
    )


def _where(place: int, found: RunComparison) -> bool:
    answer = _NOWHERE if found.first is None else found.pairs[found.first].stage
    if found.first is None:
        because = f"With these sizes the mistake changes nothing. {_reads(found)}"
    else:
        because = _because(found.pairs[found.first], found)
    return lab_widgets.predict(
        f"{place + 1}.where", "Where do the two runs first differ?", (*STAGES, _NOWHERE), answer, because
    )


def _because(first: Pair, found: RunComparison) -> str:
    name = f"`{first.name}`"
    if first.verdict == "raised":
        return f"All steps before {name} are equal, and the line that makes it raises."
    if first.verdict == "shape" and first.right and first.wrong:
        return f"{name} is {first.wrong.shape} where it should be {first.right.shape}. {_reads(found)}"
    total = first.right.value.numel() if first.right else 0
    apart = first.difference or 0.0
    most = "some of them NaN" if math.isnan(apart) else f"by up to {number(apart)}"
    return f"{name} is the first step that differs: {first.unequal:,} numbers of {total:,}, {most}. {_reads(found)}"


def _steps(place: int, found: RunComparison) -> None:
    st.markdown("##### Both runs, step by step")
    usual = 1 + (len(found.pairs) - 1 if found.first is None else found.first)
    name = f"step{place + 1}"
    steps, tensors = st.columns([3, 2], gap="medium")
    with steps:
        chosen = lab_widgets.number(name, "Step to look at", 1, len(found.pairs), usual) - 1
        line_table(
            ("step", "shape", "wrong run", "differ", "by up to"),
            [_row(pair, at == found.first) for at, pair in enumerate(found.pairs)],
            chosen=chosen,
            key=f"labs.bugs.steps.{place}",
            on_choose=lambda at: lab_widgets.move(**{name: at + 1}),
        )
    with tensors:
        _side("right", found.pairs[chosen].right, found.pairs[chosen])
        _side("wrong", found.pairs[chosen].wrong, found.pairs[chosen])


def _row(pair: Pair, first: bool) -> Row:
    one = pair.right or pair.wrong
    wrong: Cell = _SAYS.get(pair.verdict, "")
    if pair.verdict == "shape" and pair.wrong:
        wrong = Shape(pair.wrong.axes, pair.wrong.shape)
    cells: list[Cell] = [
        f"{pair.name}  ← first" if first else pair.name,
        Shape(one.axes, one.shape) if one else "",
        wrong,
        f"{pair.unequal:,} of {pair.right.value.numel():,}" if pair.unequal is not None and pair.right else "",
        number(pair.difference, 3) if pair.difference is not None else "",
    ]
    return Row(cells, "bad" if first else "soft" if pair.verdict in _SAYS else "")


def _side(side: str, step: Step | None, pair: Pair) -> None:
    if step is None:
        missing = "was not reached" if pair.verdict == "not reached" else _SAYS[pair.verdict]
        missing = "has no such line" if pair.verdict.startswith("only") else missing
        st.markdown(f"**{pair.name}**: the {side} run {missing}{' here' if pair.verdict == 'raised' else ''}.")
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


def _elsewhere(place: int, mistake: AttentionMistake, sizes: SublayerSizes) -> bool:
    says, other = changed(sizes, mistake.turns)
    found = result(compare, place, other)
    return lab_widgets.predict(
        f"{place + 1}.elsewhere",
        f"The same mistake with {says}, all else as it is: what happens?",
        tuple(_OUTCOMES.values()),
        _OUTCOMES[found.outcome],
        _reads(found),
    )


def _reads(found: RunComparison) -> str:
    """How the two runs ended."""
    if found.error:
        return f"PyTorch says: {found.error}."
    if not found.difference:
        return "The two outputs are equal, number for number."
    wrong = found.outputs[1]
    if math.isnan(found.difference) and wrong is not None:
        return f"Of the output's {wrong.numel():,} numbers {int(wrong.isnan().sum()):,} are NaN."
    return f"The outputs differ by up to {number(found.difference)}."


def _other_sizes(place: int, sizes: SublayerSizes, found: RunComparison) -> None:
    st.markdown("##### Which sizes show it")
    rows = [("as the sliders are", found), *result(with_other_sizes, place, sizes)]
    st.table(
        {
            "sizes": [says for says, _ in rows],
            "what happens": [_OUTCOMES[one.outcome] for _, one in rows],
            "largest difference": ["" if one.error else number(one.difference, 3) for _, one in rows],
        },
        hide_index=True,
    )


def _all(place: int, sizes: SublayerSizes) -> None:
    st.markdown("##### All nine with these sizes")
    line_table(
        ("what is seen of each",),
        [Row([f"{name}: {one.headline}"]) for name, one in zip(_NAMES, result(symptoms, sizes), strict=True)],
        chosen=place,
        key="labs.bugs.all",
        on_choose=lambda at: lab_widgets.move(mistake=_NAMES[at]),
    )
