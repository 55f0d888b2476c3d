"""A Transformer's forward pass, recorded tensor by tensor. Useful alone; imports no user interface."""

from typing import TYPE_CHECKING, Any

from engine.record import gc_pause

with gc_pause.paused():  # loading torch makes some 200,000 objects that stay for good
    import torch  # noqa: F401

from engine.compare import TraceComparison, compare
from engine.config import Config, ConfigError
from engine.explain.explanation import explain
from engine.export.save_trace import save_trace
from engine.findings import Finding, findings, findings_text
from engine.pretrained.pretrained import trained_config
from engine.record.recorder import record, recording
from engine.record.trace import Leaf, Step, Trace
from engine.record.trace_file.read_trace import open_trace
from engine.runtime.decode import Decoded, NextToken, TeacherForced, decode, teacher_forced
from engine.runtime.run import run
from engine.text.tokenizer import TextError
from engine.variant_config import (
    BertConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    T5Config,
    ViTConfig,
)

if TYPE_CHECKING:
    from engine.export.files import save_csv
    from engine.runtime.explore import explore

__all__ = [
    "BertConfig",
    "Config",
    "ConfigError",
    "Decoded",
    "Finding",
    "GPT2Config",
    "Leaf",
    "LlamaConfig",
    "MistralConfig",
    "MixtralConfig",
    "NextToken",
    "Step",
    "T5Config",
    "TeacherForced",
    "TextError",
    "Trace",
    "TraceComparison",
    "ViTConfig",
    "compare",
    "decode",
    "explain",
    "explore",
    "findings",
    "findings_text",
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
    """``save_csv`` and ``explore`` when they are first asked for.

    Importing pyarrow and pandas takes half a second and 75 MB; what starts the app is for those who do.
    """
    if name == "save_csv":
        from engine.export.files import save_csv

        return save_csv
    if name == "explore":
        from engine.runtime.explore import explore

        return explore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
