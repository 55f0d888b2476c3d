"""What the tensor view sends to the browser: exact numbers, true windows, never more than 300 kB."""

from __future__ import annotations

import json
from typing import Any

import numpy
import pytest
import torch

from engine.axes import AXES
from engine.ops.access import AffineMap, AllIndices, SameIndex
from pages.ui.app import palette
from pages.ui.components.mount import style_of
from pages.ui.components.tensor_view import _STYLE, Badge, OperationCard, Panel
from pages.ui.components.tensor_view.panel_numbers import largest
from pages.ui.components.tensor_view.selection_sync import latest, pin_of, valid_pin, valid_starts
from pages.ui.components.tensor_view.window import Subject, axis_keys, windows
from pages.ui.components.tensor_view.wire_format import MOST_BYTES, Packed, pack

BHSS = ("B", "H", "S", "S")
TYPES = {"f4": numpy.float32, "f8": numpy.float64, "i4": numpy.int32, "i8": numpy.int64, "u1": numpy.uint8}


def header_of(packed: Packed) -> dict[str, Any]:
    length = int.from_bytes(packed.data[:4], "little")
    return json.loads(packed.data[4 : 4 + length])


def array_of(packed: Packed, entry: dict[str, Any], counts: list[int]) -> numpy.ndarray[Any, Any]:
    """The numbers as the browser finds them, by the layout that wire_format.py documents."""
    length = int.from_bytes(packed.data[:4], "little")
    body = -(-(4 + length) // 8) * 8
    kind = numpy.dtype(TYPES[entry["type"]])
    raw = packed.data[body + entry["offset"] : body + entry["offset"] + entry["length"] * kind.itemsize]
    return numpy.frombuffer(raw, kind).reshape(counts)


def sent(packed: Packed, number: int = 0) -> numpy.ndarray[Any, Any]:
    panel = header_of(packed)["panels"][number]
    return array_of(packed, panel["values"], [axis["count"] for axis in panel["axes"]])


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


# --- numbers


@pytest.mark.parametrize(
    "dtype",
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn],
)
def test_every_floating_type_arrives_exactly(dtype: torch.dtype) -> None:
    value = (random(3, 5) * 7).to(dtype)
    got = sent(pack([Panel("x", value, ("S", "d_k"))]))
    assert got.astype("float64").tolist() == value.double().tolist()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_every_integer_type_arrives_exactly(dtype: torch.dtype) -> None:
    info = torch.iinfo(dtype)
    value = torch.tensor([[info.min, info.max, 0, 1]], dtype=dtype)
    assert sent(pack([Panel("x", value, ("B", "S"))])).tolist() == [[info.min, info.max, 0, 1]]


def test_not_a_number_the_infinities_and_minus_zero_arrive_bit_for_bit() -> None:
    value = torch.tensor([torch.nan, torch.inf, -torch.inf, -0.0, 0.0, 1e-45])
    assert sent(pack([Panel("x", value, ("S",))])).tobytes() == value.numpy().tobytes()


def test_a_boolean_tensor_arrives_as_zeros_and_ones() -> None:
    packed = pack([Panel("mask", torch.tensor([True, False, True]), ("S",))])
    assert sent(packed).tolist() == [1, 0, 1]
    assert header_of(packed)["panels"][0]["scale"]["kind"] == "bool"


def test_a_complex_tensor_arrives_as_real_and_imaginary_parts() -> None:
    packed = pack([Panel("x", torch.tensor([1 + 2j, 3 - 4j]), ("S",))])
    assert sent(packed).tolist() == [[1, 2], [3, -4]]
    assert header_of(packed)["panels"][0]["axes"][1]["labels"] == ["re", "im"]


def test_a_non_contiguous_view_that_requires_grad_is_read_in_its_own_order_and_left_alone() -> None:
    base = random(4, 6).requires_grad_()
    value = base.t()
    before = base.detach().clone()
    got = sent(pack([Panel("x", value, ("S", "d_k"))]))
    assert got.tolist() == before.t().tolist()
    assert torch.equal(base.detach(), before)
    assert value.requires_grad
    assert not value.is_contiguous()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_tensor_on_a_cuda_device_arrives_exactly() -> None:
    value = random(3, 5).cuda()
    assert sent(pack([Panel("x", value, ("S", "d_k"))])).tolist() == value.cpu().tolist()


def test_a_tensor_without_numbers_is_announced_by_its_shape_alone() -> None:
    panel = header_of(pack([Panel("x", torch.zeros(3, 4, device="meta"), ("S", "d_k"))]))["panels"][0]
    assert panel["values"] is None
    assert [axis["size"] for axis in panel["axes"]] == [3, 4]


