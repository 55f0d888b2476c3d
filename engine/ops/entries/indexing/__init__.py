"""Operations that find elements by index, by mask, by order or by search."""

from engine.ops.entries.indexing import (  # noqa: F401  an operation is registered when its module is imported
    assigning,
    getting,
    grouped,
    joining,
    ordering,
    packing,
    repeating,
    running,
    searching,
    writing,
)
