"""A Transformer's forward pass, recorded tensor by tensor. Useful alone; imports no user interface."""

from engine.config import Config, ConfigError
from engine.explain.explanation import explain
from engine.export.files import save_csv
from engine.pretrained.pretrained import trained_config
from engine.record.recorder import record
from engine.record.trace import Leaf, Step, Trace
from engine.runtime.decode import Choice, Decoded, Told, decode, teacher_forced
from engine.runtime.run import run
from engine.text.tokenizer import TextError

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
    "record",
    "run",
    "save_csv",
    "teacher_forced",
    "trained_config",
]
