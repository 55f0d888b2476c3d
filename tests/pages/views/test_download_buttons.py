"""What the download buttons hand out: the right slice, the right tokens along it, the exact numbers."""

import csv
import io

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import Config, record, run
from pages.ui.components.tensor_view import Selection
from pages.ui.state.settings import SENTENCES, TOKENS, Settings
from pages.ui.traces.trace_cache import trace_of
from pages.ui.views import download_buttons
from tests.pages.shown import control, unfolded
from tests.pages.test_pages import opened

SMALL = Config(d_model=8, heads=2, encoder_layers=1, decoder_layers=1, vocab_size=9, device="cpu")
SOURCE = ["dog dog dog cat", "=1+1", "we see the -big house"]
TARGET = ["나는 집에 간다", "@x", "+나는 나는"]
SCORES = "encoder.layers.0.self_attention.scores"


@pytest.fixture(scope="module")
def trace():
    return run(SMALL, SOURCE, TARGET)


def matrix(trace, step, place):
    """Columns' names, rows' names and numbers of a slice's file."""
    file = io.BytesIO()
    download_buttons._write_slice(trace, step, place, file)
    head, *rows = csv.reader(io.StringIO(file.getvalue().decode()))
    assert head[0] == ""
    return head[1:], [row[0] for row in rows], torch.tensor([[float(cell) for cell in row[1:]] for row in rows])


def guarded(labels):
    """Tokens as a spreadsheet must get them: none that it could take for a formula."""
    return [f"'{label}" if label[0] in "=+-@" else label for label in labels]


@pytest.mark.parametrize("sentence", range(3))
@pytest.mark.parametrize("head", range(2))
def test_a_slice_of_scores_has_the_tokens_of_its_own_sentence_on_both_sides(trace, sentence, head):
    scores = trace.find(SCORES)
    columns, rows, numbers = matrix(trace, scores, (sentence, head))
    tokens = guarded(trace.labels["S"][sentence])
    assert columns == rows == tokens
    assert torch.equal(numbers, scores.value[sentence, head])
    assert (tokens.count("⟨pad⟩") > 0) == (sentence < 2)


def test_tokens_of_both_sides_are_those_of_source_and_target(trace):
    weights = trace.find("decoder.layers.0.cross_attention.weights")
    columns, rows, numbers = matrix(trace, weights, (1, 0))
    assert columns[:5] == ["⟨begin⟩", "'=", "##1", "##+", "##1"]
    assert columns[5] == "⟨end⟩"
    assert set(columns[6:]) == {"⟨pad⟩"}
    assert rows[:3] == ["⟨begin⟩", "'@", "##x"]
    assert torch.equal(numbers, weights.value[1, 0])


def test_tokens_that_repeat_are_all_there_in_order(trace):
    columns, _, _ = matrix(trace, trace.find(SCORES), (0, 0))
    assert columns[1:5] == ["dog", "dog", "dog", "cat"]


def test_a_table_of_ids_of_several_sentences_is_not_named_after_the_first(trace):
    padding = trace.find("source_padding_mask.padding")
    columns, rows, numbers = matrix(trace, padding, ())
    length = padding.shape[1]
    assert columns == [f"S {i}" for i in range(length)]
    assert rows == ["B 0", "B 1", "B 2"]
    assert torch.equal(numbers.bool(), padding.value)


def test_a_table_of_ids_of_one_sentence_has_its_tokens():
    trace = run(SMALL, ["I go home"], ["나는"])
    columns, rows, _ = matrix(trace, trace.find("source_padding_mask.padding"), ())
    assert columns == ["⟨begin⟩", "I", "go", "home", "⟨end⟩"]
    assert rows == ["B 0"]


def test_the_vocabulary_stands_along_the_logits(trace):
    logits = trace.find("logits")
    columns, rows, numbers = matrix(trace, logits, (2,))
    assert columns == guarded(trace.labels["V"])
    assert rows == guarded(trace.labels["T"][2])
    assert torch.equal(numbers, logits.value[2])