def test_a_mask_is_broadcast_to_the_tensor_it_belongs_to() -> None:
    future = torch.ones(3, 3, dtype=torch.bool).triu(1)
    packed = pack([Panel("scores", random(2, 2, 3, 3), BHSS, masked=future)])
    entry = header_of(packed)["panels"][0]["masked"]
    assert array_of(packed, entry, [2, 2, 3, 3]).tolist() == future.expand(2, 2, 3, 3).int().tolist()


def test_the_browser_is_told_what_the_hatched_cells_are() -> None:
    padding = Panel("ids", torch.tensor([3, 0]), ("S",), masked=torch.tensor([False, True]), hatched="padding")
    panels = header_of(pack([padding, Panel("x", random(2), ("S",))]))["panels"]
    assert [panel["hatched"] for panel in panels] == ["padding", "masked"]


# --- the scale


def test_the_scale_reaches_to_the_largest_finite_number() -> None:
    assert largest(torch.tensor([1.0, -3.0, torch.nan, torch.inf])) == 3.0


def test_the_scale_ignores_masked_cells_and_the_fillers_of_masks() -> None:
    assert largest(torch.tensor([1.0, -9.0]), torch.tensor([False, True])) == 1.0
    assert largest(torch.tensor([1.0, -2.0, -1e9])) == 2.0
    assert largest(torch.tensor([1.0, torch.finfo(torch.float32).min])) == 1.0


def test_the_scale_is_that_of_the_whole_tensor_not_of_the_window() -> None:
    value = torch.zeros(300, 300)
    value[299, 299] = 8.0
    assert header_of(pack([Panel("x", value, ("S", "d_k"))]))["panels"][0]["scale"]["largest"] == 8.0


@pytest.mark.parametrize(
    ("value", "kind"),
    [(torch.zeros(2), "diverging"), (torch.zeros(2, dtype=torch.long), "ids"), (torch.zeros(2) > 0, "bool")],
)
def test_the_scale_goes_by_the_type_unless_told(value: torch.Tensor, kind: str) -> None:
    assert header_of(pack([Panel("x", value, ("S",))]))["panels"][0]["scale"]["kind"] == kind
    told = pack([Panel("x", value, ("S",), scale="probability")])
    assert header_of(told)["panels"][0]["scale"]["kind"] == "probability"


# --- windows

SHAPES: list[tuple[int, ...]] = [
    (), (1,), (512,), (1, 1), (7, 5), (2048, 2048), (50_000, 768), (3, 100_000), (2, 3, 4), (8, 16, 256, 256),
    (2, 3, 2, 4, 5), (3, 9, 5, 7, 64, 64), (2,) * 9, (0, 4), (1000, 1, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool], ids=str)
