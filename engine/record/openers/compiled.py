"""What torch.compile compiled: inside is the original function, run without the compiler."""

from __future__ import annotations

from typing import Any

from engine.record.inside import FusedCall, opens
from engine.record.watching.compiled_calls import NAME, CompiledCall


@opens(NAME)
def open_compiled(call: FusedCall) -> Any:
    """A call of compiled code."""
    if not isinstance(call.function, CompiledCall):
        return None
    return call.record(call.function.original, *call.args[: call.function.taken], **call.kwargs)
