import pytest
import torch

from engine import (
    BertConfig,
    ConfigError,
    GPT2Config,
    LlamaConfig,
    MixtralConfig,
    T5Config,
    TextError,
    ViTConfig,
    run,
)
from engine.__main__ import main
from engine.runtime.memory_estimate import TooLargeError
from engine.runtime.variants.named_model import MODEL_NAMES, named_config
from engine.runtime.variants.run_variant import load_variant, measure_variant
from engine.text import byte_tokenizer
from engine.variant_config import VARIANT_CONFIGS

PARTS = ("bert", "gpt2", "llama", "mistral", "mixtral", "t5")


@pytest.mark.parametrize("name", VARIANT_CONFIGS)
def test_a_run_says_its_variant_and_measures_its_bytes_before_it_begins(name):
    config = VARIANT_CONFIGS[name](device="cpu")
    trace = run(config)
    assert trace.variant == config
    assert trace.config is None
    size = measure_variant(config)
    parameters = {id(p): p for p in load_variant(config).parameters()}.values()
    assert size.parameters == sum(p.numel() * p.element_size() for p in parameters)
    if name != "mixtral":  # nonzero makes the rows and columns of an expert's tokens in one block
        assert size.tensors == trace.nbytes


def test_a_text_is_its_bytes_between_begin_and_end():
    trace = run(BertConfig(), source=["I go", "집"])
    assert trace.labels["S"] == (
        ("⟨begin⟩", "I", "␣", "g", "o", "⟨end⟩"),
        ("⟨begin⟩", "0xEC", "0xA7", "0x91", "⟨end⟩", "⟨pad⟩"),
    )
    assert trace.inputs["tokens"].tolist()[1] == [1, 3 + 0xEC, 3 + 0xA7, 3 + 0x91, 2, 0]
    assert (trace.variant.batch, trace.variant.length, trace.variant.vocab_size) == (2, 6, 259)


def test_what_goes_on_writing_reads_no_end():
    assert run(GPT2Config(), source="hi").labels["T"] == (("⟨begin⟩", "h", "i"),)


def test_a_pair_of_texts_has_a_segment_each():
    trace = run(BertConfig(), source="ab", target="c")
    assert trace.inputs["tokens"].tolist() == [[1, 100, 101, 2, 102, 2]]
    assert trace.inputs["segments"].tolist() == [[0, 0, 0, 0, 1, 1]]


def test_t5_reads_a_source_and_a_target():
    trace = run(T5Config(), source="ab", target="xyz")
    assert trace.labels["S"] == (("⟨begin⟩", "a", "b", "⟨end⟩"),)
    assert trace.labels["T"] == (("⟨begin⟩", "x", "y", "z"),)
    assert trace.output.shape == (1, 4, 259)


def test_padding_of_a_shorter_text_is_seen_by_no_token_of_it():
    trace = run(LlamaConfig(), source=["a", "abcd"])
    weights = trace.find("layers.0.self_attention.weights").value
    assert weights[0, :, :2, 2:].abs().max() == 0
    assert not torch.isnan(trace.output).any()


@pytest.mark.parametrize(
    ("config", "texts", "said"),
    [
        (LlamaConfig(), {"source": "a", "target": "b"}, "Llama reads one text and has no target"),
        (ViTConfig(), {"source": "a"}, "ViT reads images, no text"),
        (GPT2Config(positions=4, length=4), {"source": "abcdef"}, "length must be at most positions, 4: 7"),
    ],
)
def test_a_text_that_a_variant_does_not_read_is_refused(config, texts, said):
    with pytest.raises(ConfigError, match=said):
        run(config, **texts)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"target": "b"}, "a target needs a source"),
        ({"source": ["a", "b"], "target": "c"}, "same number of sentences"),
        ({"source": "👨‍👩‍👧" * 100}, "at most 1,024 bytes"),
        ({"source": ""}, "must not be empty"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused(texts, said):
    with pytest.raises(TextError, match=said):
        run(T5Config(), **texts)


def test_a_byte_without_a_letter_is_shown_by_its_number():
    assert [byte_tokenizer.label(3 + byte) for byte in (0, 32, 65, 127, 255)] == ["0x00", "␣", "A", "0x7F", "0xFF"]
    assert byte_tokenizer.label(300) == "#300"


def test_a_run_that_does_not_fit_is_refused_with_its_size_before_it_begins():
    with pytest.raises(TooLargeError, match="use device meta") as caught:
        run(named_config("gpt3-175b", {"device": "cpu"}))
    assert caught.value.nbytes > 174_604_259_328 * 2


def test_experts_share_the_choices_evenly_where_there_are_no_numbers():
    trace = run(MixtralConfig(batch=2, length=5, experts=3, experts_per_token=2, layers=1, device="meta"))
    sizes = [step.shape[0] for step in trace.steps if step.name == "read"]
    assert (sum(sizes), max(sizes) - min(sizes)) == (2 * 5 * 2, 1)


def test_every_choice_of_a_token_is_answered_where_there_are_numbers():
    trace = run(MixtralConfig(batch=2, length=5, experts=3, experts_per_token=2, layers=1))
    tokens = torch.cat([s.value for s in trace.steps if s.name == "token"])
    assert tokens.sort().values.tolist() == sorted([*range(10)] * 2)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_has_a_config_by_its_name(name):
    assert named_config(name, {"batch": 1}).batch == 1


def test_the_command_line_runs_a_variant_on_text_and_lists_its_parameters(capsys):
    assert main(["run", "--model", "llama", "--kv-heads", "1", "--layers", "1", "--source", "hi"]) == 0
    out = capsys.readouterr().out
    assert "layers.0.self_attention.scores" in out
    assert "B 1 · T 3 · H_kv 1 · d_k 8" in out
    assert "w_k                32 × 8 = 256" in out


def test_the_command_line_lists_a_published_model_without_numbers(capsys):
    assert main(["run", "--model", "bert-base", "--length", "9"]) == 0
    out = capsys.readouterr().out
    assert "B 1 · H 12 · S 9 · S 9" in out
    assert "109,482,240 parameters" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--model lama", "nearest: llama"),
        ("--model gpt2 --kv-heads 3", "gpt2 has no setting kv_heads: 3; it has batch, seed"),
        ("--model llama --upto 3", "upto counts the characters"),
        ("--kv-heads 3", "transformer has no setting kv_heads"),
    ],
)
def test_the_command_line_refuses_what_a_model_does_not_have(capsys, arguments, said):
    assert main(["run", *arguments.split()]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", PARTS)
def test_a_variant_is_written_as_csv(tmp_path, capsys, name):
    assert main(["run", "--model", name, "--layers", "1", "--csv", str(tmp_path / "OUT")]) == 0
    rows = (tmp_path / "OUT" / "steps.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + len(run(VARIANT_CONFIGS[name](layers=1)).steps)
