"""A Transformer's forward pass, recorded tensor by tensor. Useful alone; imports no user interface."""

from typing import TYPE_CHECKING, Any

from engine.config import Config, ConfigError
from engine.explain.explanation import explain
from engine.export.save_trace import save_trace
from engine.pretrained.pretrained import trained_config
from engine.record.recorder import record, recording
from engine.record.trace import Leaf, Step, Trace
from engine.record.trace_file.read_trace import open_trace
from engine.runtime.decode import Choice, Decoded, Told, decode, teacher_forced
from engine.runtime.run import run
from engine.text.tokenizer import TextError

if TYPE_CHECKING:
    from engine.export.files import save_csv

__all__ = [
    "Choice",
    "Config",
    "ConfigError",
    "Decoded",
    "Leaf",
    "Step",
    "TextError",
    "Told",
    "Trace",
    "decode",
    "explain",
    "open_trace",
    "record",
    "recording",
    "run",
    "save_csv",
    "save_trace",
    "teacher_forced",
    "trained_config",
]


def __getattr__(name: str) -> Any:
    """``save_csv`` when it is first asked for: importing pyarrow and pandas takes half a second and 75 MB."""
    if name == "save_csv":
        from engine.export.files import save_csv

        return save_csv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
