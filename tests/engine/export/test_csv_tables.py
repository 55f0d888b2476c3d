import ast
import csv
import errno
import io
import itertools
import math
import os
import resource
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine import Config, Leaf, record, run
from engine.export import export_error, files
from engine.export.csv_tables import (
    SPREADSHEET_ROWS,
    csv_bytes,
    estimated_bytes,
    values_rows,
    write_matrix,
    write_steps,
    write_tensor,
    write_values,
)
from engine.export.export_error import ExportError
from tests.engine.outlined import outline

ROOT = Path(__file__).parents[3]
BITS = {np.dtype(np.float32): np.uint32, np.dtype(np.float64): np.uint64}
MIXED = [0.1, -0.0, 0.0, math.nan, math.inf, -math.inf, 1e-45, 5e-324, 1.5e-5, 1e16, 3.4e38, 1.0, -7.25]


def steps_of(value):
    return record(torch.clone, value).steps


def long(steps):
    return csv_bytes(lambda file: write_values(steps, file))


def table(content):
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def texts(value):
    return [row["value"] for row in table(long(steps_of(value)))]


def digits(text):
    return text.split("e")[0].replace(".", "").strip("0")


def read_back(steps, dtype):
    """The values of a CSV as a flat tensor, by way of Python's own reading of numbers."""
    return torch.tensor([float(row["value"]) for row in table(long(steps))], dtype=torch.float64).to(dtype)


def same_bits(one, other):
    """Equal bit for bit, except that a NaN is a NaN."""
    assert one.dtype == other.dtype
    kind = BITS[one.dtype]
    return bool(((one.view(kind) == other.view(kind)) | (np.isnan(one) & np.isnan(other))).all())


@pytest.fixture(scope="module")
def trace():
    return run(Config(batch=2, src_len=5, tgt_len=4, heads=4, d_model=32, device="cpu"))


floats = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
)


@settings(max_examples=150)
@given(floats)
def test_every_float_reads_back_bit_for_bit(value):
    rows = table(long(steps_of(torch.tensor(value))))
    read = np.array([float(row["value"]) for row in rows]).astype(value.dtype)
    assert same_bits(read, value.reshape(-1))
    assert [tuple(int(row[f"i{axis}"]) for axis in range(value.ndim)) for row in rows] == list(np.ndindex(value.shape))


@settings(max_examples=25)
@given(st.sampled_from([np.float32, np.float64]), st.integers(0, 2**32 - 1))
def test_random_bits_read_back_with_pandas(kind, seed):
    bits = BITS[np.dtype(kind)]
    value = np.random.default_rng(seed).integers(0, np.iinfo(bits).max, 500, bits, endpoint=True).view(kind)
    frame = pd.read_csv(io.BytesIO(long(steps_of(torch.tensor(value)))))
    assert same_bits(frame["value"].to_numpy().astype(kind), value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_text_of_a_float_is_the_shortest_that_reads_back(dtype):
    value = torch.tensor([0.1, 1 / 3, 2.5e-8, 123456.789, 16777216.0, 1e30], dtype=dtype)
    # numpy finds the shortest digits by an algorithm of its own (Dragon4).
    shortest = [np.format_float_scientific(number) for number in value.numpy()]
    assert [digits(text) for text in texts(value)] == [digits(text) for text in shortest]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_not_finite_reads_back_with_pandas_and_python(dtype):
    value = torch.tensor(MIXED, dtype=dtype)
    assert texts(value)[3:6] == ["NaN", "inf", "-inf"]
    frame = pd.read_csv(io.BytesIO(long(steps_of(value))))
    assert frame["value"].dtype == np.float64
    assert same_bits(frame["value"].to_numpy().astype(value.numpy().dtype), value.numpy())


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_one_kind_of_infinity_among_finite_numbers_stays_that_kind(odd):
    value = torch.tensor([odd, 1.0, odd, -0.0, odd])
    assert same_bits(np.array([float(text) for text in texts(value)], np.float32), value.numpy())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_small_floats_are_widened_exactly(dtype):
    bits = torch.arange(256) if dtype.itemsize == 1 else torch.arange(0, 65536, 7)
    value = bits.to(torch.uint8 if dtype.itemsize == 1 else torch.uint16).view(dtype)
    widened = value.float()
    assert same_bits(read_back(steps_of(value), torch.float32).numpy(), widened.numpy())


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int16, torch.uint16, torch.int32, torch.int64])
def test_whole_numbers_are_written_whole(dtype):
    info = torch.iinfo(dtype)
    assert [int(text) for text in texts(torch.tensor([info.min, 0, 1, info.max], dtype=dtype))] == [
        info.min,
        0,
        1,
        info.max,
    ]


