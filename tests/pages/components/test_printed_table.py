"""The text that takes the place of a table on paper."""

from pages.ui.components.printed_table import table_text


def test_every_row_is_a_line_with_words_to_the_left_and_numbers_to_the_right():
    assert table_text({"step": [9, 1000], "name": ["scores", "masked_fill"], "line": ["a", "b @ c"]}).split("\n") == [
        " step  name         line",
        "    9  scores       a",
        "1,000  masked_fill  b @ c",
    ]


def test_a_table_without_rows_is_its_head_alone():
    assert table_text({"step": [], "name": []}) == "step  name"
