"""The trained model with one head removed: each of them in turn, then one of them character by character."""

from __future__ import annotations

from itertools import zip_longest

import streamlit as st

from engine.labs.why_split.head_ablation import ATTENTIONS, HEADS, Ablated, EveryHead, ablated, every_head, is_date
from engine.runtime.decode import NextToken
from pages.ui.app.markdown_escape import code, visible
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import weights_panel
from pages.ui.views.percentage import exact_percent

_TEXTS = ("21 November 2026", "Sat, Mar 7, 2026", "3/7/2026", "2026년 3월 7일", "이천이십육년 십일월 이십일일")
_AS_BEFORE = "Without head {head} of {attention} the model still writes {written}."
_ANOTHER_DATE = "Without head {head} of {attention} the model writes {written}, another date."
_NO_DATE = "Without head {head} of {attention} the model writes {written}, which is no date."
_LOST = "On its own, the model writes something else without:"
_STOPPED = "It never came to an end and was stopped."
_NAMES = tuple(path.replace(".layers.", " ").replace(".", " ").removesuffix("_attention") for path in ATTENTIONS)


def draw() -> None:
    """Draws the choice of a text, the question, and the answers without each head."""
    lab_widgets.section("trained", "What a head is worth, in the trained model")
    text = lab_widgets.pick("text", "A date for the trained model", _TEXTS)
    every = result(every_head, text)
    if _count(every, text):
        _map(every)
        _one_head(text)


def _count(every: EveryHead, text: str) -> bool:
    total = len(ATTENTIONS) * HEADS
    written = [text_without for row in every.texts for text_without in row]
    same = written.count(every.text)
    options = ("none", "fewer than half", "half or more, but not all", f"all {total}")
    index = 0 if same == 0 else 3 if same == total else 1 if 2 * same < total else 2
    return lab_widgets.predict(
        "trained",
        f"From {code(text)} the model writes {code(every.text)}. It has {len(ATTENTIONS)} attentions of {HEADS} heads. "
        f"Remove one head at a time: after how many of these {total} removals does it still write the same?",
        options,
        options[index],
        f"In {same} of {total} the answer stays, in {total - same} it changes.",
        wrong=lab_widgets.by_order(
            options,
            options[index],
            "More heads can be spared than that, one at a time: what one of them finds, others find as well, and the "
            "residual carries the rest past it.",
            "Fewer heads can be spared than that: some of them do what no other does, and without them the date is "
            "another.",
        ),
    )


def _map(every: EveryHead) -> None:
    st.caption(
        f"Each cell is the model without that one head. Its number is the probability of the whole of "
        f"{code(every.text)}, each character after the ones before it. With all heads it is "
        f"{exact_percent(every.whole)}."
    )
    panel = Panel(
        "probability",
        every.kept,
        ("attention", "H"),
        (tuple(name.replace("coder", "c.") for name in _NAMES), None),  # a whole name would be cut
        note="without that head",
        scale="probability",
        footer=f"of {visible(every.text)}",
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        tensor_view([panel], key="labs.why_split.map")
    lost = [
        f"- {name}, head {head}: {code(text)}"
        for name, row in zip(_NAMES, every.texts, strict=True)
        for head, text in enumerate(row)
        if text != every.text
    ]
    with right:
        if lost:
            st.markdown("\n".join((_LOST, *lost)))
        together = (
            f"Without all of these together the model still writes {code(every.text)}."
            if every.without_spared == every.text
            else f"Without all of these together the model writes {code(every.without_spared)}."
        )
        st.markdown(f"{every.spared} heads can be spared one at a time. {together}")


def _one_head(text: str) -> None:
    st.markdown("##### One of them, character by character")
    left, right = st.columns([3, 1], gap="large")
    with left:
        name = lab_widgets.pick("attention", "Attention", _NAMES)
    with right:
        head = lab_widgets.number("trained_head", "Its head to remove", 0, HEADS - 1, 2)
    ablation = result(ablated, text, ATTENTIONS[_NAMES.index(name)], head)
    st.markdown(_verdict(ablation, name, head))
    table, looks = st.columns(2, gap="large")
    with table:
        _table(ablation)
    with looks:
        panel = weights_panel(
            ablation.weights,
            ablation.axes,
            ablation.labels,
            note=f"of head {head}",
            footer=f"where it looks in the whole model, in {name}",
        )
        tensor_view([panel], key="labs.why_split.looks")


def _verdict(ablation: Ablated, name: str, head: int) -> str:
    if ablation.text_without == ablation.text:
        template = _AS_BEFORE
    elif is_date(ablation.text_without):
        template = _ANOTHER_DATE
    else:
        template = _NO_DATE
    verdict = template.format(head=head, attention=name, written=code(ablation.text_without))
    has_ended = ablation.choices_without[-1].token == "⟨end⟩" or ablation.text_without == ablation.text
    return verdict if has_ended else f"{verdict} {_STOPPED}"


def _table(ablation: Ablated) -> None:
    pairs = list(zip_longest(ablation.choices, ablation.choices_without))
    columns = {"whole": [whole for whole, _ in pairs], "without it": [without for _, without in pairs]}
    table = {"place": [str(index) for index in range(len(pairs))]}
    for name, choices in columns.items():
        table[name] = [_character(choice) for choice in choices]
        table[f"P {name}"] = [exact_percent(choice.probability) if choice else "" for choice in choices]
    table["differs"] = ["≠" if _character(whole) != _character(without) else "" for whole, without in pairs]
    right = {name: st.column_config.TextColumn(alignment="right") for name in table if name.startswith("P ")}
    st.dataframe(table, hide_index=True, column_config=right, height="content", width="content")
    st.caption("P is the probability of the character that was written.")


def _character(choice: NextToken | None) -> str:
    return choice.token if choice else ""
