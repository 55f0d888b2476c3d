"""Every step of the walkthrough, in models and texts of many kinds."""

import math
import re

import pytest
import torch

from engine import Config, Leaf, Step, explain, run
from engine.export.units import format_bytes
from engine.ops import reads
from pages.ui.app.markdown_escape import code, escaped
from pages.ui.components.tensor_view.wire_format import pack
from pages.ui.state.settings import SENTENCES, TOKENS, Settings
from pages.ui.state.url_step import step_from_key, step_to_key
from pages.ui.views.operation_card import card_of, formula_runs, where
from pages.ui.views.tensor_panels import memory_words, step_panels, summary
from tests.pages.shown import control, head_maps, stage
from tests.pages.test_pages import ROOT, opened

SMALL = {"d_model": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 9, "device": "cpu"}
UNEVEN = (["I go home", "we", "the big dog `$x$` **b**"], ["나는 집에 간다", "👍", "=1+1 @x"])
CASES = {
    "post-norm": (Config(**SMALL), None),
    "pre-norm with gelu": (Config(**SMALL, norm_first=True, activation="gelu"), None),
    "no masks": (Config(**SMALL, padding_mask=False, causal_mask=False, output="softmax"), None),
    "only the future hidden": (Config(**SMALL, padding_mask=False), None),
    "sentences of different length": (Config(**SMALL), UNEVEN),
    "different lengths, padding not hidden": (Config(**SMALL, padding_mask=False, causal_mask=False), UNEVEN),
    "one token, one head": (Config(**{**SMALL, "heads": 1}, batch=1, src_len=1, tgt_len=1), None),
    "heads that do not divide": (Config(**{**SMALL, "d_model": 7}, d_k=3, d_v=5, d_ff=2, tgt_len=2), None),
    "float16": (Config(**SMALL, dtype="float16"), UNEVEN),
    "bfloat16": (Config(**SMALL, dtype="bfloat16", norm_first=True), None),
    "float64": (Config(**SMALL, dtype="float64"), None),
}


@pytest.fixture(scope="module", params=CASES)
def trace(request):
    config, text = CASES[request.param]
    return run(config, *(text or ()))


def test_every_step_has_an_address_of_its_own(trace):
    keys = [step_to_key(trace, step) for step in trace.steps]
    assert len(set(keys)) == len(keys)
    assert all(step_from_key(trace, key) is step for key, step in zip(keys, trace.steps, strict=True))


def test_every_stage_can_be_sent_with_an_axis_and_its_labels_for_each_dimension(trace):
    for step in trace.steps:
        panels = step_panels(trace, step)
        assert len(panels) == len(step.inputs) + 1
        for panel, tensor in zip(panels, (*step.inputs, step), strict=True):
            assert panel.value is tensor.value
            assert len(panel.axes) == len(panel.labels) == tensor.value.dim()
            for axis, labels in enumerate(panel.labels):
                check_labels(trace, panel, axis, labels)
            assert panel.masked is None or panel.masked.expand(panel.value.shape).dtype == torch.bool
        packed = pack(panels, reads=reads(step), operation=card_of(trace, step))
        assert len(packed.windows) == len(panels)


def check_labels(trace, panel, axis, labels):
    size, symbol = panel.value.shape[axis], panel.axes[axis]
    if labels is None:
        return
    if isinstance(labels[0], str):
        assert len(labels) == size
    else:
        assert panel.axes[0] == "B"
        assert len(labels) == panel.value.shape[0] == trace.config.batch
        assert {len(row) for row in labels} == {size}
    assert symbol in ("S", "T", "V")


def test_axes_of_parameters_have_the_sizes_of_the_model(trace):
    sizes = dict(trace.sizes) | {symbol: getattr(trace.config, symbol) for symbol in ("d_model", "d_ff", "d_k", "d_v")}
    named = 0
    for step in trace.steps:
        for panel in step_panels(trace, step):
            for symbol, size in zip(panel.axes, panel.value.shape, strict=True):
                if symbol in sizes:
                    assert size == sizes[symbol], (step.full_name, panel.title, symbol)
                    named += 1
    assert named > 500


def test_every_formula_is_filled_in_and_names_what_was_read(trace):
    for step in trace.steps:
        runs = formula_runs(step)
        said = "".join(text for text, _ in runs)
        assert said, step.op
        assert not re.search(r"[${}]|_$|None", said), (step.full_name, said)
        assert {style for _, style in runs} <= {"i", "sub"}
        if "=" in said:
            assert said.startswith(step.name)


def test_the_marked_part_of_the_code_is_the_expression_that_made_the_step(trace):
    for step in trace.steps:
        operation = card_of(trace, step)
        lines = operation.code.split("\n")
        line, start, end = operation.mark
        assert 0 <= line < len(lines)
        assert 0 <= start < end <= len(lines[line])
        written = step.source.expression
        assert lines[line][start:end] == written.split("\n")[0], step.full_name
        file, _, number = where(step).rpartition(":")
        assert written.split("\n")[0] in (ROOT / file).read_text("utf-8").split("\n")[int(number) - 1]


def test_the_card_has_the_lines_of_the_expression_and_no_others(trace):
    for step in trace.steps:
        lines = card_of(trace, step).code.split("\n")
        assert len(lines) == step.source.expression.count("\n") + 1
        assert not lines[0].startswith((" ", "#"))


