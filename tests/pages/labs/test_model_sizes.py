"""The sizes of today's models that the labs take from the page of all labs."""

import pytest

from engine import GPT2Config, LlamaConfig
from pages.ui.labs.kit.model_sizes import sizes_of_model
from pages.ui.labs.kit.registry import LABS
from pages.ui.state.chosen_model import ChosenModel

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
