"""Ten published architectures compute the same recorded and unrecorded, bit for bit, and nothing is left behind."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack, has_torch_function

from engine import record
from tests.engine.published.recorded import EVERY_MODEL, tensors_of
from tests.engine.published_models import published_model

pytest.importorskip("transformers")
HOOKS = [name for name in vars(nn.modules.module) if name.startswith("_global_") and "hooks" in name]


def run_once(published, inputs, training, grad, call):
    """What a model returns, the gradients of its parameters, and the next random number."""
    model = published.model.train(training)
    model.zero_grad()
    torch.manual_seed(0)
    with torch.set_grad_enabled(grad):
        results = tensors_of(call(model, inputs))
    if grad:
        results[0].square().sum().backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    return results, gradients, torch.rand(())


def same_bits(left, right):
    assert [each.shape for each in left] == [each.shape for each in right]
    return all(torch.equal(one, other) for one, other in zip(left, right, strict=True))


@pytest.mark.parametrize(("training", "grad"), [(False, False), (True, True)], ids=["eval", "training"])
@pytest.mark.parametrize(("name", "attention"), EVERY_MODEL)
def test_a_model_computes_the_same_recorded(name, attention, training, grad):
    published = published_model(name, attention)
    without_mask = {key: value for key, value in published.inputs.items() if key != "attention_mask"}
    for inputs in (published.inputs, without_mask) if without_mask != published.inputs else (published.inputs,):
        alone = run_once(published, inputs, training, grad, lambda model, inputs: model(**inputs))
        recorded = run_once(published, inputs, training, grad, lambda model, inputs: record(model, **inputs).output)
        assert alone[0]
        assert bool(alone[1]) is grad
        for one, other in zip(alone[:2], recorded[:2], strict=True):
            assert same_bits(one, other)
        assert alone[2] == recorded[2]
    assert torch.overrides.has_torch_function is has_torch_function
    assert _get_current_function_mode_stack() == []
    assert not any(getattr(nn.modules.module, name) for name in HOOKS)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in published.model.modules())
