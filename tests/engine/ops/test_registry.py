"""Every registered operation, through the registry: what it reads, its arithmetic, its formula, its price."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from engine import Step, explain, ops, record
from engine.explain.explanation import formula
from engine.ops.access import NoAccess
from engine.ops.formula import LetterCells
from engine.ops.registry import Operation, register
from tests.engine.ops.indexing_examples import DRAWN_EXAMPLES, INDEXING_EXAMPLES, POSITIONS_SO_FAR, TOLD_IN_WORDS
from tests.engine.ops.layer_examples import BOOL, COMPLEX, FLOAT, IDS, LAYER_EXAMPLES

Program = Callable[..., Tensor]

# By the operation's usual name: a program whose last step it is, and the kind and shape of each of its tensors.
EXAMPLES: dict[str, tuple[Program, *tuple[tuple[str, tuple[int, ...]], ...]]] = {
    **{
        name: (getattr(torch, name), (FLOAT, (2, 3)))
        for name in (
            *("sqrt", "rsqrt", "exp", "log", "sin", "cos", "tanh", "sigmoid", "neg", "abs", "square", "reciprocal"),
            *("relu", "argmax", "argmin", "sum", "mean"),
        )
    },
    "silu": (F.silu, (FLOAT, (2, 3))),
    "gelu": (lambda x: F.gelu(x, approximate="tanh"), (FLOAT, (2, 3))),
    "clamp": (lambda x: x.clamp(0.5, 1.5), (FLOAT, (2, 3))),
    "clamp (tensors)": (lambda x, low, high: x.clamp(low, high), (FLOAT, (2, 3)), (FLOAT, (3,)), (FLOAT, (2, 1))),
    "clamp_min": (lambda x: x.clamp_min(0.5), (FLOAT, (2, 3))),
    "clamp_max": (lambda x: x.clamp_max(0.5), (FLOAT, (2, 3))),
    **{
        name: (getattr(torch, name), (FLOAT, (2, 3)), (FLOAT, (3,)))
        for name in (
            *("add", "sub", "mul", "div", "pow", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge"),
        )
    },
    **{
        name: (getattr(torch, name), (BOOL, (2, 3)), (BOOL, (3,)))
        for name in ("logical_and", "logical_or", "logical_xor")
    },
    "floordiv": (lambda x, y: x // y, (FLOAT, (2, 3)), (FLOAT, (3,))),
    "mod": (lambda x, y: x % y, (FLOAT, (2, 3)), (FLOAT, (3,))),
    "bitwise_and": (lambda x, y: x & y, (BOOL, (2, 3)), (BOOL, (3,))),
    "bitwise_or": (lambda x, y: x | y, (BOOL, (2, 3)), (BOOL, (3,))),
    "bitwise_xor": (lambda x, y: x ^ y, (BOOL, (2, 3)), (BOOL, (3,))),
    "logical_not": (torch.logical_not, (BOOL, (2, 3))),
    "bitwise_not": (lambda x: ~x, (BOOL, (2, 3))),
    "masked_fill": (lambda x, mask: x.masked_fill(mask, -1e9), (FLOAT, (2, 3)), (BOOL, (3,))),
    "where": (torch.where, (BOOL, (2, 1)), (FLOAT, (2, 3)), (FLOAT, (3,))),
    "linear": (F.linear, (FLOAT, (2, 3)), (FLOAT, (4, 3)), (FLOAT, (4,))),
    "matmul": (torch.matmul, (FLOAT, (2, 2, 3)), (FLOAT, (2, 3, 2))),
    "scaled_dot_product_attention": (
        F.scaled_dot_product_attention,
        *((FLOAT, (1, 2, 3)), (FLOAT, (1, 3, 3)), (FLOAT, (1, 3, 2)), (FLOAT, (2, 3))),
    ),
    "var": (lambda x: x.var(-1), (FLOAT, (2, 3))),
    "std": (lambda x: x.std(0), (FLOAT, (3, 2))),
    "amax": (lambda x: x.amax(1), (FLOAT, (2, 3))),
    "amin": (lambda x: x.amin(0), (FLOAT, (2, 3))),
    "max": (lambda x: x.max(1).values, (FLOAT, (2, 3))),
    "min": (lambda x: x.min(0).values, (FLOAT, (2, 3))),
    "cumsum": (lambda x: x.cumsum(0), (FLOAT, (3, 2))),
    "softmax": (lambda x: x.softmax(-1), (FLOAT, (2, 3))),
    "log_softmax": (lambda x: x.log_softmax(0), (FLOAT, (2, 3))),
    "view": (lambda x: x.view(2, 3, 2), (FLOAT, (2, 6))),
    "view_as": (lambda x, y: x.view_as(y), (FLOAT, (2, 6)), (FLOAT, (4, 3))),
    "permute": (lambda x: x.permute(2, 0, 1), (FLOAT, (2, 3, 4))),
    "transpose": (lambda x: x.transpose(0, 1), (FLOAT, (2, 3, 2))),
    "t": (lambda x: x.t(), (FLOAT, (2, 3))),
    "mT": (lambda x: x.mT, (FLOAT, (2, 3, 2))),
    "T": (lambda x: x.T, (FLOAT, (2, 3))),
    "movedim": (lambda x: x.movedim(0, 2), (FLOAT, (2, 3, 2))),
    "unsqueeze": (lambda x: x.unsqueeze(1), (FLOAT, (2, 3))),
    "squeeze": (lambda x: x.squeeze(1), (FLOAT, (2, 1, 3))),
    "contiguous": (lambda x: x.clone(), (FLOAT, (2, 3))),
    "detach": (lambda x: x.detach(), (FLOAT, (2, 3))),
    "to": (lambda x: x.double(), (FLOAT, (2, 3))),
    "dropout": (lambda x: F.dropout(x, 0.5, False), (FLOAT, (2, 3))),
    "expand": (lambda x: x.expand(2, 3), (FLOAT, (2, 1))),
    "expand_as": (lambda x, y: x.expand_as(y), (FLOAT, (2, 1)), (FLOAT, (2, 3))),
    "triu": (lambda x: x.triu(1), (FLOAT, (3, 4))),
    "tril": (lambda x: x.tril(), (FLOAT, (3, 4))),
    "stack": (lambda x, y: torch.stack([x, y], 1), (FLOAT, (2, 3)), (FLOAT, (2, 3))),
    "cat": (lambda x, y: torch.cat([x, y], 1), (FLOAT, (2, 1)), (FLOAT, (2, 2))),
    "narrow": (lambda x: x.narrow(1, 1, 2), (FLOAT, (2, 4))),
    "split": (lambda x: x.split(2, 1)[0], (FLOAT, (2, 4))),
    "chunk": (lambda x: x.chunk(2, 1)[0], (FLOAT, (2, 4))),
    "select": (lambda x: x.select(1, 2), (FLOAT, (2, 4))),
    "unbind": (lambda x: x.unbind(1)[0], (FLOAT, (2, 1))),
    "embedding": (F.embedding, (IDS, (2, 2)), (FLOAT, (3, 2))),
    "index_select": (lambda x, ids: x.index_select(0, ids), (FLOAT, (3, 2)), (IDS, (4,))),
    "getitem": (lambda x: x[1:, ::2], (FLOAT, (3, 4))),
    "setitem": (lambda x, y: x.__setitem__((slice(1, None), 0), y), (FLOAT, (3, 2)), (FLOAT, (2,))),
    "arange": (lambda: torch.arange(1.0, 4.0, 0.5),),
    "ones": (lambda: torch.ones(2, 3),),
    "zeros": (lambda: torch.zeros(2, 3),),
    "full": (lambda: torch.full((2, 3), -2.5),),
    "ones_like": (torch.ones_like, (FLOAT, (2, 3))),
    "zeros_like": (torch.zeros_like, (FLOAT, (2, 3))),
    "full_like": (lambda x: torch.full_like(x, 1.5), (FLOAT, (2, 3))),
    "empty": (lambda: torch.empty(2, 3),),
    "empty_like": (torch.empty_like, (FLOAT, (2, 3))),
    "tensor": (lambda: torch.tensor([[1.5, -2.0]]),),
    **INDEXING_EXAMPLES,
    **DRAWN_EXAMPLES,
    **LAYER_EXAMPLES,
}  # fmt: skip
UNCOMPUTED = ("empty", "empty_like", *DRAWN_EXAMPLES)


def drawn(kind: str, shape: tuple[int, ...], draw: random.Random) -> Tensor:
    """Numbers of which several are often equal, so that comparisons have something to find."""
    choices = {
        FLOAT: (0.25, 0.75, 1.0, 1.25, 2.0),
        BOOL: (False, True),
        IDS: (0, 1, 2),
        COMPLEX: (1 + 2j, 0.5 - 1j, -1j, 2 + 0j),
    }[kind]
    return torch.tensor([draw.choice(choices) for _ in range(math.prod(shape))]).reshape(shape)


def last(program: Program, *tensors: Tensor):
    trace = record(program, *[tensor.clone() for tensor in tensors])
    return trace, trace.steps[-1]


def indices(shape):
    return list(itertools.product(*map(range, shape)))


def given_as(trace, operand) -> int:
    """Which of the program's arguments a tensor is."""
    return list(trace.inputs).index(operand.name)


