"""Trace files that were changed by somebody who means harm: each is refused in one line, or opens soundly."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch

from engine import Step, Trace, open_trace
from engine.record.trace_file.container import padded

# What a field is replaced by: other kinds, numbers beside every limit, and names of things that are not data.
VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    "x",
    "__import__('os').system('true')",
    "cuda:99",
    "\ud800",
    -1,
    0,
    1,
    2,
    7,
    63,
    2**31,
    2**32 + 1,
    2**53,
    2**62,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
    1.5,
    -0.0,
    1e308,
    [],
    [0],
    [1] * 100,
    [-1, -1],
    [2**31, 2**31],
    [2**40],
    {},
    {"tensor": 0},
    {"tensor": -1},
    {"repr": 1},
    {"size": [-1]},
    {"tuple": {"tuple": []}},
    {"kind": "step"},
)


def parts_of(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, manifest and blocks of a trace file."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    begin, end = header["manifest"]["data_offsets"]
    data = content[8 + length :]
    return header, json.loads(data[begin:end]), data[end:]


def file_of(header: dict[str, Any], manifest: Any, blocks: bytes) -> bytes:
    """A file of these parts, whose blocks lie where the header says once the manifest has its new length."""
    text = json.dumps(manifest).encode()
    text = text.ljust(padded(len(text)))
    entry = header.get("manifest")
    if isinstance(entry, dict):
        try:
            moved = len(text) - entry["data_offsets"][1]
            shifted = {
                name: {**block, "data_offsets": [offset + moved for offset in block["data_offsets"]]}
                for name, block in header.items()
                if name not in ("manifest", "__metadata__")
            }
            header = {**header, **shifted, "manifest": {**entry, "shape": [len(text)], "data_offsets": [0, len(text)]}}
        except (TypeError, KeyError, IndexError):
            pass
    head = json.dumps(header).encode()
    head = head.ljust(padded(len(head) + 8) - 8)
    return len(head).to_bytes(8, "little") + head + text + blocks


def mutated(content: bytes, seed: int) -> bytes:
    """The file with one to three changes: a field of the manifest or header, a byte, or its length."""
    draw = random.Random(seed)
    for _ in range(draw.randint(1, 3)):
        kind = draw.random()
        if kind < 0.8:
            try:
                header, manifest, blocks = parts_of(content)
            except (ValueError, KeyError, TypeError, IndexError, OverflowError):
                continue
            _change(manifest if kind < 0.65 else header, draw)
            content = file_of(header, manifest, blocks)
        elif kind < 0.9 and content:
            place = draw.randrange(min(len(content), draw.choice((8, 200, len(content)))))
            content = content[:place] + bytes([draw.randrange(256)]) + content[place + 1 :]
        else:
            cut = draw.randrange(len(content) + 1)
            content = draw.choice((content[:cut], content + bytes(draw.choice((1, 64)))))
    return content


def _change(tree: Any, draw: random.Random) -> None:
    """Changes one field somewhere in parsed JSON: gives it another value, takes it away, or doubles it."""
    inner = tree
    while True:
        keys = list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        if not keys:
            return
        key = draw.choice(list(keys))
        child = inner[key]
        if isinstance(child, (dict, list)) and child and draw.random() < 0.93:
            inner = child
            continue
        how = draw.random()
        if how < 0.8:
            near = child + draw.choice((-1, 1)) if type(child) is int else draw.choice(VALUES)
            inner[key] = near if draw.random() < 0.3 else draw.choice(VALUES)
        elif how < 0.9:
            del inner[key]
        elif isinstance(inner, list):
            inner.append(child)
        return


def outcome(path: Path) -> str:
    """What goes wrong with opening this file; "" where it is refused in one line, or opens soundly."""
    try:
        trace = open_trace(path)
    except (ValueError, OSError) as error:
        text = str(error)
        return "" if text and "\n" not in text and len(text) < 400 else f"not one line: {text!r}"
    return _unsound(trace, path.stat().st_size)


def _unsound(trace: Trace, size: int) -> str:
    """What does not hold of an opened trace."""
    blocks: dict[int, int] = {}
    for step in trace.steps:
        if any(isinstance(parent, Step) and parent.index >= step.index for parent in step.parents):
            return f"a parent of step {step.index} comes after it"
        if len(step.axes) != len(step.shape) or any(stride < 0 for stride in step.stride):
            return f"the axes of step {step.index} are not those of its tensor"
        for tensor in (step.value, *(parent.value for parent in step.inputs)):
            if tensor.layout == torch.strided and not tensor.is_meta:
                memory = tensor.untyped_storage()
                blocks[memory._cdata] = memory.nbytes()
                if tensor.numel() and tensor.numel() * tensor.element_size() < 2**20:
                    tensor.detach().clone()  # reads every element: beyond its memory this ends the process
        str(step.source), step.flops, step.nbytes, [str(argument) for argument in step.arguments]
        _ = step.inside
    if sum(blocks.values()) > size:
        return f"its blocks hold {sum(blocks.values())} bytes of a file of {size}"
    _ = (trace.sizes, trace.consumers, trace.modules, trace.inputs, trace.labels, trace.failure and trace.failure.note)
    return ""
