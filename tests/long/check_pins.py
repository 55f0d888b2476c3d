"""Many cells of every step of models of every kind, and of recorded functions, through the page's own code."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from engine import Config, Trace, record, run
from engine.config import ACTIVATIONS, OUTPUTS
from engine.pretrained.pretrained import trained_config
from tests.engine.programs import DTYPES, PROGRAMS, numbers
from tests.long.registry import Case, long_check
from tests.pages.pins import faults, pins

_TEXTS = (["I go home", "we"], ["나는 집에 간다", "👍"])
_DATES = ["21 November 2026", "2026년 3월 1일"]


@long_check(cases=60)
@contextmanager
def pins_of_the_model() -> Iterator[Case]:
    yield _model


@long_check(cases=60)
@contextmanager
def pins_of_recorded_functions() -> Iterator[Case]:
    yield _function


def _model(draw: random.Random) -> None:
    masks = {"padding_mask": draw.random() < 0.7, "causal_mask": draw.random() < 0.7}
    shared = {"dtype": draw.choice(DTYPES), "output": draw.choice(OUTPUTS), "device": "cpu", **masks}
    if draw.random() < 0.3:
        _hold(run(trained_config(**shared), _DATES if draw.random() < 0.5 else None), draw)
        return
    heads = draw.randint(1, 3)
    config = Config(
        batch=draw.randint(1, 3),
        src_len=draw.randint(1, 6),
        tgt_len=draw.randint(1, 6),
        d_model=heads * draw.randint(1, 10),
        heads=heads,
        encoder_layers=1,
        decoder_layers=draw.randint(1, 2),
        vocab_size=draw.randint(4, 40),
        norm_first=draw.random() < 0.5,
        activation=draw.choice(ACTIVATIONS),
        seed=draw.randrange(1000),
        **shared,
    )
    _hold(run(config, *(_TEXTS if draw.random() < 0.5 else ())), draw)


def _function(draw: random.Random) -> None:
    names = draw.sample(sorted(PROGRAMS), 8)
    x = numbers(draw.randrange(1000), draw.choice(DTYPES))

    def program(x: torch.Tensor) -> list[object]:
        return [PROGRAMS[name](x) for name in names]

    _hold(record(program, x), draw)


def _hold(trace: Trace, draw: random.Random) -> None:
    wrong = [fault for pin in pins(trace, draw) for fault in faults(trace, pin)]
    if wrong:
        raise AssertionError(f"{len(wrong)} faults: " + "; ".join(wrong[:3]))