def test_the_words_about_memory_are_true(trace):
    owner = {}
    for leaf in (one for step in trace.steps for one in step.inputs if isinstance(one, Leaf)):
        owner.setdefault(leaf.value.untyped_storage().data_ptr(), leaf.name)
    for step in trace.steps:
        memory, said = step.value.untyped_storage().data_ptr(), memory_words(step)
        if said == "new memory":
            assert memory not in owner, step.full_name
        else:
            kind, _, name = re.fullmatch(r"(view|the very tensor) (of) (.+)", said).groups()
            source = next(one for one in step.inputs if name in (getattr(one, "name", ""), f"step {at(one)}"))
            assert source.value.untyped_storage().data_ptr() == memory
            assert (kind == "the very tensor") == (source.value is step.value)
        owner[memory] = step.full_name


def at(one):
    return one.index if isinstance(one, Step) else None


def test_the_line_under_every_tensor_counts_what_is_in_it(trace):
    for step in trace.steps:
        said, value = summary(step.statistics, step), step.value
        assert str(value.dtype).removeprefix("torch.") in said
        assert format_bytes(value.numel() * value.element_size()) in said
        assert ("not contiguous" in said) == (not value.is_contiguous())
        if value.dtype == torch.bool:
            assert said.startswith(f"{int(value.sum()):,} of {value.numel():,} True")
            continue
        nan, infinite, zeros = value.isnan().sum(), value.isinf().sum(), (value == 0).sum()
        assert (f"{int(nan):,} NaN" in said) == bool(nan)
        assert (f"{int(infinite):,} infinite" in said) == bool(infinite)
        assert ("1 zero ·" if zeros == 1 else f"{int(zeros):,} zeros ·") in said or not zeros
        assert ("zero" in said) == bool(zeros)
        finite = value[value.isfinite()].double()
        if len(finite) and value.is_floating_point():
            low = re.search(r"min ([−.\de+]+)", said)[1].replace("−", "-")
            assert math.isclose(float(low), finite.min().item(), rel_tol=0.005, abs_tol=1e-12)


def test_token_ids_are_counted_in_whole_numbers():
    trace = run(Config(**SMALL | {"vocab_size": 4096}, src_len=40))
    embedded = trace.find("source_embedding.embedded")
    ids = trace.inputs["source"]
    assert f"min {int(ids.min()):,} · max {int(ids.max()):,}" in step_panels(trace, embedded)[0].footer


def test_every_first_and_last_element_is_explained(trace):
    for step in trace.steps:
        for index in {tuple(0 for _ in step.shape), tuple(size - 1 for size in step.shape)}:
            made = explain(trace, step, index)
            assert made.agrees is not False, (step.full_name, index, made.sentence)
            assert made.sentence.startswith(step.name)
            assert "\n" not in made.sentence


def test_no_explanation_can_be_read_as_markdown():
    trace = run(Config(**SMALL), *UNEVEN)
    scores = trace.find("encoder.layers.0.self_attention.scores")
    marks = set("*`$<>[]_~:#")
    seen = set()
    for key in range(scores.shape[-1]):
        sentence = explain(trace, scores, (2, 0, 0, key)).sentence
        seen |= set(sentence) & marks
        bare = re.sub(r"\\.", "", escaped(sentence))
        assert not set(bare) & marks
    assert {"*", "`", "$", "["} <= seen


@pytest.mark.parametrize("case", ["sentences of different length", "pre-norm with gelu", "float16"])
def test_the_page_shows_one_step_of_every_kind_without_an_error(case):
    config, text = CASES[case]
    trace = run(config, *(text or ()))
    query = {"norm_first": str(int(config.norm_first)), "activation": config.activation, "dtype": config.dtype}
    query |= {"d_model": "8", "heads": "2", "encoder_layers": "1", "decoder_layers": "1", "vocab_size": "9"}
    query |= {"source": "\n".join(text[0]), "target": "\n".join(text[1])} if text else {"reads": "tokens"}
    kinds = {step.op: step for step in trace.steps}
    app = opened("pages/walkthrough.py", **query, step=step_to_key(trace, trace.steps[0]))
    for step in kinds.values():
        control(app, "walk.step").set_value(step_to_key(trace, step)).run()
        assert not app.exception
        assert not app.error
        player = stage(app)["player"]
        assert (player["step"], player["path"][-1]) == (step.index, step.name)


@pytest.mark.parametrize("case", CASES)
def test_the_attention_page_has_every_row_of_every_kind_of_model(case):
    config, text = CASES[case]
    if text is None:
        settings = Settings(config, TOKENS)
    else:
        settings = Settings(config, SENTENCES, "\n".join(text[0]), "\n".join(text[1]))
    for kind in ("encoder", "cross"):
        app = opened("pages/attention.py", **settings.to_query(), kind=kind, sentence="1")
        assert not app.exception
        assert not app.error
        trace = run(config, *(text or ()))
        rows = trace.labels["S" if kind == "encoder" else "T"][min(1, trace.config.batch - 1)]
        sentences = [row["sentence"] for row in head_maps(app)["rows"]]
        read = [token for token in rows if token != "⟨pad⟩"]
        assert len(sentences) >= len(read)
        assert all(token in sentence for token, sentence in zip(read, sentences, strict=False))


@pytest.mark.parametrize("step", ["**x**", "<b>x</b>", "http://x.y", "[a](b)", "`x`", "\u202ex", "y" * 5000, ":smile:"])
def test_a_step_that_only_a_link_knows_of_is_named_as_it_is_written(step):
    app = opened("pages/walkthrough.py", step=step)
    assert not app.exception
    [note] = app.warning
    name = re.fullmatch(r"This model has no step (`+ ?.+`)\. Shown is `[\w.]+`\.", note.value)[1]
    assert name == code(step if len(step) <= 60 else "y" * 60 + "…")
