"""What a failed recording says: the step before it, the operands, the axes that must agree and what would work."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import einops
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from engine import record
from engine.record.failure.failure import Failure, OperandAxis


def failure_of(function: Callable[..., Any], *args: Any) -> Failure:
    with pytest.raises((RuntimeError, IndexError, TypeError, einops.EinopsError)) as raised:
        record(function, *args)
    failure = raised.value.trace.failure
    assert raised.value.__notes__ == [failure.note]
    return failure


def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(shape, dtype=dtype)


def test_a_failed_recording_raises_the_same_error_with_every_step_before_it():
    def program(x: Tensor) -> Tensor:
        doubled = x * 2
        return doubled @ doubled

    with pytest.raises(RuntimeError) as plain:
        program(zeros(2, 3))
    with pytest.raises(RuntimeError) as raised:
        record(program, zeros(2, 3))
    assert str(raised.value) == str(plain.value)
    assert type(raised.value) is type(plain.value)
    trace = raised.value.trace
    assert [step.name for step in trace.steps] == ["doubled"]
    assert trace.output is None
    assert (trace.failure.op, trace.failure.expression) == ("matmul", "doubled @ doubled")
    assert trace.failure.line == program.__code__.co_firstlineno + 2
    assert trace.failure.operands[0].origin is trace.steps[0]


def test_an_error_of_the_programs_own_keeps_its_trace_and_its_words():
    def program(x: Tensor) -> Tensor:
        y = x + 1
        return {}["missing"] * y

    with pytest.raises(KeyError) as raised:
        record(program, zeros(2))
    failure = raised.value.trace.failure
    assert (failure.op, failure.operands, failure.remedy) == ("", (), "")
    assert failure.reason == "'missing'"
    assert len(raised.value.trace.steps) == 1


def test_an_error_that_the_program_catches_leaves_no_failure():
    def program(x: Tensor) -> Tensor:
        try:
            return x @ x
        except RuntimeError:
            return x + 1

    trace = record(program, zeros(2, 3))
    assert trace.failure is None
    assert [step.op for step in trace.steps] == ["add"]


def test_a_key_that_was_never_turned_is_named_with_its_axes_its_line_and_the_turn():
    def program(query: Tensor, rows: Tensor) -> Tensor:
        query = query.view(2, 4, 6, 8)  # (B, H, L, d_k)
        key = rows.view(2, 4, 6, 8)  # (B, H, L, d_k)
        return query @ key

    failure = failure_of(program, zeros(2, 4, 48), zeros(2, 4, 48))
    first = program.__code__.co_firstlineno
    assert failure.reason == (
        "A product needs the last axis of query (d_k 8) and the last axis but one of key (L 6) to be equal."
    )
    assert failure.remedy == "key.transpose(-2, -1)"
    assert failure.edges == (OperandAxis(0, 3), OperandAxis(1, 2))
    lines = failure.note.splitlines()
    assert lines[0].startswith("query @ key   ")
    assert f":{first + 3} raised RuntimeError" in lines[0]
    assert lines[2].startswith("  key is (B 2, H 4, L 6, d_k 8) float32, from step 1: rows.view(2, 4, 6, 8)   ")
    assert lines[2].endswith(f":{first + 2}")
    assert lines[-1] == "Nearest that works: key.transpose(-2, -1)"


def test_heads_and_tokens_in_each_others_place_are_put_right_in_one_expression():
    failure = failure_of(lambda query, key: query @ key, zeros(2, 4, 5, 8), zeros(2, 6, 4, 8))
    assert failure.remedy == "key.transpose(1, 2).transpose(-2, -1)"


def test_fewer_key_heads_are_repeated_for_a_product():
    failure = failure_of(lambda q, k: q @ k, zeros(2, 8, 5, 4), zeros(2, 2, 4, 5))
    assert failure.reason == (
        "A product needs the axes before the last two to be equal or 1: q has 8 on axis 1 where k has 2 on axis 1."
    )
    assert failure.remedy == "k.repeat_interleave(4, dim=1)"


def test_bmm_says_how_many_axes_it_takes():
    failure = failure_of(lambda q, k: torch.bmm(q, k), zeros(2, 4, 3, 5), zeros(2, 4, 5, 3))
    assert failure.reason == "bmm needs tensors of 3 axes: q has 4, (2, 4, 3, 5)."
    assert failure.remedy == "torch.matmul(q, k), which takes any number of axes"


class Projection(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.proj = nn.Linear(8, 3)

    def forward(self, ids: Tensor, x: Tensor) -> Tensor:
        rows = self.embedding(ids)
        return self.proj(x) + rows


def test_a_linear_layer_names_its_in_features_and_the_input_that_the_program_wrote():
    failure = failure_of(Projection(), torch.tensor([1]), zeros(2, 7))
    assert failure.expression == "self.proj(x)"
    assert failure.reason == "A linear layer needs the last axis of x (7) to be its in_features (8)."
    assert failure.remedy == "nn.Linear(7, 3) for this input"
    assert failure.operands[0].name == "x"
    assert [operand.origin.kind for operand in failure.operands] == ["input", "parameter", "parameter"]


def test_a_linear_layer_is_offered_the_turned_input_or_the_merged_heads():
    assert failure_of(Projection(), torch.tensor([1]), zeros(2, 8, 5)).remedy == "x.transpose(-2, -1)"
    assert failure_of(Projection(), torch.tensor([1]), zeros(3, 2, 4)).remedy == "x.flatten(-2)"


def test_an_id_outside_the_embedding_is_found():
    failure = failure_of(Projection(), torch.tensor([[1, 12], [3, -1]]), zeros(2, 8))
    assert failure.reason == "An embedding of 10 rows takes ids 0 to 9: ids[0, 1] is 12. 2 of 4 ids are outside."
    assert failure.remedy == "nn.Embedding(13, 4), if this id is meant"


def test_ids_that_are_no_whole_numbers_are_said_to_be():
    failure = failure_of(Projection(), torch.tensor([1.0]), zeros(2, 8))
    assert failure.reason == "embedding needs whole numbers as ids: ids is float32."
    assert failure.remedy == "ids.long()"


@pytest.mark.parametrize(
    ("mask", "remedy"),
    [
        (zeros(2, 5, 5, dtype=torch.bool), "mask.unsqueeze(1)"),
        (zeros(2, 5, dtype=torch.bool), "mask[:, None, None, :]"),
        (zeros(5, 5), "mask.bool()"),
    ],
)
def test_a_mask_of_another_rank_or_dtype_is_put_right(mask: Tensor, remedy: str):
    failure = failure_of(lambda scores, mask: scores.masked_fill(mask, -1e9), zeros(2, 4, 5, 5), mask)
    assert failure.remedy == remedy


def test_a_batch_that_meets_heads_is_named():
    def program(scores: Tensor, hidden: Tensor) -> Tensor:
        scores = scores + 0  # (B, H, L, L_k)
        hidden = hidden == 0  # (B, L, L_k)
        return scores.masked_fill(hidden, -1e9)

    failure = failure_of(program, zeros(2, 4, 5, 5), zeros(2, 5, 5))
    assert "scores has H 4 where hidden has B 2" in failure.reason
    assert failure.edges == (OperandAxis(0, 1), OperandAxis(1, 0))


def test_fused_attention_says_which_heads_which_width_and_which_mask():
    q, k, v = zeros(2, 8, 5, 16), zeros(2, 2, 6, 16), zeros(2, 2, 6, 16)
    attend = F.scaled_dot_product_attention
    failure = failure_of(lambda q, k, v: attend(q, k, v), q, k, v)
    assert failure.reason == "Attention needs the axes before the last two to be equal: q has 8 where k has 2."
    assert failure.remedy.startswith("k.repeat_interleave(4, dim=1), v.repeat_interleave(4, dim=1)")
    failure = failure_of(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), q, zeros(2, 8, 6, 15), v)
    assert failure.reason == "Attention needs queries and keys of one width: q has 16 last, k has 15."
    failure = failure_of(lambda q, v: F.scaled_dot_product_attention(q, q, v, dropout_p=0.5), q, zeros(2, 8, 6, 16))
    assert failure.reason == "Attention needs as many values as keys: q has 5, v has 6."
    failure = failure_of(
        lambda q, mask: F.scaled_dot_product_attention(q, q, q, attn_mask=mask), q, zeros(2, 5, 5, dtype=torch.bool)
    )
    assert failure.remedy == "mask.unsqueeze(1)"


def test_view_says_how_many_numbers_there_are_and_the_size_that_fits():
    failure = failure_of(lambda x: x.view(2, 10, 8, 65), zeros(2, 10, 512))
    assert failure.reason == (
        "view keeps every number: x (2, 10, 512) has 2 · 10 · 512 = 10,240, and (2, 10, 8, 65) would have 10,400."
    )
    assert failure.remedy == "x.view(2, 10, 8, 64)"
    failure = failure_of(lambda x: x.reshape(2, -1, 7), zeros(2, 5, 8))
    assert failure.reason == "reshape keeps every number: x (2, 5, 8) has 80, which 14 does not divide."
    assert failure.remedy == "x.reshape(2, -1, 8)"


def test_view_says_which_axes_lie_apart_in_memory():
    def program(x: Tensor) -> Tensor:
        mixed = x.transpose(1, 2)  # (B, L, H, d_k)
        return mixed.view(2, 10, 512)

    failure = failure_of(program, zeros(2, 8, 10, 64))
    assert "in mixed, H 8 and d_k 64 would become one axis" in failure.reason
    assert "640 places in memory, and for one axis it would have to be 64" in failure.reason
    assert failure.remedy == "mixed.reshape(2, 10, 512)"
    assert failure.edges == (OperandAxis(0, 2), OperandAxis(0, 3))


def test_cat_and_stack_name_the_axis_that_differs_and_the_one_to_join_along():
    failure = failure_of(lambda a, b: torch.cat((a, b)), zeros(2, 3, 4), zeros(2, 5, 4))
    assert failure.reason == (
        "cat along axis 0 needs all other axes to be equal: a has 3 on axis 1 where b has 5 on axis 1."
    )
    assert failure.remedy == "torch.cat((a, b), dim=1)"
    failure = failure_of(lambda a, b: torch.stack([a, b]), zeros(2, 3), zeros(2, 4))
    assert failure.reason == "stack needs tensors of one shape: a has 3 on axis 1 where b has 4 on axis 1."
    failure = failure_of(lambda a, b: torch.cat([a, b], dim=1), zeros(2, 3, 4), zeros(2, 4))
    assert failure.reason == "cat needs the same number of axes everywhere: a has (2, 3, 4), b has (2, 4)."
    assert failure.remedy == "b.unsqueeze(1)"


def test_split_says_what_its_sizes_add_up_to():
    failure = failure_of(lambda x: x.split([1, 1], dim=1), zeros(2, 3))
    assert failure.reason == "The sizes of split must add up to the axis: x has 3 on axis 1, and 1 + 1 is 2."
    assert failure.remedy == "sizes 1, 2"


def test_indices_out_of_range_are_found():
    ids = torch.tensor([[0, 5], [1, 1]])
    failure = failure_of(lambda x, i: x.gather(1, i), zeros(2, 3), ids)
    assert failure.reason.endswith("an index goes from 0 to 2: i[0, 1] is 5.")
    failure = failure_of(lambda x, i: x[i], zeros(2, 3), torch.tensor([0, -3]))
    assert failure.reason.endswith("an index goes from -2 to 1: i[1] is -3.")
    failure = failure_of(lambda x: x[:, 7], zeros(2, 3))
    assert failure.reason.endswith("an index goes from -3 to 2: it is given 7.")
    assert failure.remedy == "index 2"
    failure = failure_of(lambda x: x.softmax(3), zeros(2, 3, 4))
    assert failure.reason == "x has 3 axes, (2, 3, 4), so dim goes from -3 to 2: it is given 3."
    assert failure.remedy == "dim=2"


def test_einsum_names_the_letter_with_two_sizes_and_the_order_that_fits():
    failure = failure_of(lambda a, b: torch.einsum("bhqd,bhkd->bhqk", a, b), zeros(2, 3, 4, 5), zeros(2, 4, 3, 5))
    assert failure.reason == "In “bhqd,bhkd->bhqk” the letter h is 3 of a and 4 of b; it must be one size."
    assert failure.remedy == '"bhqd,bkhd->bhqk"'
    failure = failure_of(lambda a: torch.einsum("bld->ld", a), zeros(2, 3))
    assert failure.reason == "“bld” names 3 axes: a has 2, (2, 3)."
    assert failure.remedy == '"ld->ld"'


@pytest.mark.parametrize(
    ("pattern", "shapes", "remedy"),
    [
        ("bqhd,bkhe->bhqk", [(2, 6, 4, 8), (2, 6, 4)], '"bqhd,bkh->bhqk"'),  # e stands nowhere else
        ("bhqk,bkhd->bqhd", [(2, 4, 6, 6), (6, 4, 8)], '"bhqk,khd->bqhd"'),  # only without b do the sizes agree
        ("ld,de->le", [(2, 5, 8), (8, 3)], '"...ld,de->...le"'),
        ("ld,de", [(2, 5, 8), (8, 3)], '"...ld,de"'),
        ("ab,bc->ac", [(2,), (5, 3)], ""),  # neither a nor b is the 2 that would fit
    ],
)
def test_einsum_of_a_tensor_of_another_rank_is_offered_a_pattern_that_runs(pattern, shapes, remedy):
    tensors = [zeros(*shape) for shape in shapes]
    failure = failure_of(lambda *operands: torch.einsum(pattern, *operands), *tensors)
    assert failure.remedy == remedy
    if remedy:
        torch.einsum(remedy.strip('"'), *tensors)


def test_einops_names_the_group_that_does_not_divide():
    failure = failure_of(lambda x: einops.rearrange(x, "b l (h d) -> b h l d", h=3), zeros(2, 5, 8))
    assert failure.reason == ("In “b l (h d) -> b h l d” the axes (h d) are 8 of x: h=3 is 3, which does not divide 8.")
    assert failure.remedy in ("h=2", "h=4")
    failure = failure_of(lambda x: einops.rearrange(x, "b h l d -> b l h d"), zeros(2, 5, 8))
    assert failure.reason == "“b h l d” names 4 axes: x has 3, (2, 5, 8)."


def test_dtypes_and_devices_that_do_not_agree_are_named():
    failure = failure_of(lambda a, b: a @ b, zeros(2, 3), zeros(3, 4, dtype=torch.float64))
    assert failure.reason == "matmul needs tensors of one dtype: a is float32, b is float64."
    assert failure.remedy == "b.to(torch.float32)"
    failure = failure_of(Projection(), torch.tensor([1]), zeros(2, 8, dtype=torch.float64))
    assert failure.remedy == "x.to(torch.float32)"
    failure = failure_of(lambda a, b: a + b, zeros(2, 3), torch.zeros(2, 3, device="meta"))
    assert failure.reason == "add needs its tensors on one device: a is on cpu, b is on meta."


def test_a_rule_that_fails_never_hides_the_error(monkeypatch: pytest.MonkeyPatch):
    from engine.record.failure import attach

    monkeypatch.setattr(attach, "build_failure", lambda *_: 1 / 0)
    with pytest.raises(RuntimeError, match="size of tensor") as raised:
        record(lambda a, b: a + b, zeros(2), zeros(3))
    assert raised.value.trace.failure is None


SIZES = st.integers(1, 5)
SHAPES = st.lists(SIZES, min_size=1, max_size=4).map(tuple)
PROGRAMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "left @ right": lambda left, right: left @ right,
    "left + right": lambda left, right: left + right,
    "left.masked_fill(right, 0.0)": lambda left, right: left.masked_fill(right, 0.0),
    "torch.where(left > 0, left, right)": lambda left, right: torch.where(left > 0, left, right),
}


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(PROGRAMS)), SHAPES, SHAPES)
def test_whatever_is_said_to_work_works(program: str, left_shape: tuple[int, ...], right_shape: tuple[int, ...]):
    dtype = torch.bool if "masked_fill" in program else torch.float32
    left, right = zeros(*left_shape), zeros(*right_shape, dtype=dtype)
    try:
        record(PROGRAMS[program], left, right)
    except Exception as error:
        failure = error.trace.failure
        assert failure.reason != failure.message, "every failure of shapes has a reason"
        first, second = failure.edges
        sizes = [failure.operands[edge.operand].shape[edge.axis] for edge in (first, second)]
        assert sizes[0] != sizes[1]
        if failure.remedy:
            name = failure.remedy.split(".")[0].split("[")[0]
            values = {"left": left, "right": right}
            values[name] = eval(failure.remedy, {"torch": torch}, values)
            PROGRAMS[program](values["left"], values["right"])


@settings(deadline=None, max_examples=100)
@given(SHAPES, SHAPES)
def test_the_shape_that_view_is_offered_holds_as_many_numbers(shape: tuple[int, ...], wanted: tuple[int, ...]):
    x = zeros(*shape)
    try:
        record(lambda x: x.view(wanted), x)
    except RuntimeError as error:
        failure = error.trace.failure
        assert failure.reason.startswith("view keeps every number")
        if failure.remedy:
            view = eval(failure.remedy, {}, {"x": x})
            assert math.prod(view.shape) == x.numel()
            assert sum(a != b for a, b in zip(view.shape, wanted, strict=True)) == 1
    else:
        assert math.prod(shape) == math.prod(wanted)


@settings(deadline=None, max_examples=60)
@given(st.permutations(range(4)), st.lists(st.integers(2, 4), min_size=4, max_size=4), st.integers(0, 2))
def test_the_axes_that_view_cannot_merge_are_those_whose_strides_do_not_fit(order, sizes, first):
    x = zeros(*sizes).permute(order)
    merged = (*x.shape[:first], x.shape[first] * x.shape[first + 1], *x.shape[first + 2 :])
    fits = x.stride(first) == x.shape[first + 1] * x.stride(first + 1)
    if fits:
        assert record(lambda x: x.view(merged), x).failure is None
    else:
        assert failure_of(lambda x: x.view(merged), x).edges == (OperandAxis(0, first), OperandAxis(0, first + 1))


def test_axes_are_not_exchanged_because_their_sizes_happen_to_fit():
    assert failure_of(lambda x, y: x + y, zeros(2, 6, 32), zeros(6, 2)).remedy == ""
    assert failure_of(lambda x, y: x + y, zeros(3, 6, 32), zeros(32, 6)).remedy == "y.transpose(-2, -1)"