def test_an_axis_without_words_has_its_symbol_and_the_index(trace):
    query = trace.find("encoder.layers.0.self_attention.query")
    columns, rows, numbers = matrix(trace, query, (1, 1))
    assert columns == ["d_k 0", "d_k 1", "d_k 2", "d_k 3"]
    assert rows == guarded(trace.labels["S"][1])
    assert torch.equal(numbers, query.value[1, 1])


def test_a_tensor_of_one_axis_is_one_row(trace):
    frequency = trace.find("source_position.frequency")
    columns, rows, numbers = matrix(trace, frequency, ())
    assert columns == ["F 0", "F 1", "F 2", "F 3"]
    assert rows == ["frequency"]
    assert torch.equal(numbers[0], frequency.value)


@pytest.mark.parametrize("rank", range(6))
def test_a_tensor_of_any_rank_has_a_place_and_a_file(rank):
    shape = (2, 3, 2, 3, 2)[:rank]
    trace = record(lambda x: x + 1, torch.rand(shape))
    [step] = trace.steps
    place = download_buttons._leading(step, Selection())
    assert place == (0,) * max(rank - 2, 0)
    if rank:
        columns, rows, numbers = matrix(trace, step, place)
        assert columns == [f"i {i}" for i in range(shape[-1])]
        assert rows == ([f"i {i}" for i in range(shape[-2])] if rank > 1 else [step.name])
        assert torch.equal(numbers.flatten(), step.value[place].flatten())


def test_every_step_of_a_model_has_a_matrix_with_exactly_its_numbers(trace):
    for step in trace.steps:
        place = tuple(size - 1 for size in step.shape[:-2])
        columns, rows, numbers = matrix(trace, step, place)
        assert (len(rows), len(columns)) == (step.shape[-2] if len(step.shape) > 1 else 1, step.shape[-1])
        assert torch.equal(numbers.to(step.dtype).flatten(), step.value[place].flatten()), step.full_name


def test_the_slice_is_that_of_the_pinned_cell_of_the_step(trace):
    scores = trace.find(SCORES)
    output = len(scores.inputs)
    assert download_buttons._leading(scores, Selection(pinned=(output, (2, 1, 3, 4)))) == (2, 1)


def test_a_pinned_cell_of_an_input_does_not_say_which_slice_of_the_step(trace):
    # query goes in as (B, S, H, d_k) and comes out as (B, H, S, d_k): its second index is no head.
    permuted = next(step for step in trace.steps if step.op == "permute")
    cell = (1, permuted.inputs[0].shape[1] - 1, 0, 2)
    place = download_buttons._leading(permuted, Selection(pinned=(0, cell), choice={"B": 1}))
    assert place == (1, 0)
    matrix(trace, permuted, place)


def test_without_a_pinned_cell_the_slice_is_where_the_choosers_are(trace):
    scores = trace.find(SCORES)
    assert download_buttons._leading(scores, Selection(choice={"B": 2, "H": 1})) == (2, 1)
    assert download_buttons._leading(scores, Selection(offset={"H": 1})) == (0, 1)
    assert download_buttons._leading(scores, Selection(offset={"H": 0, "S": 4}, choice={"H": 1})) == (0, 1)


@given(
    st.integers(0, 400),
    st.dictionaries(st.sampled_from(["B", "H", "S", "S.2", "d_k", "d_model", "1"]), st.integers(0, 300)),
    st.none() | st.tuples(st.just(0), st.lists(st.integers(0, 300), max_size=4).map(tuple)),
)
def test_what_was_chosen_at_another_step_never_leads_outside_of_this_one(number, chosen, pinned):
    trace = trace_of(Settings(SMALL, TOKENS))
    step = next(step for step in trace.steps[number % len(trace.steps) :] if step.inputs)
    place = download_buttons._leading(step, Selection(pinned, chosen))
    assert len(place) == max(len(step.shape) - 2, 0)
    assert all(0 <= at < size for at, size in zip(place, step.shape, strict=False))


