"""Every page in Streamlit's own test harness."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import Config, run
from engine.export import step_columns
from engine.runtime.parameters import parameters_of
from pages.ui.app import frame
from pages.ui.state.settings import SOURCE, TARGET
from pages.ui.views.operation_card import card_of
from tests.pages.shown import ahead, control, fixed_sizes, sizes, stage, undo, unfolded

ROOT = Path(__file__).parents[2]
PAGES = (
    "app.py",
    "pages/walkthrough.py",
    "pages/attention.py",
    "pages/decoding.py",
    "pages/every_step.py",
    "pages/compare.py",
    "pages/export.py",
    "pages/costs.py",
)


def opened(page: str, **query: str) -> AppTest:
    """A page as a link with this query opens it; with random weights where it says nothing of them."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in {"weights": "random", **query}.items():
        app.query_params[name] = value
    return (app if page == "app.py" else app.switch_page(page)).run()


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.title))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_alone_with_navigation_settings_and_no_error(page):
    app = opened(page)
    assert not app.exception
    assert not app.error
    assert not app.warning
    assert control(app, "heads").value == 4
    labels = [link.proto.label for link in app.get("page_link")][: len(frame.PAGES)]
    assert labels == [page.label for page in frame.PAGES]
    assert not app.sidebar.children


@pytest.mark.parametrize("page", PAGES)
def test_a_page_started_as_a_script_of_its_own_works_without_the_links(page):
    app = AppTest.from_file(str(ROOT / page), default_timeout=60).run()
    assert not app.exception
    assert control(app, "heads").value == 4


@pytest.mark.parametrize("page", PAGES)
def test_every_page_takes_its_settings_from_the_address(page):
    app = opened(page, heads="8", d_model="64", encoder_layers="1", norm_first="1", reads="tokens", src_len="7")
    assert not app.exception
    assert control(app, "heads").value == 8
    assert control(app, "d_model").value == 64
    assert control(app, "src_len").value == 7
    assert control(app, "norm_first").value is True


@pytest.mark.parametrize("page", PAGES)
def test_bad_values_in_the_address_fall_back_with_a_note_for_each(page):
    app = opened(page, heads="five", dtype="int8", batch="400", d_model="33", nonsense="1")
    assert not app.exception
    notes = " ".join(warning.value for warning in app.warning)
    for bad in ("heads=five", "dtype=int8", "batch=400", "d_model 33"):
        assert bad in notes
    assert control(app, "heads").value == 4
    assert control(app, "d_model").value == 32


def test_heads_offers_what_divides_d_model_and_d_model_what_heads_divide():
    app = opened("app.py", heads="5", d_model="40")
    assert control(app, "heads").options == [1, 2, 4, 5, 8, 10]
    assert {width % 5 for width in control(app, "d_model").options} == {0}


def test_heads_moved_far_and_back_leave_every_other_size_and_the_text_as_they_were():
    app = opened("app.py", weights="trained")
    before = sizes(app)
    for heads in (16, 4):
        control(app, "heads").set_value(heads).run()
    after = sizes(app)
    for name in ("fixed", "sizes"):
        assert after[name] == before[name]
    assert after["status"]["source"] == before["status"]["source"] == "21 November 2026"
    assert after["status"]["reads"] == "The decoder reads “2026-11-21”"


def test_settings_survive_going_from_page_to_page():
    app = opened("app.py")
    control(app, "heads").set_value(8).run()
    for page in PAGES[1:]:
        app.switch_page(page).run()
        assert not app.exception
        assert control(app, "heads").value == 8


def test_the_front_page_shows_the_sentence_the_sizes_and_the_graph():
    app = unfolded(opened("app.py"), "front.model")
    trace = run(Config(), [SOURCE], [TARGET])
    assert {"I", "go", "home", "나는", "집에", "간다"} <= {word.strip("`") for word in words(app).split()}
    assert app.metric[0].value == str(len(trace.steps))
    graph = app.get("graphviz_chart")[-1]
    assert "d_model <B>32</B>" in graph.proto.spec
    control(app, "d_model").set_value(64).run()
    graph = app.get("graphviz_chart")[-1]
    assert "d_model <B>64</B>" in graph.proto.spec


def test_the_walkthrough_shows_the_step_of_the_address_and_sends_its_neighbours_ahead():
    app = opened("pages/walkthrough.py", step="encoder.layers.0.self_attention.scores")
    scores = run(Config(), [SOURCE], [TARGET]).find("encoder.layers.0.self_attention.scores").index
    sent = ahead(app)
    assert [step for step, _ in sent] == [scores + 1, scores + 2, scores + 3, scores - 1]
    assert [header["player"]["step"] for _, header in sent] == [step for step, _ in sent]
    shown = stage(app)
    assert [panel["title"] for panel in shown["panels"]] == ["query", "key_t", "scores"]
    assert shown["player"]["step"] == scores
    assert shown["player"]["path"] == ["encoder", "layer 0", "self-attention", "scores"]


