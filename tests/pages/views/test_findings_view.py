"""Findings on the pages: their list, their number, and those of a step."""

from engine import Config, findings, run
from engine.findings import Finding
from pages.ui.traces import trace_analyses
from pages.ui.views.findings_view import title_of
from tests.pages.test_pages import opened, words

UNMASKED = {"reads": "tokens", "causal_mask": "0"}


def test_every_finding_stands_above_the_table_with_its_fix_and_links_to_its_steps():
    app = opened("pages/every_step.py", **UNMASKED)
    (finding,) = findings(run(Config(causal_mask=False)))
    (shown,) = [warning.value.replace("\\", "") for warning in app.warning]
    assert shown.startswith(f"**Decoder sees the future.** {finding.sentence}")
    assert finding.fix in shown
    labels = [link.proto.label for link in app.get("page_link")]
    for step in (finding.step, *finding.also):
        assert f"`{step.index} {step.full_name}`" in labels


def test_a_trace_without_any_says_so():
    app = opened("pages/every_step.py", reads="tokens")
    assert not app.warning
    assert "Nothing suspicious was found in this trace." in words(app)


def test_the_front_page_counts_the_findings_and_shows_those_of_the_step():
    step = findings(run(Config(causal_mask=False)))[0].step
    app = opened("app.py", **UNMASKED, step=step.full_name)
    (link,) = [link.proto for link in app.get("page_link") if "finding" in link.proto.label]
    assert link.label == "1 finding in this trace"
    assert link.page.endswith("every_step")
    assert "causal_mask=0" in link.query_string
    assert [warning.value.partition(" Every")[0] for warning in app.warning] == ["**Decoder sees the future.**"]
    quiet = opened("app.py", reads="tokens", step=step.full_name)
    assert not quiet.warning
    assert not any("finding" in link.proto.label for link in quiet.get("page_link"))


def test_the_findings_of_a_long_trace_wait_until_somebody_asks_for_them(monkeypatch):
    monkeypatch.setattr(trace_analyses, "MOST_STEPS_AT_ONCE", 10)
    looked = []
    monkeypatch.setattr(trace_analyses, "findings", lambda trace: looked.append(trace) or findings(trace))
    sizes = {**UNMASKED, "seed": "5"}  # a run that no other test has looked into
    (link,) = [link.proto for link in opened("app.py", **sizes).get("page_link") if "suspicious" in link.proto.label]
    assert link.label.startswith("Look for what is suspicious in these ")
    assert link.page.endswith("every_step")
    assert not looked
    assert opened("pages/every_step.py", **sizes).warning
    assert len(looked) == 1
    assert "1 finding in this trace" in [link.proto.label for link in opened("app.py", **sizes).get("page_link")]


def test_the_findings_of_a_long_trace_stand_below_the_table_at_every_run(monkeypatch):
    monkeypatch.setattr(trace_analyses, "MOST_STEPS_AT_ONCE", 10)
    app = opened("pages/every_step.py", **UNMASKED, seed="6")
    for _ in range(2):
        kinds = [element.type for element in app]
        assert kinds.index("dataframe") < kinds.index("warning")
        assert "[1 finding in this trace, below the table](#findings)" in words(app)
        app.run()
    quiet = opened("pages/every_step.py", reads="tokens", seed="6")
    assert "Nothing suspicious was found in this trace." in words(quiet)


def test_a_rule_is_read_as_words():
    assert title_of(Finding("heads_split_without_moving_axes", None, "")) == "Heads split without moving axes"
