"""The lab of view and permute, as a person meets it."""

import re

import torch

from engine.labs.view_or_permute import code, routes
from tests.pages.labs.opened import answers, lab, predicted, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "view_or_permute"


def test_nothing_is_shown_before_a_person_predicts_or_asks_to_see():
    app = predicted(KEY, "fewer than half")
    assert "8 of 48 numbers stand in the same place, 40 landed wrong." in words(app)
    assert answers(app) == {"places": "fewer than half"}


def test_both_routes_are_shown_with_the_tensors_that_were_computed():
    app = revealed(lab(KEY, length=5, heads=2, d_k=3))
    found = routes(1, 5, 2, 3)
    shown = stage(app, "labs.routes.both")
    assert [access["kind"] for access in (*shown["reads"], shown["travel"]["beside"])] == ["flat", "affine"]
    rows, *results = shown["panels"]
    assert [axis["size"] for axis in rows["axes"]] == [1, 5, 2, 3]
    assert [panel["title"] for panel in results] == ["permuted", "viewed"]
    for panel in results:
        assert [axis["size"] for axis in panel["axes"]] == list(found.permuted.shape) == [1, 2, 5, 3]
    assert answers(app) == {"places": "fewer than half", "owners": "another token's"}
    assert app.code[-1].value == code(1, 5, 2, 3).strip()


def test_with_one_head_both_routes_are_the_same():
    app = revealed(lab(KEY, heads=1))
    assert answers(app) == {"places": "all of them", "owners": "its own"}
    assert "16 of 16 numbers stand in the same place, 0 landed wrong." in words(app)
    assert "so are the outputs, bit for bit" in words(app)


def test_the_shapes_of_the_product_with_and_without_permute_are_those_that_matmul_gives():
    said = words(lab(KEY, batch=2, length=5, heads=3, d_k=4))
    rows = torch.zeros(2, 5, 3, 4)
    in_front = rows.permute(0, 2, 1, 3)
    for prefix, query in (("In front: ", in_front), ("Without the permute: ", rows)):
        key_t = query.transpose(-2, -1)
        shapes = [tuple(tensor.shape) for tensor in (query, key_t, query @ key_t)]
        assert f"{prefix}{shapes[0]} @ {shapes[1]} gives {shapes[2]}" in said


def test_the_printed_product_of_all_heads_is_that_of_each_head_by_itself():
    app = revealed(lab(KEY, length=3, heads=2, d_k=4))
    [figures] = [block.proto.body for block in app.get("html") if 'class="answer-figures"' in block.proto.body]
    printed = []
    for figure in figures.split("<figure>")[1:]:
        tables = figure.split("<table>")[1:]
        matrices = [
            [[int(cell) for cell in re.findall(r"<td>(\d+)</td>", row)] for row in table.split("<tr>")[1:]]
            for table in tables
        ]
        printed.append(torch.tensor(matrices))
    captions = [
        re.sub("<.*?>", "", caption) for caption in re.findall("<figcaption>(.*?)</figcaption>", figures, re.DOTALL)
    ]
    axes = ("(H 2, L 3, d_k 4)", "(H 2, d_k 4, L_k 3)", "(H 2, L 3, L_k 3)", "(H 2, L 3, L_k 3)")
    for caption, expected in zip(captions, axes, strict=True):
        assert expected in caption
    query, key_t, scores, by_hand = printed
    assert (tuple(query.shape), tuple(key_t.shape)) == ((2, 3, 4), (2, 4, 3))
    expected = torch.einsum("hqd,hdk->hqk", query, key_t)
    assert torch.equal(scores, expected)
    assert torch.equal(by_hand, expected)
    assert "The scores (2, 3, 3) at once and head by hand: `torch.equal` says True." in words(app)


def test_of_many_heads_the_first_three_are_printed():
    app = revealed(lab(KEY, heads=8))
    assert "The first 3 of 8 heads are printed." in words(app)
    assert "heads are printed" not in words(revealed(lab(KEY, heads=3)))
