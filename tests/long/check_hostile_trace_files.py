"""Trace files changed in any way: each is refused in one line or opens soundly, and none ends the process."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import record, save_trace
from tests.engine.record.trace_file.foreign_programs import compressed, fused_encoder, mixture
from tests.engine.record.trace_file.hostile_files import mutated, outcome
from tests.long.registry import Case, long_check


@long_check(cases=10_000, share=50)
@contextmanager
def hostile_trace_files() -> Iterator[Case]:
    """One to three changes each, to traces of many kinds of tensors, of fused calls and of compressed tensors."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.trace"
        sound = []
        for build in (mixture, fused_encoder, compressed):
            function, args, kwargs = build()
            sound.append(save_trace(record(function, *args, **kwargs), path).read_bytes())

        def case(draw: random.Random) -> None:
            path.write_bytes(mutated(draw.choice(sound), draw.randrange(2**32)))
            assert (wrong := outcome(path)) == "", wrong

        yield case
