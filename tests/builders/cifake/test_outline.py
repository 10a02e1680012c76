"""builders.cifake.outline: what is said of a source before the work, and where it cannot be used."""

import shutil
import zipfile

import pytest

from builders.cifake import sources
from builders.cifake.layout import Naming, Place, SourceError
from builders.cifake.outline import Outline


def outline(write, paths, naming=None):
    folder = write(dict.fromkeys(paths, b"x"))
    return sources.Collection(folder, *[naming] if naming else []).outline


def test_an_outline_counts_what_is_read_and_names_what_is_not(write):
    four = [f"{split}/{label}/0.jpg" for split in ("train", "test") for label in ("FAKE", "REAL")]
    others = ["train/FAKE/@eaDir/0.jpg/M.jpg", "train/FAKE/Icon\r", "train/odd/0.jpg", "more/0.jpg", "b.txt"]
    found = outline(write, [*four, "train/FAKE/1.jpg", *others])
    assert found.left_out == {"@eaDir": 1, "Icon": 1, ".txt": 1}
    assert str(found).splitlines() == [
        "  train  2 FAKE, 1 REAL",
        "  test   1 FAKE, 1 REAL",
        "  left out, as no pictures or what other programs leave behind: .txt 1, @eaDir 1, Icon 1",
        "  NOT READ, because they stand in none of the splits, or no class is named: more 1, train/odd 1",
    ]


def test_groups_and_a_missing_test_are_said(write):
    paths = ["ai/sd/0.jpg", "ai/sd/1.jpg", "ai/dalle/0.jpg", "ai/0.jpg", "photo/0.jpg", "bad/0.jpg", "1.jpg", "2.jpg"]
    assert str(outline(write, paths)).splitlines() == [
        "  all  4 FAKE, 1 REAL",
        "  groups of FAKE: without one 1, dalle 1, sd 2",
        "  no test pictures: a fifth of each class is kept for the test, the same in every run",
        "  NOT READ, because no class is named: . 2, bad 1",
    ]


def test_of_many_groups_ten_are_named():
    places = [Place(f"train/FAKE/{number}.jpg", f"g{number:02}") for number in range(12)]
    assert ", g09 1 and 2 more" in str(Outline.of(places, by_split=False))


@pytest.mark.parametrize("root", ["", "cifake/", "real_vs_fake/real-vs-fake/", "home/me/cifake/", "photos/"])
def test_folders_may_stand_above_everything(root, files, write, tmp_path):
    folder = write({root + path: data for path, data in files.items()})
    archive = shutil.make_archive(tmp_path / "archive", "zip", folder)
    for source in (folder, archive):
        found = sources.Collection(source)
        found.outline.check("mine")
        assert found.outline.counts == {split: {"FAKE": 4, "REAL": 4} for split in ("train", "test")}
        assert not found.outline.left_out
        assert not found.outline.unread
        assert {place.path: load() for place, load in found.pictures()} == files


@pytest.mark.parametrize("spell", ["/home/me/cifake/{}", "../cifake/{}", "./{}", "cifake\\{}"])
def test_archives_of_any_program_are_read(spell, files, tmp_path):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for path, data in files.items():
            name = spell.format(path)
            archive.writestr(name.replace("/", "\\") if "\\" in spell else name, data)
    found = sources.Collection(tmp_path / "archive.zip").pictures()
    assert {place.path: load() for place, load in found} == files


@pytest.mark.parametrize("archived", [False, True])
def test_other_class_names_are_said(archived, files, write, tmp_path):
    source = write({path.replace("FAKE", "sd").replace("REAL", "Real"): data for path, data in files.items()})
    if archived:
        source = shutil.make_archive(tmp_path / "archive", "zip", source)
    with pytest.raises(SourceError) as error:
        sources.Collection(source).outline.check("mine")
    assert str(error.value).startswith("mine: train has no FAKE, test has no FAKE. Expected a folder of AI pictures")
    assert str(error.value).endswith("Found the folders test/Real, test/sd, train/Real, train/sd.")
    sources.Collection(source, Naming(fake="sd")).outline.check("mine")


def test_a_source_for_the_test_alone_trains_nothing(write):
    found = outline(write, ["test/ai/0.jpg", "test/real/0.jpg"])
    with pytest.raises(SourceError, match="mine has no picture to train on"):
        found.check("mine")
    found.check("mine", to_learn=False)


def test_pictures_beside_what_is_read_are_counted(write):
    paths = [f"{label}/{split}/0.jpg" for label in ("ai", "photo") for split in ("train", "test")] + [
        "ai/1.jpg",
        "x.jpg",
    ]
    assert outline(write, paths).unread == {"ai": 1, ".": 1}


def test_pairs_that_a_source_has_torn_are_told(write):
    paths = [f"{split}/{label}/0.jpg" for split in ("train", "test") for label in ("ai", "real")]
    assert "WARNING: 1 pairs stand in several of its own splits" in str(outline(write, paths, Naming(pair="stem")))
