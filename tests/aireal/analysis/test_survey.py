"""aireal.analysis.survey: every file has its row, whatever is wrong with it."""

import shutil
import zipfile

import numpy as np
import pytest

from aireal.analysis import report, survey
from aireal.errors import UserError
from aireal.sources.source import Source
from builders.cifake import layout, passes, sources


def test_files_that_change_while_they_are_looked_at(demo_source, tmp_path, monkeypatch):
    """The second pass, of large sources, may not find what the first one found."""
    folder = tmp_path / "set"
    shutil.copytree(demo_source / "test", folder / "test")
    monkeypatch.setattr(passes.Reader.__init__, "__defaults__", (0,))
    look = survey.survey

    def look_and_lose(*arguments):
        found = look(*arguments)
        for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
            path.unlink() if number % 2 else path.write_bytes(b"changed")
        return found

    monkeypatch.setattr(survey, "survey", look_and_lose)
    assert report.analyze(Source(str(folder)), str(tmp_path / "out"), image_size=32)["offending"]["files"] == 0


def test_a_path_that_occurs_twice_is_a_fault(tmp_path, jpeg, rows):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("train/FAKE/x.jpg", jpeg(np.zeros([32, 32, 3], np.uint8)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("train/FAKE/x.jpg", jpeg(np.ones([32, 32, 3], np.uint8)))
    report.analyze(Source(str(tmp_path / "set.zip")), str(tmp_path / "out"), image_size=32)
    assert [row["reason"] for row in rows(tmp_path / "out/offending.csv")] == [
        "this path stands in the source more than once"
    ] * 2


def test_a_source_without_any_readable_picture_is_refused(tmp_path):
    (tmp_path / "set/train/FAKE").mkdir(parents=True)
    (tmp_path / "set/train/FAKE/a.jpg").write_bytes(b"broken")
    with pytest.raises(UserError, match="no picture that can be read"):
        report.analyze(Source(str(tmp_path / "set")), str(tmp_path / "out"), image_size=32)
    assert not (tmp_path / "out").exists()


def test_files_are_described_in_the_order_of_their_paths(surveyed, few):
    files, sums = surveyed
    assert files.path.tolist() == sorted(path.relative_to(few).as_posix() for path in few.rglob("*.jpg"))
    for path, split, label, size in zip(files.path, files.split, files.label, files.bytes, strict=True):
        assert path.startswith(f"{split}/{layout.LABELS[label]}/")
        assert size == (few / path).stat().st_size
    count = len(files.path)
    assert files.decoded.all()
    assert not any(files.faults)
    assert (files.looks.shape, files.thumbnails.shape) == ((count, 4), (count, 8, 8, 3))
    assert set(files.facts["format"]) == {"JPEG"}
    assert set(files.facts["width"]) == {32}
    assert sums.count.tolist() == [count // 2] * 2
    assert files.objects is None  # which CIFAKE's names alone say


def test_pieces_that_are_looked_at_apart_give_the_same(few, surveyed, monkeypatch):
    monkeypatch.setattr(passes, "_CHUNK_FILES", 3)
    found, sums = survey.survey(passes.Reader(sources.Collection(few)), image_size=32)
    files, expected = surveyed
    for name in ("path", "split", "label", "bytes", "digest", "faults", "decoded", "looks", "thumbnails"):
        assert np.array_equal(getattr(found, name), getattr(files, name))
    for name, column in files.facts.items():
        assert np.array_equal(found.facts[name], column)
    assert np.allclose(sums.image, expected.image)


def test_every_group_of_a_split_and_class_has_its_files(surveyed):
    files, _ = surveyed
    groups = files.groups()
    assert set(groups) == {"train/FAKE", "train/REAL", "test/FAKE", "test/REAL", "all"}
    for name, mask in groups.items():
        assert name == "all" or all(path.startswith(f"{name}/") for path in files.path[mask])
    assert groups["all"].all()
    assert sum(mask.sum() for name, mask in groups.items() if name != "all") == len(files.path)


def test_names_of_cifakes_form_tell_the_objects(tmp_path, jpeg):
    folder = tmp_path / "train/REAL"
    folder.mkdir(parents=True)
    for number in range(10):
        suffix = f" ({number + 1})" if number else ""
        (folder / f"{number:04}{suffix}.jpg").write_bytes(jpeg(np.full([32, 32, 3], 20 * number, np.uint8)))
    (folder / "broken.jpg").write_bytes(b"broken")
    files, sums = survey.survey(passes.Reader(sources.Collection(tmp_path)), image_size=8)
    assert files.objects.tolist() == [*sources.OBJECTS, ""]
    assert (files.decoded.sum(), len(files.path)) == (10, 11)
    assert files.faults[~files.decoded][0][0].startswith("not a picture")
    assert (sums.count.tolist(), sums.image.shape) == ([0, 10], (2, 8, 8, 3))
