"""aireal.verdicts.listing: the same verdicts in every format, and a sentence about all."""

import csv
import io
import json

import pytest

from aireal.verdicts import listing
from aireal.verdicts.pictures import Prediction
from aireal.verdicts.verdict import DEFAULT

VERDICTS = [
    Prediction.of(0.75, DEFAULT, "a.jpg", (32, 32)),
    Prediction("b, c.jpg", error="the file is empty"),
    Prediction.of(0.125, DEFAULT, "d e.jpg", (64, 48)),
]


def lines(form: str, verdicts: list[Prediction] = VERDICTS) -> list[str]:
    return list(listing.FORMATS[form](iter(verdicts), [one.path for one in verdicts]))


def test_a_table_stands_under_its_header():
    assert lines("table") == [
        "path      verdict  confidence  p_real",
        "a.jpg     REAL         0.7500  0.7500",
        "b, c.jpg  -        the file is empty",
        "d e.jpg   FAKE         0.8750  0.1250",
    ]


def test_csv_has_a_line_for_each_with_empty_fields_where_there_is_nothing_to_say():
    rows = list(csv.DictReader(lines("csv")))
    expected = [one.as_dict() for one in VERDICTS]
    assert [{name: str(value or "") for name, value in one.items()} for one in expected] == rows


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\r\nb", '"a"', " a ", "a\udcff", "=a"], ids=ascii)
def test_any_name_comes_back_from_every_format(name):
    one = Prediction.of(0.75, DEFAULT, name)
    csv_rows = csv.DictReader(io.StringIO("\n".join(lines("csv", [one])), newline=""))
    rows = [*csv_rows, *json.loads("".join(lines("json", [one]))), *map(json.loads, lines("jsonl", [one]))]
    assert [row["path"] for row in rows] == [name] * 3
    assert "".join(lines("table", [one])).isprintable()


@pytest.mark.parametrize(("form", "count"), [("json", 1), ("jsonl", 3)])
def test_other_programs_read_what_was_found(form, count):
    written = lines(form)
    assert len(written) == count
    found = json.loads(written[0]) if form == "json" else [json.loads(line) for line in written]
    assert found == [one.as_dict() for one in VERDICTS]


def test_a_path_has_nothing_that_a_terminal_would_act_on():
    assert listing.printable("new\nline\x1b[31m.jpg") == r"new\nline\x1b[31m.jpg"
    assert listing.printable(Prediction("caf\udce9 \u6728.jpg")) == "caf\\udce9 \u6728.jpg"


def test_all_are_counted_and_those_of_another_size_warned_about():
    first, *others = listing.summary(VERDICTS, 32).splitlines()
    assert first == "3 pictures: 1 REAL, 1 FAKE, 1 could not be judged."
    assert len(others) == 1
    assert others[0].startswith("1 picture not of 32x32 pixels")
    assert len(listing.summary(VERDICTS[:2], 32).splitlines()) == 1


def test_what_was_left_out_of_folders_is_counted():
    *_, last = listing.summary(VERDICTS, 32, {".svg": 1, ".jxl": 1200, "no ending": 2}).splitlines()
    assert "other programs leave behind: .jxl 1,200, .svg 1, no ending 2." in last
    assert "Left out" not in listing.summary(VERDICTS, 32, {})
