"""What the rows of a decoder are called in the lens, the same as on the page of attention."""

import pytest

from engine import Config, open_trace, record, run, save_trace
from engine.runtime.variants.run_variant import run_variant
from engine.text.tokenizer import PAD, SPECIALS
from engine.variant_config import VARIANT_CONFIGS
from pages.ui.app.markdown_escape import visible
from pages.ui.views.attention.answer_rows import query_names
from pages.ui.views.row_names import written_rows
from pages.ui.views.tensor_panels import panel_of, tokens_along

LAYER = "decoder.layers.0"


@pytest.fixture(scope="module")
def trace():
    sizes = Config(d_model=16, heads=2, device="cpu")
    return run(sizes, source=["I go home", "dog"], target=["나는 집에 간다", "나는"])


def likeliest(trace, sentence, position):
    return trace.labels["V"][trace.output[sentence, position].argmax().item()]


@pytest.mark.parametrize(
    "name", ["self_attention.scores", "cross_attention.weights", "cross_attention.mixed", "feed_forward.hidden"]
)
def test_a_row_of_the_decoder_says_what_is_written_and_what_was_read(trace, name):
    step = trace.find(f"{LAYER}.{name}")
    labels = panel_of(trace, step).labels[step.axes.index("T")]
    for position, read in enumerate(tokens_along(trace, "T", 0)):
        assert labels[0][position] == f"{likeliest(trace, 0, position)} after {read}"


def test_every_sentence_has_the_names_of_the_page_of_attention_and_padding_its_token(trace):
    labels = panel_of(trace, trace.find(f"{LAYER}.self_attention.weights")).labels[2]
    assert labels == (query_names(trace, "T", 0), query_names(trace, "T", 1))
    assert labels[1][-1] == SPECIALS[PAD]


def test_the_logits_say_it_too(trace):
    logits = panel_of(trace, trace.find("logits")).labels
    assert logits[1][0][0] == f"{likeliest(trace, 0, 0)} after {tokens_along(trace, 'T', 0)[0]}"
    assert logits[2] == trace.labels["V"]


def test_what_was_read_keeps_the_names_of_the_tokens(trace):
    for name in ("self_attention.key", "self_attention.key_t", "self_attention.value"):
        step = trace.find(f"{LAYER}.{name}")
        assert panel_of(trace, step).labels[step.axes.index("T")] == trace.labels["T"], name
    scores = panel_of(trace, trace.find(f"{LAYER}.self_attention.scores"))
    assert scores.labels[3] == trace.labels["T"]
    assert panel_of(trace, trace.find("target_embedding.embedded")).labels[1] == trace.labels["T"]


def test_no_other_model_is_said_to_write(trace):
    assert written_rows(trace, trace.find("encoder.layers.0.self_attention.scores")) is None
    other = record(lambda scores: scores.softmax(-1), trace.find("logits").value)
    assert written_rows(other, other.steps[0]) is None


@pytest.mark.parametrize(("name", "layer"), [("gpt2", "layers.0"), ("llama", "layers.1"), ("t5", "decoder.layers.0")])
def test_the_rows_of_a_decoder_of_today_have_the_same_names(name, layer):
    run_of = run_variant(VARIANT_CONFIGS[name](), ["I go home", "dog"])
    weights = run_of.find(f"{layer}.self_attention.weights")
    for sentence in (0, 1):
        labels = panel_of(run_of, weights).labels
        assert labels[2][sentence] == query_names(run_of, "T", sentence)
        for position, read in enumerate(tokens_along(run_of, "T", sentence)):
            if read == SPECIALS[PAD]:
                break
            assert labels[2][sentence][position] == f"{visible(likeliest(run_of, sentence, position))} after {read}"
        assert labels[3] == run_of.labels["T"]
    read = panel_of(run_of, run_of.find(f"{layer}.self_attention.key_t")).labels
    assert read[3] == run_of.labels["T"]
    turned = [step for step in run_of.steps if step.path.endswith("key_rotation") and "T" in step.axes]
    assert all(written_rows(run_of, step) is None for step in turned)
    assert bool(turned) is (name == "llama")


def test_a_model_that_reads_alone_is_not_said_to_write():
    run_of = run_variant(VARIANT_CONFIGS["bert"](), ["I go home"])
    assert written_rows(run_of, run_of.find("layers.0.self_attention.weights")) is None


def test_a_trace_that_was_saved_has_the_names_it_had(trace, tmp_path):
    for given in (trace, run_variant(VARIANT_CONFIGS["gpt2"](), ["I go home"])):
        opened = open_trace(save_trace(given, tmp_path / "run.trace"))
        path = "decoder.layers.0" if given is trace else "layers.0"
        name = f"{path}.self_attention.weights"
        assert written_rows(opened, opened.find(name)) == written_rows(given, given.find(name)) is not None
