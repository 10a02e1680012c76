"""The findings on all 120,000 images of CIFAKE, against what was counted on the files by others."""

import csv

import pytest

from aireal.analysis import report
from aireal.sources.source import Source


@pytest.fixture(scope="module")
def analysed(cifake, tmp_path_factory):
    output = tmp_path_factory.mktemp("analysed") / "out"
    return report.analyze(Source(str(cifake)), str(output), image_size=32), output


@pytest.mark.parametrize(
    ("group", "mean", "deviation", "minimum", "maximum", "median"),
    [
        ("test/FAKE", 924.10, 64.68, 698, 1126, 928),
        ("test/REAL", 920.97, 53.66, 697, 1102, 924),
        ("train/FAKE", 924.52, 64.76, 693, 1187, 927),
        ("train/REAL", 920.83, 53.70, 692, 1124, 924),
        ("all", 922.65, 59.50, 692, 1187, 926),
    ],
)
def test_file_sizes(analysed, group, mean, deviation, minimum, maximum, median):
    found = analysed[0]["file_sizes"][group]
    assert (round(found["mean"], 2), round(found["standard_deviation"], 2)) == (mean, deviation)
    assert (found["minimum"], found["maximum"], found["median"]) == (minimum, maximum, median)


def test_copies(analysed):
    found, output = analysed
    assert found["identical"] == {
        "groups": 1336,
        "repeated": {"train": 920, "test": 38},
        "leaked": {"test": {"FAKE": 378, "REAL": 0}},
        "across_labels": 0,
    }
    with open(output / "duplicates.csv", newline="") as file:
        named = list(csv.DictReader(file))
    assert sum(row["kind"] == "identical" for row in named) == 2 * 1336
    assert all("/FAKE/" in row["path"] for row in named if row["kind"] == "identical")


def test_near_duplicates(analysed):
    found = analysed[0]["near_duplicates"]
    assert (found["compared"], found["other_class"]) == (20_000, 2)
    assert (
        found["leaked"]["test"]["REAL"] > 50
    )  # CIFAR-10 is known to have such: Barz and Denzler 2020, "Do we train on test data?"


def test_no_shortcut_in_the_container(analysed):
    found = analysed[0]
    assert found["how_saved"]["tree_auc"] == pytest.approx(0.5, abs=0.01)
    assert found["file_size"]["auc"] == pytest.approx(0.482, abs=0.001)
    assert found["file_size"]["tree_auc"] == pytest.approx(0.564, abs=0.002)  # the fakes' sizes spread more
    assert {name: len(values) for name, values in found["container"].items()} == dict.fromkeys(found["container"], 1)
    assert found["container"]["quality"] == {"75": [60_000, 60_000]}
    assert found["container"]["subsampling"] == {"4:2:0": [60_000, 60_000]}
    assert found["offending"] == {"files": 0, "unreadable": 0, "first": []}


def test_objects(analysed):
    for counts in analysed[0]["objects"].values():
        assert list(counts.values()) == [6000] * 10
