"""A trace as DOT: the boxes, what is on the edges, and whether Graphviz reads it."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine import Config, Step, record, run
from engine.graph.model_graph import Theme, default_open, enclosing_collapsed, node_count, node_id, to_dot
from engine.graph.module_paths import ancestors, is_inside

DOT = shutil.which("dot")
TINY = {"batch": 2, "src_len": 3, "tgt_len": 2, "d_model": 8, "heads": 2, "vocab_size": 5, "device": "cpu"}
HTML = r"<(?:[^<>]|<[^<>]*>)*>"
WORD = rf'(?:{HTML}|"(?:[^"\\]|\\.)*"|[^\s\[\]="]+)'


class Graph:
    """What a DOT text says: the label and id of each box, and the edges as (start, end, label, style)."""

    def __init__(self, text):
        self.text, self.boxes, self.ids, self.edges = text, {}, {}, []
        for line in text.splitlines():
            line = line.strip()
            if edge := re.fullmatch(rf"({WORD}) -> ({WORD}) \[(.*)\]", line):
                looks = dict(re.findall(rf"(\w+)=({WORD})", edge[3]))
                label = unescape(re.sub("<[^<>]*>", "", looks["label"][1:-1]))
                self.edges.append((plain(edge[1]), plain(edge[2]), label, looks["style"]))
            elif box := re.fullmatch(rf"({WORD}) \[(.*)\]", line):
                looks = dict(re.findall(rf"(\w+)=({WORD})", box[2]))
                if "label" in looks:
                    self.boxes[plain(box[1])] = plain(looks["label"]).replace("\\\\", "\\")
                if "id" in looks:
                    self.ids[plain(box[1])] = plain(looks["id"]).replace("\\\\", "\\")

    def labels(self, start, end):
        return {label for one, other, label, _ in self.edges if (one, other) == (start, end)}

    def reached(self):
        """The boxes that nothing leads to, and all that they lead to."""
        found = set(self.boxes) - {end for _, end, _, _ in self.edges}
        while more := {end for start, end, _, _ in self.edges if start in found} - found:
            found |= more
        return found


def plain(word):
    """A name or text without its quotes, within which a quote is the only thing escaped."""
    return word[1:-1].replace('\\"', '"') if word.startswith('"') else word


def rendered(text):
    """What Graphviz itself makes of it: the names of nodes, and the pairs of names that edges join."""
    done = subprocess.run([DOT, "-Tjson0"], input=text, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    graph = json.loads(done.stdout)
    names = {one["_gvid"]: one["name"] for one in graph["objects"] if "nodes" not in one and "subgraphs" not in one}
    return names, {(names[edge["tail"]], names[edge["head"]]) for edge in graph.get("edges", ())}


def checked(text):
    """The graph of a DOT text, once Graphviz has read the same in it."""
    graph = Graph(text)
    assert text.count("{") == text.count("}")
    assert graph.boxes
    assert {name for edge in graph.edges for name in edge[:2]} <= set(graph.boxes)
    if DOT:
        names, edges = rendered(text)
        assert set(graph.boxes) <= set(names.values())
        assert edges == {edge[:2] for edge in graph.edges}
    return graph


@st.composite
def configs(draw):
    layers = st.integers(1, 4)
    return Config(
        **TINY | {"batch": draw(st.integers(1, 3)), "src_len": draw(st.integers(1, 4)), "tgt_len": draw(layers)},
        encoder_layers=draw(layers),
        decoder_layers=draw(layers),
        norm_first=draw(st.booleans()),
        padding_mask=draw(st.booleans()),
        causal_mask=draw(st.booleans()),
        output=draw(st.sampled_from(["log_softmax", "softmax"])),
    )


def shape_words(axes, shape):
    parts = zip(axes, shape, strict=True)
    return " · ".join(str(n) if symbol in (None, "1") else f"{symbol.replace('*', '·')} {n}" for symbol, n in parts)


@settings(max_examples=12)
@given(configs())
def test_the_model_at_a_glance_is_one_connected_graph_that_graphviz_reads(config):
    graph = checked(to_dot(run(config)))
    assert graph.reached() == set(graph.boxes)
    joined = {name for edge in graph.edges for name in edge[:2]}
    assert joined == set(graph.boxes)
    sinks = set(graph.boxes) - {start for start, *_ in graph.edges}
    assert sinks == {"probabilities" if config.output == "softmax" else "log_probabilities"}
    for stack, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        more = graph.boxes.get(f"{stack}.layers.1.again")
        noun = "layer" if layers == 2 else "layers"
        assert more == (None if layers == 1 else f"{layers - 1} more {stack} {noun} with other weights")
    assert ("causal_mask" in graph.boxes) == config.causal_mask
    assert ("source_padding_mask" in graph.boxes) == config.padding_mask


@settings(max_examples=12)
@given(configs(), st.randoms())
def test_every_edge_carries_the_shape_of_a_tensor_that_passed_there(config, random):
    trace = run(config)
    paths = {".".join(step.path.split(".")[:depth]) for step in trace.steps for depth in range(8)}
    opened = {path for path in paths if random.random() < 0.8} | {""}
    graph = checked(to_dot(trace, opened))
    assert graph.reached() == set(graph.boxes)
    passed = {shape_words(parent.axes, parent.shape) for parent in trace.steps}
    passed |= {f"B {config.batch} · S {config.src_len}", f"B {config.batch} · T {config.tgt_len}"}
    assert {label for _, _, label, _ in graph.edges} <= passed


def test_the_sizes_on_the_edges_are_those_of_this_run():
    graph = checked(to_dot(run(Config(batch=3, src_len=7, tgt_len=6, d_model=20, heads=5, vocab_size=11))))
    assert graph.labels("source given", "source_embedding") == {"B 3 · S 7"}
    assert graph.labels("target given", "target_embedding") == {"B 3 · T 6"}
    assert graph.labels("source_embedding", "source_position") == {"B 3 · S 7 · d_model 20"}
    assert graph.labels("source_padding_mask", "encoder.layers.0.self_attention") == {"B 3 · 1 · 1 · S 7"}
    assert graph.labels("causal_mask", "mask") == {"1 · 1 · T 6 · T 6"}
    assert graph.labels("encoder.layers.1.again", "decoder.layers.0.cross_attention") == {"B 3 · S 7 · d_model 20"}
    assert graph.labels("decoder.layers.1.again", "logits") == {"B 3 · T 6 · d_model 20"}
    assert graph.labels("logits", "log_probabilities") == {"B 3 · T 6 · V 11"}


def test_lines_of_ids_and_masks_are_dashed_and_those_of_numbers_solid():
    trace = run(Config(**TINY))
    graph = checked(to_dot(trace))
    dashed = {start for start, _, _, style in graph.edges if style == "dashed"}
    solid = {start for start, _, _, style in graph.edges if style == "solid"}
    assert dashed == {
        "source given",
        "target given",
        "source_padding_mask",
        "target_padding_mask",
        "causal_mask",
        "mask",
    }
    assert solid.isdisjoint(dashed)


def test_a_closed_model_is_a_box_for_each_of_its_parts():
    graph = checked(to_dot(run(Config(**TINY)), opened={""}))
    assert {"encoder", "decoder", "source_embedding", "logits"} <= set(graph.boxes)
    assert graph.labels("encoder", "decoder") == {"B 2 · S 3 · d_model 8"}
    assert not [name for name in graph.boxes if "layers" in name]


def test_an_opened_attention_shows_its_own_steps_with_their_shapes():
    trace = run(Config(**TINY))
    attention = "encoder.layers.0.self_attention"
    graph = checked(to_dot(trace, default_open(trace) | {attention}))
    assert graph.labels(f"{attention}.query permute", f"{attention}.scores") == {"B 2 · H 2 · S 3 · d_k 4"}
    assert graph.labels(f"{attention}.key_t", f"{attention}.scores") == {"B 2 · H 2 · d_k 4 · S 3"}
    assert graph.labels(f"{attention}.weights", f"{attention}.mixed matmul") == {"B 2 · H 2 · S 3 · S 3"}
    inside = [step for step in trace.steps if step.path == attention]
    shown = [label for name, label in graph.boxes.items() if name.startswith(f"{attention}.")]
    once = {"key_t", "scores", "scaled", "masked", "weights", "concat", "output"}
    assert shown == [step.name if step.name in once else f"{step.name} · {step.op}" for step in inside]


@pytest.mark.parametrize(
    ("opened", "says"),
    [
        ({0, 1, 2, 3}, {}),
        ({0}, {1: "3 more encoder layers with other weights"}),
        ({3}, {0: "3 more encoder layers with other weights"}),
        ({1, 3}, {0: "encoder layer 0", 2: "encoder layer 2"}),
        ({2}, {0: "encoder layers 0 to 1", 3: "encoder layer 3"}),
        ({0, 1, 3}, {2: "1 more encoder layer with other weights"}),
        (set(), {0: "4 encoder layers"}),
    ],
)
def test_closed_layers_that_follow_one_another_are_counted_in_one_box(opened, says):
    trace = run(Config(**TINY, encoder_layers=4))
    paths = {"", "encoder", "encoder.layers", *(f"encoder.layers.{layer}" for layer in opened)}
    graph = checked(to_dot(trace, paths))
    again = {name: label for name, label in graph.boxes.items() if re.fullmatch(r"encoder\..*\.again", name)}
    assert again == {f"encoder.layers.{first}.again": label for first, label in says.items()}
    assert {graph.ids[name] for name in again} == {f"open-encoder.layers.{first}" for first in says}
    shown = {name.split(".")[2] for name in graph.boxes if re.match(r"encoder\.layers\.\d", name)} - set(map(str, says))
    assert shown == set(map(str, opened))
    # What a layer makes goes down the stack, never up again.
    passed = [(one.split("."), end.split(".")) for one, end, *_ in graph.edges if "encoder.layers." in one + end]
    assert all(int(one[2]) <= int(end[2]) for one, end in passed if one[0] == end[0] == "encoder")


def test_masks_still_lead_to_a_stack_of_which_no_layer_is_opened():
    graph = checked(to_dot(run(Config(**TINY)), {"", "encoder", "encoder.layers"}))
    assert graph.labels("source_padding_mask", "encoder.layers.0.again") == {"B 2 · 1 · 1 · S 3"}


def test_a_recorded_function_is_a_graph_of_its_steps_and_inputs():
    def attend(query, key):
        scores = query @ key.mT  # (B, L, L_k)
        weights = scores.softmax(-1)  # (B, L, L_k)
        return weights

    graph = checked(to_dot(record(attend, torch.rand(2, 5, 8), torch.rand(2, 3, 8))))
    assert set(graph.boxes) == {"query given", "key given", "mT", "scores", "weights"}
    assert graph.labels("scores", "weights") == {"B 2 · L 5 · L_k 3"}
    assert graph.labels("key given", "mT") == {"2 · 3 · 8"}


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x @ x.T).softmax(-1),
        lambda x: x.sum(),
        lambda x: torch.stack(torch.unbind(x)),
        lambda x: x.sort(),
        lambda x: torch.zeros(3),
        lambda x: x.add_(1),
    ],
)
def test_a_lambda_of_any_kind_is_a_graph_too(function):
    trace = record(function, torch.rand(3, 3))
    graph = checked(to_dot(trace))
    assert graph.reached() == set(graph.boxes)
    assert len(graph.boxes) >= 1


def test_a_number_without_axes_is_called_a_scalar():
    graph = checked(to_dot(record(lambda x: x.sum().exp(), torch.rand(3))))
    assert graph.labels("sum", "exp") == {"scalar"}


def test_an_input_and_what_is_made_of_it_under_the_same_name_are_two_boxes():
    def doubled(x):
        x = x * 2  # (B)
        y = x + 1  # (B)
        return y

    graph = checked(to_dot(record(doubled, torch.rand(3))))
    assert graph.labels("x given", "x") == {"3"}
    assert graph.labels("x", "y") == {"B 3"}


def test_a_name_used_for_a_sum_and_then_for_something_else_is_no_sum():
    def twice(x):
        y = x + x
        y = y.relu()
        return y

    graph = checked(to_dot(record(twice, torch.rand(3))))
    assert graph.boxes == {"y add": "+", "x given": "x", "y relu": "y · relu"}


def test_an_input_called_source_of_somebody_elses_function_has_no_borrowed_axes():
    def shifted(source):
        moved = source + 1
        return moved

    graph = checked(to_dot(record(shifted, torch.rand(2, 3, 4))))
    assert graph.labels("source given", "moved") == {"2 · 3 · 4"}


def test_the_parts_of_a_sequence_are_not_taken_for_layers_that_repeat():
    graph = checked(to_dot(record(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.rand(2, 3))))
    assert list(graph.boxes) == ["0", "input given", "1", "2"]
    assert graph.labels("1", "2") == {"2 · 4"}


class Scaled(nn.Module):
    def forward(self, x):
        scaled = x * 2  # (B)
        return scaled


class Deep(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.model = nn.Module()
        self.model.stack = nn.Module()
        self.model.stack.layers = nn.ModuleList(layers)

    def forward(self, x):
        for layer in self.model.stack.layers:
            x = layer(x)
        return x


def test_a_stack_deep_inside_somebody_elses_model_is_opened_and_counted():
    trace = record(Deep(Scaled(), Scaled(), Scaled()), torch.rand(3))
    assert default_open(trace) == {"", "model", "model.stack", "model.stack.layers", "model.stack.layers.0"}
    graph = checked(to_dot(trace))
    assert graph.boxes["model.stack.layers.1.again"] == "2 more stack layers with other weights"
    assert graph.labels("model.stack.layers.0.scaled", "model.stack.layers.1.again") == {"B 3"}


def test_a_stack_at_the_top_of_a_model_is_opened_and_counted():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([Scaled(), Scaled()])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    graph = checked(to_dot(record(Flat(), torch.rand(3))))
    assert graph.boxes["layers.1.again"] == "1 more layer with other weights"
    assert graph.labels("x given", "layers.0.scaled") == {"3"}


EVIL = [
    "a<b>&c",
    'say "x"',
    "x:y",
    "<b>html</b>",
    "back\\slash\\N",
    "{brace}",
    "{}",
    "naïve 나",
    "a;b->c",
    "<",
    "&amp;",
]


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("opened", [False, True])
def test_module_names_with_special_characters_are_shown_as_they_are(name, opened):
    class Held(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict({name: Scaled()})

        def forward(self, x):
            y = self.parts[name](x)
            z = y.exp()
            return z

    graph = checked(to_dot(record(Held(), torch.rand(3)), {"", "parts", *([f"parts.{name}"] if opened else [])}))
    inner = f"parts.{name}".replace(":", " ").replace("\\", "\\\\") + (".scaled" if opened else "")
    assert graph.boxes[inner] == ("scaled" if opened else name)
    assert graph.labels("x given", inner) == {"3"}
    assert graph.labels(inner, "z") == {"B 3"}


def test_axis_symbols_of_somebody_elses_comments_are_escaped():
    def made(x):
        y = x * 2  # (B, H*d_k)
        z = y + 1
        return z

    theme = Theme(axis=lambda symbol: "#123456")
    text = to_dot(record(made, torch.rand(2, 6)), theme=theme)
    assert checked(text).labels("y", "z") == {"B 2 · H·d_k 6"}
    assert text.count('COLOR="#123456"') == 4


def everything(trace):
    return {".".join(step.path.split(".")[:depth]) for step in trace.steps for depth in range(8)}


@settings(max_examples=8)
@given(configs())
def test_with_everything_opened_every_step_is_one_box_and_every_edge_one_of_its_parents(config):
    trace = run(config)
    graph = checked(to_dot(trace, everything(trace)))
    names = {name: step for name, mark in graph.ids.items() for step in trace.steps if mark == f"step-{step.index}"}
    assert sorted(step.index for step in names.values()) == list(range(len(trace.steps)))
    assert set(graph.boxes) - set(names) == {"source given", "target given"}
    joined = {(names[one].index if one in names else one, names[end].index) for one, end, *_ in graph.edges}
    assert joined == {
        (parent.index if isinstance(parent, Step) else f"{parent.name} given", step.index)
        for step in trace.steps
        for parent in step.inputs
        if parent.kind in ("step", "input")
    }


def insides(trace):
    return sorted({module for step in trace.steps for module in ancestors(step.path)})


@pytest.mark.parametrize("norm_first", [False, True])
def test_inside_a_module_its_own_steps_are_drawn_and_what_they_read_and_who_reads_them_dashed_around(norm_first):
    trace = run(Config(**TINY, norm_first=norm_first))
    for module in insides(trace):
        own = [step for step in trace.steps if is_inside(step.path, module)]
        text = to_dot(trace, everything(trace), within=module)
        graph = checked(text)
        dashed = {
            name
            for name in graph.boxes
            if re.search(rf'^\s*"?{re.escape(name)}"? \[.*rounded,dashed', text, re.MULTILINE)
        }
        drawn = {name: mark for name, mark in graph.ids.items() if name not in dashed}
        assert sorted(drawn.values()) == sorted(f"step-{step.index}" for step in own)
        read = {one.index for step in own for one in step.inputs if isinstance(one, Step)} - {one.index for one in own}
        readers = {reader.index for step in own for reader in trace.consumers.get(step.index, ()) if reader not in own}
        outside = {int(graph.ids[name].removeprefix("step-")) for name in dashed}
        assert read <= outside <= read | readers
        leaving = {step.index for step in own if set(trace.consumers.get(step.index, ())) - set(own)}
        names = {name: int(mark.removeprefix("step-")) for name, mark in drawn.items()}
        assert {names[one] for one, end, *_ in graph.edges if end in dashed} == leaving
        arriving = {
            (int(graph.ids[one].removeprefix("step-")), names[end]) for one, end, *_ in graph.edges if one in dashed
        }
        assert arriving == {
            (one.index, step.index) for step in own for one in step.inputs if isinstance(one, Step) and one not in own
        }


def test_around_a_module_stands_where_its_tensors_come_from_and_where_they_go():
    trace = run(Config(**TINY))
    graph = checked(to_dot(trace, {""}, within="encoder.layers.0"))
    assert sorted(graph.boxes.values()) == [
        "+",
        "+",
        "feed-forward",
        r"mask\nfrom source padding mask",
        "multi-head self-attention",
        "norm",
        "norm",
        r"placed\nfrom source positional encoding",
        "to layer 1",
    ]
    graph = checked(to_dot(trace, {""}, within="encoder.layers.0.feed_forward_norm"))
    assert "after_feed_forward" in graph.boxes.values()
    assert "to layer 1" in graph.boxes.values()
    graph = checked(to_dot(trace, {""}, within="source_embedding"))
    assert set(graph.boxes.values()) == {"embedded", "source tokens", "scaled", "to source positional encoding"}
    graph = checked(to_dot(trace, {""}, within="encoder"))
    assert set(graph.boxes.values()) >= {"2 encoder layers", "to decoder"}


def test_every_box_and_frame_says_by_its_id_what_it_stands_for():
    trace = run(Config(**TINY, encoder_layers=3))
    text = to_dot(trace, {"encoder", "encoder.layers.0", "encoder.layers.0.feed_forward"})
    graph = checked(text)
    assert graph.ids["encoder.layers.1.again"] == "open-encoder.layers.1"
    assert graph.ids["encoder.layers.0.self_attention"] == "open-encoder.layers.0.self_attention"
    assert graph.ids["decoder"] == "open-decoder"
    active = trace.find("encoder.layers.0.feed_forward.active")
    assert graph.ids["encoder.layers.0.feed_forward.active"] == f"step-{active.index}"
    assert "source given" not in graph.ids
    frames = {
        name: label.strip('"') for name, label in re.findall(r'\bid="?(close-[\w.]+)"? label=("[^"]+"|[\w-]+)', text)
    }
    assert frames == {
        "close-encoder": "encoder",
        "close-encoder.layers.0": "layer 0",
        "close-encoder.layers.0.feed_forward": "feed-forward",
    }


@settings(max_examples=8)
@given(configs(), st.randoms())
def test_the_box_of_a_step_is_its_own_or_the_closed_module_it_lies_in(config, random):
    trace = run(config)
    opened = {module for module in insides(trace) if random.random() < 0.6}
    within = random.choice(["", *insides(trace)])
    graph = checked(to_dot(trace, opened, within=within))
    assert node_count(trace, opened, within) == len(graph.boxes)
    for step in trace.steps:
        if not is_inside(step.path, within):
            continue
        mark = node_id(trace, step, opened, within)
        assert mark in graph.ids.values()
        closed = enclosing_collapsed(step, opened, within)
        if not closed:
            assert mark == f"step-{step.index}"
            continue
        assert is_inside(step.path, closed)
        assert closed not in opened
        shared = re.fullmatch(r"open-(.+\.layers)\.(\d+)", mark)
        if shared:
            layers = range(int(shared[2]), int(closed.rpartition(".")[2]) + 1)
            assert not {f"{shared[1]}.{layer}" for layer in layers} & opened
        else:
            assert mark == f"open-{closed}"


@pytest.mark.parametrize("name", EVIL)
def test_names_with_special_characters_can_be_drawn_within_and_stand_in_the_ids_as_they_are(name):
    class Held(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict({name: Scaled(), "after": Scaled()})

        def forward(self, x):
            return self.parts["after"](self.parts[name](x))

    trace = record(Held(), torch.rand(3))
    assert checked(to_dot(trace, {"parts"})).ids == {
        f"parts.{name}".replace(":", " ").replace("\\", "\\\\"): f"open-parts.{name}",
        "parts.after": "open-parts.after",
    }
    graph = checked(to_dot(trace, everything(trace), within=f"parts.{name}"))
    assert set(graph.boxes.values()) == {"x", "scaled", "to after"}
    graph = checked(to_dot(trace, everything(trace), within="parts.after"))
    assert set(graph.boxes.values()) == {rf"scaled\nfrom {name}".replace("_", " "), "scaled"}


def test_a_call_made_again_and_again_under_one_name_is_a_box_each_time():
    def halved(x):
        for _ in range(3):
            x = x / 2
        return x

    graph = checked(to_dot(record(halved, torch.rand(3))))
    assert list(graph.ids.values()) == ["step-0", "step-1", "step-2"]
    assert [(one, end) for one, end, *_ in graph.edges] == [
        ("x given", "x div 0"),
        ("x div 0", "x div 1"),
        ("x div 1", "x div 2"),
    ]


def test_what_is_added_to_a_number_or_a_parameter_keeps_its_name():
    trace = run(Config(**TINY))
    graph = checked(to_dot(trace, {""}, within="encoder.layers.0.self_attention_norm"))
    assert {"safe", "shifted"} <= set(graph.boxes.values())
    assert "+" not in graph.boxes.values()


def test_words_of_the_built_in_model_are_not_put_into_somebody_elses():
    def kept(source, mask):
        logits = source * mask
        return logits

    graph = checked(to_dot(record(kept, torch.rand(3), torch.rand(3))))
    assert set(graph.boxes.values()) == {"source", "mask", "logits"}


def test_of_more_boxes_than_are_drawn_the_first_stand_there_with_the_edges_between_them():
    def count_up(x):
        for _ in range(9):
            x = x + 1
        return x

    trace = record(count_up, torch.zeros(2))
    whole, first = to_dot(trace), to_dot(trace, most=4)
    assert node_count(trace) == 10
    assert (whole.count("->"), first.count("->")) == (9, 3)
    assert [f"step-{number}" in first for number in range(9)] == [True] * 3 + [False] * 6
