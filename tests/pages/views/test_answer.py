"""The trained model in the app: a person's date, the answer character by character, and a given target beside it."""

import html
import re

import pytest
import torch

from engine import Config, decode, run, teacher_forced, trained_config
from engine.runtime.even_attention import even_attention
from engine.text import char_tokenizer
from pages.ui.state.settings import DATE, RANDOM, SOURCE, TRAINED, Settings, first
from pages.ui.traces.trace_cache import decoded_of, trace_of
from pages.ui.views.date_answer import how_sure, strip
from pages.ui.views.percentage import exact_percent, percent
from tests.pages.shown import control, head_maps, map_weights, press_map, sizes, stage, trigger, undo
from tests.pages.test_pages import opened, words

PAGE = "pages/attention.py"
OLD = "pages/decoding.py"  # for links from when the answer was a page of its own


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


def test_every_row_has_the_probabilities_that_decoding_gave_there(written):
    app = on(PAGE)
    rows = head_maps(app)["rows"]
    assert [row["tile"] for row in rows] == [choice.token for choice in written.choices]
    for place, (row, choice) in enumerate(zip(rows, written.choices, strict=True)):
        assert row["sentence"] == f"Writing {choice.token}, having read ⟨begin⟩{written.text[:place]}"
        assert row["below"] == percent(choice.probability)
        shown = max(2, sum(share >= 0.001 for _, share in choice.ranked[:8]))
        assert [each["token"] for each in row["choices"]] == [token for token, _ in choice.ranked[:shown]]
        for each, (_, share) in zip(row["choices"], choice.ranked, strict=False):
            assert each["probability"] == pytest.approx(share, rel=1e-3)
            assert (each["short"], each["exact"]) == (percent(each["probability"]), exact_percent(each["probability"]))
        rest = sum(share for _, share in choice.ranked[shown:])
        left = f"The other {len(choice.ranked) - shown} share {percent(rest)}."
        assert row["rest"] == f"{choice.token} is taken, the most probable. {left}"


def test_a_press_on_a_character_chooses_its_row_in_every_map(written):
    app = on(PAGE)
    assert head_maps(app)["chosen"] == {"row": 0, "layer": 0, "head": 0}
    press_map(app, row=3)
    assert not app.exception
    assert head_maps(app)["chosen"]["row"] == 3
    assert app.query_params["position"] == "3"
    trace = run(trained_config(), [DATE], [written.text])
    for layer in range(2):
        weights = trace.find(f"decoder.layers.{layer}.cross_attention.weights").value[0]
        for head in range(4):
            assert map_weights(app, layer, head, 3) == weights[head, 3].tolist()


def test_the_row_of_a_character_is_the_last_row_of_the_step_that_wrote_it(written):
    app = on(PAGE)
    for row, step in enumerate(written.traces):
        looked = step.find("decoder.layers.1.cross_attention.weights").value[0, 2, -1]
        torch.testing.assert_close(torch.tensor(map_weights(app, 1, 2, row)), looked)


def test_a_press_on_a_map_opens_that_head_in_numbers():
    app = on(PAGE)
    press_map(app, row=3, layer=1, head=2)
    assert not app.exception
    assert (app.query_params["layer"], app.query_params["head"]) == ("1", "2")
    assert "##### Layer 1 · head 2: scores, mask and weights" in words(app)
    trace = trace_of(first())
    step = trace.find("decoder.layers.1.cross_attention.weights")
    assert stage(app, "attention.stage")["panels"][-1]["note"] == f"step {step.index}, each row sums to 1"


def test_what_a_browser_reports_that_is_not_on_the_page_changes_nothing():
    app = on(PAGE)
    for chosen in ({"row": 99}, {"row": -1}, {"layer": 7}, {"head": "x"}):
        press_map(app, **chosen)
        assert not app.exception
        assert head_maps(app)["chosen"] == {"row": 0, "layer": 0, "head": 0}


@pytest.mark.parametrize("page", [PAGE, OLD])
def test_a_link_to_a_step_of_decoding_opens_the_whole_answer_with_that_character_chosen(page, written):
    app = on(page, upto="6")
    assert not app.exception
    assert not app.warning
    sent = head_maps(app)
    assert len(sent["rows"]) == len(written.choices)
    assert sent["chosen"]["row"] == 6
    press_map(app, row=2)
    assert head_maps(app)["chosen"]["row"] == 2
    assert "upto" not in app.query_params