def test_what_is_sent_is_the_window_it_says_it_is(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    value = torch.arange(torch.Size(shape).numel()).reshape(shape).to(dtype)
    packed = pack([Panel("x", value, (None,) * len(shape))], at={f"0:{axis}": 3 for axis in range(len(shape))})
    panel = header_of(packed)["panels"][0]
    part = value[tuple(slice(axis["start"], axis["start"] + axis["count"]) for axis in panel["axes"])]
    assert sent(packed).tolist() == part.tolist()
    assert [axis["size"] for axis in panel["axes"]] == list(shape)


def whole_message(packed: Packed) -> int:
    """All that Streamlit sends for one stage after the first: the data, and each time again the style."""
    return len(packed.data) + len(style_of(_STYLE).encode())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("panels", [1, 12])
def test_a_stage_of_any_size_is_at_most_300_kilobytes(shape: tuple[int, ...], dtype: torch.dtype, panels: int) -> None:
    value = torch.zeros((), dtype=dtype).expand(shape)
    labels = tuple(["a word of Korean: 한국어 낱말" for _ in range(min(size, 3000))] for size in shape)
    mask = torch.zeros((), dtype=torch.bool)
    panel = Panel("x", value, (None,) * len(shape), labels, masked=mask, footer="f" * 9_000)
    operation = OperationCard("matmul", "x" * 9_000, "y" * 9_000, facts=[("f", "z" * 9_000)], badges=[Badge("b")])
    assert whole_message(pack([panel] * panels, operation=operation)) <= MOST_BYTES


@pytest.mark.parametrize("shape", [(2, 4, 5, 8), (2, 2, 5, 5), (5, 32), (64, 64), (12,), (2, 3, 2, 4, 5)], ids=str)
def test_what_fits_is_drawn_whole(shape: tuple[int, ...]) -> None:
    packed = pack([Panel("x", torch.zeros(shape), (None,) * len(shape))])
    assert all(span.whole for span in packed.windows[0].spans)
    assert header_of(packed)["controls"] == []


def test_every_axis_that_is_cut_has_a_control_that_reaches_its_last_index() -> None:
    value = torch.zeros(()).expand(8, 16, 256, 256)
    first = header_of(pack([Panel("scores", value, BHSS)]))
    assert [control["key"] for control in first["controls"]] == ["B", "H", "S", "S.2"]
    ends = {control["key"]: control["size"] - control["count"] for control in first["controls"]}
    last = header_of(pack([Panel("scores", value, BHSS)], at=ends))["panels"][0]
    assert [axis["start"] + axis["count"] for axis in last["axes"]] == [8, 16, 256, 256]


def test_a_window_never_begins_before_the_first_or_after_the_last_page() -> None:
    value = torch.zeros(300, 300)
    starts = [
        [axis["start"] for axis in header_of(pack([Panel("x", value, ("S", "d_k"))], at=at))["panels"][0]["axes"]]
        for at in ({"S": -5, "d_k": 10**9}, {"S": 100})
    ]
    assert starts == [[0, 300 - 64], [100, 0]]


def test_choosing_a_head_chooses_it_in_every_tensor_that_has_heads() -> None:
    query, key_t = torch.zeros(8, 16, 40, 64), torch.zeros(8, 16, 64, 40)
    packed = pack(
        [
            Panel("query", query, ("B", "H", "S", "d_k")),
            Panel("key_t", key_t, ("B", "H", "d_k", "S")),
            Panel("scores", query @ key_t, BHSS),
        ],
        reads=matmul(query, key_t),
        at={"B": 5, "H": 11},
    )
    assert [[span.start for span in window.spans[:2]] for window in packed.windows] == [[5, 11]] * 3
    assert len({tuple(span.count for span in window.spans[:2]) for window in packed.windows}) == 1


def matmul(left: torch.Tensor | Subject, right: torch.Tensor | Subject) -> list[AffineMap]:
    rows = (SameIndex(0), SameIndex(1), SameIndex(2), AllIndices())
    columns = (SameIndex(0), SameIndex(1), AllIndices(), SameIndex(3))
    return [AffineMap(tuple(left.shape), rows), AffineMap(tuple(right.shape), columns)]


def test_axes_that_mean_the_same_positions_move_together() -> None:
    query = Subject((2, 4, 99, 8), ("B", "H", "S", "d_k"))
    key_t = Subject((2, 4, 8, 99), ("B", "H", "d_k", "S"))
    scores = Subject((2, 4, 99, 99), BHSS)
    assert axis_keys([query, key_t, scores], matmul(query, key_t)) == [
        ("B", "H", "S", "d_k"),
        ("B", "H", "d_k", "S.2"),
        ("B", "H", "S", "S.2"),
    ]


def test_the_axis_a_product_sums_over_moves_together_in_both_factors() -> None:
    weights, value = Subject((2, 4, 99, 99), BHSS), Subject((2, 4, 99, 8), ("B", "H", "S", "d_v"))
    mixed = Subject((2, 4, 99, 8), ("B", "H", "S", "d_v"))
    keys = axis_keys([weights, value, mixed], matmul(weights, value))
    assert keys[0][3] == keys[1][2] == "S.2"


def test_a_batch_whose_words_differ_runs_down_so_that_each_row_has_its_own_words() -> None:
    wide = Subject((3, 40, 5), ("B", "S", "d_k"), labelled_by_row=True)
    assert windows([wide], None, {}, 10**6)[0].rows == (0,)


def test_many_indices_come_in_pages_of_equal_length() -> None:
    window = windows([Subject((12, 5, 5), ("H", "S", "S"))], None, {}, 10**6)[0]
    assert [span.count for span in window.spans] == [6, 5, 5]


# --- labels and text


def test_labels_are_those_of_the_window() -> None:
    words = [f"w{i}" for i in range(300)]
    panel = Panel("x", torch.zeros(300, 4), ("S", "d_k"), (words, None))
    axes = header_of(pack([panel], at={"S": 200}))["panels"][0]["axes"]
    assert axes[0]["labels"] == words[200:264]
    assert axes[1]["labels"] is None


def test_labels_by_row_are_those_of_the_rows_of_the_batch_that_are_shown() -> None:
    words = [[f"{row}.{i}" for i in range(80)] for row in range(9)]
    panel = Panel("x", torch.zeros(9, 80, 4), ("B", "S", "d_k"), (None, words, None))
    axes = header_of(pack([panel], at={"B": 7, "S": 16}))["panels"][0]["axes"]
    first, count = axes[0]["start"], axes[0]["count"]
    assert axes[1]["labels"] == [row[16:80] for row in words[first : first + count]]
    assert first <= 7 < first + count


def test_a_long_label_is_shortened_and_says_so() -> None:
    label = header_of(pack([Panel("x", torch.zeros(1), ("S",), (["a" * 500],))]))["panels"][0]["axes"][0]["labels"][0]
    assert len(label) == 40
    assert label.endswith("…")


def test_missing_axes_and_labels_are_unknown_rather_than_an_error() -> None:
    axes = header_of(pack([Panel("x", torch.zeros(2, 3), ("S",))]))["panels"][0]["axes"]
    assert [axis["symbol"] for axis in axes] == ["S", None]


# --- the last word: the page's or the person's


def test_what_a_person_chose_holds_until_the_page_passes_something_new() -> None:
    memory: dict[str, Any] = {}
    seen = [
        latest(memory, argument, chosen)
        for argument, chosen in [
            ("a", None),  # first run
            ("a", "b"),  # the person chooses
            ("a", "b"),  # a slider moves
            ("b", "b"),  # the page put it into its address
            ("b", "c"),  # the person chooses again
            ("b", "c"),
            ("a", "c"),  # the page goes back
            ("a", "c"),
        ]
    ]
    assert seen == [
        ("a", True),
        ("b", False),
        ("b", False),
        ("b", False),
        ("c", False),
        ("c", False),
        ("a", True),
        ("a", False),
    ]


def test_a_pin_outside_the_new_shape_or_in_another_tensor_is_dropped() -> None:
    small, wide = Panel("x", torch.zeros(2, 3), ("S", "d_k")), Panel("x", torch.zeros(2, 9), ("S", "d_k"))
    pin = pin_of([wide], (0, (1, 8)))
    assert valid_pin([wide], pin) == (0, (1, 8))
    assert valid_pin([small], pin) is None
    assert valid_pin([Panel("y", wide.value, wide.axes)], pin) is None


@pytest.mark.parametrize(
    "pin",
    [
        None,
        3,
        {},
        {"panel": 7},
        {"panel": 0, "title": "x", "index": [0]},
        {"panel": 0, "title": "x", "index": [0, "1"]},
    ],
)
def test_a_pin_that_makes_no_sense_is_dropped(pin: Any) -> None:
    assert valid_pin([Panel("x", torch.zeros(2, 3), ("S", "d_k"))], pin) is None


def test_starts_that_make_no_sense_are_dropped() -> None:
    assert valid_starts({"B": 1, "H": "2", 3: 4, "S": 1.5, "T": True}) == {"B": 1}


def test_a_pin_that_a_link_names_is_brought_into_view() -> None:
    packed = pack([Panel("x", torch.zeros(300, 300), ("S", "d_k"))], pinned=(0, (290, 130)), show_pin=True)
    rows, columns = packed.windows[0].spans
    assert rows.start <= 290 < rows.start + rows.count
    assert columns.start <= 130 < columns.start + columns.count


# --- colours


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# The page, and what stands out from it: the settings beside it, code.
GROUNDS = {False: ("#ffffff", "#f6f7fa"), True: ("#11141b", "#191e28")}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("symbol", [*AXES, "H*d_k", "H*d_v", "F*P", "1", "their_axis", None])
def test_the_name_of_every_axis_can_be_read_in_its_colour(symbol: str | None, dark: bool) -> None:
    assert all(contrast(palette.axis_colour(symbol, dark), ground) >= 4.5 for ground in GROUNDS[dark])


@pytest.mark.parametrize("tone", palette._OTHERS, ids=lambda tone: tone.light)
def test_the_name_of_an_axis_of_somebody_elses_code_can_be_read_in_any_of_its_colours(tone: palette.Tone) -> None:
    for dark, grounds in GROUNDS.items():
        assert all(contrast(tone.on(dark), ground) >= 4.5 for ground in grounds)


def test_every_axis_of_the_glossary_has_a_colour_of_its_own() -> None:
    for dark in (False, True):
        assert len({palette.axis_colour(symbol, dark) for symbol in AXES}) == len(AXES)


def test_a_product_shows_the_colours_of_its_factors() -> None:
    assert palette.axis_colours("H*d_k") == (palette.axis_colour("H"), palette.axis_colour("d_k"))


def test_an_unknown_symbol_keeps_its_colour() -> None:
    assert palette.axis_colour("their_axis") == palette.axis_colour("their_axis")
    assert palette.axis_colour("their_axis") in {tone.light for tone in palette._OTHERS}


def test_a_comment_in_the_code_brings_the_colours_of_its_axes_along() -> None:
    operation = OperationCard("view", code="x = y.view(b, s)  # (B, T, d_ff)")
    assert set(header_of(pack([Panel("x", torch.zeros(2), ("S",))], operation=operation))["axes"]) == {
        "B",
        "T",
        "d_ff",
        "S",
    }
