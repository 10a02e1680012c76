"""aireal.analysis.shortcuts: how well bytes, containers and looks tell the classes, where the answer is known."""

import numpy as np
import pytest

from aireal.analysis import appearance, report, shortcuts
from aireal.analysis.numbers import Sizes
from aireal.sources.source import Source


def test_how_files_were_saved_gives_the_class_away(tmp_path, jpeg):
    rng = np.random.default_rng(0)
    for label, quality in (("FAKE", 75), ("REAL", 90)):
        (tmp_path / "train" / label).mkdir(parents=True)
        for number in range(20):
            data = jpeg(rng.integers(0, 256, [32, 32, 3], np.uint8), quality=quality)
            (tmp_path / "train" / label / f"{number}.jpg").write_bytes(data)
    found = report.analyze(Source(str(tmp_path)), str(tmp_path / "out"), image_size=32)
    assert found["how_saved"]["tree_auc"] == 1
    assert any("How the files were saved" in one["text"] for one in found["findings"] if one["kind"] == "warning")


def test_one_number_tells_the_classes_in_either_direction_or_not_at_all():
    label = np.repeat([0, 1], 20)
    rising = np.arange(40) + 100 * label
    assert shortcuts.separation(label, rising).auc == 1
    assert shortcuts.separation(label, -rising).auc == 0
    for value in (rising, -rising):
        assert shortcuts.separation(label, value).tree_auc == 1  # a tree takes either
    constant = shortcuts.separation(label, np.zeros(40))
    assert (constant.auc, constant.tree_auc) == (0.5, 0.5)
    assert constant.chance == pytest.approx(3 * np.sqrt(41 / (12 * 20 * 20)))


def test_classes_that_differ_in_spread_alone_are_told_by_the_tree():
    label = np.repeat([0, 1], 50)
    value = np.concatenate([np.linspace(-1, 1, 50), np.linspace(-9, -2, 25), np.linspace(2, 9, 25)])
    found = shortcuts.separation(label, value)
    assert found.auc == pytest.approx(0.5, abs=0.01)
    assert found.tree_auc > 0.95


@pytest.mark.parametrize(("counts", "unknown"), [((9, 0), ["auc", "tree_auc", "chance"]), ((4, 9), ["tree_auc"])])
def test_what_too_few_pictures_cannot_say_is_none(counts, unknown):
    label = np.repeat([0, 1], counts)
    found = shortcuts.separation(label, np.arange(len(label)))
    assert [name for name, value in vars(found).items() if value is None] == unknown


def test_sizes_are_described_by_group_without_files_that_could_not_be_read(make_files):
    files = make_files(
        {"test/FAKE/0.jpg": "a", "train/FAKE/0.jpg": "b", "train/FAKE/1.jpg": "c", "train/REAL/0.jpg": ""},
        size=[5, 10, 30, 900],
    )
    found = shortcuts.file_sizes(files)
    assert list(found) == ["train/FAKE", "test/FAKE", "all"]
    expected = Sizes(count=2, mean=20, median=20, standard_deviation=10, minimum=10, maximum=30)
    assert found["train/FAKE"] == expected
    assert (found["all"].count, found["all"].maximum) == (3, 30)


def test_every_value_is_counted_by_class_the_commonest_first(make_files):
    paths = ["train/FAKE/0.jpg", "train/FAKE/1.jpg", "train/REAL/0.png", "train/REAL/1.jpg"]
    files = make_files(dict.fromkeys(paths), facts=[{"format": "PNG"} if "png" in path else {} for path in paths])
    found = {name: shortcuts.counts_by_value(files.label, column) for name, column in files.facts.items()}
    assert list(found["format"].items()) == [("JPEG", [2, 1]), ("PNG", [0, 1])]
    assert found["width"] == {"32": [2, 2]}


def test_header_size_and_bits_a_pixel_are_told_apart():
    """Formats differ by class, sizes among ten; the files of REAL have twice the bits for each pixel."""
    label, size = np.repeat([0, 1], 50), np.tile(np.arange(10), 10)
    columns = {"format": np.where(label, "PNG", "JPEG"), "width": 100 + size, "height": 100 - size}
    columns |= {name: np.full(100, "x") for name in ("mode", "metadata", "subsampling", "tables")}
    columns |= {name: np.zeros(100, int) for name in ("quality", "progressive", "trailing_bytes")}
    found = shortcuts.Alone.of(label, columns, (1 + label) * columns["width"] * columns["height"])
    assert (found.header.tree_auc, found.bits_per_pixel.auc) == (1, 1)
    assert found.size.distance < 0.1
    assert (found.header.auc, found.size.auc) == (None, None)


@pytest.mark.parametrize(("count", "is_odd"), [(100, True), (99, False)])
def test_what_one_file_in_a_hundred_has_is_odd(make_files, count, is_odd):
    paths = [f"train/FAKE/{number:03}.jpg" for number in range(count)]
    odd = {"format": "PNG", "width": 64, "mode": "L"}
    files = make_files(dict.fromkeys(paths), facts=[odd, *[{}] * (count - 1)])
    expected = {0: ["format is PNG", "size is 64x32", "colour mode is L"]} if is_odd else {}
    found = {
        row: [reason.removeprefix("its ").split(",")[0] for reason in reasons]
        for row, reasons in shortcuts.odd_ones(files).items()
    }
    assert found == expected


def test_looks_are_described_by_class(surveyed):
    files, _ = surveyed
    found = shortcuts.looks(files)
    assert list(found) == list(appearance.STATISTICS)
    brightness = files.looks[files.label == 1, 0].astype(float)
    spread = found["brightness"].by_class["REAL"]
    assert (spread.mean, spread.standard_deviation) == pytest.approx((brightness.mean(), brightness.std()))
    for look in found.values():
        assert 0 <= look.separation.auc <= 1
