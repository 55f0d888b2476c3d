"""The map of a model: a box for each block that people look into, in order of the data."""

from __future__ import annotations

import pytest
import torch

from engine import Config, record, run
from engine.graph import strip
from engine.graph.model_map import MOST_BLOCKS, block_label, blocks_of, map_of
from engine.graph.module_paths import is_inside
from tests.engine.long_programs import blocks_side_by_side


def layers(encoder: int = 2, decoder: int = 2, **sizes) -> Config:
    return Config(encoder_layers=encoder, decoder_layers=decoder, device="cpu", **sizes)


@pytest.fixture(scope="module")
def trace():
    return run(layers())


def test_the_blocks_of_a_transformer_are_its_attentions_and_feed_forward_networks(trace):
    names = [block_label(box.name) for box in map_of(trace).boxes]
    layer = ["{} self-attention", "{} cross-attention", "{} feed-forward"]
    encoder = [part.format(number) for number in (0, 1) for part in (layer[0], layer[2])]
    decoder = [part.format(number) for number in (0, 1) for part in layer]
    assert names == ["source embedding", *encoder, "target embedding", *decoder, "log probabilities"]


@pytest.mark.parametrize("norm_first", [False, True])
def test_every_step_is_in_one_box_and_a_box_reads_only_boxes_before_it(norm_first):
    trace = run(layers(norm_first=norm_first))
    boxes = map_of(trace).boxes
    covered = [index for box in boxes for index in range(box.first, box.first + box.folded)]
    assert covered == list(range(len(trace.steps)))
    for place, box in enumerate(boxes):
        assert all(parent < place for parent in box.parents)
        assert box.shape == trace.steps[box.step].shape
        assert box.first <= box.step < box.first + box.folded


def test_cross_attention_reads_the_last_layer_of_the_encoder(trace):
    boxes = map_of(trace).boxes
    names = [box.name for box in boxes]
    last = names.index("encoder.layers.1.feed_forward")
    for number in (0, 1):
        cross = boxes[names.index(f"decoder.layers.{number}.cross_attention")]
        assert last in cross.parents
        assert names.index("encoder.layers.0.feed_forward") not in cross.parents


def test_encoder_and_decoder_are_two_lines(trace):
    lanes = {box.name.split(".")[0]: box.lane for box in map_of(trace).boxes if "." in box.name}
    assert lanes["encoder"] != lanes["decoder"]


def test_a_box_shows_what_goes_on_and_never_a_mask(trace):
    for box in map_of(trace).boxes:
        assert trace.steps[box.step].value.is_floating_point()
    source = map_of(trace).boxes[0]
    assert source.axes == ("B", "S", "d_model")


def test_a_model_of_many_layers_is_drawn_by_its_layers():
    trace = run(layers(12, 12, d_model=8, heads=1, src_len=2, tgt_len=2, batch=1))
    blocks = blocks_of(trace)
    assert len(blocks) <= MOST_BLOCKS
    assert {f"encoder.layers.{number}" for number in range(12)} <= set(blocks)


def test_a_single_layer_is_looked_through():
    assert "encoder.layers.0.self_attention" in blocks_of(run(layers(1, 1)))


def test_a_function_has_no_map():
    assert map_of(record(lambda x: x.softmax(-1), torch.rand(2, 3))).boxes == ()


def test_a_published_model_has_the_blocks_of_its_own_modules():
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**sizes, num_key_value_heads=1, vocab_size=32)
    ).eval()
    with torch.no_grad():
        trace = record(model, torch.arange(6).view(1, 6))
    boxes = map_of(trace).boxes
    named = [box.name for box in boxes[:-1]]
    assert [name.rpartition(".")[2] for name in named] == ["self_attn", "mlp"] * 2
    assert all(is_inside(name, "model.layers") for name in named)
    assert boxes[-1].shape == (1, 6, 32)


def test_the_blocks_of_a_long_program_are_found_in_passes_over_its_steps_that_its_length_does_not_change(monkeypatch):
    passes = []
    for blocks in (60, 120):
        trace = blocks_side_by_side(blocks)
        looked_at = []
        monkeypatch.setattr(
            strip, "is_inside", lambda path, module, seen=looked_at: seen.append(path) or is_inside(path, module)
        )
        assert len(blocks_of(trace)) == blocks
        passes.append(len(looked_at) / len(trace.steps))
    assert max(passes) <= 2


def test_hundreds_of_blocks_side_by_side_have_no_map():
    assert not map_of(blocks_side_by_side(201)).boxes
    assert len(map_of(blocks_side_by_side(200)).boxes) == 200