def test_the_search_goes_to_a_step_and_lets_go_of_the_pin():
    app = opened("pages/walkthrough.py", step="encoder.layers.0.self_attention.scores", pin="0.1.2.3")
    assert stage(app)["explanation"]["name"] == "scores[0,1,2,3]"
    control(app, "walk.step").set_value("decoder.layers.1.cross_attention.weights").run()
    assert stage(app)["player"]["path"] == ["decoder", "layer 1", "cross-attention", "weights"]
    assert stage(app)["explanation"] is None
    assert stage(app)["pinned"] is None


def test_a_link_to_a_cell_opens_it_with_what_made_it_and_the_way_there():
    trace = run(Config(), [SOURCE], [TARGET])
    weights = trace.find("encoder.layers.0.self_attention.weights")
    app = opened("pages/walkthrough.py", step=weights.full_name, pin="0.3.1.2", trail=f"{weights.index + 1}-0.3.1.5")
    shown = stage(app)
    assert shown["pinned"] == {"panel": 1, "index": [0, 3, 1, 2]}
    assert shown["explanation"]["formula"].startswith("weights[0,3,1,2] = ")
    assert [crumb["label"] for crumb in shown["explanation"]["trail"]] == ["mixed[0,3,1,5]"]


@pytest.mark.parametrize("pin", ["9.9.9.9", "0.1", "nonsense", "i7.0", "-1.0.0.0"])
def test_a_link_to_a_cell_that_is_not_there_pins_nothing(pin):
    app = opened("pages/walkthrough.py", step="encoder.layers.0.self_attention.scores", pin=pin)
    assert not app.exception
    assert stage(app)["pinned"] is None


def test_a_step_that_is_not_in_the_trace_opens_the_first_one_and_says_so():
    app = opened("pages/walkthrough.py", step="encoder.layers.9.nothing")
    assert not app.exception
    assert stage(app)["player"]["step"] == 0
    assert "no step `encoder" in app.warning[0].value


def test_a_step_of_a_layer_that_is_gone_opens_its_relative_in_the_last_layer():
    app = opened("pages/walkthrough.py", step="encoder.layers.1.self_attention.scores")
    control(app, "encoder_layers").set_value(1).run()
    assert stage(app)["player"]["path"] == ["encoder", "layer 0", "self-attention", "scores"]
    assert "Shown is" in app.warning[0].value


def test_d_k_set_apart_goes_back_to_following_d_model():
    app = opened("pages/walkthrough.py", d_k="3", d_v="5")
    app.button(key="follow").click().run()
    assert control(app, "d_k").value == 8
    control(app, "d_model").set_value(64).run()
    assert control(app, "d_v").value == 16


def test_the_table_filters_by_text_module_and_operation():
    app = opened("pages/every_step.py")
    trace = run(Config(), [SOURCE], [TARGET])
    control(app, "table.search").set_value("query @ key").run()
    expected = [step.index for step in trace.steps if step.source and "query @ key" in step.source.expression]
    assert app.dataframe[0].value["step"].tolist() == expected
    control(app, "table.search").set_value("").run()
    control(app, "table.module").set_value("decoder.layers.1").run()
    control(app, "table.op").set_value(["softmax"]).run()
    expected = [s.index for s in trace.steps if s.path.startswith("decoder.layers.1.") and s.op == "softmax"]
    assert app.dataframe[0].value["step"].tolist() == expected
    assert len(expected) == 2


def test_the_table_has_every_column_of_steps_csv_and_one_that_is_added_to_it(monkeypatch):
    monkeypatch.setitem(step_columns.COLUMNS, "rank", lambda step: len(step.shape))
    table = opened("pages/every_step.py").dataframe[0].value
    trace = run(Config(), [SOURCE], [TARGET])
    assert list(table.columns) == list(step_columns.COLUMNS)
    assert table["rank"].tolist() == [step.value.dim() for step in trace.steps]
    assert table["max"].tolist() == [step.value.double().max().item() for step in trace.steps]


def test_a_search_without_a_match_says_what_to_do():
    app = opened("pages/every_step.py", search="zzz")
    assert not app.exception
    assert "No step matches" in app.info[0].value


def test_a_text_that_cannot_be_read_says_why_and_keeps_the_last_run_on_screen():
    app = opened("pages/attention.py")
    before = [element.value for element in (*app.main.markdown, *app.main.caption)]
    control(app, "source").set_value("I go\u202e home").run()
    assert not app.exception
    assert "U+202E" in app.error[0].value
    assert "last run that worked, with source `I go home`;" in app.error[0].value
    assert before == [element.value for element in (*app.main.markdown, *app.main.caption)]
    assert control(app, "source").value == "I go\u202e home"
    control(app, "source").set_value("we see the dog").run()
    assert not app.error