def test_booleans_are_one_and_zero():
    assert texts(torch.tensor([True, False])) == ["1", "0"]


def test_complex_numbers_read_back_with_python():
    value = torch.tensor([1 + 2j, -0.1j, complex(math.inf, -1)], dtype=torch.complex128)
    assert [complex(text) for text in texts(value)] == value.tolist()
    assert not any(text.startswith("-") for text in texts(value))


@pytest.mark.parametrize(
    "shape",
    [
        (70_000,),
        (3, 40_000),
        (40_001, 2),
        (2, 3, 20_000),
        (5, 7, 9, 300),
        (2, 3, 2, 20_000),
        (2, 1, 32_768),
        (1, 32_769),
    ],
)
def test_a_tensor_written_in_pieces_keeps_its_indices_and_order(shape):
    value = torch.arange(math.prod(shape), dtype=torch.float64).reshape(shape)
    frame = pd.read_csv(io.BytesIO(long(steps_of(value))))
    expected = np.indices(shape).reshape(len(shape), -1)
    for axis in range(len(shape)):
        assert (frame[f"i{axis}"].to_numpy() == expected[axis]).all()
    assert (frame["value"].to_numpy() == value.reshape(-1).numpy()).all()


@pytest.mark.parametrize(
    "value",
    [
        torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
        torch.arange(40_000.0).reshape(2, 20_000).T,
        torch.tensor([[1.0], [2.0]]).expand(2, 3),
        torch.arange(12.0)[::3],
        torch.ones(2, 2).requires_grad_(),
        torch.nn.Parameter(torch.rand(3)),
        torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
        torch.rand(3).flip(0),
        torch.tensor(3.5),
    ],
    ids=[
        "permuted",
        "long transposed",
        "expanded",
        "strided",
        "grad",
        "parameter",
        "negated view",
        "flipped",
        "scalar",
    ],
)
def test_any_layout_is_written_as_it_is_indexed(value):
    steps = record(lambda tensor: tensor.view(tensor.shape), value).steps
    assert steps[0].is_view
    assert torch.equal(read_back(steps, value.dtype), value.detach().reshape(-1))


@pytest.mark.parametrize(
    "value",
    [torch.zeros(3, 0, 2), torch.zeros(2, 2, device="meta"), torch.eye(3).to_sparse()],
    ids=["empty", "meta", "sparse"],
)
def test_a_tensor_without_numbers_has_no_rows_and_no_size(value):
    steps = steps_of(value)
    content = long(steps)
    assert table(content) == []
    assert values_rows(steps) == 0
    assert estimated_bytes(steps) == len(content)


def test_a_tensor_that_was_overwritten_since_has_no_rows():
    kept, spoilt = steps = record(lambda x: (x + 1, x + 2), torch.ones(2)).steps
    spoilt.value.zero_()
    content = long(steps)
    assert [(row["step"], row["value"]) for row in table(content)] == [("0", "2.0"), ("0", "2.0")]
    assert values_rows(steps) == 2
    assert estimated_bytes((spoilt,)) == len(long((spoilt,)))
    assert kept.unreadable is None


def test_there_are_as_many_index_columns_as_the_deepest_tensor_has_axes():
    def mixture(x):
        total = x.sum()
        flat = x.reshape(-1)
        return total, flat

    steps = record(mixture, torch.ones(1, 2, 1)).steps
    assert long(steps[:1]).decode().splitlines() == ["step,name,value", "0,total,2.0"]
    assert long(steps).decode().splitlines() == [
        "step,name,i0,value",
        "0,total,,2.0",
        "1,flat,0,1.0",
        "1,flat,1,1.0",
    ]
    assert long([]) == b"step,name,value\n"
    assert csv_bytes(lambda file: write_tensor(steps[1], file)) == long(steps[1:])


def test_many_small_tensors_of_changing_dtype_keep_their_rows(trace):
    rows = table(long(trace.steps))
    grouped = {int(key): list(group) for key, group in itertools.groupby(rows, lambda row: row["step"])}
    assert list(grouped) == [step.index for step in trace.steps]
    for step in trace.steps:
        assert {row["name"] for row in grouped[step.index]} == {step.name}
        read = torch.tensor([float(row["value"]) for row in grouped[step.index]], dtype=torch.float64).to(step.dtype)
        assert torch.equal(read, step.value.reshape(-1))
        shown = [tuple(row[f"i{axis}"] for axis in range(4)) for row in grouped[step.index]]
        padding = ("",) * (4 - step.value.dim())
        assert shown == [(*map(str, index), *padding) for index in np.ndindex(step.shape)]


