"""aireal.analysis.sections: the page says what the numbers say, figure by figure and table by table."""

import dataclasses

import numpy as np
import pytest

from aireal.analysis import shortcuts
from aireal.analysis.numbers import Copies, NearDuplicates, Numbers, Offending, Separation, Spread
from aireal.analysis.sections import sections
from builders.cifake.sources import OBJECTS

FIGURES = {name: name.encode() for name in ("samples", "file_sizes", "looks", "mean_images", "spectra")}


@pytest.fixture
def numbers(surveyed) -> Numbers:
    """Those of a small sound source; of colours and copies what one might find."""
    files, _ = surveyed
    none = {"FAKE": 0, "REAL": 0}
    alone = shortcuts.Alone.of(files.label, files.facts, files.bytes)
    return Numbers(
        source="a set",
        image_size=32,
        counts={split: {"FAKE": 25, "REAL": 25} for split in ("train", "test")},
        objects=None,
        file_sizes=shortcuts.file_sizes(files),
        file_size=shortcuts.separation(files.label, files.bytes),
        offending=Offending(0, 0, []),
        container={name: shortcuts.counts_by_value(files.label, column) for name, column in files.facts.items()},
        how_saved=alone.header,
        picture_size=alone.size,
        bits_per_pixel=alone.bits_per_pixel,
        appearance=shortcuts.looks(files),
        channels={label: Spread([100.0, 110.0, 120.0], [10.0, 11.0, 12.0]) for label in ("FAKE", "REAL")},
        identical=Copies(3, {"train": 1, "test": 0}, {"test": {"FAKE": 1200, "REAL": 34}}, 2),
        near_duplicates=NearDuplicates(0.98, {"test": none}, 50, 0),
        environment={},
    )


def tables(section) -> dict[str, dict[str, list[str]]]:
    """Returns first cell of the header -> first cell of a row -> the rest of the row."""
    return {table.header[0]: {first: rest for first, *rest in table.rows} for table in section.tables}


def test_every_figure_is_shown_once_with_a_caption(numbers):
    page = sections(numbers, FIGURES)
    assert [section.title for section in page] == [
        "Pictures",
        "File sizes",
        "Format check",
        "Copies and leakage",
        "What the pictures look like",
    ]
    drawings = [drawing for section in page for drawing in section.figures]
    assert {drawing.png for drawing in drawings} == set(FIGURES.values())
    assert len(drawings) == len(FIGURES)
    assert all(drawing.caption.endswith(".") for drawing in drawings)


def test_tables_hold_the_numbers(numbers):
    pictures, sizes, formats, copies, looks = map(tables, sections(numbers, FIGURES))
    assert pictures["files"] == {"train": ["25", "25"], "test": ["25", "25"]}
    assert sizes["bytes"]["all"][:2] == ["100", f"{numbers.file_sizes['all'].mean:,.2f}"]
    assert formats["fact"]["format"] == ["JPEG", "50", "50"]
    assert "file" not in formats  # nothing is wrong with any
    found = copies["byte for byte, or nearly"]
    assert found["pictures that stand in both classes"] == ["2"]
    assert found["test files that stand in train"] == ["1,234"]
    assert len(looks["each picture, mean ± standard deviation"]) == 4
    assert looks["all pixels, 0 to 255"]["green"] == ["110.00 ± 11.00"] * 2


def test_what_is_wrong_and_what_objects_there_are_is_told_where_it_is_known(numbers):
    more = dataclasses.replace(
        numbers,
        offending=Offending(1, 1, [["train/FAKE/a.jpg", "the file is empty"]]),
        objects={label: dict.fromkeys(OBJECTS, count) for label, count in (("FAKE", 1200), ("REAL", 7))},
    )
    page = sections(more, {**FIGURES, "near_duplicates": b"pairs"})
    assert tables(page[0])["object, by the file's name"] == {name: ["1,200", "7"] for name in OBJECTS}
    assert tables(page[2])["file"] == {"train/FAKE/a.jpg": ["the file is empty"]}
    assert [drawing.png for drawing in page[3].figures] == [b"pairs"]


def test_values_beyond_the_sixth_are_taken_together(numbers):
    qualities = np.arange(1, 11)
    container = {"quality": {str(quality): [100 - quality, quality] for quality in qualities}}
    rows = sections(dataclasses.replace(numbers, container=container), FIGURES)[2].tables[0].rows
    assert [row[:2] for row in rows] == [["quality", value] for value in ["1", "2", "3", "4", "5", "6", "4 others"]]
    assert rows[-1][2:] == [str(400 - qualities[6:].sum()), str(qualities[6:].sum())]


@pytest.mark.parametrize(
    ("separation", "said"),
    [
        (Separation(None, None, None), "one class alone"),
        (Separation(0.75, None, 0.3), "AUC 0.750, too few for a tree, chance 0.5 ± 0.300"),
        (Separation(0.5, 0.875, 0.1), "AUC 0.500, tree of depth 3 0.875, chance 0.5 ± 0.100"),
    ],
    ids=["one class", "few", "many"],
)
def test_how_well_sizes_tell_the_classes_is_said_as_far_as_it_is_known(numbers, separation, said):
    assert said in sections(dataclasses.replace(numbers, file_size=separation), FIGURES)[1].text
