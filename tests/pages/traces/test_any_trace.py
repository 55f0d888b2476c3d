"""Every page on every kind of trace: none fails, and each shows something or says what it needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

from engine import Config, GPT2Config, T5Config, Trace, open_trace, record, run, save_trace
from engine.record.recorder import record as record_call
from pages.ui.state.url_step import step_from_key, step_to_key
from pages.ui.traces.opened import OPENED
from pages.ui.traces.trace_cache import trace_of
from pages.ui.views.download_buttons import _trace_file
from tests.engine.long_programs import blocks_side_by_side
from tests.engine.record.trace_file.foreign_programs import compressed
from tests.pages.shown import sent_json, unfolded

ROOT = Path(__file__).parents[3]
PAGES = ("app.py", *(f"pages/{name}.py" for name in ("attention", "decoding", "labs", "every_step", "export")))


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    weights = (query @ key.mT).softmax(-1)
    return weights @ value


def sparse(x: Tensor) -> Tensor:
    return torch.sparse.mm(x.to_sparse(), x.T) + x.to_sparse().to_dense().sum()


def complex_numbers(x: Tensor) -> Tensor:
    return torch.fft.fft(torch.complex(x, -x)).abs()


def odd_dtypes(x: Tensor) -> list[Tensor]:
    return [x > 0, x.long(), x.bfloat16(), x[:0], x.sum(), x / 0, x.to(torch.float8_e4m3fn)]


@pytest.mark.filterwarnings("ignore:.*quantize")
def quantised(x: Tensor) -> Tensor:
    return torch.quantize_per_tensor(x, 0.1, 0, torch.qint8).dequantize() * 2


def one_call(x: Tensor) -> Tensor:
    return x * 2


def without_text() -> Callable[..., Tensor]:
    names: dict[str, Callable[..., Tensor]] = {}
    exec("def unseen(x):\n    return (x @ x.mT).softmax(-1) @ x\n", names)
    return names["unseen"]


def long_program(x: Tensor) -> Tensor:
    for _ in range(600):
        x = x * 1.01
        x = x + 0.1
    return x


def failed() -> Trace:
    with pytest.raises(RuntimeError) as raised:
        record(lambda x: (x * 2) @ x, torch.rand(2, 5, 8))
    return raised.value.trace


TRACES: dict[str, Callable[[], Trace]] = {
    "somebody's attention": lambda: record(attend, *[torch.rand(2, 5, 8)] * 3),
    "a meta device": lambda: record(attend, *[torch.rand(2, 4, 5, 8, device="meta")] * 3),
    "sparse": lambda: record(sparse, torch.eye(4)),
    "complex": lambda: record(complex_numbers, torch.rand(3, 4)),
    "quantised": lambda: record(quantised, torch.rand(3, 4)),
    "compressed and by channel": lambda: record(compressed()[0], *compressed()[1]),
    "one step": lambda: record(one_call, torch.rand(2, 3)),
    "odd dtypes": lambda: record(odd_dtypes, torch.rand(3, 4)),
    "no source": lambda: record(without_text(), torch.rand(2, 5, 8)),
    "a fused call": lambda: record_call(nn.MultiheadAttention(8, 2).eval(), *[torch.rand(2, 5, 8)] * 3),
    "the built-in model": lambda: run(Config(d_model=8, heads=2)),
    "GPT-2": lambda: run(GPT2Config(), source="I go"),
    "T5": lambda: run(T5Config(), source="I go"),
    "no step": lambda: record(lambda x: 3, torch.rand(2)),
    "a failure": failed,
    "a long program": lambda: record(long_program, torch.rand(2, 3)),
    "many blocks": lambda: blocks_side_by_side(400),
}


@pytest.fixture(scope="module")
def name_of(tmp_path_factory) -> Callable[[str], str]:
    names: dict[str, str] = {}
    folder = tmp_path_factory.mktemp("traces")

    def opened(kind: str) -> str:
        if kind not in names:
            path = save_trace(TRACES[kind](), folder / f"{len(names)}.trace")
            with open(path, "rb") as file:
                names[kind] = OPENED.add("run.trace", file)
        return names[kind]

    return opened


@pytest.mark.filterwarnings("ignore")  # torch's own, on sparse and quantised tensors
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", [kind for kind in TRACES if kind != "many blocks"])
def test_every_page_shows_every_kind_of_trace_or_says_what_it_needs(kind, page, name_of):
    app = AppTest.from_file(str(ROOT / page), default_timeout=120)
    app.query_params["trace"] = name_of(kind)
    app.run()
    assert not app.exception
    assert not app.error
    shown = ("bidi_component", "info", "button", "download_button", "arrow_data_frame")
    assert any(len(app.get(kind)) for kind in shown)


def test_a_long_program_is_drawn_in_a_window_around_the_step(name_of):
    from engine.graph.strip import strip_of

    trace = OPENED.get(name_of("a long program")).trace
    near = strip_of(trace, near_step=700)
    steps = [box.step for box in near.boxes if box.step is not None]
    assert 700 in steps
    assert len(near.boxes) < 200
    assert [box.step for box in strip_of(trace, near_step=701).boxes] == [box.step for box in near.boxes]
    assert len(strip_of(trace).boxes) == 1201


def test_every_step_of_a_long_program_has_a_key_of_its_own_that_leads_back(name_of):
    trace = OPENED.get(name_of("a long program")).trace
    keys = [step_to_key(trace, step) for step in trace.steps]
    assert len({*keys}) == len(trace.steps)
    for number in (0, 1, 599, 1198, 1199):
        assert step_from_key(trace, keys[number]) is trace.steps[number]


def test_of_many_blocks_side_by_side_the_near_ones_can_be_pressed_and_the_others_are_counted(name_of):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["trace"] = name_of("many blocks")
    app.query_params["step"] = "blocks.200.scores"
    app.run()
    beside = [(value, title) for value, title, is_beside in sent_json(app, "strip")["blocks"] if is_beside]
    numbers = [int(value.removeprefix("blocks.")) for value, _ in beside]
    assert numbers == [number for number in range(numbers[0], numbers[-1] + 1) if number != 200]
    assert {*range(190, 211)} - {200} < {*numbers}
    assert len(numbers) == 41
    assert [beside[0][1], beside[-1][1]] == [f"… {numbers[0] + 1} before", f"{400 - numbers[-1]} after …"]
    assert beside[1] == (f"blocks.{numbers[1]}", f"block {numbers[1]}")


def test_the_list_of_thousands_of_steps_is_sent_when_it_is_opened_and_closes_with_the_choice(name_of):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["trace"] = name_of("many blocks")
    app.run()
    assert not [box for box in app.selectbox if box.label == "Find a step"]
    unfolded(app, "walk.find")
    [box] = [box for box in app.selectbox if box.label == "Find a step"]
    assert len(box.options) == 2001
    box.set_value("blocks.321.softmax").run()
    assert app.query_params["step"] == "blocks.321.softmax"
    assert not [box for box in app.selectbox if box.label == "Find a step"]


def test_the_steps_of_a_long_program_are_listed_five_hundred_at_a_time(name_of):
    trace = OPENED.get(name_of("a long program")).trace
    app = AppTest.from_file(str(ROOT / "pages/every_step.py"), default_timeout=120)
    app.query_params["trace"] = name_of("a long program")
    app.query_params["step"] = step_to_key(trace, trace.steps[1100])
    app.run()
    assert app.dataframe[0].value["step"].tolist() == list(range(1000, 1200))
    [part] = [box for box in app.selectbox if box.label == "Steps listed"]
    assert part.options == ["0-499", "500-999", "1000-1199"]
    part.set_value("0-499").run()
    assert not app.exception
    assert app.dataframe[0].value["step"].tolist() == list(range(500))


def test_the_downloaded_trace_is_the_one_on_screen(tmp_path):
    from pages.ui.state.settings import first

    path = tmp_path / "run.trace"
    path.write_bytes(_trace_file(first()))
    shown, kept = trace_of(first()), open_trace(path)
    assert [step.full_name for step in kept.steps] == [step.full_name for step in shown.steps]
    assert torch.equal(kept.steps[-1].value, shown.steps[-1].value)
