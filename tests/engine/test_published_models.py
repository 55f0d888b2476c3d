"""The published architectures as the other tests take them, and what is known of the operations they are made of."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch

from engine import explain, ops, record
from tests.engine.published_models import ARCHITECTURES, ATTENTION, DIFFERENT, published_model

pytest.importorskip("transformers")


def test_every_size_is_of_its_own_so_that_it_names_its_axis():
    sizes = dataclasses.asdict(DIFFERENT)
    patches = sizes.pop("patches")
    # These are never axes of the same model as those they are equal to.
    for name in ("key_heads", "channels", "experts", "groups"):
        sizes.pop(name)
    alone = [*sizes.values(), DIFFERENT.model_width, DIFFERENT.query_heads, *(DIFFERENT.patch * n for n in patches)]
    alone.remove(DIFFERENT.patch)  # query_heads is as large
    assert len(set(alone)) == len(alone)


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_explained_number_of_a_published_model_is_the_recorded_one(name, attention):
    published = published_model(name, attention)
    with torch.no_grad():
        trace = record(published.model, **published.inputs)
    draw = random.Random(name)
    explained = 0
    for step in trace.steps:
        if not step.value.numel() or ops.reads(step) is None:
            continue
        here = explain(trace, step, tuple(draw.randrange(size) for size in step.shape))
        assert here.agrees is not False, here.sentence
        explained += 1
    assert explained > 0.85 * len(trace.steps)
