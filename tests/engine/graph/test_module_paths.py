"""Which lists of a model are stacks of layers, and what modules are called."""

import pytest
import torch
from torch import nn

from engine import record
from engine.graph.model_graph import default_open, to_dot
from engine.graph.module_names import MODULES
from engine.graph.module_paths import ancestors, display_name, stacks


class Block(nn.Module):
    def __init__(self, **inner):
        super().__init__()
        for name, module in inner.items():
            self.add_module(name, module)

    def forward(self, x):
        for module in self.children():
            x = module(x)
        return x + 1


class Leaf(nn.Module):
    def forward(self, x):
        return x * 2


class Holder(nn.Module):
    def __init__(self, name, members):
        super().__init__()
        self.before = Leaf()
        self.add_module(name, nn.ModuleList(members))

    def forward(self, x):
        x = self.before(x)
        for member in next(module for module in self.children() if isinstance(module, nn.ModuleList)):
            x = member(x)
        return x


def paths_of(model):
    return [step.path for step in record(model, torch.ones(2)).steps]


@pytest.mark.parametrize("name", ["layers", "layer", "h", "blocks", "block", "resblocks"])
def test_the_lists_of_layers_in_published_code_are_stacks_by_their_name(name):
    for count in (1, 3):
        found = stacks(paths_of(Holder(name, [Block(attn=Leaf()) for _ in range(count)])))
        assert found == {name: tuple(range(count))}


def test_a_list_of_any_name_is_a_stack_when_its_members_hold_the_same_modules():
    assert stacks(paths_of(Holder("towers", [Block(attn=Leaf()) for _ in range(2)]))) == {"towers": (0, 1)}
    assert stacks(paths_of(Holder("towers", [Block(attn=Leaf()), Block(mlp=Leaf())]))) == {}
    assert stacks(paths_of(Holder("towers", [Leaf(), Leaf()]))) == {}  # nothing to open
    assert stacks(paths_of(nn.Sequential(Block(attn=Leaf()), Block(attn=Leaf())))) == {"": (0, 1)}


def test_numbered_parts_that_differ_are_no_stack_whatever_their_list_is_called():
    """T5 calls the attention and the feed-forward network of a block layer.0 and layer.1."""

    def block():
        return Holder("layer", [Block(attn=Leaf()), Block(mlp=Leaf())])

    model = Holder("block", [block(), block()])
    assert stacks(paths_of(model)) == {"block": (0, 1)}
    opened = default_open(record(model, torch.ones(2)))
    assert {"block.0", "block.0.layer.0", "block.0.layer.1"} <= opened
    assert not [path for path in opened if path.startswith("block.1")]


def test_a_stack_whose_first_layers_did_not_run_begins_with_the_first_that_did():
    class Late(Holder):
        def forward(self, x):
            for member in self.layers[2:]:
                x = member(x)
            return x

    trace = record(Late("layers", [Block(attn=Leaf()) for _ in range(5)]), torch.ones(2))
    assert default_open(trace) == {"", "layers", "layers.2"}
    assert "2 more layers with other weights" in to_dot(trace)


def test_a_stack_inside_a_layer_is_one_box_in_the_first_picture():
    trace = record(
        Holder("layers", [Holder("experts", [Block(fc=Leaf()) for _ in range(4)]) for _ in range(2)]), torch.ones(2)
    )
    assert default_open(trace) == {"", "layers", "layers.0"}
    assert "experts" in to_dot(trace)
    inside = to_dot(trace, {"", "layers.0", "layers.0.experts", "layers.0.experts.0"})
    assert "experts: 3 more with other weights" in inside


@pytest.mark.parametrize(
    ("path", "modules"),
    [
        ("", ()),
        ("encoder.layers.0.norm", ("encoder", "encoder.layers.0", "encoder.layers.0.norm")),
        ("transformer.h.3", ("transformer", "transformer.h.3")),
        ("towers.0.fc", ("towers", "towers.0", "towers.0.fc")),
        ("model.block", ("model", "model.block")),  # a module of that name, not a list
    ],
)
def test_a_path_leads_through_its_modules_and_past_the_lists_of_layers(path, modules):
    assert ancestors(path) == modules


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "model"),
        ("encoder.layers.0", "layer 0"),
        ("transformer.h.11", "layer 11"),
        ("visual.transformer.resblocks.2", "block 2"),
        ("decoder.block.1.layer.2.DenseReluDense", "feed-forward"),
        ("model.layers.0.self_attn", "self-attention"),
        ("model.decoder.layers.0.encoder_attn", "cross-attention"),
        ("transformer.wte", "token embedding"),
        ("mlp.experts.7", "expert 7"),
        ("my_own_thing", "my own thing"),
    ],
)
def test_modules_have_the_names_people_use(path, name):
    assert display_name(path) == name


def test_no_name_of_a_module_is_written_in_code():
    texts = [text for name in MODULES.values() for text in name if text and "d_model" not in text]
    assert not [text for text in texts if "_" in text]
