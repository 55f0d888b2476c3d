"""A file that was made to do harm is refused in one line; it runs nothing, reads nothing beyond itself."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import open_trace, record, save_trace
from engine.export.step_columns import COLUMNS
from tests.engine.record.trace_file.foreign_programs import PROGRAMS
from tests.engine.record.trace_file.hostile_files import VALUES, file_of, mutated, outcome, parts_of


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    function, args, kwargs = PROGRAMS["mixture"]()
    path = save_trace(record(function, *args, **kwargs), tmp_path_factory.mktemp("sound") / "run.trace")
    return path.read_bytes()


def changed(content, *keys, value):
    """The file with one field of its manifest changed."""
    header, manifest, blocks = parts_of(content)
    inner = manifest
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return file_of(header, manifest, blocks)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_file_is_refused_in_one_line_or_opens_soundly(content, tmp_path_factory, seed):
    path = tmp_path_factory.getbasetemp() / "mutated.trace"
    path.write_bytes(mutated(content, seed))
    assert outcome(path) == ""


@settings(max_examples=200, deadline=None)
@given(noise=st.binary(max_size=300))
def test_noise_is_refused(tmp_path_factory, noise):
    path = tmp_path_factory.getbasetemp() / "noise.trace"
    path.write_bytes(noise)
    with pytest.raises(ValueError, match=r"^noise\.trace can't be opened as a trace: [^\n]+$"):
        open_trace(path)


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("tensors", "offset", 0), 10**6, "tensor 0 reads beyond its memory: 4000048 bytes of 48"),
        (("tensors", "offset"), [0], r"offset is \[0\], not a list of [0-9]+ numbers"),
        (("tensors", "offset", 0), 0.0, "offset is 0.0, not a whole number from 0 to "),
        (("tensors", "storage", 0), 10**9, "storage is 1000000000, not a whole number from -1 to "),
        (("tensors", "storage", 0), -1, "storage is -1, not a whole number from 0 to "),
        (("tensors", "layout", 0), -1, "layout is -1, not a whole number from 0 to "),
        (("tensors", "layouts", 0, "stride"), [-1, 1], "stride is -1, not a whole number from 0 to "),
        (("tensors", "layouts", 0, "shape"), [2**31, 2**31], "tensor 0 "),
        (("tensors", "layouts", 0, "shape"), [2**62], "has 2 strides for 1 axes|shows"),
        (("tensors", "layouts", 0, "dtype"), "no_such", "tensor 0 is of the dtype no_such, which torch does not have"),
        (("tensors", "layouts", 0, "dtype"), "float64", "tensor 0 reads beyond its memory"),
        (("storages", "nbytes", 0), 2**40, "block 0 has 1099511627776 bytes where "),
        (("storages", "meta"), [10**9], "meta is 1000000000, not a whole number from 0 to "),
        # The first step read four things, so the fifth number is what the second read.
        (("steps", "parents", 4), 1, "parents is 1, not a whole number from -[0-9]+ to 0"),
        (("steps", "parents", 4), -(10**9), "parents is -1000000000, not a whole number from "),
        (("steps", "parent_counts", 0), 3, "parent_counts is [0-9]+, not [0-9]+, the number of parents"),
        (("steps", "parent_counts", 0), -1, "parent_counts is -1, not a whole number from 0 to "),
        (("steps", "tensor", 0), 10**9, "tensor is 1000000000, not a whole number from 0 to "),
        (("steps", "tensor", 0), True, "tensor is True, not a whole number from 0 to "),
        (("steps", "source", 0), -2, "source is -2, not a whole number from -1 to "),
        (("steps", "call"), [], r"call is \[\], not a list of [0-9]+ numbers"),
        (("steps", "overwritten"), [10**9], "overwritten is 1000000000, not a whole number from 0 to "),
        (("steps", "insides"), [{"step": 0}], "opening is None, not an object"),
        (("steps", "memory", 0), 0, "memory is 'unfold', not one of new, view, same, overwritten"),
        (("axes", 0), ["B"], "axes is "),
        (("keywords", 0), ["dim"] * 50, "keywords is "),
        (("texts", 0), 5, "texts is .*, not a list of texts"),
        (("steps",), [], r"steps is \[\], not an object"),
        (("config",), {"heads": "many"}, "heads"),
        (("config",), {"evil": 1}, "evil"),
    ],
)
def test_a_field_that_cannot_be_is_named(content, tmp_path, keys, value, said):
    path = tmp_path / "bad.trace"
    path.write_bytes(changed(content, *keys, value=value))
    with pytest.raises(ValueError, match=said):
        open_trace(path)
    assert outcome(path) == ""


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_a_manifest_that_is_not_one_is_refused(content, tmp_path, value):
    header, _, blocks = parts_of(content)
    path = tmp_path / "bad.trace"
    path.write_bytes(file_of(header, value, blocks))
    with pytest.raises(ValueError, match=r"^bad\.trace can't be opened as a trace: [^\n]+$"):
        open_trace(path)


def test_json_nested_without_end_is_refused(content, tmp_path):
    header, manifest, blocks = parts_of(content)
    path = tmp_path / "deep.trace"
    nested = b'"output": ' + b"[" * 10_000 + b"]" * 10_000
    manifest["output"] = "HERE".ljust(len(nested) - len(b'"output": ""'), "_")
    path.write_bytes(file_of(header, manifest, blocks).replace(f'"output": "{manifest["output"]}"'.encode(), nested))
    with pytest.raises(ValueError, match=r"^deep\.trace can't be opened as a trace: [^\n]+$"):
        open_trace(path)


def test_tensors_that_repeat_their_elements_without_end_are_refused(content, tmp_path):
    header, manifest, blocks = parts_of(content)
    layout = next(layout for layout in manifest["tensors"]["layouts"] if len(layout["shape"]) == 2)
    layout |= {"shape": [2**30, 2**20], "stride": [0, 0]}
    path = tmp_path / "bomb.trace"
    path.write_bytes(file_of(header, manifest, blocks))
    with pytest.raises(ValueError, match="at most 268435456 may be repeated"):
        open_trace(path)


def test_a_tensor_of_a_gpu_is_on_the_cpu_and_its_step_says_where_it_ran(content, tmp_path):
    path = tmp_path / "gpu.trace"
    header, manifest, blocks = parts_of(content)
    tensors = manifest["tensors"]
    tensors["layouts"][tensors["layout"][manifest["steps"]["tensor"][0]]]["device"] = "cuda:0"
    path.write_bytes(file_of(header, manifest, blocks))
    step = open_trace(path).steps[0]
    assert (str(step.device), str(step.value.device)) == ("cuda:0", "cpu")
    assert COLUMNS["device"](step) == "cuda:0"


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("3", "it was written in version 3 of the format; this program reads version 2$"),
        (
            "1",
            "it was written in version 1 of the format, which this program no longer reads; record its program again$",
        ),
        (None, "it was written in version None of the format; this program reads version 2$"),
    ],
)
def test_a_file_of_another_version_says_so(content, tmp_path, version, said):
    header, manifest, blocks = parts_of(content)
    header["__metadata__"]["version"] = version
    path = tmp_path / "other.trace"
    path.write_bytes(file_of(header, manifest, blocks))
    with pytest.raises(ValueError, match=said):
        open_trace(path)


def test_another_safetensors_file_says_that_it_is_no_trace(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, tmp_path / "weights.trace")
    with pytest.raises(ValueError, match="it is a safetensors file, but not a trace"):
        open_trace(tmp_path / "weights.trace")


def test_what_is_no_file_raises_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_trace(tmp_path / "nowhere.trace")
    with pytest.raises(OSError, match=os.strerror(21)):
        open_trace(tmp_path)
