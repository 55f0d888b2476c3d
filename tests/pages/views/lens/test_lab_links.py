"""The "?" of the card: the lab about an operation, with the sizes of this run."""

from urllib.parse import parse_qs, urlsplit

import pytest
import torch

from engine import Config, GPT2Config, LlamaConfig, MixtralConfig, T5Config, record, run
from engine.runtime.variants.cached import run_cached
from pages.ui.labs.kit.registry import LABS, lab_of
from pages.ui.views.lens.lab_links import lab_link

SIZES = Config(batch=3, src_len=6, tgt_len=5, d_model=24, heads=2, d_k=7, device="cpu")


@pytest.fixture(scope="module")
def trace():
    return run(SIZES)


def query_of(trace, name):
    _, address = lab_link(trace, trace.find(name), {"heads": "2"})
    assert address.startswith("labs?")
    return {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}


def test_every_link_opens_a_section_of_a_lab_that_there_is(trace):
    links = [(step, lab_link(trace, step)) for step in trace.steps]
    assert {step.name for step, link in links if link is not None} >= {"scores", "scaled", "masked", "weights", "query"}
    questions = {lab.question.replace("`", "") for lab in LABS}
    for step, link in links:
        if link is not None:
            question, address = link
            assert question in questions, step.full_name
            query = parse_qs(urlsplit(address).query)
            lab = lab_of(query["lab"][0])
            assert lab is not None
            assert query["section"][0] in lab.sections, step.full_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("encoder.layers.0.self_attention.scaled", {"lab": "scaling", "lab_d_k": "7", "lab_keys": "6", "heads": "2"}),
        (
            "decoder.layers.0.cross_attention.masked",
            {"lab": "masking", "section": "broadcast", "lab_target": "5", "lab_source": "6"},
        ),
        ("encoder.layers.0.self_attention.query", {"lab": "view_or_permute", "lab_batch": "3", "lab_length": "6"}),
        ("decoder.layers.0.self_attention.key_t", {"section": "moved", "lab_operation": "transpose"}),
        ("source_position.angle", {"lab": "word_order", "lab_positions": "6", "lab_d_model": "24"}),
    ],
)
def test_the_lab_has_the_sizes_of_the_step_and_keeps_the_settings(trace, name, expected):
    assert expected.items() <= query_of(trace, name).items()


def test_no_link_where_no_lab_fits(trace):
    for name in ("encoder.layers.0.feed_forward.active", "encoder.layers.0.after_attention", "logits"):
        assert lab_link(trace, trace.find(name)) is None


def test_attention_of_another_model_has_its_lab_and_what_is_no_attention_none():
    def attention(q, k, v):
        weights = ((q @ k.transpose(-2, -1)) / 2).softmax(-1)
        return weights @ v + 1

    trace = record(attention, *(torch.rand(2, 3, 5, 4) for _ in range(3)))
    keys = [lab_link(trace, step) for step in trace.steps]
    assert [None if link is None else parse_qs(urlsplit(link[1]).query)["lab"][0] for link in keys] == [
        "memory_layout",
        "sizes_that_agree",
        "scaling",
        "scaling",
        "why_split",
        None,
    ]


LLAMA = LlamaConfig(batch=3, length=6, heads=6, kv_heads=3, d_k=10, d_model=36, rope_base=500_000, device="cpu")


@pytest.mark.parametrize(
    ("name", "op", "expected"),
    [
        ("key_rotation.turned", "cat", {"lab": "rotary", "lab_pairs": "5", "lab_base": "500000"}),
        ("key", "repeat_interleave", {"lab": "key_heads", "lab_kv_heads": "3", "lab_group": "2", "lab_d_k": "10"}),
        (
            "value",
            "cat",
            {"lab": "kv_cache", "lab_batch": "3", "lab_length": "5", "lab_kv_heads": "3", "lab_group": "2"},
        ),
        ("scaled", "div", {"lab": "scaling", "lab_d_k": "10", "lab_keys": "5"}),
    ],
)
def test_what_todays_models_do_in_attention_has_its_lab_with_their_sizes(name, op, expected):
    trace = run_cached(LLAMA, kept=4)
    (step,) = (s for s in trace.find_all(f"layers.1.self_attention.{name}") if s.op == op)
    query = {key: values[0] for key, values in parse_qs(urlsplit(lab_link(trace, step)[1]).query).items()}
    assert expected.items() <= query.items()


@pytest.mark.parametrize(
    ("config", "name", "lab"),
    [
        (LLAMA, "rotary_angles.cosine", "rotary"),
        (LLAMA, "mask.future", "masking"),
        (GPT2Config(device="cpu"), "layers.0.self_attention.weights", "scaling"),
        (T5Config(device="cpu"), "decoder.layers.0.cross_attention.weights", "scaling"),
        (MixtralConfig(device="cpu"), "layers.0.feed_forward.probabilities", None),
        (LLAMA, "layers.0.self_attention_norm.scaled", None),
    ],
)
def test_other_steps_of_todays_models_have_the_lab_that_is_about_them(config, name, lab):
    trace = run(config)
    link = lab_link(trace, trace.find(name))
    assert lab == (None if link is None else parse_qs(urlsplit(link[1]).query)["lab"][0])


def test_a_base_that_the_lab_does_not_offer_is_left_to_it():
    trace = run(LLAMA.change(rope_base=77))
    assert "lab_base" not in query_of(trace, "rotary_angles.angle")


def test_a_loss_has_the_lab_about_the_loss_whatever_the_program():
    trace = record(torch.nn.functional.cross_entropy, torch.rand(4, 9), torch.tensor([1, 2, 3, 4]))
    assert query_of(trace, "cross_entropy")["lab"] == "shifted_loss"
