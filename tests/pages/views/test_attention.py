"""The attention page: the attentions of a trace, whoever's model it is of."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from engine import Config, LlamaConfig, T5Config, record, run
from pages.ui.app.markdown_escape import visible
from pages.ui.components.head_maps import MOST_NUMBERS, rows_drawn
from pages.ui.views.attention import attentions_of
from pages.ui.views.attention.attention_groups import groups_of
from pages.ui.views.attention.one_head import one_head
from pages.ui.views.tensor_panels import panel_of, step_panels
from tests.pages.shown import control, head_maps, map_weights, press_map, stage, unfolded
from tests.pages.test_pages import opened


class Block(nn.Module):
    """Causal self-attention as somebody else writes it: other names, a mask of two axes, no config."""

    def __init__(self, heads=2, width=8):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, x):
        rows, length, width = x.shape
        split = self.qkv(x).view(rows, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = split[0], split[1], split[2]
        att = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
        att = att.masked_fill(torch.ones(length, length).triu(1).bool(), float("-inf"))
        att = F.softmax(att, dim=-1)
        return (att @ v).transpose(1, 2).reshape(rows, length, width)


class Foreign(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Block(), Block()

    def forward(self, x):
        return self.second(self.first(x)).softmax(-1)


def foreign():
    torch.manual_seed(0)
    return record(Foreign(), torch.randn(2, 5, 8))


def page(trace):
    """A page that draws this trace's attention and nothing else, as AppTest runs it."""
    from pages.ui.state import link_notes, session
    from pages.ui.views import attention

    session.begin_page("pages/attention.py")
    with link_notes.banner():
        attention.draw(trace)


def drawn(trace):
    from streamlit.testing.v1 import AppTest

    return AppTest.from_function(page, args=(trace,), default_timeout=60).run()


def test_the_attentions_of_the_built_in_model_are_its_attention_modules():
    trace = run(Config(batch=1, encoder_layers=2, decoder_layers=1, device="cpu"))
    attentions = attentions_of(trace)
    assert list(attentions) == [
        "encoder.layers.0.self_attention",
        "encoder.layers.1.self_attention",
        "decoder.layers.0.self_attention",
        "decoder.layers.0.cross_attention",
    ]
    for path, steps in attentions.items():
        assert steps.scores is trace.find(f"{path}.scores")
        assert steps.weights is trace.find(f"{path}.weights")
        assert steps.masked is trace.find(f"{path}.masked")


def test_the_attentions_of_a_model_from_elsewhere_are_found_by_what_they_do():
    trace = foreign()
    attentions = attentions_of(trace)
    assert list(attentions) == ["first", "second"]
    for steps in attentions.values():
        assert steps.masked is not None
        scores = steps.scores.value / math.sqrt(4)
        future = torch.ones(5, 5).triu(1).bool()
        torch.testing.assert_close(steps.weights.value, scores.masked_fill(future, float("-inf")).softmax(-1))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.softmax(-1),
        lambda x: (x @ x.transpose(-2, -1)).softmax(-2),
        lambda x: (x[0] @ x[0].transpose(-2, -1)).softmax(-1),
    ],
    ids=["no product", "over the queries", "no batch"],
)
def test_other_softmaxes_are_no_attention(function):
    trace = record(function, torch.randn(2, 2, 3, 4))
    assert attentions_of(trace) == {}
    app = drawn(trace)
    assert not app.exception
    assert "no attention to show" in app.info[0].value


def test_the_attention_of_a_trace_without_config_is_drawn_head_by_head():
    trace = foreign()
    assert trace.config is None
    app = unfolded(drawn(trace), "attention.words")
    assert not app.exception
    scores, mask, weights = stage(app, "attention.stage")["panels"]
    assert [axis["size"] for axis in scores["axes"]] == [5, 5]
    assert [axis["size"] for axis in mask["axes"]] == [5, 5]
    assert "√d_k" not in str(stage(app, "attention.stage")["operation"])
    assert weights["note"].endswith("each row sums to 1")
    lines = next(block.value for block in app.markdown if block.value.startswith("- "))
    first = attentions_of(trace)["first"].weights.value[0, 0]
    assert first[0, 0] == 1  # the first token sees itself alone
    assert lines.splitlines()[0] == "- `query 0` takes `key 0` 100\u00a0%"


