"""What the page says of a pinned cell."""

import itertools
import random
import re

import pytest
import torch

from engine import Config, Leaf, record, run
from engine.pretrained.pretrained import trained_config
from engine.runtime.run import build_model
from pages.ui.state.url_pin import pin_at
from pages.ui.state.url_step import Location
from pages.ui.views.explanation_view import explanation_of
from tests.pages.pins import faults, pins
from tests.pages.shown import stage
from tests.pages.test_pages import opened

F = torch.nn.functional
SMALL = {"d_model": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 9, "device": "cpu"}
CONFIGS = {
    "as it comes": Config(device="cpu"),
    "trained": trained_config(device="cpu"),
    "pre-norm, gelu, softmax": Config(**SMALL, norm_first=True, activation="gelu", output="softmax"),
    "no masks, float64": Config(**SMALL, padding_mask=False, causal_mask=False, dtype="float64"),
    "bfloat16": Config(**SMALL, dtype="bfloat16"),
    "float16, only the future hidden": Config(**SMALL, dtype="float16", padding_mask=False, norm_first=True),
}
# Cells that read no tensor at all.
READING_NOTHING = [
    ("causal_mask.future", "2.1"),
    ("causal_mask.ones", "0.1"),
    ("target_position.place", "3"),
    ("target_position.even", "1"),
]


def made(trace, step, index):
    return explanation_of(Location(trace, step), len(step.inputs), index, ())


def made_last(function, *tensors, at):
    trace = record(function, *tensors)
    return made(trace, trace.steps[-1], at)


@pytest.mark.parametrize("name", CONFIGS)
def test_any_cell_of_any_step_of_the_model_can_be_pinned(name):
    trace = run(CONFIGS[name])
    pinned = list(pins(trace, random.Random(name)))
    assert {step.index for step, _, _ in pinned} == set(range(len(trace.steps)))
    assert [fault for pin in pinned for fault in faults(trace, pin)] == []


def foreign(x, z):
    """Calls that read nothing, that read tensors nobody knows of, and that give tensors of every kind."""
    ones, zeros, eye, rows = torch.ones(2, 2), torch.zeros(0, 2), torch.eye(3), torch.arange(3)
    torch.full((2,), 7), torch.full_like(x, 2), torch.linspace(0, 1, 3), torch.rand(3), torch.empty(2).zero_()
    ones.triu(1), ones.tril(-1), eye[0], rows[1], torch.tensor(3.0) * 2, torch.tensor(True) & torch.tensor(False)
    x.sum(), (x > 0).any(), (x > 0).sum(), (x > 0).int() // 2, x.to(torch.int8), x.sum(0)[:0].sum(), zeros.sum(0)
    F.linear(torch.zeros(2, 0), torch.zeros(3, 0)), F.linear(torch.zeros(2, 0), torch.zeros(3, 0), torch.ones(3))
    torch.cat([x, zeros.new_zeros(0, 3)]), x.topk(2), x.max(dim=0), x.clone().relu_(), x.masked_fill(x > 0, -1.0)
    z * 2, torch.view_as_real(z), x.T.to_sparse(), x @ torch.rand(3, 3), torch.nn.Parameter(x) * 2
    written = x.clone()
    written[0] = 1.0
    return written


def test_any_cell_of_a_foreign_function_can_be_pinned():
    trace = record(foreign, torch.randn(3, 3), torch.tensor([1 + 2j]))
    pinned = list(pins(trace, random.Random(0)))
    assert len(pinned) > 150
    assert [fault for pin in pinned for fault in faults(trace, pin)] == []


@pytest.mark.parametrize(("name", "pin"), READING_NOTHING)
def test_a_link_to_a_cell_that_reads_no_tensor_opens(name, pin):
    app = opened("pages/walkthrough.py", step=name, pin=pin)
    assert not app.exception
    shown = stage(app)["explanation"]
    assert shown["sentence"].startswith(name.split(".")[1])
    assert (shown["heading"], shown["terms"]) == ("", [])


def test_cells_drawn_at_random_open_by_their_link():
    trace = run(trained_config(device="cpu"))
    drawn = random.Random(1).sample([step for step in trace.steps if not step.full_name.startswith("source")], 4)
    for step in drawn:
        pin = ".".join("0" for _ in step.shape)
        assert pin_at(trace, step, pin) == (len(step.inputs), (0,) * len(step.shape))
        app = opened("pages/walkthrough.py", step=step.full_name, pin=pin)
        assert not app.exception
        assert stage(app)["explanation"]["sentence"]


# What is counted


@pytest.mark.parametrize(
    ("function", "shapes", "heading"),
    [
        (F.linear, [(1, 64), (2, 64), (2,)], "It read 64 products and a bias, the largest first. "),
        (F.linear, [(1, 1), (2, 1), (2,)], "It read 1 product and a bias, the largest first. "),
        (F.linear, [(1, 2), (2, 2)], "It read 2 products, the largest first. "),
        (F.linear, [(1, 1), (2, 1)], "It read this. "),
        (F.linear, [(1, 0), (2, 0), (2,)], "It read this. "),
        (torch.matmul, [(1, 1200), (1200, 2)], "It read 1,200 products, the largest first. "),
        (torch.add, [(1, 2), (1, 2)], "It read 2 numbers, the largest first. "),
        (lambda x: x.softmax(-1), [(1, 5)], "It read 5 numbers, the largest first. "),
        (lambda x: x * 2, [(1, 2)], "It read this. "),
    ],
)
def test_what_was_read_is_counted_by_what_it_is(function, shapes, heading):
    shown = made_last(function, *map(torch.rand, shapes), at=(0, 0))
    assert shown.heading == heading + "Click a number to walk to what made it."