def test_neighbours_of_other_dtypes_leave_the_text_of_a_number_alone():
    def mixture(x):
        return x.half(), x, x.double(), x > 0, x

    steps = record(mixture, torch.tensor([0.1])).steps
    assert [row["value"] for row in table(long(steps))] == ["0.099975586", "0.10000000149011612", "1"]


def test_steps_csv_says_of_every_step_what_the_step_says(trace):
    content = csv_bytes(lambda file: write_steps(trace.steps, file))
    rows = table(content)
    assert content.decode().splitlines()[0] == (
        "step,path,name,op,axes,shape,stride,dtype,device,is_view,is_contiguous,numel,bytes,flops,"
        "min,max,mean,std,nan,inf,expression,file,line,parents"
    )
    for step, row in zip(trace.steps, rows, strict=True):
        assert (int(row["step"]), row["path"], row["name"], row["op"]) == (step.index, step.path, step.name, step.op)
        assert tuple(row["axes"].strip("(,)").split(", ")) == tuple(axis or "?" for axis in step.axes)
        assert ast.literal_eval(row["shape"]) == step.shape
        assert ast.literal_eval(row["stride"]) == step.stride
        assert f"torch.{row['dtype']}" == str(step.dtype)
        assert (row["is_view"], row["is_contiguous"]) == (str(step.is_view), str(step.is_contiguous))
        assert (int(row["numel"]), int(row["bytes"])) == (step.value.numel(), step.nbytes)
        assert row["flops"] == ("" if step.flops is None else str(step.flops))
        finite = step.value.double()[step.value.isfinite()]
        assert float(row["min"]) == finite.min().item()
        assert float(row["max"]) == finite.max().item()
        assert float(row["mean"]) == pytest.approx(finite.mean().item(), rel=1e-12, abs=1e-15)
        assert int(row["inf"]) == int(step.value.isinf().sum())
        assert row["expression"] == step.source.expression
        assert (ROOT / row["file"]).samefile(step.source.file)
        assert row["file"].startswith("engine/model/")  # nothing of where this computer keeps it
        assert int(row["line"]) == step.source.line


def test_steps_csv_writes_the_same_whole_or_filtered(trace):
    everything = csv_bytes(lambda file: write_steps(trace.steps, file)).splitlines()
    some = csv_bytes(lambda file: write_steps(trace.steps[3:7], file)).splitlines()
    assert some == [everything[0], *everything[4:8]]


def test_parents_are_steps_by_index_leaves_by_name_and_arguments_as_written():
    def look(query, key):
        scores = query @ key.mT
        weights = scores.softmax(dim=-1)
        return weights

    steps = record(look, torch.ones(2, 3), torch.ones(2, 3)).steps
    rows = table(csv_bytes(lambda file: write_steps(steps, file)))
    assert [row["parents"] for row in rows] == ["key", "query; #0", "#1; dim=-1"]


def test_statistics_are_empty_where_nothing_is_finite():
    row = table(csv_bytes(lambda file: write_steps(steps_of(torch.tensor([math.nan, -math.inf])), file)))[0]
    assert [row[name] for name in ("min", "max", "mean", "std", "nan", "inf")] == ["", "", "", "", "1", "1"]


class Shown:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", '=HYPERLINK("http://x","y")']


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_text_that_begins_like_a_formula_is_kept_from_being_one(text):
    matrix = torch.tensor([[-1.5]])
    content = csv_bytes(lambda file: write_matrix(matrix, [text], [text], file))
    header, row = csv.reader(io.StringIO(content.decode(), newline=""))
    assert header == ["", f"'{text}"]
    assert row == [f"'{text}", "-1.5"]  # a number stays a number


@pytest.mark.parametrize(
    "text", ["a,b", 'say "hi"', "two\nlines", "cr\rlf", "나는", "⟨pad⟩", "", " x", "a=b", "'", "\0"]
)
def test_any_other_text_reads_back_as_it_was(text):
    content = csv_bytes(lambda file: write_matrix(torch.ones(1, 1), [text], [text], file))
    assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == [["", text], [text, "1.0"]]


def test_expressions_and_arguments_cannot_be_formulas_either():
    x = torch.ones(2)
    steps = record(lambda: -x).steps
    row = table(csv_bytes(lambda file: write_steps(steps, file)))[0]
    assert row["expression"] == "'-x"


