"""A Transformer's forward pass, recorded tensor by tensor. Useful alone; imports no user interface."""

from engine.config import Config, ConfigError
from engine.decode import Choice, Decoded, Told, decode, teacher_forced
from engine.explain import explain
from engine.recorder import record
from engine.run import run
from engine.save import save_csv
from engine.text import TextError
from engine.trace import Leaf, Step, Trace
from engine.trained import trained_config

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
