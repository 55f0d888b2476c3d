"""The code of a step and the graph around it: what is drawn for which step and address, and which lines lead where."""

import json
import re
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from engine import Config, record, run
from engine.graph.model_graph import node_count
from engine.graph.module_paths import ancestors
from pages.ui.app.lazy_expander import OPENED
from pages.ui.components.code_view.lines import lines_of
from pages.ui.state.settings import SOURCE, TARGET
from pages.ui.state.url_step import step_from_key, step_to_key
from tests.pages.shown import control, unfolded
from tests.pages.test_pages import opened

ATTENTION = "encoder.layers.0.self_attention"


@pytest.fixture(scope="module")
def trace():
    return run(Config(), [SOURCE], [TARGET])


def page(**query):
    app = unfolded(opened("pages/walkthrough.py", **query), "where.graph")
    assert not app.exception
    assert not app.error
    return app


def component(app, name):
    [found] = [one for one in app.get("bidi_component") if one.proto.component_name.endswith(f".{name}")]
    return json.loads(found.proto.json)


def dot(app):
    [graph] = app.get("graphviz_chart")
    return graph.proto.spec


def ids(text):
    return set(re.findall(r'\bid="?((?:step|open|close)-[\w.-]+)', text))


def test_the_graph_is_folded_until_a_person_or_a_link_opens_it():
    plain = opened("pages/walkthrough.py", step=f"{ATTENTION}.scores")
    assert not plain.get("graphviz_chart")
    for linked in ({"scope": "encoder"}, {"open": "encoder.layers.0"}):
        app = opened("pages/walkthrough.py", step=f"{ATTENTION}.scores", **linked)
        assert dot(app) == dot(page(step=f"{ATTENTION}.scores", **linked))
        app.session_state[OPENED] = set()
        assert not app.run().get("graphviz_chart"), "what a person closes stays closed, though the link is the same"


def test_the_innermost_module_of_the_step_is_drawn_and_the_step_in_it_marked(trace):
    for name, scopes in (
        (f"{ATTENTION}.scores", [".", "encoder", "encoder.layers.0", ATTENTION]),
        ("encoder.layers.1.after_attention", [".", "encoder", "encoder.layers.1"]),
        ("causal_mask.future", [".", "causal_mask"]),
        ("logits", ["."]),
    ):
        app, step = page(step=name), trace.find(name)
        said = component(app, "block_map")
        assert [value for value, _ in said["scopes"]] == scopes
        assert said["scope"] == scopes[-1]
        assert said["here"] == f"step-{step.index}"
        own = {f"step-{one.index}" for one in trace.steps if one.path == step.path}
        assert own <= ids(dot(app))


def test_at_the_top_of_the_model_its_parts_are_closed():
    app = page(step="logits")
    assert {"open-encoder", "open-decoder", "open-source_embedding", "open-causal_mask"} <= ids(dot(app))
    assert not re.search("layers", dot(app))


def test_the_drawing_stays_the_same_text_while_the_step_moves_inside_it():
    app = page(step=f"{ATTENTION}.scores")
    first = dot(app)
    control(app, "walk.step").set_value(f"{ATTENTION}.weights").run()
    assert dot(app) == first
    control(app, "walk.step").set_value("encoder.layers.0.after_attention").run()
    assert dot(app) != first


def test_a_scope_in_the_address_is_kept_as_long_as_the_step_is_in_it():
    app = page(step=f"{ATTENTION}.scores", scope="encoder.layers.0", open="encoder.layers.0.feed_forward")
    said = component(app, "block_map")
    assert (said["scope"], said["here"]) == ("encoder.layers.0", f"open-{ATTENTION}")
    assert "close-encoder.layers.0.feed_forward" in ids(dot(app))
    control(app, "walk.step").set_value("encoder.layers.1.after_attention").run()
    assert component(app, "block_map")["scope"] == "encoder.layers.1"


def test_in_the_whole_model_the_closed_module_that_holds_the_step_is_marked():
    said = component(page(step=f"{ATTENTION}.scores", scope="."), "block_map")
    assert (said["scope"], said["here"]) == (".", "open-encoder")
    said = component(page(step=f"{ATTENTION}.scores", scope=".", open="encoder"), "block_map")
    assert said["here"] == "open-encoder.layers.0"


@pytest.mark.parametrize(
    "query",
    [
        {"scope": "decoder"},
        {"scope": "encoder.layers"},
        {"scope": "encoder.layers.0.self_att"},
        {"scope": "<script>"},
        {"scope": "..", "open": ".,..,,"},
        {"open": "nonsense,encoder.layers.77,<b>,encoder.layers"},
        {"open": "x" * 5000},
    ],
)
def test_what_an_address_cannot_mean_is_ignored(query):
    plain = page(step=f"{ATTENTION}.scores")
    app = page(step=f"{ATTENTION}.scores", **query)
    assert dot(app) == dot(plain)
    assert component(app, "block_map") == component(plain, "block_map")


