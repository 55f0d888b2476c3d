"""What a program says of axes beside its comments, and the order in which it is trusted."""

# ruff: noqa: F841, N806, RUF059  a shape is unpacked for the names alone

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine import record


def last(program, *given):
    return record(program, *given).steps[-1]


class CausalAttention(nn.Module):
    """As in nanoGPT, without a single shape comment."""

    def __init__(self, n_embd, n_head):
        super().__init__()
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)
        self.n_head = n_head

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(C, dim=2)
        q = q.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        k = k.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        v = v.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        att = F.softmax(q @ k.transpose(-2, -1), dim=-1)
        y = (att @ v).transpose(1, 2).contiguous().view(B, T, C)
        y = self.c_proj(y)
        return y


@pytest.mark.parametrize("shape", [(2, 5, 12), (4, 4, 16)])
def test_an_attention_without_comments_is_named_throughout(shape):
    trace = record(CausalAttention(shape[2], 4), torch.rand(shape))
    assert trace.steps[0].axes == ("B", "L", "3*d_model")
    assert trace.find("att").axes == ("B", "H", "L", "L")
    assert [trace.find(name).axes for name in "qkv"] == [("B", "H", "L", "d_k")] * 3
    assert trace.find("y").axes == ("B", "L", "d_model")
    assert all(None not in step.axes for step in trace.steps)


def test_a_shape_that_is_unpacked_names_the_tensor_and_what_follows_it():
    def program(x):
        batch, seq_len, width = x.shape
        return x.transpose(1, 2)

    assert last(program, torch.rand(2, 5, 8)).axes == ("B", "d_model", "L")


def test_one_size_alone_names_its_axis():
    def program(x):
        n_heads = x.size(1)
        vocab_size = x.shape[-1]
        return x * 1

    assert last(program, torch.rand(2, 3, 5, 7)).axes == (None, "H", None, "V")


def test_an_unpacking_in_a_branch_that_did_not_run_names_nothing():
    def program(x, flat=False):
        if flat:
            batch, heads, head_dim = x.shape
        else:
            x = x * 1
        return x * 2

    assert [step.axes for step in record(program, torch.rand(2, 5, 8)).steps] == [(None, None, None)] * 2


def test_a_variable_that_is_assigned_again_loses_what_was_said_of_it():
    def program(x):
        batch, heads, head_dim = x.shape
        x = x.flatten().view(5, 2, 8)
        return x * 1

    # The numbers still lie as they did: eight neighbours are one row of before.
    assert last(program, torch.rand(2, 5, 8)).axes == (None, None, "d_k")


def test_the_arguments_of_view_name_its_axes_also_where_a_variable_holds_them():
    class Split(nn.Module):
        def __init__(self):
            super().__init__()
            self.num_heads, self.head_dim = 2, 4

        def forward(self, x):
            shape = (*x.shape[:-1], self.num_heads, self.head_dim)
            return x.view(shape)

    step = last(Split(), torch.rand(3, 5, 8))
    assert step.axes == (None, None, "H", "d_k")
    assert step.axes_from == (None, None, "view's arguments", "view's arguments")


def test_a_size_made_of_itself_is_no_name():
    def program(x):
        n = 8
        n = n // 2
        return x.view(2, 5, n, 2)

    assert last(program, torch.rand(2, 5, 8)).axes == (None, None, None, None)


def annotated(x: 'Float[Tensor, "P Q R"]') -> Tensor:  # noqa: F722, F821
    return x.permute(2, 0, 1)


def documented(x):
    """Turns it round.

    Args:
        x (`Tensor` of shape `(batch_size, num_heads, vocab_size)`): what is turned.
    """
    return x.permute(2, 0, 1)


def test_annotations_and_docstrings_name_parameters():
    x = torch.rand(2, 3, 4)
    assert last(annotated, x).axes == ("R", "P", "Q")
    assert last(documented, x).axes == ("V", "B", "H")
    assert last(lambda x: annotated(x * 1), x).axes == ("R", "P", "Q")


def test_jaxtyping_names_parameters():
    jaxtyping = pytest.importorskip("jaxtyping")

    def program(x):
        return x * 1

    program.__annotations__["x"] = jaxtyping.Float[Tensor, "batch heads d_k"]
    assert last(program, torch.rand(2, 3, 4)).axes == ("B", "H", "d_k")


def test_the_fields_argument_names_are_known():
    def program(input_ids, attention_mask):
        return input_ids * attention_mask

    def both(input_ids, decoder_input_ids):
        return input_ids[:, :, None] * decoder_input_ids[:, None, :]

    ids = torch.ones(2, 5)
    assert last(program, ids, ids).axes == ("B", "L")
    assert last(both, ids, torch.ones(2, 7)).axes == ("B", "S", "T")


