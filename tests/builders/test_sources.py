import os
import shutil
import sys
import tarfile
import zipfile

import pytest

from aireal.data import records
from aireal.settings import config
from builders.cifake import sources

ARCHIVES = ("zip", "tar", "gztar", "bztar", "xztar")
COMPRESSED_TARS = ("gztar", "bztar", "xztar")


def contents(source, splits=sources.SPLITS):
    return sorted((path, load()) for path, load in sources.pictures(source, splits))


def test_a_folder_yields_every_picture_sorted_by_path(files, write):
    read = [(path, load()) for path, load in sources.pictures(write(files))]
    assert [path for path, _ in read if path.startswith("train/")] == sorted(p for p in files if p.startswith("train/"))
    assert sorted(read) == sorted(files.items())


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_archive_yields_what_its_folder_yields(form, files, write, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", form, write(files))
    assert contents(archive) == sorted(files.items())


@pytest.mark.parametrize("form", ARCHIVES)
def test_the_splits_of_an_archive_may_stand_one_folder_down(form, files, write, tmp_path):
    write(files, "parent/cifake")
    archive = shutil.make_archive(tmp_path / "archive", form, tmp_path / "parent", "cifake")
    assert contents(archive) == sorted(files.items())


def test_the_splits_of_a_folder_may_stand_one_folder_down(files, write, tmp_path):
    write(files, "parent/cifake")
    assert contents(tmp_path / "parent") == sorted(files.items())


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_folder_names_are_taken_in_any_case(spell, files, write, tmp_path):
    folder = write({spell(os.path.dirname(path)) + "/" + os.path.basename(path): files[path] for path in files})
    assert contents(folder) == sorted(files.items())
    assert contents(shutil.make_archive(tmp_path / "archive", "zip", folder)) == sorted(files.items())


def test_what_file_managers_leave_behind_is_ignored(files, write, tmp_path):
    clutter = (
        "train/FAKE/.DS_Store",
        "train/REAL/Thumbs.db",
        "test/FAKE/desktop.ini",
        "test/REAL/._0000.jpg",
        "__MACOSX/train/FAKE/._0000.jpg",
        "train/notes.txt",
        "validation/FAKE/0000.jpg",
    )
    folder = write(files | dict.fromkeys(clutter, b"clutter"))
    assert contents(folder) == sorted(files.items())
    assert contents(shutil.make_archive(tmp_path / "archive", "zip", folder)) == sorted(files.items())


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_archive_may_stand_alone_in_a_folder(form, files, write, tmp_path):
    shutil.make_archive(tmp_path / "manual_dir" / "archive", form, write(files))
    assert contents(tmp_path / "manual_dir") == sorted(files.items())


def test_one_split_can_be_read_without_the_other(files, write):
    assert contents(write(files), ["test"]) == sorted(file for file in files.items() if file[0].startswith("test/"))


def test_the_fingerprint_stays_while_no_picture_changes(files, write, tmp_path):
    folder = write(files)
    before = sources.fingerprint(folder)
    contents(folder)
    (folder / "train" / "FAKE" / ".DS_Store").write_bytes(b"clutter")
    assert sources.fingerprint(folder) == before
    assert sources.fingerprint(folder.rename(tmp_path / "moved")) == before


def test_the_fingerprint_changes_when_a_picture_is_added_removed_resized_or_touched(files, write):
    folder = write(files)
    picture = folder / "train/FAKE/0000.jpg"
    seen = [sources.fingerprint(folder)]
    picture.with_name("0004.jpg").write_bytes(b"added")
    seen.append(sources.fingerprint(folder))
    picture.with_name("0001 (2).jpg").unlink()
    seen.append(sources.fingerprint(folder))
    picture.write_bytes(b"shorter")
    seen.append(sources.fingerprint(folder))
    os.utime(picture, ns=(0, 0))
    seen.append(sources.fingerprint(folder))
    assert len(set(seen)) == 5


def test_the_fingerprint_of_an_archive_changes_with_its_file(files, write, tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", "zip", write(files))
    before = sources.fingerprint(archive)
    assert sources.fingerprint(archive) == before
    os.utime(archive, ns=(0, 0))
    assert sources.fingerprint(archive) != before


def test_a_missing_source_is_refused(refusal, tmp_path):
    message = refusal(tmp_path / "nowhere")
    assert "nowhere does not exist" in message
    assert "train/FAKE" in message


def test_a_folder_without_class_folders_is_refused(refusal, write):
    message = refusal(write({"pictures/cat.jpg": b"", "notes.txt": b""}))
    assert "has no class folder" in message
    assert "found notes.txt, pictures" in message


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


def test_links_that_lead_nowhere_or_stand_in_a_tar_are_named(files, write, refusal, tmp_path):
    folder = write(files)
    (folder / "train/FAKE/0009.jpg").symlink_to("nowhere.jpg")
    assert "train/FAKE/0009.jpg: cannot be read" in refusal(folder)
    assert sources.fingerprint(folder)  # comes first
    (folder / "train/FAKE/0009.jpg").unlink()
    (folder / "train/FAKE/0009.jpg").hardlink_to(folder / "test/FAKE/0000.jpg")
    with tarfile.open(tmp_path / "linked.tar", "w") as archive:
        archive.add(folder, "")
    assert "cannot be read: it is a link to" in refusal(tmp_path / "linked.tar")


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


@pytest.fixture
def kaggle_refusal(tmp_path, remains):
    """Returns a function that says why `--source=kaggle` fails."""

    def refuse() -> str:
        with pytest.raises(config.UserError) as error:
            records.prepare(config.Config(source="kaggle", prepared_dir=str(tmp_path / "prepared")))
        assert remains(tmp_path / "prepared") == []
        return str(error.value)

    return refuse


def test_kaggle_without_kagglehub_says_how_to_install_it(kaggle_refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    message = kaggle_refusal()
    assert "pip install 'aireal[kaggle]'" in message
    assert "--source=archive.zip" in message


def test_kaggle_without_a_network_says_how_to_download_by_hand(kaggle_refusal, monkeypatch, tmp_path):
    pytest.importorskip("kagglehub")
    # Nobody listens on the discard port: the real client fails here as it does without a network.
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))
    message = kaggle_refusal()
    assert "could not be downloaded" in message
    assert "https://www.kaggle.com/datasets/birdy654" in message
    assert "--source=archive.zip" in message


def test_a_failed_kaggle_download_says_why_and_how_to_do_it_by_hand(kaggle_refusal, monkeypatch):
    def fail(handle: str) -> str:
        raise ConnectionError(f"no route to {handle}")

    monkeypatch.setattr(pytest.importorskip("kagglehub"), "dataset_download", fail)
    message = kaggle_refusal()
    assert "ConnectionError: no route to birdy654/cifake" in message
    assert "--source=archive.zip" in message


def test_a_changed_kaggle_archive_is_refused(kaggle_refusal, monkeypatch, files, write):
    folder = write(files)
    monkeypatch.setattr(pytest.importorskip("kagglehub"), "dataset_download", lambda handle: str(folder))
    message = kaggle_refusal()
    assert f"{folder} is not CIFAKE as its authors released it" in message
    assert "give that folder as the source" in message


def test_a_changed_kaggle_archive_is_refused_even_where_it_was_prepared_as_a_folder(
    monkeypatch, files, write, tmp_path
):
    folder, prepared_dir = write(files), str(tmp_path / "prepared")
    records.prepare(config.Config(source=str(folder), prepared_dir=prepared_dir))
    monkeypatch.setattr(pytest.importorskip("kagglehub"), "dataset_download", lambda handle: str(folder))
    with pytest.raises(config.UserError, match="is not CIFAKE as its authors released it"):
        records.prepare(config.Config(source="kaggle", prepared_dir=prepared_dir))


@pytest.mark.parametrize("fits", [True, False])
def test_a_reader_reads_once_what_fits_in_memory(fits, files, write):
    folder = write(files)
    size = sum(len(data) for data in files.values())
    reader = sources.Reader(folder, kept_bytes=size if fits else size - 1)
    assert {path: load() for path, load in reader.pictures()} == files
    write(dict.fromkeys(files, b"changed"))
    test_files = {path: data for path, data in files.items() if path.startswith("test/")}
    later = {path: load() for path, load in reader.pictures(["test"])}
    assert later == (test_files if fits else dict.fromkeys(test_files, b"changed"))
