"""Every shape comment of the model, held to the shapes that really came out."""

import ast
import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.model
from engine import Config, run
from engine.axes import AXES
from tests.engine.shape_comment_lines import commented_lines, hold_shape_comments, symbols_of

FOLDER = Path(engine.model.__path__[0])
FILES = sorted(FOLDER.glob("*.py"))
# No two axes, and no axis and product, of the same size: a wrong symbol cannot hide.
DISTINCT = {
    "batch": 9, "src_len": 5, "tgt_len": 3, "heads": 4, "d_k": 6, "d_v": 10, "d_ff": 11, "d_model": 13,
    "vocab_size": 17,
}  # fmt: skip
ALL_WAYS = [
    {"norm_first": norm_first, "activation": activation, "output": output, "padding_mask": padding,
     "causal_mask": causal}
    for norm_first, activation, output in [(False, "relu", "softmax"), (True, "gelu", "log_softmax")]
    for padding, causal in itertools.product([True, False], repeat=2)
]  # fmt: skip


def sizes_of(config):
    """What each symbol is, from the settings alone."""
    return {
        "B": config.batch, "S": config.src_len, "T": config.tgt_len, "H": config.heads, "d_k": config.d_k,
        "d_v": config.d_v, "d_ff": config.d_ff, "d_model": config.d_model, "V": config.vocab_size,
        "F": math.ceil(config.d_model / 2), "P": 2, "1": 1,
    }  # fmt: skip


def hold(trace):
    hold_shape_comments(trace, sizes_of(trace.config))


@pytest.mark.parametrize("way", ALL_WAYS)
def test_every_shape_comment_holds_where_no_two_axes_are_equally_long(way):
    config = Config(**DISTINCT, **way)
    sizes = sizes_of(config)
    products = [config.heads * config.d_k, config.heads * config.d_v, sizes["F"] * 2]
    assert len({*sizes.values(), *products}) == len(sizes) + len(products)
    hold(run(config))


@settings(max_examples=12)
@given(
    st.lists(st.integers(4, 24), min_size=9, max_size=9, unique=True),
    st.sampled_from(ALL_WAYS),
)
def test_every_shape_comment_holds_over_drawn_sizes(drawn, way):
    hold(run(Config(**dict(zip(DISTINCT, drawn, strict=True)), **way)))


@pytest.mark.parametrize("size", [1, 2])
def test_every_shape_comment_holds_at_the_smallest_sizes(size):
    small = dict.fromkeys(DISTINCT, size)
    hold(run(Config(**{**small, "vocab_size": 4}, encoder_layers=1, decoder_layers=1)))


def test_no_shape_comment_of_the_model_goes_unchecked():
    seen = set()
    for way in ALL_WAYS:
        for step in run(Config(**DISTINCT, **way)).steps:
            last = step.source.span[2]
            seen.add((step.source.file, last))
    assert sorted(set(commented_lines(FILES)) - seen) == []
    assert len(seen) > 40


def test_the_model_does_one_operation_a_line():
    for step in run(Config(**DISTINCT)).steps:
        assert step.source.targets, f"part of a larger expression: {step.source.expression}"
    lines = [(s.source.file, s.source.line, s.path, s.source.span) for s in run(Config(encoder_layers=1)).steps]
    spans = {}
    for file, line, _, span in lines:
        spans.setdefault((file, line), set()).add(span)
    doubled = {line: found for (_, line), found in spans.items() if len(found) > 1}
    # Only ``a if condition else b`` may stand for two, of which one runs.
    assert doubled == {}


def test_the_glossary_explains_every_symbol_of_the_models_comments():
    unknown = {comment for symbol, comment in symbols_of(FILES) if symbol not in AXES and symbol != "1"}
    assert unknown == set()


def test_docstrings_of_the_model_name_only_axes_of_the_glossary():
    for path in FILES:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                for chunk in (ast.get_docstring(node) or "").split("(")[1:]:
                    inside = chunk.split(")")[0]
                    if inside.startswith("B, "):
                        assert all(s.strip() in AXES or s.strip() == "1" for s in inside.split(",")), inside
