import gc
import importlib.util
import weakref
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine import Config, record, run
from engine.graph.timeline import MOST_SEGMENTS, Segment, levels, next_of_kind, same_step_in_layer
from engine.model import attention, embedding, layers, masks
from engine.model.attention import MultiHeadAttention
from tests.engine.long_programs import blocks_side_by_side

SMALL = Config(d_model=8, heads=2, encoder_layers=2, decoder_layers=2)


def holds(segment, step):
    return segment.first <= step.index < segment.first + segment.count


def labels(level):
    return [segment.label for segment in level]


def around(trace, name):
    return levels(trace, trace.find(name))


def assert_levels_divide_the_trace(trace):
    for step in trace.steps:
        first, end = 0, len(trace.steps)
        found = levels(trace, step)
        assert 1 <= len(found) <= 3
        for place, level in enumerate(found):
            assert level[0].first == first
            assert level[-1].first + level[-1].count == end
            assert all(a.first + a.count == b.first for a, b in pairwise(level))
            assert all(segment.count > 0 and segment.label for segment in level)
            assert place == 0 or len(level) > 1
            (here,) = (segment for segment in level if holds(segment, step))
            first, end = here.first, here.first + here.count


# The built-in Transformer


def test_the_first_level_is_the_parts_of_the_model():
    assert labels(around(run(SMALL), "logits")[0]) == [
        "source",
        "encoder 0",
        "encoder 1",
        "target",
        "decoder 0",
        "decoder 1",
        "output",
    ]


def test_the_norm_that_closes_a_pre_norm_stack_is_a_part_after_its_layers():
    found = labels(around(run(SMALL.change(norm_first=True)), "encoder.norm.mean")[0])
    assert found == [
        "source",
        "encoder 0",
        "encoder 1",
        "encoder norm",
        "target",
        "decoder 0",
        "decoder 1",
        "decoder norm",
        "output",
    ]


def test_the_closing_norm_divides_into_its_stages_at_once():
    _, stages = around(run(SMALL.change(norm_first=True)), "decoder.norm.mean")
    assert labels(stages) == ["mean", "centre", "variance", "divide", "scale and shift"]


@pytest.mark.parametrize(
    ("step", "modules"),
    [
        ("source_embedding.scaled", ["embedding", "position", "padding mask"]),
        ("target_position.sine", ["embedding", "position", "padding mask", "causal mask", "combine masks"]),
        ("causal_mask.future", ["embedding", "position", "padding mask", "causal mask", "combine masks"]),
        ("mask", ["embedding", "position", "padding mask", "causal mask", "combine masks"]),
        ("logits", ["logits", "log probabilities"]),
    ],
)
def test_the_second_level_is_the_modules_of_a_part(step, modules):
    assert labels(around(run(SMALL), step)[1]) == modules


@pytest.mark.parametrize(
    ("pre_norm", "encoder", "decoder"),
    [
        (
            False,
            "self-attention, residual, norm, feed-forward, residual, norm",
            "self-attention, residual, norm, cross-attention, residual, norm, feed-forward, residual, norm",
        ),
        (
            True,
            "norm, self-attention, residual, norm, feed-forward, residual",
            "norm, self-attention, residual, norm, cross-attention, residual, norm, feed-forward, residual",
        ),
    ],
)
def test_a_layer_divides_into_its_sublayers_in_the_order_they_run(pre_norm, encoder, decoder):
    trace = run(SMALL.change(norm_first=pre_norm))
    assert ", ".join(labels(around(trace, "encoder.layers.1.feed_forward.active")[1])) == encoder
    assert ", ".join(labels(around(trace, "decoder.layers.0.feed_forward.active")[1])) == decoder


ATTENTION = ["Q K V", "split heads", "scores", "scale", "mask", "softmax", "mix", "merge", "W_O"]
ATTENTION_STEPS = [3, 6, 2, 1, 1, 1, 1, 3, 1]


@pytest.mark.parametrize(
    "attention",
    ["encoder.layers.0.self_attention", "decoder.layers.1.self_attention", "decoder.layers.0.cross_attention"],
)
def test_attention_has_its_nine_stages(attention):
    trace = run(SMALL)
    stages = around(trace, f"{attention}.scores")[2]
    assert labels(stages) == ATTENTION
    assert [segment.count for segment in stages] == ATTENTION_STEPS
    where = {
        name: labels(stages)[[holds(s, step) for s in stages].index(True)]
        for name, step in (
            ("queries", trace.find_all(f"{attention}.query")[0]),
            ("heads in front", trace.find_all(f"{attention}.value")[2]),
            ("keys turned", trace.find(f"{attention}.key_t")),
            ("heads side by side", trace.find(f"{attention}.concat")),
            ("mixed", trace.find_all(f"{attention}.mixed")[0]),
        )
    }
    assert where == {
        "queries": "Q K V",
        "heads in front": "split heads",
        "keys turned": "scores",
        "heads side by side": "merge",
        "mixed": "mix",
    }


