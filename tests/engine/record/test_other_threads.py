"""Threads of the recorded program: they compute what they compute, and the trace says that they were not watched."""

import threading
from concurrent.futures import ThreadPoolExecutor

import torch

from engine import record, recording

START = threading.Thread.start


def doubled_elsewhere(x, times=1):
    results = []
    for _ in range(times):
        thread = threading.Thread(target=lambda: results.append(x * 2))
        thread.start()
        thread.join()
    return sum(results) + 1


def test_a_thread_of_the_program_is_said_to_be_unwatched():
    trace = record(doubled_elsewhere, torch.ones(2))
    assert torch.equal(trace.output, torch.full((2,), 3.0))
    assert [step.op for step in trace.steps] == ["add", "add"]
    assert trace.notes == (
        "The program started a thread while it was recorded. What another thread computes is not watched: a tensor "
        "that comes from one has no parents",
    )


def test_the_threads_of_a_pool_are_counted_and_so_are_those_of_a_block():
    def squared(x):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(torch.square, x).result() + 1

    assert "started a thread" in record(squared, torch.ones(2)).notes[0]
    with recording() as block:
        doubled_elsewhere(torch.ones(2), times=3)
    assert block.trace.notes[0].startswith("The program started 3 threads while it was recorded.")


def test_a_thread_that_somebody_else_starts_is_no_part_of_a_recording():
    begun, ended = threading.Event(), threading.Event()

    def waits(x):
        begun.set()
        assert ended.wait(60)
        return x + 1

    traces = []
    recorder = threading.Thread(target=lambda: traces.append(record(waits, torch.ones(2))))
    recorder.start()
    assert begun.wait(60)
    other = threading.Thread(target=lambda: None)
    other.start()
    other.join()
    ended.set()
    recorder.join()
    assert traces[0].notes == ()


def test_both_of_two_recordings_count_and_nothing_is_left_behind():
    with recording() as outer:
        inner = record(doubled_elsewhere, torch.ones(2))
        assert threading.Thread.start is not START
    assert len(inner.notes) == len(outer.trace.notes) == 1
    assert threading.Thread.start is START
