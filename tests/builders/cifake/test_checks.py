"""builders.cifake.checks: an unfit picture is named with its fault, and copies with their first."""

import hashlib
import io
import sys
import zipfile

import pytest
from PIL import Image

from builders.cifake import checks, passes, sources


@pytest.mark.parametrize(
    ("name", "reason", "make"),
    [
        pytest.param("0005.jpg", "not an image", lambda picture: b"This is a text.", id="text"),
        pytest.param("0005.jpg", "empty", lambda picture: b"", id="empty"),
        pytest.param("0005.jpg", "damaged: image file is truncated", lambda picture: picture()[:-100], id="truncated"),
        pytest.param(
            "0005.jpg", "the size is 32x16, expected 32x32", lambda picture: picture(size=(32, 16)), id="size"
        ),
        pytest.param(
            "0005.jpg", "the colour mode is L, expected RGB", lambda picture: picture(mode="L"), id="greyscale"
        ),
        pytest.param("0005.jpg", "the colour mode is CMYK", lambda picture: picture(mode="CMYK"), id="cmyk"),
        pytest.param("0005.jpg", "the format is PNG, expected JPEG", lambda picture: picture(form="PNG"), id="png"),
        pytest.param("holiday.jpg", "the name is not `N.jpg`", lambda picture: picture(), id="name without a number"),
        pytest.param("0005 (1).jpg", "the name is not `N.jpg`", lambda picture: picture(), id="class 1 in brackets"),
        pytest.param("0005 (11).jpg", "the name is not `N.jpg`", lambda picture: picture(), id="class 11"),
        pytest.param("more/0005.jpg", "the name is not `N.jpg`", lambda picture: picture(), id="subfolder"),
    ],
)
def test_strict_names_an_unfit_file_and_its_fault(name, reason, make, picture, files, write, refusal):
    message = refusal(write(files | {f"train/REAL/{name}": make(picture)}))
    assert "1 unfit file" in message
    assert f"train/REAL/{name}: {reason}" in message


@pytest.mark.parametrize(
    ("reason", "make"),
    [
        pytest.param("not an image", lambda picture: b"This is a text.", id="text"),
        pytest.param("empty", lambda picture: b"", id="empty"),
        pytest.param("damaged", lambda picture: picture(size=(64, 64))[:-100], id="truncated JPEG"),
        pytest.param("damaged", lambda picture: picture(form="PNG")[:-100], id="truncated PNG"),
        pytest.param("the format is TGA, expected JPEG or PNG", lambda picture: picture(form="TGA"), id="tga"),
        pytest.param("its pixels have 32 bits", lambda picture: picture(form="TIFF", mode="F"), id="32 bits"),
        pytest.param("too large: 1 x 70,000 pixels", lambda picture: picture(size=(1, 70_000), form="PNG"), id="long"),
    ],
)
def test_any_names_an_unfit_file_and_its_fault(reason, make, picture, files, write, refusal):
    message = refusal(write(files | {"test/FAKE/mine.jpg": make(picture)}), "any")
    assert "1 unfit file" in message
    assert f"test/FAKE/mine.jpg: {reason}" in message


def test_any_takes_what_phones_write(picture, files, write, prepare):
    one, two = (Image.open(io.BytesIO(picture(seed))) for seed in (98, 99))
    several, damaged_exif = io.BytesIO(), io.BytesIO()
    one.save(several, "MPO", save_all=True, append_images=[two])
    one.save(damaged_exif, "JPEG", exif=b"Exif\0\0this is no EXIF")
    mine = {"test/FAKE/several.jpg": several.getvalue(), "test/FAKE/exif.jpg": damaged_exif.getvalue()}
    assert prepare(write(files | mine), "any").info.splits["test"].num_examples == 10


@pytest.mark.skipif(sys.platform != "linux", reason="other systems write no such name")
def test_any_refuses_a_name_that_is_not_utf8(picture, files, write, refusal):
    message = refusal(write(files | {"test/FAKE/caf\udce9.jpg": picture(99)}), "any")
    assert "1 unfit file" in message
    assert r"test/FAKE/caf\udce9.jpg: the name is not UTF-8" in message


def test_the_first_ten_unfit_files_are_named_and_the_rest_counted(files, write, refusal):
    unfit = [f"train/FAKE/{number}.jpg" for number in range(100, 112)]
    message = refusal(write(files | dict.fromkeys(unfit, b"")))
    assert "12 unfit file" in message
    *rows, hint = [line.strip() for line in message.splitlines()[1:]]
    assert rows == [f"{path}: empty" for path in unfit[:10]] + ["and 2 more"]
    assert hint.endswith("For pictures of your own give --builder_config=any.")


@pytest.mark.parametrize("gone", ["train/FAKE", "test/REAL"])
def test_an_empty_class_is_refused(gone, files, write, refusal):
    folder = write({path: data for path, data in files.items() if not path.startswith(gone)})
    assert f": {gone.replace('/', ' has no ')}. Expected" in refusal(folder)
    (folder / gone).mkdir(exist_ok=True)
    assert f": {gone.replace('/', ' has no ')}. Expected" in refusal(folder)


def test_folders_that_differ_in_case_alone_are_two(picture, files, write, refusal, prepare):
    folder = write(files | {"train/fake/0000.jpg": picture(99)})
    assert "train/fake/0000.jpg: the name is not `N.jpg`" in refusal(folder)
    assert prepare(folder, "any").info.splits["train"].num_examples == 9


def test_a_path_that_an_archive_has_twice_is_refused(files, refusal, tmp_path):
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        for path in files:
            archive.writestr(path, files[path])
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("train/FAKE/0000.jpg", b"")
    assert "train/FAKE/0000.jpg: stands in the source twice" in refusal(tmp_path / "twice.zip")


@pytest.mark.parametrize("strict", [True, False])
def test_a_picture_that_goes_away_between_two_passes_is_unfit(strict, files, write, monkeypatch):
    source = write(files)
    reader = passes.Reader(sources.Collection(source), kept_bytes=0)
    read, gone = checks.read, "train/FAKE/0000.jpg"

    def read_and_remove(*arguments):
        yield from read(*arguments)
        (source / gone).unlink(missing_ok=True)

    monkeypatch.setattr(checks, "read", read_and_remove)
    found = checks.scan(reader, strict=strict, leave_out=True)
    assert found.unfit == [(gone, "could be read once, and then no more")]
    assert found.digests.keys() == files.keys() - {gone}


@pytest.mark.parametrize("strict", [True, False])
def test_a_sound_source_gives_the_digest_of_each_file(strict, files, write):
    found = checks.scan(passes.Reader(sources.Collection(write(files))), strict=strict)
    assert found.digests == {path: hashlib.blake2b(data, digest_size=16).digest() for path, data in files.items()}
    assert not checks.is_release(found.digests)
    assert found.thumbnails.keys() == (set() if strict else files.keys())
