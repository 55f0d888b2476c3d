"""Functions that open into plainer ones: inside is what torch returned, and each step of it is explained."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from engine import explain, record


def numbers(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype)


def complexes(*shape, seed=0):
    return torch.complex(numbers(*shape, seed=seed), numbers(*shape, seed=seed + 1))


X, Y = numbers(2, 5, 4), numbers(2, 5, 4, seed=7)
WITH_HOLES = torch.tensor([[1.0, torch.nan, 2.0], [torch.inf, -torch.inf, -3.0]])
CALLS = {
    "mH": lambda: complexes(3, 2, 4).mH,
    "mH of real numbers": lambda: X.mH,
    "H": lambda: complexes(3, 2).H,
    "vdot": lambda: torch.vdot(complexes(4), complexes(4, seed=5)),
    "vdot of real numbers": lambda: torch.vdot(X[0, 0], Y[0, 0]),
    "inner": lambda: torch.inner(X, Y[0]),
    "inner of vectors": lambda: torch.inner(X[0, 0], Y[0, 0]),
    "trace": lambda: X[0, :4].trace(),
    "lerp": lambda: torch.lerp(X, Y, 0.3),
    "lerp by a tensor": lambda: X.lerp(Y, torch.rand(4)),
    "addcmul": lambda: torch.addcmul(X, X, Y, value=-0.5),
    "addcdiv": lambda: torch.addcdiv(X, X, Y.abs() + 1),
    "hypot": lambda: torch.hypot(X, Y),
    "frac": lambda: (3 * X).frac(),
    "fmod": lambda: torch.fmod(5 * X, 2),
    "fmod by a tensor": lambda: torch.fmod(5 * X, Y.abs() + 1),
    "nan_to_num": lambda: torch.nan_to_num(WITH_HOLES, nan=0.5),
    "nan_to_num of all": lambda: WITH_HOLES.nan_to_num(nan=1.0, posinf=2.0, neginf=3.0),
    "cosine_similarity": lambda: F.cosine_similarity(X, Y, dim=-1),
    "cosine_similarity of pairs": lambda: F.cosine_similarity(X.unsqueeze(2), Y.unsqueeze(1), dim=3),
    "cdist": lambda: torch.cdist(X, Y),
    "cdist by sizes": lambda: torch.cdist(X, Y[:, :3], p=1.0),
    "weight_norm": lambda: torch._weight_norm(X, X.norm(dim=(1, 2), keepdim=True), 0),
    "weight_norm of the last axis": lambda: torch._weight_norm(X, numbers(1, 1, 4), 2),
    "norm_except_dim": lambda: torch.norm_except_dim(X, 2, 1),
    "norm of all": lambda: torch.norm_except_dim(X, 2, -1),
    "matrix_exp": lambda: torch.matrix_exp(numbers(2, 3, 3)),
    "matrix_exp of a large one": lambda: torch.linalg.matrix_exp(2 * numbers(3, 3)),
    "matrix_exp of zeros": lambda: torch.matrix_exp(torch.zeros(2, 2)),
    "fft": lambda: torch.fft.fft(X),
    "fft along an axis": lambda: torch.fft.fft(complexes(3, 5), dim=0, norm="ortho"),
    "ifft": lambda: torch.fft.ifft(complexes(3, 5)),
    "ifft forward": lambda: torch.fft.ifft(complexes(3, 5), norm="forward"),
    "fft2": lambda: torch.fft.fft2(X, norm="forward"),
    "fftn": lambda: torch.fft.fftn(X, dim=(1, 2)),
    "ifftn": lambda: torch.fft.ifftn(complexes(2, 3, 4)),
    "rfft": lambda: torch.fft.rfft(X),
    "rfft of an odd axis": lambda: torch.fft.rfft(X, dim=1),
    "interpolate": lambda: F.interpolate(X, size=9),
    "interpolate by a scale": lambda: F.interpolate(X, scale_factor=0.6),
    "interpolate linear": lambda: F.interpolate(X, size=7, mode="linear"),
    "interpolate linear from corner to corner": lambda: F.interpolate(X, size=7, mode="linear", align_corners=True),
    "interpolate bilinear": lambda: F.interpolate(X[None], scale_factor=(1.7, 2.2), mode="bilinear"),
    "interpolate bicubic": lambda: F.interpolate(X[None], size=(3, 9), mode="bicubic"),
    "interpolate bicubic from corner to corner": lambda: F.interpolate(
        X[None], size=(3, 9), mode="bicubic", align_corners=True
    ),
    "as_strided": lambda: X.as_strided((2, 3, 2), (20, 4, 1)),
    "as_strided of a turned tensor": lambda: X.mT.as_strided((3, 2), (1, 5), 4),
    "as_strided of overlapping windows": lambda: torch.as_strided(X[1], (3, 3), (4, 1)),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_inside_is_what_torch_returned(call):
    torch.manual_seed(0)
    trace = record(CALLS[call])
    step = trace.steps[-1]
    assert torch.equal(trace.output.nan_to_num(), step.value.nan_to_num())
    inside = step.inside
    assert inside.output.shape == step.shape
    assert inside.output.dtype == step.dtype
    assert step.inside_difference <= 2e-5 * max(1.0, float(step.value.abs().nan_to_num(posinf=0.0).max()))
    for inner in inside.steps:
        middle = tuple(size // 2 for size in inner.shape)
        assert explain(inside, inner, middle).agrees, inner.op


def test_weights_of_a_direction_and_a_length_lead_on_to_both():
    torch.manual_seed(0)
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
    trace = record(layer, X)
    weight = next(step for step in trace.steps if step.op == "_weight_norm")
    assert {id(parent.value) for parent in weight.inputs} == {id(p) for p in layer.parametrizations.weight.parameters()}
    assert weight.inside_difference < 1e-6


@pytest.mark.parametrize(
    "call",
    [
        lambda: X[:1].as_strided((2, 20), (20, 1)),  # the second row is no element of X[:1]
        lambda: X[1].as_strided((4,), (1,), 0),
        lambda: F.interpolate(X[None], size=(3, 2), mode="area"),
        lambda: F.interpolate(X[None], size=(3, 2), mode="bilinear", antialias=True),
        lambda: torch.fft.fft(X, n=7),
        lambda: torch.nan_to_num(torch.arange(3)),
    ],
)
def test_what_the_plain_form_does_not_cover_stays_closed(call):
    assert record(call).steps[-1].inside is None


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 7), st.integers(1, 6), st.sampled_from(["backward", "ortho", "forward"]))
def test_a_transform_and_its_inverse_open_at_any_size(rows, columns, norm):
    x = complexes(rows, columns)
    trace = record(lambda x: torch.fft.ifft2(torch.fft.fft2(x, norm=norm), norm=norm), x)
    assert torch.allclose(trace.output, x, atol=1e-5)
    assert all(step.inside_difference < 1e-4 for step in trace.steps)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(1, 9), st.booleans())
def test_numbers_between_others_open_at_any_size(before, after, aligns_corners):
    x = numbers(1, 2, before)
    trace = record(lambda x: F.interpolate(x, size=after, mode="linear", align_corners=aligns_corners), x)
    assert trace.steps[0].inside_difference < 1e-5
