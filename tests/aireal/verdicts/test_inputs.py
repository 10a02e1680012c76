"""aireal.verdicts.inputs: which pictures folders, archives and lists name, and where each is."""

import collections
import json
import pathlib
import shutil
import tarfile

import pytest

from aireal.errors import UserError
from aireal.verdicts import inputs
from aireal.verdicts.inputs import Named
from aireal.verdicts.pictures import Prediction
from builders.cifake.archives import Place
from builders.cifake.layout import Naming


@pytest.fixture
def album(tmp_path):
    for name in ("b.jpg", "below/a.png", ".hidden/c.jpg", "@eaDir/d.jpg", "notes.md", "drawing.svg"):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "album"


def _find(*names, columns="", unpacked=None):
    left_out = collections.Counter()
    return list(inputs.find(map(str, names), Naming(columns=columns), unpacked, left_out)), left_out


def _read(named):
    picture = named.picture()
    return picture.read() if isinstance(picture, Place) else pathlib.Path(picture).read_bytes()


@pytest.mark.parametrize("form", ["zip", "tar", "xztar"])
def test_an_archive_names_what_its_folder_names(album, form, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", form, album)
    (tmp_path / "unpacked").mkdir()
    of_folder, left_out = _find(album)
    of_archive, left_out_too = _find(archive, unpacked=tmp_path / "unpacked")
    within = [one.path.removeprefix(f"{archive}/") for one in of_archive]
    assert [str(pathlib.Path(one.path).relative_to(album)) for one in of_folder] == ["b.jpg", "below/a.png"]
    assert sorted(within) == ["b.jpg", "below/a.png"]
    assert sorted(map(_read, of_archive)) == [b"b.jpg", b"below/a.png"]
    assert left_out == left_out_too == {"@eaDir": 1, ".md": 1, ".svg": 1}


def test_two_compressed_archives_of_one_name_become_two_plain_ones(album, tmp_path):
    archives = []
    for name in ("one", "two"):
        (album / "b.jpg").write_text(name)
        (tmp_path / name).mkdir()
        archives.append(shutil.make_archive(tmp_path / name / "photos", "gztar", album))
    (tmp_path / "unpacked").mkdir()
    found, _ = _find(*archives, unpacked=tmp_path / "unpacked")
    assert [_read(one) for one in found if one.path.endswith("b.jpg")] == [b"one", b"two"]


def test_a_manifest_names_its_column_of_paths_from_its_own_folder(album):
    (album / "list.csv").write_text("file,note\nb.jpg,x\nbelow/a.png,\n")
    found, _ = _find(album / "list.csv", columns="path=file")
    assert [one.path for one in found] == [str(album / "b.jpg"), str(album / "below/a.png")]
    (album / "list.csv").write_text("path\nb.jpg\n")  # a label is not needed
    assert [one.path for one in _find(album / "list.csv")[0]] == [str(album / "b.jpg")]
    (album / "list.csv").write_text("name\nb.jpg\n")
    with pytest.raises(UserError, match="has no column path"):
        _find(album / "list.csv")


def test_a_list_names_a_path_a_line_from_the_working_directory(album, monkeypatch):
    (album / "list.txt").write_bytes(b"b.jpg\r\n\nbelow/a.png\ncaf\xe9.jpg\n")
    monkeypatch.chdir(album)
    found, _ = _find("list.txt")
    assert [one.path for one in found] == [str(album / name) for name in ("b.jpg", "below/a.png", "caf\udce9.jpg")]


def test_what_is_of_no_use_has_a_reason(album):
    (found,), _ = _find(album / "missing.jpg")
    assert found.picture() == Prediction(str(album / "missing.jpg"), error=found.error)
    assert "no such file" in found.error


def test_a_line_of_json_holds_it(album, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", "zip", album)
    found, _ = _find(album, archive, album / "missing.jpg")
    lines = [json.dumps(one) for one in found]
    assert [Named(*json.loads(line)).picture() for line in lines] == [one.picture() for one in found]


def test_names_that_lead_out_of_an_archive_are_taken_as_training_takes_them(album, tmp_path):
    with tarfile.open(tmp_path / "up.tar", "w") as archive:
        for name in ("../album/b.jpg", "/below/a.png", "./c.jpg"):
            archive.addfile(tarfile.TarInfo(name))
    assert [one.path.removeprefix(f"{tmp_path}/up.tar") for one in _find(tmp_path / "up.tar")[0]] == [
        "/album/b.jpg",
        "/below/a.png",
        "/c.jpg",
    ]


def test_a_picture_of_zeros_is_no_empty_archive(album):
    (album / "b.jpg").write_bytes(bytes(5000))
    assert _find(album / "b.jpg")[0] == [Named(str(album / "b.jpg"))]


def test_an_archive_without_pictures_is_said_to_be_one(tmp_path):
    (tmp_path / "empty").mkdir()
    archive = shutil.make_archive(tmp_path / "empty", "zip", tmp_path / "empty")
    assert _find(archive)[0] == [Named(archive, error="the archive holds no picture")]


def test_a_damaged_archive_is_refused(album, tmp_path):
    archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", "tar", album))
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"archive.tar cannot be read"):
        _find(archive)