@pytest.mark.parametrize(
    ("width", "said"),
    [(64, "64 products added up, input[0, every] times weight[1, every], plus bias[1]."),
     (1, "1 product, input[0, every] times weight[1, every], plus bias[1].")],
)  # fmt: skip
def test_the_sentence_counts_products_without_the_bias(width, said):
    shown = made_last(
        lambda input, weight, bias: F.linear(input, weight, bias),
        *(torch.rand(1, width), torch.rand(2, width), torch.rand(2)),
        at=(0, 1),
    )
    assert shown.sentence == f"linear[0, 1] is {said}"


# What is said of rounding


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_sum_that_does_not_add_up_by_eye_says_to_what_it_was_rounded(dtype):
    x, y = torch.tensor([1.8984375]).to(dtype), torch.tensor([0.0003]).to(dtype)
    shown = made_last(lambda x, y: x + y, x, y, at=(0,))
    name = str(dtype).removeprefix("torch.")
    assert shown.agrees
    exact = x.double().item() + y.double().item()
    assert shown.verdict == (
        f"recorded 1.8984375; computed again from these numbers {exact:.6g}, rounded to {name}: the same"
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda: torch.ones(2, dtype=torch.bool),
        lambda: torch.full((2,), 3),
        lambda: torch.arange(2, dtype=torch.float16),
    ],
)
def test_what_is_made_exactly_is_not_said_to_be_rounded(function):
    assert made_last(function, at=(1,)).verdict.endswith("; computed again from these numbers: the same")


def test_what_adds_up_by_eye_needs_no_word_on_rounding():
    shown = made_last(lambda x: x + 1, torch.tensor([0.5]).bfloat16(), at=(0,))
    assert shown.verdict == "recorded 1.5; computed again from these numbers: the same"


def test_numbers_that_agree_only_within_rounding_say_so_in_the_sentence_too():
    trace = run(Config(dtype="bfloat16", device="cpu", batch=1, tgt_len=2))
    step = trace.steps[-1]
    apart = 0
    for index in itertools.product(*map(range, step.shape)):
        shown = made(trace, step, index)
        within = "the same within the rounding of bfloat16" in shown.verdict
        assert within == ("Rounded to bfloat16, as every step is, these numbers come to" in shown.sentence)
        apart += within
    assert apart > 5


# Where a weight comes from


def weights(trace):
    """Every parameter that a step read, with a cell that shows it."""
    for step in trace.steps:
        for panel, tensor in enumerate(step.inputs):
            if isinstance(tensor, Leaf) and tensor.kind == "parameter":
                yield tensor, explanation_of(Location(trace, step), panel, (0,) * tensor.value.dim(), ()).sentence


def test_a_weight_is_said_to_be_drawn_where_another_seed_gives_another_number():
    config = Config(**SMALL, seed=7, norm_first=True)
    others = dict(build_model(config.change(seed=8)).named_parameters())
    kinds = set()
    for leaf, sentence in weights(run(config)):
        drawn = not torch.equal(leaf.value, others[leaf.name])
        assert ("drawn at random, with seed 7, when the model was built" in sentence) == drawn, leaf.name
        start = re.search(r"of a layer norm is (\d) when the model is built", sentence)
        assert (start is not None) == (not drawn), leaf.name
        assert drawn or (leaf.value == int(start[1])).all()
        assert "training would change it" in sentence
        kinds.add((drawn, start and start[1]))
    assert kinds == {(True, None), (False, "0"), (False, "1")}


def test_a_trained_weight_is_said_to_be_learned():
    sentences = [sentence for _, sentence in weights(run(trained_config(device="cpu")))]
    assert len(sentences) > 50
    assert all("it was learned by training on dates." in sentence for sentence in sentences)
    assert not any("random" in sentence or "would change" in sentence for sentence in sentences)


def test_of_a_foreign_weight_neither_draw_nor_training_is_claimed():
    sentences = [sentence for _, sentence in weights(record(torch.nn.Linear(2, 3), torch.rand(1, 2)))]
    assert len(sentences) == 2
    for sentence in sentences:
        assert sentence.endswith("is a weight of the model. No operation of this pass made it.")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x + 1, "came in from outside"),
        (torch.nn.BatchNorm1d(2).eval(), "is a number that the model keeps"),
    ],
)
def test_a_number_that_is_no_weight_says_what_it_is(function, words):
    trace = record(function, torch.rand(3, 2))
    shown = [
        explanation_of(Location(trace, step), panel, (0,) * tensor.value.dim(), ()).sentence
        for step in trace.steps
        for panel, tensor in enumerate(step.inputs)
    ]
    assert any(words in sentence for sentence in shown)
