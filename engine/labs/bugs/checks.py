"""What tests of attention would notice of a mistake: shape, weights, future, norm, and PyTorch's own layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from engine.labs.bugs import ROUNDING, Material, SublayerSizes, apart, attempted, material, recorded
from engine.labs.bugs.mistakes import MISTAKES, Program, program
from engine.ops.notation import number

# LayerNorm's eps keeps the standard deviation of a row a little below 1.
_NORMED = 0.01
_RIGHT_SUMS = "all {count:,} do"
# By whether some are NaN, and whether others are wrong.
_WRONG_SUMS = {
    (False, True): "{wrong:,} of {count:,} do not, sums go from {low} to {high}",
    (True, False): "{wrong:,} of {count:,} do not, {lost:,} are NaN",
    (True, True): "{wrong:,} of {count:,} do not, {lost:,} are NaN, sums go from {low} to {high}",
}
_DIFFERS = "not PyTorch's numbers"


@dataclass(frozen=True)
class OutputCheck:
    """One thing that must hold of the output (B, L, d_model) or the weights (B, H, L, L_k).

    Attributes:
        name: what is wrong where it does not hold.
        rule: what must hold.
        holds: whether it does.
        measured: the numbers that decided.
    """

    name: str
    rule: str
    holds: bool
    measured: str


@dataclass(frozen=True)
class Symptom:
    """What is seen of a mistake: ``headline`` in a few words, and every check of a program that ran.

    Attributes:
        headline: what is seen, in a few words.
        checks: in the order in which they are shown; none of a program that raised.
    """

    headline: str
    checks: tuple[OutputCheck, ...]


def symptom(mistake: int, sizes: SublayerSizes) -> Symptom:
    """The symptom of one mistake (its index in ``MISTAKES``) with these sizes."""
    mistake_made = MISTAKES[mistake]
    inputs, run = material(sizes, mistake_made.crossed), program(mistake_made)
    if isinstance(recorded(run, inputs).output, RuntimeError):
        return Symptom("an error", ())
    checks = tuple(checks_of(inputs, run))
    failed = [check.name for check in checks if not check.holds]
    if not failed:
        return Symptom("nothing: the output is right", checks)
    seen = [name for name in failed if name != _DIFFERS]
    return Symptom(", ".join(seen) or "wrong numbers, and nothing else", checks)


def symptoms(sizes: SublayerSizes) -> tuple[Symptom, ...]:
    """Those of all mistakes."""
    return tuple(symptom(mistake, sizes) for mistake in range(len(MISTAKES)))


def checks_of(inputs: Material, run: Program) -> Iterator[OutputCheck]:
    """Every check that means something for these sizes; the program must run on them."""
    trace = recorded(run, inputs)
    output, weights = trace.output, trace.find("weights").value
    shape = tuple(output.shape)
    yield OutputCheck("a wrong shape", "the output has the shape of x", shape == tuple(inputs.x.shape), str(shape))
    lost = int(output.isnan().sum())
    yield OutputCheck("NaN", "no number is NaN", not lost, f"{lost:,} of {output.numel():,} are NaN")
    yield _sums(weights)
    yield _seen(weights, inputs)
    yield from _leaks(inputs, run, output)
    yield from _norm(output)
    difference = apart(by_torch(inputs), output)[1]
    yield OutputCheck(
        _DIFFERS,
        "the output is that of nn.MultiheadAttention and nn.LayerNorm with the same weights",
        difference <= ROUNDING,
        "NaN where it has numbers" if math.isnan(difference) else f"largest difference {number(difference, 3)}",
    )


def by_torch(inputs: Material) -> Tensor:
    """The sublayer (B, L, d_model) by torch.nn.MultiheadAttention, whose boolean attn_mask is True at hidden keys."""
    layer, d_model = inputs.layer, inputs.x.size(2)
    # In training mode, without dropout, it takes no other path than it does for anybody.
    theirs = nn.MultiheadAttention(d_model, layer.heads, batch_first=True)
    projections = (layer.w_q, layer.w_k, layer.w_v)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([projection.weight for projection in projections]))
        theirs.in_proj_bias.copy_(torch.cat([projection.bias for projection in projections]))
        theirs.out_proj.weight.copy_(layer.w_o.weight)
        theirs.out_proj.bias.copy_(layer.w_o.bias)
        hidden = inputs.hidden.repeat_interleave(layer.heads, dim=0)
        output, _ = theirs(inputs.x, inputs.memory, inputs.memory, attn_mask=hidden, need_weights=False)
        return nn.functional.layer_norm(inputs.x + output, (d_model,))


def _sums(weights: Tensor) -> OutputCheck:
    sums = weights.sum(dim=-1)
    wrong = int((~((sums - 1).abs() <= ROUNDING)).sum())
    lost = int(sums.isnan().sum())
    others = sums[~sums.isnan()]
    low, high = (number(others.min().item(), 3), number(others.max().item(), 3)) if others.numel() else ("", "")
    template = _WRONG_SUMS[lost > 0, wrong > lost] if wrong else _RIGHT_SUMS
    measured = template.format(wrong=wrong, count=sums.numel(), lost=lost, low=low, high=high)
    return OutputCheck("rows do not sum to 1", "every row of weights sums to 1", not wrong, measured)


def _seen(weights: Tensor, inputs: Material) -> OutputCheck:
    """The largest weight at a key that must not be seen; what is NaN is no weight."""
    at_hidden = weights[inputs.hidden.unsqueeze(1).expand_as(weights)]
    most = at_hidden.nan_to_num(0.0).max().item() if at_hidden.numel() else 0.0
    return OutputCheck(
        "hidden keys are seen", "hidden keys get no weight", most == 0, f"the largest is {number(most, 3)}"
    )


def _leaks(inputs: Material, run: Program, output: Tensor) -> Iterator[OutputCheck]:
    """Changes what must not matter, and looks whether it does."""
    draw = torch.Generator().manual_seed(1)
    if inputs.future is None:
        if not inputs.padding.any():
            return
        other = torch.randn(inputs.memory.shape, generator=draw)
        memory = torch.where(inputs.padding.unsqueeze(-1), other, inputs.memory)
        changed, kept, name = replace(inputs, memory=memory), output, "padding matters"
        rule = "other numbers at the padded keys change nothing"
        again = _ran(run, changed)
    else:
        if inputs.x.size(1) == 1:
            return
        last = torch.randn(inputs.x[:, -1:].shape, generator=draw)
        x = torch.cat([inputs.x[:, :-1], last], dim=1)
        changed, kept, name = replace(inputs, x=x, memory=x), output[:, :-1], "the future leaks"
        rule = "another last word changes nothing before it"
        again = _ran(run, changed)[:, :-1]
    moved = (again - kept).abs().nan_to_num(0.0).max().item()
    yield OutputCheck(name, rule, moved <= ROUNDING, f"outputs moved by up to {number(moved, 3)}")


def _ran(run: Program, inputs: Material) -> Tensor:
    with torch.no_grad():
        output = attempted(run, inputs)
    if isinstance(output, RuntimeError):
        raise output
    return output


def _norm(output: Tensor) -> Iterator[OutputCheck]:
    rows = output.flatten(0, 1)
    rows = rows[~rows.isnan().any(dim=-1)]
    if not rows.numel():
        return
    means, deviations = rows.mean(dim=-1), rows.std(dim=-1, correction=0)
    low, high = deviations.min().item(), deviations.max().item()
    off = max(means.abs().max().item(), abs(low - 1), abs(high - 1))
    measured = f"standard deviations from {number(low, 3)} to {number(high, 3)}"
    rule = "every token of the output has mean 0 and standard deviation 1"
    yield OutputCheck("not normalised", rule, off <= _NORMED, measured)
