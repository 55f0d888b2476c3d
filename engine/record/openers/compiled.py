"""What torch.compile compiled: inside is the original function, run without the compiler."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.record.inside import FusedCall, opens
from engine.record.watching.compiled_calls import NAME, CompiledCall, tensors_of


@opens(NAME)
def open_compiled(call: FusedCall) -> Any:
    """A call of compiled code."""
    if not isinstance(call.function, CompiledCall):
        return None
    trace = call.record(call.function.original, *call.args[: call.function.taken], **call.kwargs)
    return replace(trace, output=tensors_of(trace.output))