def test_a_parent_that_cannot_describe_itself_is_told_by_its_type():
    (step,) = steps_of(torch.ones(2))
    strange = replace(step, parents=(Leaf("argument", "", Broken()), Leaf("argument", "", Shown("=a\n,b"))))
    row = table(csv_bytes(lambda file: write_steps([strange], file)))[0]
    assert row["parents"] == "Broken; =a\n,b"
    strange = replace(step, name='=x,"', path="\udcff", parents=(Leaf("argument", "", Shown("=a")),))
    row = table(csv_bytes(lambda file: write_steps([strange], file)))[0]
    assert (row["name"], row["path"], row["parents"]) == ("'=x,\"", "\\udcff", "'=a")
    assert {row["name"] for row in table(long([strange]))} == {"'=x,\""}


def test_a_matrix_is_written_as_it_is_seen():
    matrix = torch.tensor([[0.1, -math.inf, math.nan], [1.0, -0.0, 2.5]]).T
    content = csv_bytes(lambda file: write_matrix(matrix, ["I", "go", "I"], ["나는", "간다"], file))
    assert content.decode().splitlines() == [",나는,간다", "I,0.1,1.0", "go,-inf,-0.0", "I,NaN,2.5"]


def test_a_matrix_without_labels_has_indices_in_their_place():
    content = csv_bytes(lambda file: write_matrix(torch.tensor([[True, False]]), None, None, file))
    assert content.decode().splitlines() == [",0,1", "0,1,0"]


def test_a_matrix_without_rows_is_its_header():
    assert csv_bytes(lambda file: write_matrix(torch.ones(0, 2), None, ["a", "b"], file)) == b",a,b\n"


def test_labels_that_do_not_fit_the_matrix_are_refused():
    with pytest.raises(ValueError, match="1 given for 2"):
        write_matrix(torch.ones(2, 2), ["a"], None, io.BytesIO())


@settings(max_examples=6)
@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 12), st.sampled_from(["float32", "float64", "bfloat16"]))
def test_the_size_told_beforehand_is_about_right(batch, length, heads, dtype):
    trace = run(Config(batch=batch, src_len=length, heads=heads, d_model=4 * heads, dtype=dtype, device="cpu"))
    content = long(trace.steps)
    assert values_rows(trace.steps) == content.count(b"\n") - 1
    assert estimated_bytes(trace.steps) == pytest.approx(len(content), rel=0.05)


def test_the_size_of_masked_scores_is_judged_by_more_than_one_column():
    value = torch.randn(100, 256, 256).masked_fill(torch.ones(256, 256).triu(1).bool(), -torch.inf)
    steps = steps_of(value[:20])
    assert estimated_bytes(steps) == pytest.approx(len(long(steps)), rel=0.05)


def test_a_trace_without_numbers_can_still_be_listed():
    steps = outline(Config()).steps
    assert values_rows(steps) == 0
    assert len(table(csv_bytes(lambda file: write_steps(steps, file)))) == len(steps)


