"""builders.cifake.archives: every kind of archive is read in place, and damage is noticed wherever it is."""

import os
import pathlib
import shutil
import tarfile
import zipfile

import pytest

from builders.cifake import archives, layout, sources

ARCHIVES = ("zip", "tar", "gztar", "bztar", "xztar")
COMPRESSED_TARS = ("gztar", "bztar", "xztar")


def contents(source, splits=layout.SPLITS):
    return sorted((place.path, load()) for place, load in sources.Collection(source).pictures(splits))


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_archive_yields_what_its_folder_yields(form, files, write, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", form, write(files))
    assert contents(archive) == sorted(files.items())


def test_a_file_that_is_no_archive_is_refused(refusal, write):
    message = refusal(write({"archive.zip": b"<html>Not found</html>"}) / "archive.zip")
    assert "archive.zip cannot be read as a .zip or .tar archive" in message
    assert "Download it again" in message


@pytest.mark.parametrize("form", ARCHIVES)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_an_archive_that_was_cut_short_is_refused(form, share, files, write, refusal, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", form, write(files))
    end = os.path.getsize(archive)
    if form == "tar":  # whose last fifth is padding
        with tarfile.open(archive) as members:
            end = members.getmembers()[-1].offset
    os.truncate(archive, int(share * end))
    assert "Download it again" in refusal(archive)


def test_a_tar_that_was_cut_between_two_pictures_is_refused(files, write, refusal, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", "tar", write(files))
    with tarfile.open(archive) as members:
        end = members.getmembers()[-1].offset
    os.truncate(archive, end)
    assert "it is cut short" in refusal(archive)


@pytest.mark.parametrize("form", COMPRESSED_TARS)
def test_a_compressed_tar_with_a_changed_byte_is_refused(form, files, write, refusal, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", form, write(files))
    with open(archive, "r+b") as file:
        data = bytearray(file.read())
        data[len(data) // 2] ^= 0xFF
        file.seek(0)
        file.write(data)
    assert refusal(archive)


def test_a_picture_of_a_zip_with_a_changed_byte_is_named(files, write, refusal, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", "zip", write(files))
    with zipfile.ZipFile(archive) as members:
        start = members.getinfo("test/REAL/0000.jpg").header_offset
    with open(archive, "r+b") as file:
        file.seek(start + 200)
        byte = file.read(1)
        file.seek(start + 200)
        file.write(bytes([byte[0] ^ 0xFF]))
    message = refusal(archive)
    assert "1 unfit file" in message
    assert "test/REAL/0000.jpg: cannot be read" in message


@pytest.mark.parametrize("form", ARCHIVES)
def test_members_are_the_files_alone_with_their_content(form, tmp_path):
    (tmp_path / "set/below/empty").mkdir(parents=True)
    (tmp_path / "set/a.txt").write_bytes(b"1")
    (tmp_path / "set/below/b.txt").write_bytes(b"22")
    archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", form, tmp_path / "set"))
    assert archives.is_archive(archive)
    found = {name.removeprefix("./"): load() for name, load in archives.members(archive)}
    assert found == {"a.txt": b"1", "below/b.txt": b"22"}


def test_other_files_are_no_archives(tmp_path):
    for name, data in {"page.zip": b"<html>Not found</html>", "empty.tar": b""}.items():
        (tmp_path / name).write_bytes(data)
        assert not archives.is_archive(tmp_path / name)


def test_what_is_cut_in_its_first_bytes_is_no_archive(files, write, tmp_path):
    archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", "gztar", write(files)))
    os.truncate(archive, 30)
    assert not archives.is_archive(archive)


def test_a_link_in_a_tar_is_refused_when_it_is_loaded(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.txt").write_bytes(b"1")
    (tmp_path / "set/b.txt").symlink_to("a.txt")
    archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", "tar", tmp_path / "set"))
    loaders = {name.removeprefix("./"): load for name, load in archives.members(archive)}
    with pytest.raises(OSError, match=r"it is a link to 'a\.txt': unpack the archive"):
        loaders["b.txt"]()


def _zip_of(path, files, compression):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _places(path):
    return dict(archives.places(path))


@pytest.mark.parametrize("form", ["stored", "deflated", "tar"])
def test_places_are_read_without_the_archives_list(form, files, write, tmp_path):
    if form == "tar":
        archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", "tar", write(files)))
    else:
        compression = zipfile.ZIP_STORED if form == "stored" else zipfile.ZIP_DEFLATED
        archive = _zip_of(tmp_path / "archive.zip", files, compression)
    found = {name.removeprefix("./"): place.read() for name, place in _places(archive).items()}
    assert found == files


def test_a_place_whose_bytes_have_changed_is_damaged(files, tmp_path):
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archive = _zip_of(tmp_path / "archive.zip", files, compression)
        name, place = next(archives.places(archive))
        data = bytearray(archive.read_bytes())
        at = 30 + len(name) + place.size // 2
        data[at] ^= 0xFF
        archive.write_bytes(data)
        with pytest.raises(OSError, match="damaged in the archive"):
            place.read()


ZIPS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2}


@pytest.mark.parametrize("form", [*ZIPS, "tar"])
def test_a_file_beyond_the_limit_is_refused_however_it_is_read(form, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1_000_000)
    files = {"bomb.jpg": bytes(1_000_001), "at the limit.jpg": bytes(1_000_000)}
    if form == "tar":
        write_to = tmp_path / "files"
        write_to.mkdir()
        for name, data in files.items():
            (write_to / name).write_bytes(data)
        archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", "tar", write_to))
    else:
        archive = _zip_of(tmp_path / "archive.zip", files, ZIPS[form])
    for read in (archives.members, archives.members_apart):
        left = set(files)
        for name, load in read(archive):
            left.remove(name.removeprefix("./"))
            if name.endswith("bomb.jpg"):
                with pytest.raises(OSError, match="more than 1,000,000 bytes"):
                    load()
            else:
                assert load() == files["at the limit.jpg"]
        assert not left


def test_a_zip_that_lies_about_a_size_is_inflated_up_to_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1_000_000)
    archive = _zip_of(tmp_path / "archive.zip", {"bomb.jpg": bytes(2_000_000)}, zipfile.ZIP_DEFLATED)
    true, false = (size.to_bytes(4, "little") for size in (2_000_000, 2_000))
    archive.write_bytes(archive.read_bytes().replace(true, false))
    with pytest.raises(OSError, match="more than 1,000,000 bytes"):
        _places(archive)["bomb.jpg"].read()


def test_a_place_beyond_an_archives_end_is_damaged(files, write, tmp_path):
    archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", "tar", write(files)))
    *_, (_, place) = archives.places(archive)
    os.truncate(archive, place.begin + place.size // 2)
    with pytest.raises(OSError, match="has changed"):
        place.read()


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_places_are_read_whatever_a_zip_is_compressed_with(compression, files, tmp_path):
    archive = _zip_of(tmp_path / "archive.zip", files, compression)
    found = _places(archive)
    assert {name: place.read() for name, place in found.items()} == files
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(OSError, match="not a zip file"):
        found.popitem()[1].read()


def test_a_link_in_a_tar_has_a_reason(tmp_path):
    with tarfile.open(tmp_path / "archive.tar", "w") as archive:
        link = tarfile.TarInfo("b.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "a.jpg"
        archive.addfile(link)
    assert "it is a link" in _places(tmp_path / "archive.tar")["b.jpg"]


def test_a_tar_that_was_cut_between_two_files_has_no_end(files, write, tmp_path):
    archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", "tar", write(files)))
    with tarfile.open(archive) as members:
        end = members.getmembers()[-1].offset
    os.truncate(archive, end)
    with pytest.raises(EOFError, match="cut short"):
        list(archives.places(archive))


@pytest.mark.parametrize("form", COMPRESSED_TARS)
def test_a_compressed_tar_becomes_a_plain_one(form, files, write, tmp_path):
    archive = pathlib.Path(shutil.make_archive(tmp_path / "archive", form, write(files)))
    assert archives.is_compressed_tar(archive)
    plain = tmp_path / "plain.tar"
    archives.decompress(archive, plain)
    assert not archives.is_compressed_tar(plain)
    assert sorted(place.read() for place in _places(plain).values()) == sorted(files.values())
    assert not archives.is_compressed_tar(_zip_of(tmp_path / "archive.zip", files, zipfile.ZIP_DEFLATED))
