"""The trained model in the app: a person's date, the answer, its steps, and what it makes of being told."""

import html
import re

import pytest
import torch
from pages.ui.views.decoding import exact_percent

from engine import Config, decode, run, teacher_forced, trained_config
from engine.text import char_tokenizer
from pages.ui.state.settings import DATE, RANDOM, SOURCE, TRAINED, Settings, first
from pages.ui.traces.trace_cache import decoded_of, trace_of
from pages.ui.views.date_answer import how_sure, percent, strip
from tests.pages.shown import control, sizes, stage, trigger, undo
from tests.pages.test_pages import opened, words

PAGE = "pages/decoding.py"


@pytest.fixture(scope="module")
def written():
    return decode(DATE, trained_config())


def on(page, **query):
    return opened(page, weights=TRAINED, **query)


def bodies(app):
    return [element.proto.body for element in app.get("html")]


def test_the_front_page_answers_the_date_that_a_person_writes(written):
    app = on("app.py")
    assert not app.exception
    assert how_sure(written) in words(app)
    assert strip(written) in [element.proto.body for element in app.get("html")]
    trigger(app, "sizes", "source", "2001년 2월 3일")
    other = decode("2001년 2월 3일", trained_config())
    assert other.text == "2001-02-03"
    assert strip(other) in [element.proto.body for element in app.get("html")]
    assert control(app, "source").value == "2001년 2월 3일"


def test_every_step_of_decoding_shows_the_probabilities_that_its_run_gave(written):
    for place in (0, 6, 10):
        app = on(PAGE, upto=str(place))
        assert not app.exception
        [ranking] = [text for text in bodies(app) if 'class="ranking"' in text]
        ranked = written.choices[place].ranked
        shown = max(2, sum(share >= 0.001 for _, share in ranked[:8]))
        assert re.findall(r'scope="row">(.*?)</th>', ranking) == [token for token, _ in ranked[:shown]]
        exact = [exact_percent(share) for _, share in ranked[:shown]]
        assert html.unescape(" ".join(re.findall(r'title="(.*?)"', ranking))) == " ".join(exact)
        taken = written.choices[place].token
        assert f"Writing `{taken}`, having read `⟨begin⟩{written.text[:place]}`" in words(app)
        rest = exact_percent(sum(share for _, share in ranked[shown:]))
        assert f"`{taken}` is taken, the most probable. The other {len(ranked) - shown} share {rest}" in words(app)


def test_every_head_of_every_layer_is_shown_over_the_source_at_the_character_that_is_written(written):
    app = on(PAGE, upto="6")
    trace = written.traces[6]
    weights = [trace.find(f"decoder.layers.{layer}.cross_attention.weights").value[0, :, -1] for layer in (0, 1)]
    rows = torch.cat(weights)
    [shown] = stage(app, "decoding.looks")["panels"]
    assert [axis["size"] for axis in shown["axes"]] == list(rows.shape) == [8, len(DATE) + 2]
    assert shown["axes"][0]["labels"] == [f"layer {layer} · head {head}" for layer in (0, 1) for head in range(4)]
    assert shown["axes"][1]["labels"] == list(trace.labels["S"][0])
    sharpest = int(rows.max(dim=-1).values.argmax())
    token = trace.labels["S"][0][int(rows[sharpest].argmax())]
    said = next(caption.value for caption in app.caption if caption.value.startswith("Sharpest"))
    assert f"layer {sharpest // 4} · head {sharpest % 4}: {percent(rows.max().item())} at `{token}`" in said


def test_a_step_of_decoding_is_a_trace_to_walk_through(written):
    app = on("pages/walkthrough.py", upto="6", step="log_probabilities")
    shown = stage(app)["panels"][-1]
    assert [axis["size"] for axis in shown["axes"]] == [1, 7, trained_config().vocab_size]
    assert shown["axes"][1]["labels"][0] == ["⟨begin⟩", *"2026-1"]
    trace = trace_of(first())
    assert trace.labels["T"] == (("⟨begin⟩", *"2026-11-21"),)


