"""The variants on CUDA: the numbers of the CPU."""

import pytest
import torch

from engine import run
from engine.variant_config import VARIANT_CONFIGS

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("name", VARIANT_CONFIGS)
def test_cuda_gives_a_variants_numbers_of_the_cpu_in_float64(name):
    config = VARIANT_CONFIGS[name](dtype="float64", device="cpu")
    ours, theirs = run(config), run(config.change(device="cuda"))
    for cpu, cuda in zip(ours.steps, theirs.steps, strict=True):
        assert (cpu.full_name, cpu.axes, cpu.shape) == (cuda.full_name, cuda.axes, cuda.shape)
        torch.testing.assert_close(cuda.value.cpu(), cpu.value, rtol=0, atol=1e-10)
