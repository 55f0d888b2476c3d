"""A Transformer's forward pass, recorded tensor by tensor. Useful alone; imports no user interface."""

from engine.config import Config, ConfigError
from engine.explain import explain
from engine.recorder import record
from engine.run import run
from engine.text import TextError
from engine.trace import Leaf, Step, Trace

__all__ = ["Config", "ConfigError", "Leaf", "Step", "TextError", "Trace", "explain", "record", "run"]