def examples(name: str, count: int):
    program, *kinds = EXAMPLES[name]
    draw = random.Random(name)
    for _ in range(count):
        yield program, [drawn(kind, shape, draw) for kind, shape in kinds]


def usual_name(name: str) -> str:
    """The operation that an example is of; what stands in brackets tells its forms apart."""
    return name.partition(" (")[0]


def test_every_registered_operation_has_an_example_here():
    assert {operation.names[0] for operation in ops.operations()} == set(map(usual_name, EXAMPLES))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_is_recorded_as_this_operation(name):
    for program, tensors in examples(name, 1):
        _, step = last(program, *tensors)
        assert ops.canonical_name(step.op) == usual_name(name)


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {*UNCOMPUTED, *POSITIONS_SO_FAR, "tensor"}))
def test_what_changes_an_element_is_what_it_is_said_to_read(name):
    """Each input element is replaced by another in turn; the outputs that change are those that read it."""
    draw = random.Random(f"{name} replaced")
    claimed, changed = set(), set()
    for place, (program, tensors) in enumerate(examples(name, 120)):
        if place >= 10 and changed == claimed:
            break
        trace, step = last(program, *tensors)
        reads = ops.reads(step)
        assert reads is not None
        assert len(reads) == len(step.inputs)
        here = {
            (given_as(trace, operand), out, cell)
            for operand, read in zip(step.inputs, reads, strict=True)
            for out in indices(step.shape)
            for cell in read.cells(out)
            if operand.kind == "input"
        }
        claimed |= here
        given = [given_as(trace, operand) for operand in step.inputs if operand.kind == "input"]
        for number, (kind, _) in enumerate(EXAMPLES[name][1:]):
            if number not in given:
                continue
            for cell in indices(tensors[number].shape):
                replaced = [tensor.clone() for tensor in tensors]
                replaced[number][cell] = drawn(kind, (), draw)
                if kind == FLOAT and draw.random() < 0.5:
                    replaced[number][cell] *= draw.choice((-8, 0, 50))
                _, other = last(program, *replaced)
                differs = ~((other.value == step.value) | (other.value.isnan() & step.value.isnan()))
                seen = {(number, tuple(out), cell) for out in differs.nonzero().tolist()}
                assert seen <= here, "an element that is not read changed an output"
                changed |= seen
    assert changed == claimed


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_arithmetic_gives_what_torch_computed(name):
    for program, tensors in examples(name, 12):
        trace, step = last(program, *tensors)
        for index in indices(step.shape):
            here = explain(trace, step, index)
            assert (here.recomputed is None) == (name in UNCOMPUTED)
            assert here.agrees is not False, here.sentence
            assert "not known" not in here.sentence


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_operation_has_a_price(name):
    for program, tensors in examples(name, 1):
        _, step = last(program, *tensors)
        flops = ops.flops(step)
        assert flops is not None
        reads_nothing = all(isinstance(read, NoAccess) for read in ops.reads(step))
        moves = ops.movement(step.op) is not None or reads_nothing or name in DRAWN_EXAMPLES
        # One name, with a switch that says whether what is sent is added to what was there.
        assert (flops == 0) == (moves and "(added" not in name)


