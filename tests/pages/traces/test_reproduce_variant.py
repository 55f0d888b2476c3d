import shlex

import pytest

from engine.__main__ import main
from pages.ui.state.settings import from_query
from pages.ui.traces import reproduce
from pages.ui.traces.trace_cache import trace_of

QUERIES = {
    "llama on a text": {"model": "llama", "kv_heads": "1", "source": "it's\n나", "interleaved": "1"},
    "with a cache": {"model": "mistral", "window": "2", "kept": "4"},
    "generated tokens": {"model": "gpt2", "reads": "tokens", "length": "7", "batch": "3", "layers": "1"},
    "a pair": {"model": "bert", "source": "a", "target": "b"},
    "an image": {"model": "vit", "patch": "2", "layers": "1"},
    "t5": {"model": "t5", "layers": "1"},
    "a prefill": {"model": "llama", "source": "hello", "kept": "4", "prefill": "1"},
    "t5 with a cache": {"model": "t5", "layers": "1", "source": "ab", "target": "xyz", "kept": "2"},
    "published": {"model": "gpt2-small", "length": "8"},
    "published in 2017": {"model": "paper-base"},
}


@pytest.mark.parametrize("name", QUERIES)
def test_the_script_and_the_command_make_the_run_that_is_on_screen(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings, notes = from_query(QUERIES[name])
    assert not notes
    here = trace_of(settings)
    names = {}
    exec(reproduce.script(settings, "of-script"), names)
    assert [(s.full_name, s.shape) for s in names["trace"].steps] == [(s.full_name, s.shape) for s in here.steps]
    if not here.steps[-1].value.is_meta:
        assert names["trace"].steps[-1].value.equal(here.steps[-1].value)
    words = shlex.split(reproduce.command(settings, "of-command"))
    assert words[:4] == [".venv/bin/python", "-m", "engine", "run"]
    assert main(words[3:]) == 0
    files = [(tmp_path / folder / "steps.csv").read_text("utf-8") for folder in ("of-script", "of-command")]
    assert files[0] == files[1]