def test_of_more_modules_than_can_be_drawn_those_opened_last_are_open():
    trace = run(Config(encoder_layers=6, decoder_layers=6), [SOURCE], [TARGET])
    modules = list(dict.fromkeys(module for step in trace.steps for module in ancestors(step.path)))
    assert node_count(trace, modules) > 200
    app = page(encoder_layers="6", decoder_layers="6", step="logits", scope=".", open=",".join(modules))
    drawn = [one for one in ids(dot(app)) if not one.startswith("close-")]
    assert 100 < len(drawn) <= 200
    assert any("more than 200 boxes are not drawn" in caption.value for caption in app.caption)
    app = page(encoder_layers="6", decoder_layers="6", step="logits", scope=".", open="encoder")
    assert not any("boxes are not drawn" in caption.value for caption in app.caption)


def test_the_code_is_the_whole_function_with_the_expression_marked(trace):
    for step in trace.steps:
        lines = lines_of(trace, step)
        text = Path(step.source.file).read_text("utf-8").split("\n")
        assert lines[0].number == step.source.function_line
        for line in lines:
            said = "".join(run.text for run in line.runs)
            assert text[line.number - 1].strip() == said.strip()
        marked = [(line.number, run.text) for line in lines for run in line.runs if run.kind == "mark"]
        assert marked == [(step.source.line, step.source.expression)]


def test_lines_lead_to_the_steps_that_this_call_made_of_them(trace):
    for step in trace.steps:
        made = {line.number: line.step for line in lines_of(trace, step) if line.step}
        own = [one for one in trace.steps if one.path == step.path and one.source.function == step.source.function]
        assert set(made) == {one.source.line for one in own}
        for number, one in made.items():
            assert one is next(other for other in own if other.source.line == number)
            assert step_from_key(trace, step_to_key(trace, one)) is one


def test_axes_are_picked_out_in_shape_comments_alone(trace):
    lines = {line.number: line for line in lines_of(trace, trace.find(f"{ATTENTION}.scores"))}
    axes = {
        "".join(run.text for run in line.runs).strip(): [run.axis for run in line.runs if run.axis]
        for line in lines.values()
    }
    assert axes["scores = query @ key_t  # (B, H, L, L_k)"] == ["B", "H", "L", "L_k"]
    assert axes["query = self.w_q(query_input)  # (B, L, H*d_k)"] == ["B", "L", "H", "d_k"]
    assert axes["# Keeps softmax out of its flat region, where it hardly learns (paper, section 3.2.1)."] == []
    assert axes["key_t = key.transpose(-2, -1)  # (B, H, d_k, L_k)"] == ["B", "H", "d_k", "L_k"]
    assert axes["return output"] == []


class Twice(nn.Module):
    def forward(self, x):
        y = x * 2  # (B)
        return self.halved(y) + 1

    def halved(self, y):
        label = "# no comment (B)"
        z = torch.where(
            y > 0,
            y / len(label),
            y,
        )
        return z


def shown(trace, step):
    lines = lines_of(trace, step)
    return (
        ["".join(run.text for run in line.runs) for line in lines],
        ["".join(run.text for run in line.runs if run.kind == "mark") for line in lines],
        [line.step and line.step.index for line in lines],
    )


def test_an_expression_of_several_lines_is_marked_on_each_and_a_helper_is_a_function_of_its_own():
    trace = record(Twice(), torch.rand(3))
    where = next(step for step in trace.steps if step.op == "where")
    text, marks, steps = shown(trace, where)
    assert text[0] == "def halved(self, y):"
    assert text[1] == '    label = "# no comment (B)"'
    assert marks == ["", "", "torch.where(", "y > 0,", "y / len(label),", "y,", ")", ""]
    compared, divided = (next(step.index for step in trace.steps if step.op == op) for op in ("gt", "div"))
    assert steps == [None, None, where.index, compared, divided, where.index, where.index, None]
    assert not any(run.kind == "comment" for line in lines_of(trace, where) for run in line.runs)
    total = next(step for step in trace.steps if step.op == "add")
    text, marks, steps = shown(trace, total)
    assert text == ["def forward(self, x):", "    y = x * 2  # (B)", "    return self.halved(y) + 1"]
    assert marks == ["", "", "self.halved(y) + 1"]
    assert steps == [None, 0, total.index]


def test_a_lambda_is_shown_as_its_line_and_a_step_without_source_as_nothing():
    double = lambda x: x.exp() * 2  # noqa: E731
    trace = record(double, torch.rand(3))
    text, marks, _ = shown(trace, trace.steps[-1])
    assert marks == ["x.exp() * 2"]
    assert text == ["double = lambda x: x.exp() * 2  # noqa: E731"]
    trace = record(torch.exp, torch.rand(3))
    assert trace.steps[0].source is None
    assert lines_of(trace, trace.steps[0]) == ()


def test_a_step_without_source_says_so_in_one_line():
    def script():
        import torch

        from engine import record
        from pages.ui.components.code_view import code_view

        trace = record(torch.exp, torch.rand(3))
        code_view(trace, trace.steps[0], key="code", on_go=lambda key: None)

    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception
    assert component(app, "code_view")["note"] == "No line of a program made this step."
    assert component(app, "code_view")["lines"] == []


def test_a_call_of_a_module_keeps_to_its_own_steps_where_it_is_called_again():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Twice()

        def forward(self, x):
            x = self.inner(x)
            x = x.tanh()
            return self.inner(x)

    trace = record(Shared(), torch.rand(3))
    first, second = [step for step in trace.steps if step.op == "mul"]
    assert lines_of(trace, first)[1].step is first
    assert lines_of(trace, second)[1].step is second
    assert lines_of(trace, trace.steps[-1])[1].step is second