def cells_of(text: str, opening: str, closing: str):
    return set(re.findall(rf"\w+{re.escape(opening)}[^{re.escape(closing)}]*{re.escape(closing)}", text))


def put_in(text: str, letters: dict[str, int]) -> str:
    """An index such as 3h + d or ⌊j / 2⌋ mod 2 with numbers for its letters; one letter that runs stays."""
    text = re.sub(r"(\d)([a-z])\b", r"\1 * \2", text).replace("−", "-").replace("mod", "%").replace("·", "*")
    text = re.sub(r"⌊(.+?) / (\d+)⌋", r"((\1) // \2)", text)
    if divided := re.fullmatch(r"\((.+)\) / (\d+)", text):
        return f"({put_in(divided[1], letters)}) / {divided[2]}"
    running = sorted(set(re.findall(r"[a-z]", text)) - letters.keys())
    if len(running) > 1 or text in running:
        return text
    first, second = (eval(text, {"__builtins__": {}}, {**letters, **dict.fromkeys(running, at)}) for at in (0, 1))
    if not running:
        return str(first)
    if second < first:
        return f"{first} − {running[0] if first - second == 1 else f'{first - second}{running[0]}'}"
    times = running[0] if second - first == 1 else f"{second - first}{running[0]}"
    return f"{times} + {first}" if first > 0 else f"{times} − {-first}" if first else times


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"embedding", *TOLD_IN_WORDS}))
def test_the_formula_of_any_element_is_that_of_this_one_with_its_letters_filled_in(name):
    for program, tensors in examples(name, 2):
        trace, step = last(program, *tensors)
        call, operation = ops.bind(step), ops.lookup(step.op)
        letters = LetterCells(call, ops.reads_by_name(call), hide=False)
        general = operation.formula(letters)
        for index in indices(step.shape):
            values = {letter: at for letter, at in zip(letters.letters, index, strict=True) if letter != "0"}
            filled = {
                f"{cell.partition('_{')[0]}[{','.join(put_in(part, values) for part in parts(cell))}]"
                for cell in cells_of(general, "_{", "}")
                if not cell.startswith(("Σ", "Π", "max", "min", "any", "all", "count"))
            }
            written = explain(trace, step, index).formula
            special = cells_of(written.partition(" = ")[2], "[", "]")
            assert special <= filled, (general, written)
            if " where " not in general or name in ("var", "std", "softmax", "log_softmax"):
                assert special == filled
                assert skeleton(written.partition(" = ")[2]) == skeleton(general, values)


