"""Texts in CSV files: quoted by the rules of RFC 4180, harmless in a spreadsheet, read back by other readers."""

import csv
import io

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import record
from engine.export.csv_tables import csv_bytes, write_matrix, write_steps

FORMULA = "=+-@\t\r\n＝＋－＠"
SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # where Python's splitlines ends a line, and CSV does not


def matrix(*labels):
    """The file of a matrix with these labels of rows, and one column."""
    return csv_bytes(lambda file: write_matrix(torch.ones(len(labels), 1), labels, ["c"], file))


@pytest.mark.parametrize(
    ("label", "cell"),
    [
        ("go", "go"),
        ("a b", "a b"),
        ("a,b", '"a,b"'),
        ('"', '""""'),
        ('"go"', '"""go"""'),
        ('say "hi"', '"say ""hi"""'),
        ('5" wide', '"5"" wide"'),
        ("two\nlines", '"two\nlines"'),
        ("cr\rlf", '"cr\rlf"'),
        ("dos\r\n", '"dos\r\n"'),
        ("'", "'"),
        (";", ";"),
        ("a=b", "a=b"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("\nx", '"\'\nx"'),
        ("＝1", "'＝1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠A1", "'＠A1"),
        ('=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'),
        ("\udc80", "\\udc80"),
    ],
)
def test_every_special_character_is_written_as_the_rules_say(label, cell):
    assert matrix(label).decode() == f",c\n{cell},1.0\n"


def shown(label):
    """The label as a reader finds it: with an apostrophe in front where it began like a formula."""
    return f"'{label}" if label[:1] and label[0] in FORMULA else label


@given(st.lists(st.text(f"ab \"',;{FORMULA}{SEPARATORS}나⟨"), min_size=1, max_size=4))
def test_any_labels_are_read_back_by_python_and_by_pandas(labels):
    content = matrix(*labels)
    expected = [[shown(label), "1.0"] for label in labels]
    assert list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True)) == [["", "c"], *expected]
    read = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    assert read.to_numpy().tolist() == expected


@given(st.lists(st.text(f"ab \"',;\n{SEPARATORS}나⟨", min_size=1), min_size=1, max_size=3))
def test_labels_are_quoted_exactly_where_pythons_own_writer_quotes_them(labels):
    # Not of "\r", which it quotes from Python 3.13 on.
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([["", "c"], *([label, "1.0"] for label in map(shown, labels))])
    assert matrix(*labels).decode() == file.getvalue()


def test_the_columns_of_steps_csv_are_read_back_whatever_the_expression_holds():
    def program(x):
        return x.masked_fill(x > 0, float("-inf"))

    steps = record(program, torch.ones(2)).steps
    content = csv_bytes(lambda file: write_steps(steps, file))
    assert b',"x.masked_fill(x > 0, float(""-inf""))",' in content
    read = pd.read_csv(io.BytesIO(content))
    assert read["expression"].tolist() == ["x > 0", 'x.masked_fill(x > 0, float("-inf"))']
