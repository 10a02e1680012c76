"""aireal.verdicts.listing: the same verdicts in every format, and a sentence about all."""

import csv
import dataclasses
import io
import json

import pytest

from aireal.verdicts import listing
from aireal.verdicts.contract import Contract
from aireal.verdicts.pictures import Prediction
from aireal.verdicts.verdict import DEFAULT, Rule

NAN = float("nan")
VERDICTS = [
    Prediction("a.jpg", size=(32, 32)).judged(0.75, NAN, DEFAULT),
    Prediction("b, c.jpg", error="the file is empty"),
    Prediction("d e.jpg", size=(64, 48)).judged(0.125, NAN, DEFAULT),
]
RULE = Rule(0.5, 0.2, 0.9, foreign_from=1.5, edges=(32, 32), risk=0.01, risk_confidence=0.95)
WITHHELD = [
    Prediction(name, size=size).judged(p_real, foreign, RULE)
    for name, size, p_real, foreign in [
        ("sure.jpg", (32, 32), 0.95, 0.0),
        ("near.jpg", (32, 32), 0.75, 0.0),
        ("other.jpg", (32, 32), 0.125, 2.0),
        ("large.jpg", (640, 480), 0.75, 2.0),
        ("huge.jpg", (1000, 1000), 0.95, 0.0),
    ]
]
PLAIN, CONTRACT = (Contract(image_size=32, input_size=32, rule=rule) for rule in (DEFAULT, RULE))


def summary(verdicts: list[Prediction], contract: Contract, left_out: dict[str, int] | None = None) -> str:
    return listing.summary(listing.tally(verdicts, contract), contract, left_out)


def lines(form: str, verdicts: list[Prediction] = VERDICTS) -> list[str]:
    return list(listing.FORMATS[form](iter(verdicts), [one.path for one in verdicts]))


def test_a_table_stands_under_its_header():
    assert lines("table") == [
        "path      verdict  reason          confidence  p_real",
        "a.jpg     REAL                         0.7500  0.7500",
        "b, c.jpg  -        the file is empty",
        "d e.jpg   FAKE                         0.8750  0.1250",
    ]
    assert lines("table", WITHHELD)[1:4] == [
        "sure.jpg   REAL                         0.9500  0.9500",
        "near.jpg   UNSURE   LOW_CONFIDENCE      0.7500  0.7500",
        "other.jpg  UNSURE   FOREIGN             0.8750  0.1250",
    ]


@pytest.mark.parametrize("verdicts", [VERDICTS, WITHHELD], ids=["given", "withheld"])
def test_csv_has_a_line_for_each_with_empty_fields_where_there_is_nothing_to_say(verdicts):
    rows = list(csv.DictReader(lines("csv", verdicts)))
    expected = [one.as_dict() for one in verdicts]
    assert list(rows[0]) == ["path", "verdict", "reason", "confidence", "p_real", "error"]
    assert [{name: str(value or "") for name, value in one.items()} for one in expected] == rows


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\r\nb", '"a"', " a ", "a\udcff", "=a"], ids=ascii)
def test_any_name_comes_back_from_every_format(name):
    one = Prediction(name).judged(0.75, NAN, DEFAULT)
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
    first, *others = summary(VERDICTS, PLAIN).splitlines()
    assert first == "3 pictures: 1 REAL, 1 FAKE, 1 could not be judged."
    assert len(others) == 1
    assert others[0].startswith("1 picture not of 32x32 pixels")
    assert len(summary(VERDICTS[:2], PLAIN).splitlines()) == 1


def test_counts_of_parts_add_up_to_those_of_the_whole():
    parts = listing.tally(WITHHELD[:2], CONTRACT) + listing.tally(WITHHELD[2:], CONTRACT)
    assert listing.summary(parts, CONTRACT) == summary(WITHHELD, CONTRACT)
    assert parts.total() == len(WITHHELD)


def test_verdicts_that_were_withheld_are_counted_by_their_reason():
    first, *others = summary(WITHHELD, CONTRACT).splitlines()
    assert first == "5 pictures: 1 REAL, 0 FAKE, 4 UNSURE, 0 could not be judged."
    assert [line.split(" ", 3)[:3] for line in others] == [
        ["FOREIGN:", "2", "pictures"],
        ["FOREIGN:", "1", "picture"],
        ["LOW_CONFIDENCE:", "1", "picture"],
    ]
    assert "(32 pixels an edge)" in others[0]
    assert "--unsure=false" in others[0]
    assert "at most 1 % are wrong" in others[2]
    wide = dataclasses.replace(CONTRACT, rule=dataclasses.replace(RULE, edges=(32, 64)))
    assert "(32 to 64 pixels an edge)" in summary(WITHHELD, wide)


def test_a_reason_that_no_picture_has_is_not_told():
    assert summary(WITHHELD[:1], CONTRACT) == "1 picture: 1 REAL, 0 FAKE, 0 UNSURE, 0 could not be judged."


def test_without_a_rule_that_withholds_there_is_no_word_of_it():
    plain = [Prediction("a.jpg", size=(640, 480)).judged(0.75, 9.0, RULE.plain())]
    told = summary(plain, PLAIN)
    assert "UNSURE" not in told
    assert "1 picture not of 32x32 pixels" in told


def test_what_was_left_out_of_folders_is_counted():
    *_, last = summary(VERDICTS, PLAIN, {".svg": 1, ".jxl": 1200, "no ending": 2}).splitlines()
    assert "other programs leave behind: .jxl 1,200, .svg 1, no ending 2." in last
    assert "Left out" not in summary(VERDICTS, PLAIN, {})
