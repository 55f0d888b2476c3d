"""Published architectures with weights that are drawn: more elements of every step, walks from any number."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import torch

from engine import record
from engine.explain.walk import walk
from tests.engine.published.recorded import EVERY_MODEL, ancestors, last_step, missed_gradients, unexplained
from tests.engine.published_models import published_model
from tests.long.registry import Case, long_check


def check(draw: random.Random) -> None:
    """A model at rest or in training: three elements of every step, and the walks from all and from one of the last."""
    published = published_model(*draw.choice(EVERY_MODEL))
    torch.manual_seed(draw.randrange(2**31))
    with torch.no_grad():
        for parameter in published.model.parameters():
            parameter.copy_(parameter + 0.1 * torch.randn_like(parameter))
    trace = record(published.model.train(draw.random() < 0.5), **published.inputs)
    for _ in range(3):
        wrong = list(unexplained(trace, draw))
        assert not wrong, wrong[0]
    last = last_step(trace)
    index = tuple(map(draw.randrange, last.shape))
    missed = missed_gradients(walk(trace, last, index), trace, last.value[index])
    assert not missed, f"the walk from {index} never came to {missed[0]}"
    assert set(walk(trace, last, torch.ones(last.shape, dtype=torch.bool)).steps) == ancestors(last)


if find_spec("transformers"):

    @long_check(cases=80, share=40)
    @contextmanager
    def published_models() -> Iterator[Case]:
        """The ten architectures, eager and fused, with weights of their own each time."""
        yield check
