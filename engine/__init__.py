"""A Transformer's forward pass, recorded tensor by tensor. Useful alone; imports no user interface."""

from typing import TYPE_CHECKING, Any

from engine.record import gc_pause

with gc_pause.paused():  # loading torch makes some 200,000 objects that stay for good
    import torch  # noqa: F401

from engine.config import Config, ConfigError
from engine.explain.explanation import explain
from engine.pretrained.pretrained import trained_config
from engine.record.recorder import record, recording
from engine.record.trace import Leaf, Step, Trace
from engine.runtime.decode import Decoded, NextToken, TeacherForced, decode, teacher_forced
from engine.runtime.run import run
from engine.text.tokenizer import TextError

if TYPE_CHECKING:
    from engine.export.files import save_csv

__all__ = [
    "Config",
    "ConfigError",
    "Decoded",
    "Leaf",
    "NextToken",
    "Step",
    "TeacherForced",
    "TextError",
    "Trace",
    "decode",
    "explain",
    "record",
    "recording",
    "run",
    "save_csv",
    "teacher_forced",
    "trained_config",
]


def __getattr__(name: str) -> Any:
    """``save_csv`` when it is first asked for: importing pyarrow and pandas takes half a second and 75 MB."""
    if name == "save_csv":
        from engine.export.files import save_csv

        return save_csv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