def test_being_told_another_target_is_shown_beside_what_is_written(written):
    app = on(PAGE, told="2026-12-21")
    told = teacher_forced(DATE, "2026-12-21", trained_config())
    table = app.dataframe[0].value
    assert table["probability of that"].tolist() == [exact_percent(choice.probability) for choice in told.choices]
    assert table["is told"].tolist() == [*"2026-12-21", "⟨end⟩"]
    assert table["expects"].tolist() == [choice.best for choice in told.choices]
    assert table["writes"].tolist() == [choice.token for choice in written.choices]
    assert table["was told"].tolist()[7] == "⟨begin⟩2026-12"
    assert "They part at position 6: it writes `1`, and `2` was given" in words(app)


def test_the_position_on_the_page_is_the_decoding_step_of_the_other_pages():
    app = on(PAGE)
    assert control(app, "decoding.place").value == 0
    assert "upto" not in [slider.key for slider in app.slider]
    control(app, "decoding.place").set_value(6).run()
    assert control(app, "decoding.place").value == 6
    app.switch_page("pages/walkthrough.py").run()
    assert control(app, "upto").value == 6
    assert trace_of(first()).find("log_probabilities").shape[1] == 11
    control(app, "walk.step").set_value("log_probabilities").run()
    assert stage(app)["panels"][-1]["axes"][1]["size"] == 7
    control(app, "upto").set_value(3).run()
    app.switch_page(PAGE).run()
    assert control(app, "decoding.place").value == 3


def test_a_target_of_ones_own_leaves_the_step_of_decoding_to_walk_through():
    app = on(PAGE, target="2026-12-21", position="6")
    [walk] = [link.proto for link in app.main.get("page_link") if "Walk through" in link.proto.label]
    assert "upto=6" in walk.query_string
    assert "target" not in walk.query_string
    assert "step=log_probabilities" in walk.query_string


def test_a_target_that_cannot_be_read_says_why_and_leaves_the_answer_on_screen():
    app = on(PAGE, told="2026\u202e")
    assert not app.exception
    assert "U+202E" in app.error[0].value
    assert len(app.dataframe) == 0


@pytest.mark.parametrize("text", ["zzz zzz", "I go home", "👍", "?"])
def test_text_that_is_no_date_is_answered_with_little_confidence_and_without_an_error(text):
    for page in ("app.py", PAGE):
        app = on(page, source=text)
        assert not app.exception
        assert not app.error
    assert decode(text, trained_config()).probability < 0.9
    assert "It is least sure at position" in words(app)
    unread = decode(text, trained_config()).traces[0].labels["S"][0].count("⟨unknown⟩")
    assert ("read as ⟨unknown⟩" in words(app)) == (unread > 0)


def test_random_weights_write_something_too_and_the_page_says_that_it_means_nothing():
    app = opened(PAGE, weights=RANDOM)
    assert not app.exception
    assert "random" in app.info[0].value
    assert f"Writing `{decode(SOURCE, Config()).choices[0].token}`" in words(app)
    tokens = opened(PAGE, weights=RANDOM, reads="tokens")
    assert tokens.info[0].value.startswith("Generated tokens have no answer")
    assert "Open this page with the trained model →" in [link.proto.label for link in tokens.main.get("page_link")]


def test_moving_a_size_makes_the_weights_random_and_one_press_brings_the_trained_ones_back(written):
    app = on("pages/attention.py")
    assert sizes(app)["status"]["weights"] == "Trained on dates: a size that is moved makes the weights random"
    control(app, "heads").set_value(8).run()
    assert control(app, "weights").value == RANDOM
    assert sizes(app)["status"]["weights"] == "The weights are random now"
    # The target goes on being what the trained model had written.
    assert control(app, "target").value == written.text
    undo(app)
    assert control(app, "weights").value == TRAINED
    assert control(app, "heads").value == 4
    assert not app.exception


