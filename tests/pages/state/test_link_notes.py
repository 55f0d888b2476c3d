"""What a page takes from its address: used as asked for, or noted in the one banner above the page."""

import pytest

from engine import Config, decode, run, trained_config
from pages.ui.state.settings import DATE, SOURCE, TARGET, TRAINED
from tests.pages.shown import control, head_maps, press_map, stage
from tests.pages.test_pages import opened

SCORES = "encoder.layers.0.self_attention.scores"
NUMBER = run(Config(), [SOURCE], [TARGET]).find(SCORES).index
NINES = "9" * 5000


def banner(app):
    """The text of the banner, which is the only one; nothing where none is drawn."""
    assert not app.exception
    assert len(app.warning) <= 1
    return app.warning[0].value if app.warning else ""


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_position_of_five_thousand_digits_shows_the_nearest_one(sign):
    last = len(run(Config(), [SOURCE], [TARGET]).labels["T"][0]) - 1
    app = opened("pages/decoding.py", position=sign + NINES)
    used = 0 if sign else last
    assert head_maps(app)["chosen"]["row"] == used
    assert f"was asked for; Position goes from 0 to {last}. {used} is used." in banner(app)


@pytest.mark.parametrize(
    ("query", "said", "key", "used"),
    [
        ({"layer": "9"}, "`layer=9` was asked for; Layer goes from 0 to 1. 1 is used.", "layer", 1),
        ({"head": "-3"}, "`head=-3` was asked for; Head goes from 0 to 3. 0 is used.", "head", 0),
        (
            {"head": "３"},
            "`head=３` was asked for; Head is a whole number from 0 to 3, in the digits 0 to 9. 0 is used.",
            "head",
            0,
        ),
        (
            {"kind": "crossed"},
            "`kind=crossed` was asked for; Attention can be `encoder`, `decoder`, `cross`. `cross` is used.",
            "kind",
            "cross",
        ),
        ({"sentence": "1"}, "`sentence=1` was asked for; Sentence goes from 0 to 0. 0 is used.", None, None),
    ],
)
def test_what_the_attention_page_cannot_show_is_noted_with_what_it_shows(query, said, key, used):
    app = opened("pages/attention.py", **query)
    assert banner(app) == said
    if key == "kind":
        assert control(app, "attention.kind").value == used
    elif key:
        assert head_maps(app)["chosen"][key] == used


def test_a_sentence_that_there_is_not_is_noted():
    app = opened("pages/decoding.py", weights=TRAINED, source="May 5, 2005\n1999년 12월 31일", sentence="2")
    assert banner(app) == "`sentence=2` was asked for; Sentence goes from 0 to 1. 1 is used."
    assert control(app, "attention.sentence").value == "1"
    control(app, "attention.sentence").set_value("0").run()
    assert banner(app) == ""


def test_a_position_is_that_of_the_answer_also_where_the_model_writes_the_target_itself():
    app = opened("pages/decoding.py", weights=TRAINED, position="6")
    assert banner(app) == ""
    assert head_maps(app)["chosen"]["row"] == 6
    press_map(app, row=4)
    assert head_maps(app)["chosen"]["row"] == 4


@pytest.mark.parametrize("page", ["app.py", "pages/decoding.py", "pages/walkthrough.py"])
@pytest.mark.parametrize(
    ("upto", "said"),
    [
        ("13", "`upto=13` was asked for; upto goes from 0 to 10. 10 is used."),
        ("99", "`upto=99` was asked for; upto goes from 0 to 15 at most. The last step is shown."),
    ],
)
def test_a_step_of_decoding_after_the_end_is_noted_and_the_last_is_shown(page, upto, said):
    assert len(decode(DATE, trained_config()).choices) == 11
    app = opened(page, weights=TRAINED, upto=upto)
    assert banner(app) == said
    shown = head_maps(app)["chosen"]["row"] if page == "pages/decoding.py" else control(app, "upto").value
    assert shown == 10


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"module": "encoder.layer"}, "that Module can be. `whole model` is used."),
        ({"op": "softmax soft"}, "no step of this model has the operation `soft`. Shown are `softmax`."),
        ({"op": "<b>"}, "no step of this model has the operation `<b>`. Shown are those of every operation."),
        ({"step": "scores"}, "This model has no step `scores`. Shown is `source_embedding.embedded`."),
        ({"step": f"{SCORES}:permute"}, f"This model has no step `{SCORES}:permute`. Shown is `{SCORES}`."),
        ({"step": SCORES, "op": "softmax"}, "and the filters leave it out. Shown is"),
    ],
)
def test_what_the_table_cannot_filter_by_is_noted(query, said):
    app = opened("pages/every_step.py", **query)
    assert said in banner(app)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"pin": "9.9.9.9"}, f"`pin=9.9.9.9` was asked for; `{SCORES}` has no such cell. Nothing is pinned."),
        ({"pin": NINES}, f"`{SCORES}` has no such cell. Nothing is pinned."),
        ({"pin": "0.1.2.3", "trail": "5-9.9.9_6-0"}, "The first 0 of 2 are shown."),
        ({"scope": "encoder.layers.7"}, "this model has no such module. `encoder.layers.0.self_attention` is drawn."),
        ({"open": "encoder,**x**"}, "this model has no module `**x**`. It is left out."),
        ({"at": "nonsense"}, "`at=nonsense` was asked for, which does not name an axis and a number."),
    ],
)
def test_what_the_walkthrough_cannot_show_is_noted_until_the_person_goes_on(query, said):
    app = opened("pages/walkthrough.py", step=SCORES, **query)
    assert said in banner(app)
    assert said in banner(app.run())
    app.selectbox(key="walk.step").select_index(9).run()
    if "pin" in query:
        assert banner(app) == ""


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("pages/attention.py", {"kind": "cross", "layer": "1", "head": "3", "sentence": "0"}),
        ("pages/decoding.py", {"position": "0", "sentence": "0", "told": "x"}),
        ("pages/every_step.py", {"module": "encoder.layers.0", "op": "softmax matmul", "step": SCORES, "search": "s"}),
        (
            "pages/walkthrough.py",
            {
                "step": SCORES,
                "pin": "0.1.2.3",
                "trail": f"{NUMBER}-0.0.0.0",
                "scope": ".",
                "open": "encoder",
                "at": "H-2",
            },
        ),
        ("pages/walkthrough.py", {"step": f"{SCORES}:matmul", "at": "S.2-1_H-0"}),
        ("pages/walkthrough.py", {"step": "encoder.layers.0.self_attention.query:permute", "scope": "encoder"}),
        ("pages/labs.py", {"lab": "view_or_permute", "lab_heads": "8"}),
        ("pages/labs.py", {}),
    ],
)
def test_a_good_link_shows_no_banner(page, query):
    assert banner(opened(page, **query)) == ""


