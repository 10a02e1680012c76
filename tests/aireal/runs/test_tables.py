"""aireal.runs.tables: columns fit their widest cell, names stand left and numbers right."""

import pytest

from aireal.runs.tables import Table, line

HEADER, ROWS = ["form", "bytes"], [["int8", "9"], ["float32", "1,234,567"]]


def test_columns_fit_their_widest_cell_and_numbers_align_right():
    assert str(Table(HEADER, ROWS)).splitlines() == [
        "form         bytes",
        "int8             9",
        "float32  1,234,567",
    ]


def test_a_caption_stands_above():
    assert str(Table(HEADER, ROWS, "Sizes")) == f"Sizes\n{Table(HEADER, ROWS)}"


def test_without_rows_there_is_the_header_alone():
    assert str(Table(HEADER, [])) == "form  bytes"


def test_no_line_ends_in_blanks():
    assert line(["keras", "", ""], [8, 5, 5]) == "keras"
    assert str(Table(["a", "b"], [["long", ""]])).splitlines()[1] == "long"


def test_lines_of_a_growing_table_stand_under_each_other():
    widths = [6, 8]
    assert line(["", "images/s"], widths) == "        images/s"
    assert line(["tfds", "1,234"], widths) == "tfds       1,234"


def test_more_columns_than_the_first_may_align_left():
    assert line(["a.jpg", "REAL", "0.9"], [6, 7, 5], left=2) == "a.jpg   REAL       0.9"
    assert line(["a.jpg", "REAL", "0.9"], [6, 7, 5]) == "a.jpg      REAL    0.9"


@pytest.mark.parametrize("row", [["int8"], ["int8", "9", "9"]], ids=["short", "long"])
def test_a_row_of_another_length_than_the_header_is_a_mistake_of_the_program(row):
    with pytest.raises(ValueError, match="zip"):
        str(Table(HEADER, [row]))
