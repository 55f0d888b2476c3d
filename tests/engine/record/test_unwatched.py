"""A recording says what of it could not be watched, and which text is not known."""

import linecache
import warnings

import pytest
import torch
from torch import nn

from engine import record


def twice_and_one(x):
    return x * 2 + 1


# TorchScript is deprecated, and people still have programs in it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    SCRIPTED = torch.jit.script(nn.Linear(2, 3))
    TRACED = torch.jit.trace(nn.Linear(2, 3), torch.rand(1, 2), check_trace=False)
    doubled = torch.jit.script(twice_and_one)
CELL = "def attend(x):\n    scores = x * 2  # (B, L)\n    return scores + 1\n"


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.compiled = torch.jit.script(nn.Linear(2, 3))
        self.plain = nn.Linear(3, 3)

    def forward(self, x):
        return self.plain(self.compiled(x))


def test_a_plain_program_has_no_note():
    assert record(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.rand(4, 2)).notes == ()
    assert record(lambda x: x * 2, torch.rand(4)).notes == ()


@pytest.mark.parametrize("target", [SCRIPTED, TRACED])
def test_a_compiled_program_says_that_its_inside_stays_unseen(target):
    trace = record(target, torch.rand(4, 2))
    assert trace.steps == ()
    assert trace.notes == (
        "Linear is compiled by TorchScript, and its inside can't be watched: record the original instead",
    )


def test_compiled_parts_are_named_wherever_they_are_called():
    local = SCRIPTED

    def of_globals(x):
        return SCRIPTED(x) + doubled(x).sum()

    def enclosing(x):
        return sum(local(row) for row in (x, x))

    notes = record(of_globals, torch.rand(4, 2)).notes
    assert [note.partition(" is compiled by TorchScript: ")[0] for note in notes] == ["SCRIPTED", "doubled"]
    assert record(enclosing, torch.rand(4, 2)).notes[0].startswith("local is compiled by TorchScript: ")
    (note,) = record(Mixed(), torch.rand(4, 2)).notes
    assert note.startswith("Linear is compiled by TorchScript: what it computed can't be watched")
    (note,) = record(lambda module, x: module(x), Mixed(), torch.rand(4, 2)).notes
    assert note.startswith("Linear is compiled")


def test_code_without_text_says_so_and_code_with_text_does_not():
    namespace = {}
    exec("def shifted(x):\n    return x + " + str(1 + 2), namespace)
    trace = record(namespace["shifted"], torch.rand(2, 3))
    (note,) = trace.notes
    assert note.startswith("The text of shifted is not known, so nothing is named after it: exec and eval keep none")
    assert [step.op for step in trace.steps] == ["add"]
    (note,) = record(eval("lambda x: x * " + str(7)), torch.rand(2)).notes
    assert note.startswith("The text of <lambda> is not known")
    linecache.cache["<cell 7>"] = (len(CELL), None, CELL.splitlines(keepends=True), "<cell 7>")
    exec(compile(CELL, "<cell 7>", "exec"), namespace)
    trace = record(namespace["attend"], torch.rand(2, 3))
    assert trace.notes == ()
    assert trace.find("scores").axes == ("B", "L")


def test_a_module_of_a_class_without_text_says_so():
    namespace = {"nn": nn}
    exec("class Doubling(nn.Module):\n    def forward(self, x):\n        return x * " + str(2), namespace)
    (note,) = record(namespace["Doubling"](), torch.rand(2)).notes
    assert note.startswith("The text of Doubling.forward is not known")


def test_numbers_that_python_had_in_between_are_said_to_be_without_parents():
    for back in (torch.tensor, torch.as_tensor):
        trace = record(lambda x, back=back: back((x * 2).tolist()) + 1, torch.rand(3))
        (note,) = trace.notes
        assert note.startswith("tolist took numbers out of tensors, and tensors were made of Python's own numbers")
        assert trace.steps[1].inputs == ()
    assert record(lambda x: (x + torch.tensor([1.0, 2.0, 3.0])).tolist() and x * 2, torch.rand(3)).notes == ()
    assert record(lambda x: x + torch.tensor([1.0, 2.0, 3.0]), torch.rand(3)).notes == ()