def parts(cell: str) -> list[str]:
    inside = cell.partition("_{")[2].rstrip("}")
    return inside.split(", ") if ", " in inside or len(inside) > 6 or not inside.isalnum() else list(inside)


def skeleton(text: str, letters: dict[str, int] | None = None) -> str:
    """A formula without its cells and indices."""
    text = re.sub(r"(?<=\w)(_\{[^}]*\}|\[[^\]]*\])", "", text)
    text = re.sub(r"(Σ|Π|max|min|any|all|count)_(\{[^}]*\}|\w)", r"\1", text)
    return re.sub(r"\b[a-z]\b", lambda letter: str((letters or {}).get(letter[0], letter[0])), text)


# What cards used to say wrongly


def card(program: Program, *tensors: Tensor) -> str:
    _, step = last(program, *tensors)
    return formula(step)


def test_a_card_says_what_was_really_computed():
    x, y, weight = torch.ones(2, 3), torch.ones(2, 3), torch.ones(4, 3)
    assert card(lambda x: 2 - x, x) == "sub = 2 − x"
    assert card(lambda x: torch.rsub(x, 2), x) == "rsub = 2 − x"
    assert card(lambda x: x.var(-1), x) == "var = (Σ_{d} (x_{d} − x̄)²) / 2, where x̄ is the mean"
    assert card(lambda x: x.masked_fill(x > 0, -1e9), x) == "masked_fill = (−1e+09) if gt else x"
    assert card(lambda x, weight: F.linear(x, weight), x, weight) == "linear_{ij} = Σ_{d} x_{id} · weight_{jd}"
    assert card(lambda x, y: torch.sub(x, y, alpha=3), x, y) == "sub = x − 3 · y"
    assert card(lambda x: 2 / x, x) == "rdiv = 2 / x"
    assert card(lambda x: 2**x, x) == "pow = 2^x"


def test_a_view_says_which_index_became_which_also_where_an_axis_has_size_1():
    assert card(lambda x: x.view(1, 2, 3, 4), torch.ones(1, 2, 12)) == "view_{ijkl} = x_{i, j, 4k + l}"
    assert card(lambda x: x.reshape(1, 2, 12), torch.ones(1, 2, 3, 4)) == "reshape_{ijk} = x_{i, j, ⌊k / 4⌋, k mod 4}"
    assert card(lambda x: x.view(4, 3), torch.ones(2, 6)) == "view_{ij} = x_{⌊(3i + j) / 6⌋, (3i + j) mod 6}"
    assert card(lambda x: x.unsqueeze(1), torch.ones(2, 3)) == "unsqueeze_{i0j} = x_{ij}"


@pytest.mark.parametrize(
    "spellings",
    [
        (lambda x: x * x, lambda x: torch.multiply(x, x), lambda x: x.mul(x), lambda x: (x + 0).mul_(x)),
        (lambda x: 2 - x, lambda x: torch.rsub(x, 2), lambda x: torch.subtract(torch.full_like(x, 2.0), x)),
        (lambda x: x / 2, lambda x: torch.true_divide(x, 2), lambda x: torch.divide(x, 2)),
        (lambda x: torch.concat([x, x]), lambda x: torch.cat([x, x]), lambda x: torch.concatenate([x, x])),
    ],
)
def test_the_price_does_not_depend_on_the_spelling(spellings):
    assert len({last(program, torch.ones(2, 3))[1].flops for program in spellings}) == 1


# One entry, whole or not at all


