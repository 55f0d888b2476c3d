"""How many threads torch uses for a run."""

from __future__ import annotations

import torch

from engine import Config
from engine.runtime.forward import build_model
from engine.runtime.run import run


def _threads_of(config: Config) -> int:
    model = build_model(config)
    seen: list[int] = []
    model.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    run(config, model=model)
    return seen[0]


def test_a_small_run_keeps_to_one_thread_and_a_large_one_has_all(monkeypatch):
    usual = torch.get_num_threads()
    monkeypatch.setattr("engine.runtime.threads._USUAL", 2)
    torch.set_num_threads(2)
    try:
        assert _threads_of(Config()) == 1
        assert torch.get_num_threads() == 2
        assert _threads_of(Config(batch=8, src_len=64, tgt_len=64, d_model=256, d_ff=1024)) == 2
    finally:
        torch.set_num_threads(usual)
