"""Heads of the trained model removed all at once in a batch, against one at a time through engine.runtime.decode."""

import math

import pytest
import torch

from engine import decode, teacher_forced, trained_config
from engine.labs.why_split.head_ablation import ATTENTIONS, HEADS, ablated, every_head, is_date
from engine.runtime.forward import build_model

CONFIG = trained_config(device="cpu")
TEXT = "21 November 2026"


def model_without(heads):
    """The trained model, read anew, with the columns of W_O that these heads meet set to 0."""
    model = build_model(CONFIG)
    for path, head in heads:
        w_o = model.get_submodule(path).w_o
        kept = w_o.weight.clone()
        kept[:, head * CONFIG.d_v : (head + 1) * CONFIG.d_v] = 0
        w_o.weight = torch.nn.Parameter(kept, requires_grad=False)
    return model


def test_every_attention_of_the_model_is_there():
    found = [name for name, module in build_model(CONFIG).named_modules() if hasattr(module, "w_o")]
    assert sorted(ATTENTIONS) == sorted(found)


@pytest.fixture(scope="module")
def every():
    return every_head(TEXT)


@pytest.mark.parametrize("path", ATTENTIONS)
def test_each_removal_holds_as_probable_what_the_model_with_that_head_cut_out_does(every, path):
    for head in range(HEADS):
        told = teacher_forced(TEXT, every.text, CONFIG, model=model_without([(path, head)]))
        expected = math.prod(choice.probability for choice in told.choices)
        assert every.kept[ATTENTIONS.index(path), head].item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("path", "head"), [(path, 2) for path in ATTENTIONS] + [(ATTENTIONS[0], 3)])
def test_each_removal_writes_what_the_model_with_that_head_cut_out_does(every, path, head):
    model = model_without([(path, head)])
    assert every.texts[ATTENTIONS.index(path)][head] == decode(TEXT, CONFIG, model=model).text


def test_the_heads_that_can_be_spared_one_at_a_time_are_removed_together(every):
    spared = [
        (path, head)
        for path, row in zip(ATTENTIONS, every.texts, strict=True)
        for head, text in enumerate(row)
        if text == every.text
    ]
    assert every.spared == len(spared)
    assert every.without_spared == decode(TEXT, CONFIG, model=model_without(spared)).text


@pytest.mark.parametrize(("path", "head"), [(ATTENTIONS[0], 2), (ATTENTIONS[5], 3)])
def test_one_removal_is_that_of_the_map_and_leaves_the_model_whole(every, path, head):
    found = ablated(TEXT, path, head)
    assert found.text_without == every.texts[ATTENTIONS.index(path)][head]
    whole = decode(TEXT, CONFIG, model=build_model(CONFIG))
    assert (found.text, found.choices) == (whole.text, whole.choices)
    assert every.whole == pytest.approx(whole.probability, rel=1e-5)
    weights = whole.traces[-1].find(f"{path}.weights").value[0, head]
    assert torch.equal(found.weights, weights)
    assert [len(labels) for labels in found.labels] == list(weights.shape)


def test_a_date_is_one_of_the_calendar_in_the_form_the_model_writes():
    assert is_date("2026-11-21")
    assert is_date("2024-02-29")
    for text in ("2026-02-29", "2026-1-211", "2026-13-01", "20261121", "2026-11-21111111", ""):
        assert not is_date(text)