def test_progress_grows_to_the_number_of_rows():
    seen = []
    steps = steps_of(torch.ones(5, 50_000))
    write_values(steps, io.BytesIO(), lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert len(seen) > 4
    assert {total for _, total in seen} == {250_000}
    assert seen[-1] == (250_000, 250_000)


MEASURE = """
import resource, torch
from engine import record
from engine.export.csv_tables import write_values, estimated_bytes
small, large = (record(lambda x: x.T, torch.rand(2000).expand(n, 2000)).steps for n in (100, 4000))
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
largest = 0
class Sink:
    def write(self, data):
        global largest
        largest = max(largest, len(data))
write_values(small, Sink())
before = peak()
estimated_bytes(large)
write_values(large, Sink())
print(peak() - before, largest)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_memory_does_not_grow_with_the_file():
    ran = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, cwd=ROOT)
    grown, largest = map(int, ran.stdout.split())
    # Forty times the rows, a file of 200 MiB; the value spread out would alone be 31 MiB.
    assert grown < 24
    assert largest < 4 * 2**20


class TestSave:
    def test_writes_both_files_and_says_what_is_in_them(self, trace, tmp_path):
        folder = tmp_path / "a" / "b"
        steps_csv, values_csv = files.save_csv(trace.steps, folder)
        assert sorted(path.name for path in folder.iterdir()) == ["steps.csv", "values.csv"]
        assert steps_csv.path.read_bytes() == csv_bytes(lambda file: write_steps(trace.steps, file))
        assert values_csv.path.read_bytes() == long(trace.steps)
        assert (steps_csv.rows, values_csv.rows) == (len(trace.steps), values_rows(trace.steps))
        assert values_csv.nbytes == values_csv.path.stat().st_size

    def test_files_get_the_permissions_that_files_get(self, trace, tmp_path):
        (tmp_path / "plain").touch()
        for file in files.save_csv(trace.steps[:3], tmp_path):
            assert file.path.stat().st_mode == (tmp_path / "plain").stat().st_mode

    def test_takes_the_place_of_an_earlier_export(self, trace, tmp_path):
        files.save_csv(trace.steps, tmp_path)
        _, values_csv = files.save_csv(trace.steps[:1], tmp_path)
        assert values_csv.path.read_bytes() == long(trace.steps[:1])
        assert len(list(tmp_path.iterdir())) == 2

    @pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr)
    def test_leaves_what_was_there_when_it_has_to_stop(self, trace, tmp_path, stop):
        (tmp_path / "values.csv").write_text("mine")
        calls = []

        def progress(done, total):
            calls.append(done)
            if len(calls) == 2:
                raise stop

        with pytest.raises(ExportError if isinstance(stop, OSError) else KeyboardInterrupt):
            files.save_csv(trace.steps, tmp_path, progress)
        assert [path.name for path in tmp_path.iterdir()] == ["values.csv"]
        assert (tmp_path / "values.csv").read_text() == "mine"

    def test_a_full_disk_is_one_line_and_leaves_no_folder(self, trace, tmp_path):
        def progress(done, total):
            raise OSError(errno.ENOSPC, "No space left on device")

        folder = tmp_path / "a" / "b"
        with pytest.raises(ExportError) as caught:
            files.save_csv(trace.steps, folder, progress)
        text = str(caught.value)
        assert text.startswith(f"cannot write {folder / 'values.csv'}: No space left on device; it needs about ")
        assert text.endswith(" are free")
        assert "\n" not in text
        assert list(tmp_path.iterdir()) == []

    def test_a_disk_too_small_is_noticed_before_anything_is_written(self, trace, tmp_path, monkeypatch):
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(export_error.shutil, "disk_usage", lambda path: usage(2**30, 2**30 - 2**16, 2**16))
        monkeypatch.setattr(files, "write_steps", lambda *_: pytest.fail("began to write"))
        with pytest.raises(ExportError, match=r"No space left on device; it needs about .*, 64\.0 KiB are free"):
            files.save_csv(trace.steps, tmp_path / "new")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("place", ["file", "file/inside", "file/far/inside"])
    def test_a_folder_that_cannot_be_is_one_line(self, trace, tmp_path, place):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(ExportError, match=r"^cannot write .*: Not a directory$"):
            files.save_csv(trace.steps[:1], tmp_path / place)
        assert (tmp_path / "file").read_text() == "mine"

    def test_a_folder_in_the_place_of_a_file_is_one_line(self, trace, tmp_path):
        (tmp_path / "values.csv").mkdir()
        with pytest.raises(ExportError, match=r"^cannot write .*values\.csv: Is a directory$"):
            files.save_csv(trace.steps[:1], tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["values.csv"]

    @pytest.mark.skipif(not Path("/proc").is_dir(), reason="a folder that nobody may write into, not even root")
    @pytest.mark.parametrize("place", ["/proc", "/proc/new/folder"])
    def test_a_folder_nobody_may_write_into_is_one_line(self, trace, place):
        with pytest.raises(ExportError, match=r"^cannot write /proc\S*: [^\n]+$"):
            files.save_csv(trace.steps[:1], place)

    def test_a_name_too_long_leaves_no_folders_on_the_way(self, trace, tmp_path):
        with pytest.raises(ExportError, match="File name too long"):
            files.save_csv(trace.steps[:1], tmp_path / "a" / ("x" * 300))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a limit on the size of files")
    def test_a_real_write_that_fails_midway_leaves_nothing(self, trace, tmp_path):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # the limit must not touch this process
            try:
                resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
                files.save_csv(trace.steps, tmp_path / "out")
                os.write(writer, b"wrote")
            except ExportError as error:
                os.write(writer, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(writer)
        with os.fdopen(reader) as told:
            text = told.read()
        assert text.startswith(f"cannot write {tmp_path / 'out' / 'values.csv'}: File too large; it needs about")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_tensor_on_the_gpu_is_written_like_its_copy():
    value = torch.randn(3, 4, 20_000)
    steps = steps_of(value.cuda())
    assert long(steps).split(b"\n")[1:] == long(steps_of(value)).split(b"\n")[1:]
    assert estimated_bytes(steps) == estimated_bytes(steps_of(value))


def test_the_spreadsheet_limit_is_that_of_excel():
    assert SPREADSHEET_ROWS == 2**20