def test_einops_patterns_name_both_sides():
    einops = pytest.importorskip("einops")

    def program(x):
        return einops.rearrange(x, "batch seq (heads head_dim) -> batch heads seq head_dim", heads=4)

    turned = last(program, torch.rand(2, 5, 8))
    assert turned.axes == ("B", "H", "L", "d_k")
    assert turned.axes_from[1] == "einops pattern"


def test_einsum_carries_names_from_both_operands():
    def program(q: 'F[T, "B H S d_k"]', k: 'F[T, "B H T d_k"]'):  # noqa: F722, F821
        return torch.einsum("bhqd,bhkd->bhqk", q, k)

    assert last(program, torch.rand(2, 3, 4, 5), torch.rand(2, 3, 6, 5)).axes == ("B", "H", "S", "T")


def test_an_axis_that_is_only_there_to_broadcast_is_one():
    def program(x: 'F[T, "B L D"]'):  # noqa: F722, F821
        return x.unsqueeze(1), x.mean(-1, keepdim=True), x - x.mean(-1, keepdim=True)

    steps = record(program, torch.rand(2, 5, 8)).steps
    assert [step.axes for step in steps] == [("B", "1", "L", "D"), ("B", "L", "1"), ("B", "L", "1"), ("B", "L", "D")]


def test_an_output_axis_follows_the_operand_whose_axis_is_not_one():
    def program(x: 'F[T, "L D"]', y: 'F[T, "B L D"]'):  # noqa: F722, F821
        return x[None] + y, x[None, :, :1] + y

    sums = [step for step in record(program, torch.rand(5, 8), torch.rand(2, 5, 8)).steps if step.op == "add"]
    assert [step.axes for step in sums] == [("B", "L", "D")] * 2


def test_a_comment_goes_before_all_else_and_the_other_name_is_told():
    def program(x: 'F[T, "B L D"]'):  # noqa: F722, F821
        y = x * 1  # (B, D, L)
        return y

    (step,) = record(program, torch.rand(4, 4, 4)).steps
    assert step.axes == ("B", "D", "L")
    assert step.axes_from == ("comment", "comment", "comment")
    assert [(d.axis, d.names, d.sources) for d in step.axes_disagree] == []

    def other(heads, batch):
        y = heads.transpose(0, 1)  # (B, H)
        z = y * batch  # (H, B)
        return z

    steps = record(other, torch.rand(3, 3), torch.rand(3, 3)).steps
    told = steps[1].axes_disagree
    assert [(d.axis, d.names, d.sources) for d in told] == [
        (0, ("H", "B"), ("comment", "carried from y")),
        (1, ("B", "H"), ("comment", "carried from y")),
    ]
    assert told[0].sentence == "Axis 0 is called H (comment) and B (carried from y)."


def test_two_sources_that_disagree_are_both_told():
    def program(x: 'F[T, "B H L"]'):  # noqa: F722, F821
        batch, vocab_size, seq_len = x.shape
        return x * 1

    told = record(lambda x: program(x * 1), torch.rand(2, 3, 4)).steps[0].axes_disagree
    assert [(d.axis, d.names, d.sources) for d in told] == [(1, ("V", "H"), ("unpacked shape", "annotation"))]


def test_sizes_of_nothing_in_the_program_give_no_name():
    def program(x):
        return x.view(4, 4, 4) @ x.view(4, 4, 4)

    assert [step.axes for step in record(program, torch.rand(64)).steps] == [(None,) * 3] * 3


def test_the_built_in_model_is_named_by_its_comments_alone():
    from engine import Config, run

    steps = run(Config(batch=2, src_len=5, tgt_len=4, heads=4, d_model=32)).steps
    assert {origin for step in steps for origin in step.axes_from} == {"comment"}
    assert [step.axes_contradiction for step in steps] == [None] * len(steps)
    assert [step.full_name for step in steps if step.axes_disagree] == []


class Scale(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))

    def forward(self, x):
        return x * self.weight


class ScaledHeads(nn.Module):
    def __init__(self, n_embd, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = n_embd // num_heads
        self.scale = Scale(self.head_dim)

    def forward(self, x):
        return self.scale(x)


def test_a_size_is_what_the_caller_of_a_constructor_calls_it():
    # Scale calls hidden_size what it was given, the size of one head.
    assert last(ScaledHeads(12, 3), torch.rand(5, 4)).axes == (None, "d_k")


def test_n_stands_for_the_batch_where_it_comes_first():
    def program(x):
        N, L, D = x.shape
        return x * 1

    assert last(program, torch.rand(2, 5, 8)).axes == ("B", "L", "d_model")