def test_every_head_of_every_layer_of_a_model_from_elsewhere_has_its_map():
    trace = foreign()
    app = drawn(trace)
    entries = control(app, "attention.axis0").options
    assert entries == ["rows 0", "rows 1"]  # as the program calls the axis
    sent = head_maps(app)
    assert (sent["layers"], sent["heads"]) == (["first", "second"], ["head 0", "head 1"])
    assert [row["sentence"] for row in sent["rows"]] == [f"What row {row} looks at" for row in range(5)]
    for layer, steps in enumerate(attentions_of(trace).values()):
        for head, row in itertools.product(range(2), range(5)):
            assert map_weights(app, layer, head, row) == steps.weights.value[0, head, row].tolist()
    assert all(row["even"] == [[], []] for row in sent["rows"])  # nobody has this model to run it again


def test_a_press_on_a_map_of_a_model_from_elsewhere_opens_that_head():
    trace = foreign()
    app = drawn(trace)
    press_map(app, layer=1, head=1)
    weights = attentions_of(trace)["second"].weights
    assert stage(app, "attention.stage")["panels"][-1]["note"] == f"step {weights.index}, each row sums to 1"
    control(app, "attention.axis0").set_value("1").run()
    assert map_weights(app, 1, 1, 4) == weights.value[1, 1, 4].tolist()


def test_layers_of_one_kind_stand_side_by_side_and_other_kinds_are_chosen():
    groups = groups_of(attentions_of(run(T5Config(), source=["I go"])))
    assert list(groups) == ["encoder", "decoder", "cross"]
    for group in groups.values():
        assert (len(group.layers), group.names, group.heads[-1]) == (2, ("layer 0", "layer 1"), "head 3")


def test_a_token_of_a_model_that_only_reads_is_what_its_row_is_called():
    app = opened("pages/attention.py", model="bert", source="hi")
    sent = head_maps(app)
    assert [row["sentence"] for row in sent["rows"]][:3] == [
        "What ⟨begin⟩ looks at",
        "What h looks at",
        "What i looks at",
    ]
    assert not any(row["choices"] for row in sent["rows"])


def test_a_row_of_a_decoder_of_today_says_what_is_written_there_as_the_2017_model_does():
    app = opened("pages/attention.py", model="llama", source="hi")
    trace = run(LlamaConfig(), source=["hi"])
    written = [visible(trace.labels["V"][index]) for index in trace.output[0].argmax(dim=-1).tolist()]
    rows = head_maps(app)["rows"]
    read = ("⟨begin⟩", "⟨begin⟩h", "⟨begin⟩hi")
    sentences = [f"Writing {token}, having read {text}" for token, text in zip(written, read, strict=True)]
    assert [row["sentence"] for row in rows] == sentences
    assert [row["tile"] for row in rows] == written
    share = trace.output[0, 0].double().softmax(dim=-1).max().item()
    assert rows[0]["choices"][0]["probability"] == pytest.approx(share)


def test_rows_of_padding_have_no_tile():
    app = opened("pages/attention.py", source="I go home\nwe", target="나는 집에\n나는", kind="decoder", sentence="1")
    assert [row["name"].split(" after ")[1] for row in head_maps(app)["rows"]] == ["⟨begin⟩", "나는"]


def test_a_link_to_a_module_opens_that_layer():
    app = opened("pages/attention.py", module="decoder.layers.1.self_attention")
    assert not app.exception
    assert control(app, "attention.kind").value == "decoder"
    assert head_maps(app)["chosen"]["layer"] == 1


def test_which_layer_matters_is_measured_on_demand_where_it_takes_long():
    app = opened("pages/attention.py", heads="16", d_model="64", decoder_layers="6", kind="cross")
    assert all(row["matters"] == "" for row in head_maps(app)["rows"])
    app.button(key="attention.measure").click().run()
    assert not app.exception
    assert all("made even" in row["matters"] for row in head_maps(app)["rows"])


@given(st.integers(1, 400), st.integers(0, 399), st.integers(1, 60_000))
def test_the_rows_that_are_sent_have_the_chosen_one_among_them_and_stay_within_bounds(rows, chosen, numbers):
    chosen = min(chosen, rows - 1)
    begin, count = rows_drawn(rows, chosen, numbers)
    assert 0 <= begin <= chosen < begin + count <= rows
    assert count == 1 or count * numbers <= MOST_NUMBERS