def test_a_run_that_would_not_fit_says_its_size_and_what_would(monkeypatch):
    import pages.ui.traces.trace_cache as traces

    app = opened("pages/walkthrough.py")
    before = stage(app)["panels"]
    monkeypatch.setattr(traces._store("cpu"), "room", 2_000_000)
    control(app, "d_model").set_value(512).run()
    assert not app.exception
    assert "MiB" in app.error[0].value
    assert "fits with" in app.error[0].value
    assert "last run that worked, with d_model 32;" in app.error[0].value
    assert "The controls still stand at d_model 512." in app.error[0].value
    assert stage(app)["panels"] == before
    assert control(app, "d_model").value == 512
    app.button(key="as_shown").click().run()
    assert not app.error
    assert control(app, "d_model").value == 32
    assert stage(app)["panels"] == before


def test_a_link_that_cannot_be_run_shows_the_example_and_says_what_it_has_otherwise(monkeypatch):
    import pages.ui.traces.trace_cache as traces

    opened("app.py")
    monkeypatch.setattr(traces._store("cpu"), "room", 150 * 2**20)
    app = opened("pages/walkthrough.py", d_model="1024")
    assert not app.exception
    assert "Below is the example instead, with d_model 64" in app.error[0].value
    assert "The controls still stand at d_model 1024" in app.error[0].value
    assert control(app, "d_model").value == 1024


def test_without_masks_the_attention_page_shows_scores_and_weights():
    app = opened("pages/attention.py", padding_mask="0", causal_mask="0")
    assert not app.exception
    assert len(stage(app, "attention.stage")["panels"]) == 2


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_every_dtype_opens_on_the_walkthrough(dtype):
    app = opened("pages/walkthrough.py", dtype=dtype, step="encoder.layers.0.self_attention.weights")
    assert not app.exception
    assert not app.error


def test_what_is_folded_away_is_drawn_once_opened_and_is_still_open_when_one_comes_back():
    app = opened("pages/walkthrough.py", step="logits")
    assert not app.get("download_button")
    unfolded(app, "walk.csv")
    assert len(app.get("download_button")) == 2
    app.switch_page("pages/attention.py").run()
    app.switch_page("app.py").run()
    assert len(app.get("download_button")) == 2


def test_a_size_moved_in_the_default_state_keeps_the_text_and_every_control_and_can_be_undone():
    app = opened("pages/walkthrough.py", weights="trained", step="encoder.layers.0.self_attention.scores")
    controls = [slider["label"] for slider in sizes(app)["sliders"]]
    control(app, "heads").set_value(8).run()
    assert [slider["label"] for slider in sizes(app)["sliders"]] == controls
    assert fixed_sizes(app) == {"B": 1, "S": 18, "T": 11}  # 16 characters between begin and end
    assert (control(app, "source").value, control(app, "target").value) == ("21 November 2026", "2026-11-21")
    control(app, "encoder_layers").set_value(3).run()
    undo(app)
    assert control(app, "heads").value == 4
    assert control(app, "encoder_layers").value == 2
    assert control(app, "target").value == ""
    assert not sizes(app)["status"]["has_undo"]


def test_the_badge_of_random_weights_is_on_every_page_and_so_is_the_way_back():
    app = opened("app.py", weights="trained")
    control(app, "heads").set_value(8).run()
    app.switch_page("pages/attention.py").run()
    control(app, "decoder_layers").set_value(1).run()
    assert sizes(app)["status"]["weights"] == "The weights are random now"
    undo(app)
    assert sizes(app)["status"]["weights"].startswith("Trained on dates")
    assert control(app, "heads").value == 4


def test_the_front_page_says_how_many_parameters_the_model_has_module_by_module():
    app = opened("app.py", heads="2", d_model="16", encoder_layers="1", norm_first="1", reads="tokens")
    unfolded(app, "front.model")
    counted = parameters_of(Config(heads=2, d_model=16, encoder_layers=1, norm_first=True))
    assert f"{counted.count:,} parameters, module by module" in [one.label for one in app.expander]
    assert not any('class="parameters"' in one.proto.body for one in app.get("html"))
    unfolded(app, "front.model", "overview.parameters")
    assert not app.exception
    [table] = [one.proto.body for one in app.get("html") if 'class="parameters"' in one.proto.body]
    assert f"<dt>model</dt><dd>{counted.count:,}</dd>" in table
    assert '"--depth: 3"><dt>w_q</dt><dd>272</dd><dd>16 × 16 + 16</dd>' in table


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("encoder.layers.0.self_attention.query", "32 × 32 + 32 = 1,056"),
        ("encoder.layers.0.feed_forward.hidden", "32 × 128 + 128 = 4,224"),
        ("encoder.layers.0.self_attention_norm.scaled", "32"),
        ("source_embedding.embedded", "64 × 32 = 2,048"),
        ("encoder.layers.0.self_attention.scores", ""),
    ],
)
def test_the_card_of_a_step_says_how_many_parameters_it_reads(step, expected):
    trace = run(Config())
    path, _, name = step.rpartition(".")
    first = next(one for one in trace.steps if (one.path, one.name) == (path, name))
    assert dict(card_of(trace, first).folded).get("parameters", "") == expected