def test_the_file_made_on_request_is_of_the_trace_that_was_on_screen():
    settings = Settings(SMALL, SENTENCES, "\n".join(SOURCE), "\n".join(TARGET))
    trace = trace_of(settings)
    weights = trace.find("decoder.layers.0.cross_attention.weights")
    made = download_buttons._file(
        settings, lambda trace, file: download_buttons._write_slice(trace, trace.steps[weights.index], (0, 1), file)
    )
    assert made.decode().startswith(",⟨begin⟩,dog,dog,dog,cat,⟨end⟩,⟨pad⟩,")


def test_the_walkthrough_offers_the_tensor_and_the_matrix_that_is_shown():
    app = unfolded(opened("pages/walkthrough.py", step=SCORES), "walk.csv")
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels[0].startswith("All 100 values as CSV")
    assert labels[1] == "B 0, H 0 as a matrix"


@pytest.fixture
def buttons(monkeypatch):
    """What makes the file of every download button, by its label, as the last run of a page drew them."""
    makers = {}
    monkeypatch.setattr("streamlit.download_button", lambda label, data, *_, **__: makers.update({label: data}))
    return makers


def files(buttons):
    made = {label: make() for label, make in buttons.items()}
    buttons.clear()
    return made


@pytest.mark.parametrize(("page", "key"), [("pages/walkthrough.py", "walk"), ("pages/every_step.py", "table")])
def test_a_tensor_can_be_had_with_a_byte_order_mark(page, key, buttons):
    app = unfolded(opened(page, step=SCORES), f"{key}.csv")
    plain = files(buttons)
    assert "B 0, H 0 as a matrix" in plain
    app.toggle(key=f"{key}.mark").set_value(True).run()
    assert files(buttons) == {label: b"\xef\xbb\xbf" + file for label, file in plain.items()}
    app.toggle(key=f"{key}.mark").set_value(False).run()
    assert files(buttons) == plain


def test_the_mark_is_remembered_from_page_to_page(buttons):
    app = opened("pages/export.py")
    assert not app.toggle(key="export.mark").value
    app.toggle(key="export.mark").set_value(True).run()
    buttons.clear()
    app.switch_page("pages/every_step.py").run()
    assert files(buttons)["These rows as CSV"].startswith(b"\xef\xbb\xbfstep,path,name,")
    app.switch_page("pages/export.py").run()
    assert control(app, "export.mark").value
    tables = [file for name, file in files(buttons).items() if "trace" not in name]
    assert [file[:8] for file in tables] == [b"\xef\xbb\xbfstep,"] * 2


def test_pandas_reads_the_same_table_with_the_mark_and_korean_as_korean(trace):
    settings = Settings(SMALL, SENTENCES, "\n".join(SOURCE), "\n".join(TARGET))
    scores = trace.find("decoder.layers.0.self_attention.scores")

    def write(trace, file):
        download_buttons._write_slice(trace, trace.steps[scores.index], (0, 1), file)

    plain, marked = (
        pd.read_csv(io.BytesIO(download_buttons._file(settings, write, mark)), index_col=0) for mark in (0, 1)
    )
    pd.testing.assert_frame_equal(plain, marked)
    assert list(marked.index) == ["⟨begin⟩", "나는", "집에", "간다"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [(torch.rand(5, 3, device="meta"), "which knows shapes alone"), (torch.eye(3).to_sparse(), "sparse or quantized")],
    ids=["meta", "sparse"],
)
def test_a_tensor_without_numbers_offers_no_file_and_says_why(value, reason, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(download_buttons, "_button", lambda *_, **__: pytest.fail("a file without numbers is offered"))
    monkeypatch.setattr(download_buttons.st, "caption", said.append)
    download_buttons.tensor_buttons(record(lambda x: x * 2, value).steps[-1], Selection(), "walk")
    assert reason in said[0]
