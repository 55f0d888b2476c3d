"""einsum and einops: a letter of a pattern with two sizes, or a pattern of another rank."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor

from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis
from engine.wording import conjunction

_LETTER = (
    "In “{pattern}” the letter {letter} is {first_axis} of {first} and {other_axis} of {other}; it must be one size."
)
_RANK = "“{part}” names {count} axes: {x} has {rank}, {shape}."
_OPERANDS = "“{pattern}” takes {count} tensors: it was given {given}."
_UNKNOWN_LETTER = "“{pattern}” asks for {letter} on the right, and no tensor on the left has it."
_GROUP = "In “{pattern}” the axes ({group}) are {axis} of {x}: {sizes} is {product}, which does not {fit} {size}."
_MOST_LETTERS = 8  # of a tensor whose letters are left out in every way; of 20 there are 184,756 ways
_GROUP_REMEDY = "{name}={size}"


def einsum(call: FailingCall) -> Diagnosis | None:
    """The letter that has two sizes, or the tensor whose rank is not the pattern's."""
    pattern = next((value for value in call.args if isinstance(value, str)), None)
    if pattern is None or "..." in pattern:
        return None
    left, _, right = pattern.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(call.operands):
        return Diagnosis(_OPERANDS.format(pattern=pattern, count=len(parts), given=len(call.operands)))
    for number, (part, operand) in enumerate(zip(parts, call.operands, strict=True)):
        if len(part) != len(operand.shape):
            reason = _RANK.format(
                part=part, count=len(part), x=operand.name, rank=len(operand.shape), shape=operand.shape_text
            )
            edges = tuple(OperandAxis(number, axis) for axis in range(len(operand.shape)))
            return Diagnosis(reason, _of_another_rank(parts, right, number, call.operands), edges)
    axes_by_symbol: dict[str, OperandAxis] = {}
    for number, (part, operand) in enumerate(zip(parts, call.operands, strict=True)):
        for axis, letter in enumerate(part):
            known = axes_by_symbol.setdefault(letter, OperandAxis(number, axis))
            before = call.operands[known.operand]
            if 1 not in (before.shape[known.axis], operand.shape[axis]) and (
                before.shape[known.axis] != operand.shape[axis]
            ):
                reason = _LETTER.format(
                    pattern=pattern,
                    letter=letter,
                    first_axis=before.axis_text(known.axis),
                    first=before.name,
                    other_axis=operand.axis_text(axis),
                    other=operand.name,
                )
                return Diagnosis(
                    reason, _renamed(pattern, parts, right, number, call.operands), (known, OperandAxis(number, axis))
                )
    missing = next((letter for letter in right if letter not in axes_by_symbol), None)
    return None if missing is None else Diagnosis(_UNKNOWN_LETTER.format(pattern=pattern, letter=missing))


def _renamed(pattern: str, parts: Sequence[str], right: str, number: int, operands: Sequence[FailedOperand]) -> str:
    """The pattern with the letters of one tensor in the order of its sizes, where that fits all the others."""
    sizes: dict[str, int] = {}
    for at, (part, operand) in enumerate(zip(parts, operands, strict=True)):
        if at != number:
            sizes.update(zip(part, operand.shape, strict=True))
    free = list(parts[number])
    letters = []
    for size in operands[number].shape:
        letter = next((each for each in free if sizes.get(each, size) == size), None)
        if letter is None:
            return ""
        free.remove(letter)
        letters.append(letter)
    changed = [*parts]
    changed[number] = "".join(letters)
    return f'"{_pattern(changed, right)}"'


def _of_another_rank(parts: Sequence[str], right: str, number: int, operands: Sequence[FailedOperand]) -> str:
    """The nearest pattern that names as many axes of one tensor as it has and that torch takes; "" where none is found.

    Letters too many are left out, those first that stand nowhere else; for axes too many "..." stands in front.
    """
    part, rank = parts[number], len(operands[number].shape)
    elsewhere = "".join(other for at, other in enumerate(parts) if at != number)
    candidates: list[tuple[int, str, str]] = []
    if rank < len(part) <= _MOST_LETTERS:
        for kept in map("".join, combinations(part, rank)):
            gone = set(part) - set(kept)
            # A letter that the product runs along stays: without it the pattern is another product.
            if all(letter in right or letter not in elsewhere for letter in gone):
                result = "".join(letter for letter in right if letter in elsewhere or letter not in gone)
                candidates.append((sum(letter in right for letter in gone), kept, result))
    elif rank > len(part):
        candidates.append((0, f"...{part}", f"...{right}" if right else ""))
    tensors = [torch.empty(operand.shape, device="meta") for operand in operands]
    for _, changed, result in sorted(candidates, key=itemgetter(0)):
        pattern = _pattern([*parts[:number], changed, *parts[number + 1 :]], result)
        try:
            torch.einsum(pattern, *tensors)
        except RuntimeError:
            continue
        return f'"{pattern}"'
    return ""


def _pattern(parts: Sequence[str], right: str) -> str:
    return f"{','.join(parts)}->{right}" if right else ",".join(parts)


def einops(
    variables: Mapping[str, Any], operand_of: Mapping[int, FailedOperand]
) -> tuple[Diagnosis, FailedOperand] | None:
    """What of an einops pattern does not fit the tensor that it was given.

    Args:
        variables: those of einops' own function, where it raised.
        operand_of: id of a tensor → the operand.

    Returns:
        The diagnosis and the tensor; None where nothing can be said.
    """
    tensor, pattern = variables.get("tensor"), variables.get("pattern")
    if not isinstance(tensor, Tensor) or not isinstance(pattern, str):
        return None
    x = operand_of[id(tensor)]
    left = pattern.partition("->")[0].strip()
    if "..." in left:
        return None
    groups = [group.strip("()").split() for group in re.findall(r"\([^)]*\)|\S+", left)]
    if len(groups) != len(x.shape):
        reason = _RANK.format(part=left, count=len(groups), x=x.name, rank=len(x.shape), shape=x.shape_text)
        return Diagnosis(reason, edges=tuple(OperandAxis(0, axis) for axis in range(len(x.shape)))), x
    lengths: Mapping[str, int] = variables.get("axes_lengths") or {}
    for axis, group in enumerate(groups):
        known = {name: int(lengths.get(name, name if name.isdigit() else 0)) for name in group}
        product = math.prod(size for size in known.values() if size)
        is_open = not all(known.values())
        size = x.shape[axis]
        if (is_open and size % product == 0) or product == size or not any(known.values()):
            continue
        given = {name: value for name, value in known.items() if value and not name.isdigit()}
        reason = _GROUP.format(
            pattern=pattern,
            group=" ".join(group),
            axis=x.axis_text(axis),
            x=x.name,
            sizes=conjunction([f"{name}={value}" for name, value in given.items()]) or "the group",
            product=product,
            fit="divide" if is_open else "equal",
            size=size,
        )
        remedy = ""
        if len(given) == 1:
            ((name, value),) = given.items()
            fitting = [near for near in range(1, size + 1) if size % near == 0] if is_open else [size]
            remedy = _GROUP_REMEDY.format(name=name, size=min(fitting, key=lambda near: abs(near - value)))
        return Diagnosis(reason, remedy, (OperandAxis(0, axis),)), x
    return None