def test_the_row_says_which_layer_matters_there(written):
    app = on(PAGE)
    even = even_attention(trace_of(first()), "cross")
    for row, sent in enumerate(head_maps(app)["rows"]):
        layers = even.layers[:, 0, row].tolist()
        assert sent["even"][0] == [percent(share) for share in layers]
        assert sent["even"][1] == [[percent(head) for head in layer] for layer in even.heads[:, :, 0, row].tolist()]
        least = min(layers)
        if least < 0.99 * even.whole[0, row]:
            assert sent["matters"].startswith(f"Layer {layers.index(least)} matters most")
            assert sent["matters"].endswith(f"to {percent(least)}.")
        else:
            assert sent["matters"].startswith("No layer matters alone here")


def test_a_step_of_decoding_is_a_trace_to_walk_through(written):
    app = on("pages/walkthrough.py", upto="6", step="log_probabilities")
    shown = stage(app)["panels"][-1]
    assert [axis["size"] for axis in shown["axes"]] == [1, 7, trained_config().vocab_size]
    assert shown["axes"][1]["labels"][0] == [
        f"{written} after {read}" for written, read in zip("2026-11", ["⟨begin⟩", *"2026-1"], strict=True)
    ]
    trace = trace_of(first())
    assert trace.labels["T"] == (("⟨begin⟩", *"2026-11-21"),)


def test_being_told_another_target_is_shown_beside_what_is_written(written):
    app = on(PAGE, told="2026-12-21")
    told = teacher_forced(DATE, "2026-12-21", trained_config())
    [table] = [text for text in bodies(app) if 'class="forced"' in text]
    rows = [re.findall(r"<td.*?</td>", row) for row in re.findall(r"<tr.*?</tr>", table)[2:]]
    texts = [[html.unescape(re.sub("<.*?>", "", cell)) for cell in row] for row in rows]
    for place, (own, given) in enumerate(zip(written.choices, told.choices, strict=True)):
        assert texts[place] == [
            str(place),
            f"⟨begin⟩{written.text[:place]}",
            own.token,
            percent(own.probability),
            f"⟨begin⟩{'2026-12-21'[:place]}",
            given.best,
            percent(given.ranked[0][1]),
            given.token,
            percent(given.probability),
        ]
        assert f'title="{html.escape(exact_percent(given.probability))}"' in rows[place][-1]
    assert "They part at position 6: it writes `1`, and `2` was given" in words(app)


def test_a_character_of_the_answer_leads_to_the_step_that_wrote_it():
    app = on(PAGE, target="2026-12-21", position="6")
    [walk] = [link.proto for link in app.main.get("page_link") if "Open this decoding step" in link.proto.label]
    assert "upto=6" in walk.query_string
    assert "target" not in walk.query_string
    assert "step=log_probabilities" in walk.query_string


def test_a_target_that_cannot_be_read_says_why_and_leaves_the_answer_on_screen():
    app = on(PAGE, told="2026\u202e")
    assert not app.exception
    assert "U+202E" in app.error[0].value
    assert not [text for text in bodies(app) if 'class="forced"' in text]


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
    assert "random, so what is written means nothing" in words(app)
    assert head_maps(app)["rows"][0]["tile"] == decode(SOURCE, Config()).choices[0].token
    tokens = opened(PAGE, weights=RANDOM, reads="tokens")
    assert not tokens.exception
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
    read, writes = ["⟨begin⟩", *"2026-11-21"], [*"2026-11-21", "⟨end⟩"]
    assert shown["axes"][0]["labels"] == [f"{after} after {before}" for before, after in zip(read, writes, strict=True)]
    assert shown["axes"][1]["labels"] == ["⟨begin⟩", *"21␣November␣2026", "⟨end⟩"]


def test_the_trace_on_screen_is_the_one_the_engine_records(written):
    trace = run(trained_config(), [DATE], [written.text])
    assert (trace_of(first()).output == trace.output).all()


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
