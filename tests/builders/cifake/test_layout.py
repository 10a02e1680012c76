"""builders.cifake.layout: what a source is understood as, and what is said where it is none."""

import doctest
import shutil
import zipfile

import pytest

from builders.cifake import layout, sources
from builders.cifake.layout import Outline, SourceError

FOUR = [f"{split}/{label}/0.jpg" for split in layout.SPLITS for label in layout.LABELS]


def test_the_examples_hold():
    assert doctest.testmod(layout).attempted


def test_fake_is_0_and_real_is_1():
    assert layout.LABELS == ("FAKE", "REAL")


def test_an_outline_counts_what_is_read_and_names_what_is_not():
    others = ["train/FAKE/@eaDir/0.jpg/M.jpg", "train/FAKE/Icon\r", "train/AI/0.jpg", "validation/FAKE/0.jpg", "b.txt"]
    outline = Outline.of([*FOUR, "train/FAKE/sub/1.jpg", *others])
    assert outline.counts == {"train/FAKE": 2, "train/REAL": 1, "test/FAKE": 1, "test/REAL": 1}
    assert outline.left_out == {"@eaDir": 1, "Icon": 1, ".txt": 1}
    assert outline.unread == ["train/AI", "validation"]
    assert str(outline).splitlines() == [
        "  train  2 FAKE, 1 REAL",
        "  test   1 FAKE, 1 REAL",
        "  left out, as no pictures or what other programs leave behind: .txt 1, @eaDir 1, Icon 1",
        "  NOT READ, because only FAKE and REAL in train and test are: train/AI, validation",
    ]


@pytest.mark.parametrize("root", ["", "cifake/", "real_vs_fake/real-vs-fake/", "home/me/cifake/"])
def test_up_to_three_folders_stand_above_the_splits(root, files, write, tmp_path):
    folder = write({root + path: data for path, data in files.items()})
    archive = shutil.make_archive(tmp_path / "archive", "zip", folder)
    for source in (folder, archive):
        outline = sources.outline(source)
        outline.check("mine")
        assert set(outline.counts.values()) == {4}
        assert (outline.left_out, outline.unread, outline.roots) == ({}, [], {root})
        assert {path: load() for path, load in sources.pictures(source)} == files


@pytest.mark.parametrize("spell", ["/home/me/cifake/{}", "../cifake/{}", "./{}", "cifake\\{}"])
def test_archives_of_any_program_are_read(spell, files, tmp_path):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for path, data in files.items():
            name = spell.format(path)
            archive.writestr(name.replace("/", "\\") if "\\" in spell else name, data)
    assert {path: load() for path, load in sources.pictures(tmp_path / "archive.zip")} == files


@pytest.mark.parametrize("archived", [False, True])
def test_other_class_names_are_said(archived, files, write, tmp_path):
    source = write({path.replace("FAKE", "AI").replace("REAL", "Real"): data for path, data in files.items()})
    if archived:
        source = shutil.make_archive(tmp_path / "archive", "zip", source)
    with pytest.raises(SourceError) as error:
        sources.outline(source).check("mine")
    assert "mine: no picture in train/FAKE or test/FAKE. Expected train/FAKE, " in str(error.value)
    assert str(error.value).endswith("; found test/AI, test/Real, train/AI, train/Real.")


def test_several_data_sets_are_not_mixed(files, write):
    folder = write({f"{root}/{path}": data for path, data in files.items() for root in ("one", "two")})
    with pytest.raises(SourceError, match=r"several data sets, in one, two\. Give one alone\.$"):
        sources.outline(folder).check("mine")


def test_long_lists_are_cut_and_names_escaped():
    assert layout.listed(["b\n", "a", ""]) == "a, b\\n"
    assert layout.listed(f"{number:02}" for number in range(12)).endswith(", 09 and 2 more")
    assert layout.listed([]) == "nothing"


def test_a_name_of_other_bytes_can_be_printed():
    assert layout.printable("train/FAKE/caf\udce9\x1b.jpg") == "train/FAKE/caf\\udce9\\x1b.jpg"
    assert layout.printable("train/FAKE/café.jpg") == "train/FAKE/café.jpg"