def test_several_dates_are_answered_line_by_line():
    settings = Settings(trained_config(), source="May 5, 2005\n1999년 12월 31일", target="")
    assert [one.text for one in decoded_of(settings)] == ["2005-05-05", "1999-12-31"]
    trace = trace_of(settings)
    assert trace.labels["T"] == (("⟨begin⟩", *"2005-05-05"), ("⟨begin⟩", *"1999-12-31"))
    app = on(PAGE, source=settings.source, sentence="1")
    assert "1999년 12월 31일" in words(app)


def test_before_anything_is_written_several_dates_are_a_run_too():
    settings = Settings(trained_config(), source="May 5, 2005\n1999년 12월 31일", target="", upto=0)
    assert trace_of(settings).labels["T"] == (("⟨begin⟩",), ("⟨begin⟩",))
    app = on("pages/attention.py", source=settings.source, upto="0")
    assert not app.error
    assert not app.exception


def test_the_attention_page_has_characters_of_the_source_against_those_of_the_answer():
    app = on("pages/attention.py", kind="cross", layer="1")
    assert not app.exception
    shown = stage(app, "attention.stage")["panels"][-1]
    assert shown["axes"][0]["labels"] == ["⟨begin⟩", *"2026-11-21"]
    assert shown["axes"][1]["labels"] == ["⟨begin⟩", *"21␣November␣2026", "⟨end⟩"]


def test_the_trace_on_screen_is_the_one_the_engine_records(written):
    trace = run(trained_config(), [DATE], [written.text])
    assert (trace_of(first()).output == trace.output).all()


@pytest.mark.parametrize(
    ("share", "said"), [(1, "100 %"), (0.99996, "> 99.9 %"), (0.5, "50.0 %"), (0.00001, "< 0.1 %"), (0.9994, "99.9 %")]
)
def test_what_is_not_certain_is_not_called_certain(share, said):
    assert percent(share) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1, "100 %"),
        (0.9999651921, "99.99652 %"),
        (1 - 2**-40, "99.9999999999091 %"),
        (0.5022543664, "50.2 %"),
        (1.2856e-5, "0.00129 %"),
        (4.9668e-14, "4.97e−12 %"),
        (0, "0 %"),
    ],
)
def test_a_probability_has_three_digits_of_what_it_is_away_from_certainty(share, said):
    assert exact_percent(share) == said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("31 June 2021", "31 June 2021 does not exist, June 2021 has 30 days: no answer is right, "),
        ("  2100년   1월 1일 ", "The year 2100 is outside 1900 to 2099, "),
        ("13.03.2020", "This is in none of the 36 forms that the model's answers are measured in: "),
        ("Fri, 21 Nov 2026", "21 November 2026 is a Saturday, not a Friday: "),
    ],
)
def test_beside_the_answer_stands_why_it_is_not_to_be_relied_on(text, reason):
    for page in ("app.py", PAGE):
        app = on(page, source=text)
        assert not app.exception
        [warning] = app.warning
        assert warning.value.startswith(reason)


def test_beside_the_answer_to_a_date_in_a_measured_form_stands_no_warning():
    for page in ("app.py", PAGE):
        assert not on(page, source="Sat, 21 Nov 2026").warning


def test_random_weights_raise_no_doubt_about_a_date():
    assert not opened(PAGE, weights=RANDOM, source="31 June 2021").warning


@pytest.mark.parametrize(
    ("source", "warning"),
    [
        ("5 May 2020☕", "1 character of the source is not among those it knows, and read as ⟨unknown⟩."),
        ("5 May☕2020☕", "2 characters of the source are not among those it knows, and read as ⟨unknown⟩."),
    ],
)
def test_characters_that_the_model_cannot_read_are_counted(source, warning):
    shown = words(on(PAGE, source=source))
    assert warning.replace("⟨unknown⟩", char_tokenizer.SPECIALS[char_tokenizer.UNKNOWN]) in shown
