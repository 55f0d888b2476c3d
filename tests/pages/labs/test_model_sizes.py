"""The sizes of today's models that the labs take from the page of all labs."""

from urllib.parse import parse_qs, urlsplit

import pytest

from engine import BertConfig, GPT2Config, LlamaConfig, ViTConfig, run
from pages.ui.labs.kit.model_sizes import sizes_of_config, sizes_of_model
from pages.ui.labs.kit.registry import LABS
from pages.ui.state.chosen_model import ChosenModel
from pages.ui.views.lens.lab_links import lab_link

LLAMA = ChosenModel("llama", LlamaConfig(batch=2, length=7, d_model=48, heads=4, kv_heads=2, d_k=12))


@pytest.mark.parametrize(
    ("lab", "expected"),
    [
        ("rotary", {"lab_pairs": "6", "lab_base": str(LLAMA.config.rope_base)}),
        ("key_heads", {"lab_kv_heads": "2", "lab_group": "2", "lab_length": "7", "lab_d_k": "12"}),
        ("kv_cache", {"lab_batch": "2", "lab_length": "7", "lab_kv_heads": "2", "lab_group": "2"}),
        ("view_or_permute", {"lab_batch": "2", "lab_length": "7", "lab_heads": "4", "lab_d_k": "12"}),
    ],
)
def test_a_lab_begins_with_the_sizes_of_the_chosen_llama(lab, expected):
    assert sizes_of_model(lab, LLAMA) == expected


def test_a_model_without_shared_key_heads_has_one_for_each_query_and_no_rotary_base():
    model = ChosenModel("gpt2", GPT2Config(heads=4))
    sizes = sizes_of_model("key_heads", model)
    assert (sizes["lab_kv_heads"], sizes["lab_group"]) == ("4", "1")
    assert sizes_of_model("rotary", model) == {}


def test_without_one_of_todays_models_every_lab_begins_with_its_own_sizes():
    assert not any(sizes_of_model(lab.key, None) for lab in LABS)


BERT = BertConfig(batch=3, length=6, d_model=28, heads=4, device="cpu")
VIT = ViTConfig(batch=3, image_height=8, image_width=12, patch=4, d_model=28, heads=4, device="cpu")
SHARED_KEYS = LlamaConfig(batch=3, length=6, d_model=48, heads=4, kv_heads=2, d_k=12, device="cpu")


@pytest.mark.parametrize("config", [BERT, VIT, SHARED_KEYS], ids=["bert", "vit", "llama"])
def test_the_labs_page_and_the_card_of_a_step_give_a_lab_the_same_sizes(config):
    trace = run(config)
    on_the_page = {lab.key: sizes_of_model(lab.key, ChosenModel(config.name, config)) for lab in LABS}
    compared = set()
    for step in trace.steps:
        link = lab_link(trace, step)
        if link is None or "attention" not in step.path:
            continue
        query = {name: values[0] for name, values in parse_qs(urlsplit(link[1]).query).items()}
        for slider, value in on_the_page[query["lab"]].items():
            if slider in query:
                assert query[slider] == value, f"{step.full_name}: {query['lab']} {slider}"
                compared.add((query["lab"], slider))
    assert {("view_or_permute", "lab_heads"), ("scaling", "lab_d_k"), ("why_split", "lab_length")} <= compared


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (BERT, {"B": 3, "L": 6, "H": 4, "H_kv": 4, "G": 1, "d_k": 7, "V": 64}),
        (VIT, {"B": 3, "L": 7, "H": 4, "H_kv": 4, "G": 1, "d_k": 7}),
        (SHARED_KEYS, {"B": 3, "L": 6, "H": 4, "H_kv": 2, "G": 2, "d_k": 12, "V": 64, "F": 6, "base": 10_000}),
    ],
    ids=["bert", "vit", "llama"],
)
def test_the_sizes_of_a_config_are_those_its_model_runs_with(config, expected):
    assert sizes_of_config(config) == expected
    query = next(step for step in run(config).steps if step.name == "query" and step.op == "permute")
    assert query.shape == (expected["B"], expected["H"], expected["L"], expected["d_k"])
