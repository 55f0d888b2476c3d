"""Devices: the same numbers on each that is here, and a plain refusal of those that are not."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Config, ConfigError, run
from engine.runtime.devices import available_devices, memory_budget, resolve_device
from engine.runtime.footprint import measure

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
needs_mps = pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no MPS device")


def assert_parity(one, other, tolerance):
    assert len(one.steps) == len(other.steps)
    for ours, theirs in zip(one.steps, other.steps, strict=True):
        assert (ours.full_name, ours.axes, ours.shape) == (theirs.full_name, theirs.axes, theirs.shape)
        torch.testing.assert_close(theirs.value.cpu(), ours.value, rtol=0, atol=tolerance)


@pytest.mark.gpu
@needs_cuda
@settings(max_examples=8)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.sampled_from(["relu", "gelu"]))
def test_cuda_gives_the_numbers_of_the_cpu_in_float64(batch, src_len, tgt_len, norm_first, activation):
    config = Config(
        batch=batch, src_len=src_len, tgt_len=tgt_len, norm_first=norm_first, activation=activation, dtype="float64"
    )
    assert_parity(run(config.change(device="cpu")), run(config.change(device="cuda")), 1e-10)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_cuda_runs_every_dtype_and_recomputes_every_step(dtype):
    trace = run(Config(device="cuda", dtype=dtype))
    assert {step.device.type for step in trace.steps} == {"cuda"}
    for step in trace.steps:
        assert not step.value.isnan().any()
        torch.testing.assert_close(step.recompute(), step.value, rtol=1e-3, atol=1e-3)


@pytest.mark.gpu
@needs_cuda
def test_bytes_on_cuda_are_those_measured():
    config = Config(device="cuda")
    assert run(config).nbytes == measure(config).tensors
    assert 0 < memory_budget(torch.device("cuda")) <= torch.cuda.mem_get_info()[1]


@pytest.mark.gpu
@needs_mps
def test_mps_gives_the_numbers_of_the_cpu_in_float32():
    config = Config(norm_first=True)
    assert_parity(run(config.change(device="cpu")), run(config.change(device="mps")), 1e-4)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_an_absent_device_is_refused_and_those_present_are_named(device):
    if device in available_devices():
        pytest.skip(f"{device} is here")
    with pytest.raises(ConfigError) as caught:
        run(Config(device=device))
    (problem,) = caught.value.problems
    assert problem.field == "device"
    assert device in problem.value
    assert problem.remedy == f"present: {', '.join(available_devices())}"


@pytest.mark.parametrize(
    ("cuda", "mps", "dtype", "chosen"),
    [
        (True, True, "float32", "cuda"),
        (True, False, "float64", "cuda"),
        (False, True, "float32", "mps"),
        (False, True, "float64", "cpu"),  # MPS has no float64
        (False, False, "float32", "cpu"),
    ],
)
def test_auto_takes_the_fastest_device_that_can(monkeypatch, cuda, mps, dtype, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto", dtype).type == chosen


def test_float64_on_mps_is_refused_with_what_works(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(ConfigError, match="use float32, or device cpu"):
        resolve_device("mps", "float64")


def test_the_cpu_is_always_present_and_has_room():
    assert available_devices()[-1] == "cpu"
    assert 2**20 < memory_budget(torch.device("cpu")) <= 4 * 2**30