def test_the_attention_of_the_built_in_model_is_chosen_by_kind_layer_and_head():
    app = opened("pages/attention.py", kind="cross", layer="1", head="3")
    trace = run(Config(), ["I go home"], ["나는 집에 간다"])
    weights = trace.find("decoder.layers.1.cross_attention.weights")
    shown = stage(app, "attention.stage")["panels"][-1]
    assert shown["note"] == f"step {weights.index}, each row sums to 1"
    assert [axis["symbol"] for axis in shown["axes"]] == ["T", "S"]
    assert "√d_k" in str(stage(app, "attention.stage")["operation"])


def test_one_head_is_the_rows_of_that_head_and_sentence_or_those_it_shares():
    trace = foreign()
    steps = attentions_of(trace)["second"]
    for head, sentence in itertools.product(range(2), range(2)):
        shown = one_head(trace, panel_of(trace, steps.weights), (sentence, head), sentence, "")
        assert torch.equal(shown.value, steps.weights.value[sentence, head])
        mask = one_head(trace, step_panels(trace, steps.masked)[1], (sentence, head), sentence, "")
        assert torch.equal(mask.value, torch.ones(5, 5).triu(1).bool())  # of two axes, shared by all


def test_one_head_of_the_built_in_model_has_the_tokens_of_its_sentence():
    trace = run(Config(d_model=8, heads=2), ["I go home", "we"], ["나는", "나는"])
    mask = trace.find("encoder.layers.0.self_attention.masked")
    shown = one_head(trace, step_panels(trace, mask)[1], (1, 1), 1, "")
    assert torch.equal(shown.value, mask.inputs[1].value[1, 0])
    assert shown.labels[-1] == ("⟨begin⟩", "we", "⟨end⟩", "⟨pad⟩", "⟨pad⟩")


def attend(query, key, value):
    weights = (query @ key.mT).softmax(-1)
    return F.dropout(weights, 0.0) @ value


@pytest.mark.parametrize(("leading", "controls"), [((), 0), ((3,), 0), ((2, 3), 1), ((2, 3, 4), 2)])
def test_any_number_of_axes_may_stand_before_queries_and_keys(leading, controls):
    torch.manual_seed(0)
    trace = record(attend, *(torch.randn(*leading, 5, 8) for _ in range(3)))
    [steps] = attentions_of(trace).values()
    assert steps.weights.shape == (*leading, 5, 5)
    app = drawn(trace)
    assert not app.exception
    assert len(app.get("button_group")) == controls
    shown = stage(app, "attention.stage")["panels"][-1]
    assert [axis["size"] for axis in shown["axes"]] == [5, 5]


def test_a_softmax_over_logits_is_no_attention():
    torch.manual_seed(0)
    table = nn.Linear(8, 8, bias=False)
    assert attentions_of(record(lambda x: (x @ table.weight).softmax(-1) @ x.mT, torch.randn(2, 5, 8))) == {}


def test_a_softmax_that_meets_no_values_is_no_attention():
    assert attentions_of(record(lambda x: (x @ x.mT).softmax(-1), torch.randn(2, 5, 8))) == {}


def test_two_attentions_in_one_function_are_two():
    def twice(x):
        first = attend(x, x, x)
        mixed = (first @ first.mT).softmax(-1) @ first
        return mixed

    attentions = attentions_of(record(twice, torch.randn(2, 5, 8)))
    assert len(attentions) == 2
    assert len({steps.weights.index for steps in attentions.values()}) == 2


def test_weights_without_numbers_are_shown_as_shapes_and_the_page_says_why():
    trace = record(attend, *(torch.randn(2, 4, 5, 8, device="meta") for _ in range(3)))
    app = drawn(trace)
    assert not app.exception
    assert any("no numbers" in info.value for info in app.info)


class Attend(torch.nn.Module):
    def forward(self, x):
        return (x @ x.mT).softmax(-1) @ x


def test_of_hundreds_of_layers_those_around_the_chosen_one_are_drawn_and_the_others_are_a_choice_away():
    trace = record(torch.nn.Sequential(*(Attend() for _ in range(500))), torch.randn(2, 3, 4))
    app = drawn(trace)
    sent = head_maps(app)
    assert sent["layers"] == [f"layer {layer}" for layer in range(192)]  # each has two maps
    attentions = list(attentions_of(trace).values())
    control(app, "attention.layers").set_value("1").run()
    sent = head_maps(app)
    assert sent["layers"] == [f"layer {layer}" for layer in range(192, 384)]
    press_map(app, layer=3, head=0)
    assert map_weights(app, 3, 0, 1) == attentions[195].weights.value[0, 1].tolist()
    panel = stage(app, "attention.stage")["panels"][-1]
    assert panel["note"] == f"step {attentions[195].weights.index}, each row sums to 1"