def test_half_an_entry_cannot_be_registered():
    class Half(Operation):
        names = ("half_described",)
        signature = "input"

        def flops(self, call):
            return 0

    with pytest.raises(TypeError, match="abstract"):
        register(Half())

    class Nameless(ops.lookup("neg").__class__):
        def __init__(self):
            super().__init__("", torch.neg, "{}", "{}")

    with pytest.raises(TypeError, match="half described: it has no names"):
        register(Nameless())
    assert ops.lookup("half_described") is None


def test_two_operations_cannot_have_one_name():
    with pytest.raises(ValueError, match="add is registered already"):
        register(ops.lookup("add").__class__("add", minus=False))


@pytest.mark.parametrize("program", [lambda x: x.sinc(), lambda x: x.digamma(), lambda x: torch.fft.fft(x)])
def test_an_operation_that_nobody_registered_is_unknown_everywhere(program):
    trace, step = last(program, torch.ones(3))
    assert (ops.lookup(step.op), ops.bind(step), ops.reads(step), ops.flops(step)) == (None, None, None, None)
    assert (ops.movement(step.op), ops.canonical_name(step.op), formula(step)) == (None, None, "")
    assert step.axes == (None,)
    if not step.value.is_complex():
        here = explain(trace, step, (1,))
        assert (here.recomputed, here.terms, here.formula) == (None, (), "")
        assert (
            here.sentence
            == f"{step.op}[1] was made by {step.op} from x; the arithmetic of this operation is not known here."
        )


# Adding one


def test_a_running_sum_is_known_by_its_one_entry():
    def program(x):
        counts = x + 0  # (T, d_model)
        return counts.cumsum(0)

    trace, step = last(program, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    here = explain(trace, step, (2, 0))
    assert (here.value, here.recomputed) == (9.0, 9.0)
    assert here.formula == "cumsum[2,0] = Σ_{j≤2} counts[j,0]"
    assert here.arithmetic == "= 1 + 3 + 5 = 9"
    assert here.sentence == "cumsum[T=2, d_model=0] is the sum of 3 numbers, counts[T=0..2, d_model=0]."
    assert formula(step) == "cumsum_{i} = Σ_{j≤i} counts_{j}"
    assert ops.reads(step)[0].to_json() == {"kind": "affine", "axes": [{"upto": 0}, {"out": 1}]}
    assert ops.reads(step)[0].cells((1, 1)) == ((0, 1), (1, 1))
    assert (step.flops, step.axes) == (6, ("T", "d_model"))


def test_the_range_of_a_running_sum_is_said_without_axis_names_too():
    trace, step = last(lambda x: x.cumsum(0), torch.ones(3, 2))
    assert explain(trace, step, (2, 0)).sentence == "cumsum[2, 0] is the sum of 3 numbers, x[0..2, 0]."
    assert explain(trace, step, (0, 0)).sentence == "cumsum[0, 0] is the sum of 1 number, x[0, 0]."


def test_names_of_axes_go_on_through_operations_that_say_nothing():
    def program(x, mask):
        scores = x + 0  # (B, T, S)
        return scores.transpose(1, 2), scores.softmax(-1), scores.sum(-1), scores[:, 0], scores.masked_fill(mask, 0.0)

    steps = record(program, torch.ones(2, 3, 4), torch.zeros(4, dtype=torch.bool)).steps[1:]
    axes = [step.axes for step in steps if isinstance(step, Step)]
    assert axes == [("B", "S", "T"), ("B", "T", "S"), ("B", "T"), ("B", "S"), ("B", "T", "S")]


def test_an_axis_that_is_repeated_gives_its_name_to_none():
    def program(x, y):
        row = x + 0  # (B, T)
        return row * y

    assert last(program, torch.ones(1, 4), torch.ones(3, 4))[1].axes == (None, "T")
    assert last(program, torch.ones(3, 4), torch.ones(3, 4))[1].axes == ("B", "T")


@pytest.mark.parametrize("options", [{"is_causal": True}, {"scale": 0.3}, {}])
def test_fused_attention_is_told_with_its_mask_and_its_scale(options):
    query, key, value = (torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(n)) for n in range(3))
    trace, step = last(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options), query, key, value)
    scores = query @ key.mT * options.get("scale", 0.5)
    if options.get("is_causal"):
        scores = scores.masked_fill(torch.ones(3, 3, dtype=torch.bool).triu(1), -math.inf)
    mixed = scores.softmax(-1) @ value
    for index in indices(step.shape):
        here = explain(trace, step, index)
        assert here.agrees
        assert here.recomputed == pytest.approx(mixed[index].item(), abs=1e-5)
