"""A tensor whose memory was written under another name is made of what it was and of what was written."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import explain, open_trace, record, save_trace
from engine.record.memory.shared_elements import shared_elements

VIEWS = {
    "itself": lambda x: x,
    "row": lambda x: x[1],
    "columns": lambda x: x[:, 1:3],
    "every second": lambda x: x[:, ::2],
    "transposed": lambda x: x.T,
    "flat": lambda x: x.view(-1),
    "diagonal": lambda x: x.diagonal(),
    "cell": lambda x: x[2, 3],
    "windows without overlap": lambda x: x.view(-1).unfold(0, 2, 3),
    "last column": lambda x: x[:, -1:],
}
view_names = st.sampled_from(sorted(VIEWS))


@settings(max_examples=40, deadline=None)
@given(st.lists(view_names, min_size=1, max_size=3), view_names)
def test_every_element_of_what_is_read_is_told_after_writes_through_any_views(written, read):
    def program(x):
        y = x * 1
        kept = VIEWS[read](y)
        for number, name in enumerate(written):
            VIEWS[name](y).mul_(number + 2)
        return kept + 0

    given = torch.arange(12.0).view(3, 4)
    trace = record(program, given)
    assert torch.equal(trace.output, program(given))
    for step in trace.steps:
        assert torch.equal(step.recompute(), step.value)
        for index in itertools.product(*map(range, step.shape)):
            told = explain(trace, step, index)
            assert told.agrees, told.sentence
    last = trace.steps[-1]
    # One tensor is read, and it has the numbers that were added to 0.
    assert len(last.inputs) == 1
    assert torch.equal(last.inputs[0].value, last.value)


@settings(max_examples=60)
@given(view_names, view_names)
def test_shared_elements_are_those_that_change_together(first, second):
    block = torch.arange(12.0).view(3, 4)
    read, written = VIEWS[first](block), VIEWS[second](block)
    common = set(read.flatten().tolist()) & set(written.flatten().tolist())
    shared = shared_elements(read, written)
    if shared is None:
        assert not common
        return
    of_read = read[shared.read_key] if shared.read_key else read
    of_written = written[shared.written_key] if shared.written_key else written
    assert of_read.shape == of_written.shape
    assert torch.equal(of_read, of_written)
    assert set(of_read.flatten().tolist()) == common


def test_a_part_that_slices_can_say_is_said_in_slices():
    block = torch.zeros(3, 4)
    assert shared_elements(block, block[:, ::2]).read_key == (slice(0, 3), slice(0, 3, 2))
    assert shared_elements(block, block[1]).read_key == (1, slice(0, 4))
    assert shared_elements(block[:, 1], block).written_key == (slice(0, 3), 1)


def test_neighbours_in_one_block_that_share_no_element_stay_as_they_were():
    def program(x):
        query, key = (x * 1).chunk(2, -1)
        query.mul_(2)
        return key + 1, key + 2

    trace = record(program, torch.rand(3, 4))
    assert [step.op for step in trace.steps] == ["mul", "chunk", "chunk", "mul_", "add", "add"]
    assert [parent.name for parent in trace.steps[-1].inputs] == ["key"]


def test_a_cache_that_is_filled_slice_by_slice_is_walked_to_every_token(tmp_path):
    class Cache(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("keys", torch.zeros(2, 5))

        def forward(self, x):
            for token in range(3):
                self.keys[:, token].copy_(x[:, token])
            return self.keys.sum(-1)

    trace = record(Cache(), torch.arange(6.0).view(2, 3) + 1)
    reading = trace.steps[-1]
    keys = reading.inputs[0]
    assert keys.value.tolist() == [[1, 2, 3, 0, 0], [4, 5, 6, 0, 0]]
    for token in reversed(range(3)):
        assert (keys.name, keys.op) == ("keys", "setitem")
        before, written = keys.inputs
        assert written.op == "copy_"
        assert written.inputs[1].inputs[0].name == "x"
        assert explain(trace, keys, (1, token)).agrees
        assert "left as it was" in explain(trace, keys, (1, 4)).sentence
        keys = before
    assert (keys.kind, keys.name) == ("buffer", "keys")
    assert not keys.value.any()
    save_trace(trace, tmp_path / "run.trace")
    opened = open_trace(tmp_path / "run.trace")
    assert [explain(opened, step, (0,) * len(step.shape)).agrees for step in opened.steps] == [True] * len(trace.steps)
    assert torch.equal(opened.steps[-2].recompute(), opened.steps[-2].value)


@pytest.mark.parametrize(
    "write",
    [
        lambda y: y.view(torch.int32).zero_(),
        lambda y: torch.nn.functional.batch_norm(torch.rand(2, 4), y[0], y[1], training=True),
    ],
)
def test_a_write_that_no_index_tells_leaves_the_writer_among_what_was_read(write):
    def program(x):
        y = x * 1
        whole = y.view(-1)
        write(y)
        return whole + 1

    given = torch.rand(3, 4)
    trace = record(program, given)
    last = trace.steps[-1]
    assert [parent.name for parent in last.inputs] == ["whole", trace.steps[-2].name]
    assert explain(trace, last, (0,)).agrees is not False
