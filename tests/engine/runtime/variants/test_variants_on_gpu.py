"""The variants on CUDA: the numbers of the CPU."""

import pytest
import torch

from engine import run
from engine.runtime.variants.cached import cached_passes
from engine.runtime.variants.cost_sheet import cost_sheet
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


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("name", VARIANT_CONFIGS)
def test_the_sheet_says_the_memory_that_a_recorded_run_takes_on_the_card(name):
    # Large enough that the allocator's rounding to 512 bytes a tensor does not count.
    sizes = {"d_model": 512, "heads": 8, "layers": 4, "batch": 8, "device": "cuda"}
    lengths = {"vit": {"image_height": 64, "image_width": 64}, "t5": {"src_len": 128, "tgt_len": 128}}
    config = VARIANT_CONFIGS[name](**sizes, **lengths.get(name, {"length": 128}))
    run(config)  # what the libraries set aside for themselves is there afterwards
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    trace = run(config)
    taken = torch.cuda.max_memory_allocated() - before
    sheet = cost_sheet(config)
    assert trace.steps
    assert taken == pytest.approx(sheet.weights + sheet.activations, rel=0.05)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral", "mixtral", "t5"])
def test_cuda_reads_token_by_token_what_it_reads_at_once(name):
    config = VARIANT_CONFIGS[name](dtype="float64", device="cuda", **{"tgt_len" if name == "t5" else "length": 6})
    logits = run(config).output
    for kept, trace in enumerate(cached_passes(config, kept=range(1, 6)), start=1):
        torch.testing.assert_close(trace.output[:, 0], logits[:, kept], rtol=0, atol=1e-10)