def test_several_bad_values_of_settings_and_view_stand_in_one_banner():
    app = opened("pages/attention.py", heads="99", dtype="int8", layer="9", kind="x")
    text = banner(app)
    assert text.startswith("4 values that were asked for cannot be used:\n\n- `heads=99` was asked for")
    assert text.count("\n- ") == 4
    assert "`layer=9` was asked for; Layer goes from 0 to 1. 1 is used." in text


def test_of_very_many_notes_the_first_stand_in_the_banner_and_the_others_are_counted():
    names = "batch src_len tgt_len heads d_model encoder_layers d_ff d_k d_v seed"
    text = banner(opened("pages/labs.py", **dict.fromkeys(names.split(), "x")))
    assert text.startswith("10 values")
    assert text.endswith("\n- 5 more")
    assert text.count("was asked for") == 5


def test_a_note_goes_once_the_person_changes_what_it_is_about_and_the_others_stay():
    app = opened("pages/attention.py", heads="99", encoder_layers="x", layer="7")
    assert banner(app).count("\n- ") == 3
    control(app, "heads").set_value(8).run()
    assert "heads=" not in banner(app)
    assert banner(app).count("\n- ") == 2
    press_map(app, layer=0)
    assert banner(app).startswith("`encoder_layers=x`")
    control(app, "encoder_layers").set_value(3).run()
    assert banner(app) == ""


def test_a_note_of_a_width_that_follows_goes_when_it_follows_something_else():
    app = opened("pages/attention.py", d_ff="x")
    assert "128 is used." in banner(app)
    control(app, "d_model").set_value(64).run()
    assert banner(app) == ""


@pytest.mark.parametrize(("name", "value"), [("open", "encoder.layers.7"), ("pin", "9.9"), ("scope", "decoder.x")])
def test_what_the_person_opened_or_pinned_before_the_model_changed_is_left_without_a_note(name, value):
    app = opened("pages/walkthrough.py", step=SCORES)
    app.session_state["explorer.view"] = {**app.session_state["explorer.view"], name: value}
    assert banner(app.run()) == ""
    if name == "pin":
        assert "pin" not in app.session_state["explorer.view"]


def test_what_a_person_pinned_themselves_is_no_matter_of_the_link():
    trace = run(Config(), [SOURCE], [TARGET])
    app = opened("pages/walkthrough.py", step=SCORES, pin="0.3.1.2")
    assert stage(app)["pinned"] is not None
    app.selectbox(key="walk.step").set_value(trace.steps[3].full_name).run()
    assert banner(app) == ""


@pytest.mark.parametrize(
    ("digits", "read"), [("２０２６년 １１월 ２１일", "2026년 11월 21일"), ("٢١ November ٢٠٢٦", "21 November 2026")]
)
@pytest.mark.parametrize("page", ["app.py", "pages/decoding.py"])
def test_digits_of_another_script_are_answered_like_those_of_ascii_and_it_is_said_so(page, digits, read):
    app = opened(page, weights=TRAINED, source=digits)
    captions = " ".join(caption.value for caption in app.caption)
    assert (
        f"The source is read as `{read}`: digits of other scripts and full-width characters count as ASCII." in captions
    )
    ours, usual = decode(digits, trained_config()), decode(read, trained_config())
    assert (ours.text, ours.probability) == (usual.text, usual.probability)
    assert "is read as" not in " ".join(c.value for c in opened(page, weights=TRAINED, source=read).caption)
