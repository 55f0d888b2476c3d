"""What a trace can be compared with."""

import dataclasses

import pytest

from engine import Config, record, run, trained_config
from pages.ui.state.settings import DATE, TOKENS, Settings
from pages.ui.traces.trace_cache import trace_of
from pages.ui.views.compare_page.others import other_runs

WRITES = Settings(trained_config(), source=DATE, target="")
GENERATED = Settings(Config(), reads=TOKENS)


def test_each_other_run_changes_the_one_setting_that_its_name_has():
    runs = {other.key: other.settings.config for other in other_runs(GENERATED, trace_of(GENERATED))}
    assert runs["causal_mask-0"] == Config(causal_mask=False)
    assert runs["dtype-bfloat16"] == Config(dtype="bfloat16")
    assert runs["norm_first-1"] == Config(norm_first=True)
    assert runs["seed-next"] == Config(seed=GENERATED.config.seed + 1)
    for config in runs.values():
        changed = [
            field.name
            for field in dataclasses.fields(Config)
            if getattr(config, field.name) != getattr(GENERATED.config, field.name)
        ]
        assert len(changed) == 1


def test_trained_weights_are_compared_with_random_ones_and_with_what_they_leave_free():
    keys = {other.key for other in other_runs(WRITES, trace_of(WRITES))}
    assert "weights-random" in keys
    assert "causal_mask-0" in keys
    assert not any(key.startswith(("norm_first", "activation", "seed")) for key in keys)


@pytest.mark.parametrize("upto", [None, 4])
def test_both_runs_read_what_the_model_writes(upto):
    settings = dataclasses.replace(WRITES, upto=upto)
    trace = trace_of(settings)
    for other in other_runs(settings, trace):
        assert trace_of(other.settings).inputs["target"].equal(trace.inputs["target"])


def test_a_trace_of_something_else_has_no_other_runs():
    assert other_runs(GENERATED, record(lambda x: x + 1, run(Config()).steps[0].value)) == ()
    assert other_runs(dataclasses.replace(GENERATED, opened="some"), trace_of(GENERATED)) == ()
