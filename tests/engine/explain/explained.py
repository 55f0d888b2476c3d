"""The last number that a function computes, recorded and explained."""

from engine import record
from engine.explain.explanation import explain


def last(function, *tensors):
    """The trace of a function, and its last step."""
    trace = record(function, *tensors)
    return trace, trace.steps[-1]


def explained(function, *tensors, at=()):
    """The explanation of one element of what a function returns."""
    trace, step = last(function, *tensors)
    return explain(trace, step, at)
