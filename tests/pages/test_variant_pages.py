"""Today's models on every page, in Streamlit's own test harness."""

import pytest

from engine import run
from engine.model.variants.presets import PRESETS
from engine.runtime.parameters import parameters_of
from engine.runtime.variants.cost_sheet import cost_sheet
from engine.variant_config import VARIANT_CONFIGS, LlamaConfig
from tests.pages.shown import control
from tests.pages.test_pages import opened, words

PAGES = (
    "app.py",
    "pages/attention.py",
    "pages/decoding.py",
    "pages/every_step.py",
    "pages/export.py",
    "pages/costs.py",
)
MODELS = (*VARIANT_CONFIGS, "gpt2-small", "mixtral-8x7b", "paper-base")


def of_model(page, **query):
    return opened(page, weights="random", **query)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", MODELS)
def test_every_page_shows_every_model(page, name):
    app = of_model(page, model=name)
    assert not app.exception
    assert not app.error
    assert control(app, "model").value == name


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("query", [{"model": "llama", "prefill": "1"}, {"model": "t5"}])
def test_every_page_shows_a_pass_with_a_cache(page, query):
    app = of_model(page, kept="4", **query)
    assert not app.exception
    assert not app.error


def test_another_model_is_chosen_and_the_transformer_comes_back():
    app = opened("pages/every_step.py", heads="8", d_model="64")
    control(app, "model").set_value("llama").run()
    assert not app.exception
    assert app.query_params["model"] == "llama"
    assert control(app, "rope_base").value == 10_000
    control(app, "model").set_value("transformer").run()
    assert "model" not in app.query_params
    assert app.query_params["heads"] == "8"


def test_the_text_and_the_cache_are_set_in_the_drawer():
    app = of_model("pages/every_step.py", model="llama")
    control(app, "source").set_value("hi").run()
    control(app, "kept").set_value(2).run()
    assert (app.query_params["source"], app.query_params["kept"]) == ("hi", "2")
    control(app, "prefill").set_value("prefill").run()
    assert (app.query_params["kept"], app.query_params["prefill"]) == ("2", "1")
    control(app, "prefill").set_value("decode").run()
    assert "prefill" not in app.query_params
    assert not app.exception


def test_the_drawer_has_the_sizes_of_the_model_and_no_others():
    def names(model):
        app = of_model("pages/export.py", model=model)
        kinds = ("number_input", "selectbox", "toggle", "slider")
        return {element.key.partition(":")[0] for kind in kinds for element in app.get(kind)}

    assert {"rope_base", "interleaved", "kept", "d_k"} <= names("llama")
    assert {"positions", "kept"} <= names("gpt2")
    assert not {"rope_base", "d_k"} & names("gpt2")
    assert {"buckets", "max_distance"} <= names("t5")
    assert "kept" not in names("bert")
    assert {"image_height", "channels"} <= names("vit")


def test_a_published_model_says_why_it_has_no_numbers_and_derives_its_parameters():
    app = of_model("pages/costs.py", model="gpt3-175b")
    said = words(app)
    assert "174,604,259,328 parameters, term by term" in said
    assert "the name it goes by is rounded" in said
    exact = words(of_model("pages/costs.py", model="gpt2-small"))
    assert "124,439,808 parameters, term by term" in exact
    assert "Exactly the number of the published weights" in exact
    attention = of_model("pages/attention.py", model="gpt2-small")
    assert "(1, 12, 1024, 1024)" in attention.info[0].value


def test_experts_at_real_size_get_even_shares_and_the_page_says_so():
    said = words(of_model("pages/costs.py", model="mixtral-8x7b"))
    assert "B·L·K/E = 1·2048·2/8 = 512 tokens" in said
    read = [step.shape for step in run(PRESETS["mixtral-8x7b"].config).steps if step.name == "read"]
    assert set(read) == {(512, 4096)}


def test_the_sheet_follows_the_dtype_of_the_cache_and_the_length():
    config = PRESETS["llama3-8b"].config.change(length=512)
    said = words(of_model("pages/costs.py", model="llama3-8b", length="512", cache="float32"))
    assert cost_sheet(config, "float32").kv_cache == 2 * 32 * 8 * 512 * 128 * 4
    assert "128.0\N{NO-BREAK SPACE}MiB" in said  # which is that many bytes
    assert "8,030,261,248 × 2 bytes" in said
    assert "8,030,261,248 × 16 bytes" in said


def test_the_sheet_is_of_small_models_and_the_transformer_too():
    assert f"{parameters_of(LlamaConfig(vocab_size=259)).count:,} parameters" in words(
        of_model("pages/costs.py", model="llama")
    )
    assert "parameters, term by term" in words(opened("pages/costs.py"))


def test_the_export_page_says_the_command_and_the_script_of_the_model():
    app = of_model("pages/export.py", model="llama", kv_heads="1", source="hi", kept="2")
    command, script = (block.value for block in app.code[:2])
    assert "--model llama --kv-heads 1 --kept 2 --source=hi" in command
    assert "run_cached(LlamaConfig(kv_heads=1), source='hi', kept=2)" in script