def test_attention_without_a_mask_has_no_mask_stage():
    trace = run(SMALL.change(padding_mask=False, causal_mask=False))
    stages = around(trace, "decoder.layers.0.self_attention.scores")[2]
    assert labels(stages) == [stage for stage in ATTENTION if stage != "mask"]


@pytest.mark.parametrize(
    ("step", "stages"),
    [
        ("encoder.layers.0.feed_forward_norm.mean", "mean, centre, variance, divide, scale and shift"),
        ("encoder.layers.0.feed_forward.output", "expand, gelu, contract"),
        ("source_embedding.scaled", "look up, scale"),
        ("target_position.angle", "place, frequency, angle, sine and cosine, interleave, add"),
        ("source_padding_mask.padding", "find padding, make room for heads"),
        ("causal_mask.future", "all pairs, keep the future, make room for heads"),
    ],
)
def test_the_third_level_is_the_stages_of_a_module(step, stages):
    trace = run(SMALL.change(activation="gelu"))
    assert ", ".join(labels(around(trace, step)[2])) == stages


def test_a_module_of_one_step_has_no_level_below():
    trace = run(SMALL)
    assert len(around(trace, "encoder.layers.0.after_attention")) == 2
    assert len(around(trace, "logits")) == 2


@settings(max_examples=15)
@given(data=st.data())
def test_the_levels_of_any_transformer_divide_it_without_gaps(data):
    switch = st.booleans()
    config = SMALL.change(
        encoder_layers=data.draw(st.integers(1, 3)),
        decoder_layers=data.draw(st.integers(1, 3)),
        norm_first=data.draw(switch),
        padding_mask=data.draw(switch),
        causal_mask=data.draw(switch),
        output=data.draw(st.sampled_from(("softmax", "log_softmax"))),
        activation=data.draw(st.sampled_from(("relu", "gelu"))),
        dtype=data.draw(st.sampled_from(("float32", "float64", "bfloat16"))),
    )
    trace = run(config)
    assert_levels_divide_the_trace(trace)
    parts = levels(trace, trace.steps[0])[0]
    sides = [
        (f"encoder {i}" for i in range(config.encoder_layers)),
        (f"decoder {i}" for i in range(config.decoder_layers)),
    ]
    assert [label for label in labels(parts) if label[-1].isdigit()] == [label for side in sides for label in side]
    assert all(
        "_" not in s.label for step in trace.steps for level in levels(trace, step) for s in level if s.label != "W_O"
    )


# Other people's code


class Branching(nn.Module):
    """Modules in modules, some of them in lists, that do something of their own before and between those they hold."""

    def __init__(self, plan):
        super().__init__()
        self.own, children, listed = plan
        modules = [Branching(child) for child in children]
        self.inside = tuple(modules)
        if listed:
            self.blocks = nn.ModuleList(modules)
        for name, module in zip("abc", () if listed else modules, strict=False):
            self.add_module(name, module)

    def forward(self, x):
        for _ in range(self.own):
            x = x + 1
        for module in self.inside:
            y = module(x)
            x = x * y if self.own else y
        return x.neg()


plans = st.recursive(
    st.tuples(st.integers(0, 3), st.just(()), st.booleans()),
    lambda inner: st.tuples(st.integers(0, 3), st.lists(inner, max_size=3), st.booleans()),
    max_leaves=8,
)


@settings(max_examples=60)
@given(plan=plans)
def test_the_levels_of_any_nest_of_modules_divide_it_without_gaps(plan):
    assert_levels_divide_the_trace(record(Branching(plan), torch.ones(2)))


def test_layers_of_torchs_own_encoder_are_parts_and_what_they_call_their_stages():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    trace = record(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).train(), torch.randn(2, 3, 8))
    parts, inside, attention = levels(trace, next(step for step in trace.steps if "self_attn" in step.path))
    assert labels(parts) == ["layer 0", "layer 1"]
    assert labels(inside) == [
        "self-attention",
        "dropout1",
        "residual",
        "norm1",
        "linear1",
        "relu",
        "dropout",
        "linear2",
        "dropout2",
        "residual",
        "norm2",
    ]
    assert "multi head attention forward" in labels(attention)


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer = nn.ModuleDict(
            {"wte": nn.Embedding(9, 8), "h": nn.ModuleList(GptBlock() for _ in range(3)), "ln_f": Scaled()}
        )
        self.head = nn.Linear(8, 9)

    def forward(self, ids):
        x = self.transformer.wte(ids)
        x = x * 2
        for block in self.transformer.h:
            x = block(x)
        x = self.transformer.ln_f(x)
        logits = self.head(x)
        return logits


class GptBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.ModuleDict({"fc": Scaled(), "proj": Scaled()})

    def forward(self, x):
        x = x + self.mlp.proj(self.mlp.fc(x).relu())
        x = x + 1
        return x


class Scaled(nn.Module):
    def forward(self, x):
        scaled = x * 3
        return scaled.abs()


def test_a_gpt_divides_by_its_stack_and_what_lies_beside_it():
    trace = record(Gpt(), torch.tensor([[1, 2, 3]]))
    assert levels(trace, trace.steps[0])[0] == (
        Segment("input", 0, 2),
        Segment("transformer 0", 2, 7),
        Segment("transformer 1", 9, 7),
        Segment("transformer 2", 16, 7),
        Segment("transformer final norm", 23, 2),
        Segment("output", 25, 1),
    )
    # mlp.fc, relu, mlp.proj, the sum with what came in, and a sum that is no residual
    assert labels(levels(trace, trace.steps[9])[1]) == ["feed-forward", "relu", "feed-forward", "residual", "x"]


def test_a_function_without_modules_has_one_level_of_names():
    def program(x):
        query = x + 1
        query = query * 2
        key = query.exp()
        return key.sum()

    trace = record(program, torch.ones(3))
    names = (Segment("query", 0, 2), Segment("key", 2, 1), Segment("sum", 3, 1))
    assert all(levels(trace, step) == (names,) for step in trace.steps)


def test_a_trace_of_one_step_has_one_segment():
    trace = record(lambda x: x + 1, torch.ones(3))
    assert levels(trace, trace.steps[0]) == ((Segment("add", 0, 1),),)


def test_attention_recorded_alone_has_its_stages_on_the_first_level():
    trace = record(MultiHeadAttention(8, 2, 4, 4), torch.randn(1, 3, 8), torch.randn(1, 3, 8))
    assert [labels(level) for level in levels(trace, trace.steps[0])] == [[s for s in ATTENTION if s != "mask"]]


def attention_of(tmp_path, *changes):
    """The built-in attention, read from a copy of its file in which each of these texts stands in another's place."""
    text = Path(attention.__file__).read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = tmp_path / "own_attention.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("own_attention", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x = torch.randn(1, 3, 8)
    return record(module.MultiHeadAttention(8, 2, 4, 4), x, x, torch.zeros(3, 3, dtype=torch.bool))


def after(line, own):
    """A change that adds a line of somebody's own below a line of attention."""
    return line, f"{line}\n        {own}"


def test_five_lines_of_ones_own_in_attention_are_five_segments_and_its_stages_stay(tmp_path):
    trace = attention_of(
        tmp_path,
        after("value = self.w_v(memory)  # (B, L_k, H*d_v)", "clipped = query.clamp(-9, 9)"),
        after("key_t = key.transpose(-2, -1)  # (B, H, d_k, L_k)", "energy = key_t.square()"),
        after("scores = query @ key_t  # (B, H, L, L_k)", "capped = scores.tanh()"),
        after("weights = masked.softmax(dim=-1)  # (B, H, L, L_k)", "sharpened = weights.square()"),
        after("output = self.w_o(concat)  # (B, L, d_model)", "gated = output.sigmoid()"),
    )
    (level,) = levels(trace, trace.steps[0])
    assert labels(level) == [
        *("Q K V", "clipped", "split heads", "scores", "energy", "scores", "capped", "scale", "mask", "softmax"),
        *("sharpened", "mix", "merge", "W_O", "gated"),
    ]
    own = [segment for segment in level if segment.label in ("clipped", "energy", "capped", "sharpened", "gated")]
    assert [segment.count for segment in own] == [1] * 5


def test_a_stage_written_otherwise_has_its_own_name_and_the_others_theirs(tmp_path):
    trace = attention_of(tmp_path, ("scaled = scores / math.sqrt(self.d_k)", "scaled = scores * self.d_k**-0.5"))
    assert labels(levels(trace, trace.steps[0])[0]) == [{"scale": "scaled"}.get(stage, stage) for stage in ATTENTION]


