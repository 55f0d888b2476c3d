"""The card of a step: what it says of a rearrangement was tried."""

import dataclasses

import torch

from engine import Config, record, run
from pages.ui.views.operation_card import card_of


def badge_of(trace, step):
    [badge] = [badge for badge in card_of(trace, step).badges if badge.label == "equals einops.rearrange"]
    return badge


def test_an_einops_form_on_a_card_has_a_badge_that_says_whether_it_gives_the_step():
    trace = run(Config())
    for step in trace.steps:
        operation = card_of(trace, step)
        shown = "einops" in dict(operation.folded)
        badges = [badge for badge in operation.badges if badge.label == "equals einops.rearrange"]
        assert len(badges) == shown
        assert all(badge.holds for badge in badges)


def test_the_badge_is_red_where_the_numbers_are_others():
    trace = record(lambda x: x.transpose(0, 1), torch.rand(3, 4))
    step = trace.steps[-1]
    assert badge_of(trace, step).holds
    assert not badge_of(trace, dataclasses.replace(step, value=step.value + 1)).holds