def test_every_stage_that_a_module_declares_runs_in_the_model():
    configs = (SMALL.change(activation=activation) for activation in ("relu", "gelu"))
    traces = [run(config) for config in configs]
    steps = {(step.name, step.op) for trace in traces for step in trace.steps}
    modules = [*vars(attention).values(), *vars(layers).values(), *vars(embedding).values(), *vars(masks).values()]
    declared = [module.stages for module in modules if hasattr(module, "stages")]
    assert len(declared) == 8  # attention is imported by the layers
    for stages in declared:
        lines = [line.split(": ")[1] for line in stages.splitlines() if line.strip()]
        written = [tuple(step.split()) for names in lines for step in names.split(", ")]
        assert set(written) <= steps
        assert len(set(written)) == len(written)


def test_a_step_named_as_in_attention_is_not_taken_for_a_stage_of_it():
    def program(x, weight):
        output = nn.functional.linear(x, weight)
        scaled = output * 2
        return scaled

    trace = record(program, torch.ones(2), torch.ones(2, 2))
    assert labels(levels(trace, trace.steps[0])[0]) == ["output", "scaled"]


# Where to go next


def test_the_next_of_a_kind_is_the_next_step_with_the_same_operation():
    trace = run(SMALL)
    for step in trace.steps:
        later = [other for other in trace.steps[step.index + 1 :] if other.op == step.op]
        assert next_of_kind(trace, step) is (later[0] if later else None)


def test_the_same_step_of_another_layer_keeps_its_place_among_steps_of_one_name():
    trace = run(SMALL)
    for place, step in enumerate(trace.find_all("encoder.layers.0.self_attention.query")):
        there = same_step_in_layer(trace, step, 1)
        assert there is trace.find_all("encoder.layers.1.self_attention.query")[place]
        assert same_step_in_layer(trace, there, -1) is step
        assert same_step_in_layer(trace, step, 0) is step


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("encoder.layers.1.self_attention.scores", 1),
        ("encoder.layers.0.self_attention.scores", -1),
        ("decoder.layers.1.cross_attention.scores", 1),
        ("source_embedding.embedded", 1),
        ("logits", 1),
    ],
)
def test_there_is_no_layer_beyond_a_stack_nor_one_outside_it(name, by):
    trace = run(SMALL)
    assert same_step_in_layer(trace, trace.find(name), by) is None


def test_a_step_that_occurs_twice_in_a_layer_is_matched_by_occurrence():
    class Layer(nn.Module):
        def forward(self, x):
            for _ in range(3):
                x = x + 1
            return x

    trace = record(nn.Sequential(Layer(), Layer()), torch.ones(2))
    assert [same_step_in_layer(trace, step, 1) for step in trace.steps[:3]] == list(trace.steps[3:])


def test_a_layer_that_lacks_the_step_has_no_counterpart():
    class Layer(nn.Module):
        def __init__(self, times):
            super().__init__()
            self.times = times

        def forward(self, x):
            for _ in range(self.times):
                x = x + 1
            return x

    trace = record(nn.Sequential(Layer(2), Layer(1)), torch.ones(2))
    assert [same_step_in_layer(trace, step, 1) for step in trace.steps[:2]] == [trace.steps[2], None]


# What it costs


def test_what_is_remembered_of_a_trace_goes_with_it():
    trace = run(SMALL)
    levels(trace, trace.steps[0])
    gone = weakref.ref(trace)
    del trace
    gc.collect()
    assert gone() is None


@cache
def four_hundred_blocks():
    return blocks_side_by_side(400)


@given(at=st.integers(0, 399))
@settings(deadline=None)
def test_of_hundreds_of_segments_those_near_the_step_are_shown_and_the_others_are_one_on_either_side(at: int):
    blocks = [Segment(f"block {number}", 1 + 5 * number, 5) for number in range(400)]
    trace = four_hundred_blocks()
    parts = levels(trace, trace.steps[1 + 5 * at])[0]
    assert len(parts) <= MOST_SEGMENTS + 2
    shown = [segment for segment in parts if segment in blocks]
    assert blocks[at] in shown
    assert all(neighbour in shown for neighbour in blocks[max(at - 20, 0) : at + 21])
    assert all(after.first == before.first + before.count for before, after in pairwise(parts)), "no step is left out"
    assert (parts[0].first, parts[-1].first + parts[-1].count) == (0, len(trace.steps))
    assert {segment.label for segment in parts if segment not in blocks} <= {
        f"input … block {shown[0].first // 5 - 1}",
        f"block {shown[-1].first // 5 + 1} … block 399",
        "input",
    }
