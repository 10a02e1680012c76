"""builders.cifake.sources: the pictures of a folder or archive in CIFAKE's layout, and what tells it from others."""

import os
import shutil
import tarfile

import pytest

from builders.cifake import layout, sources

ARCHIVES = ("zip", "tar", "gztar", "bztar", "xztar")


def contents(source, splits=layout.SPLITS):
    return sorted((place.path, load()) for place, load in sources.Collection(source).pictures(splits))


def test_a_folder_yields_every_picture_sorted_by_path(files, write):
    read = [(place.path, load()) for place, load in sources.Collection(write(files)).pictures()]
    assert [path for path, _ in read if path.startswith("train/")] == sorted(p for p in files if p.startswith("train/"))
    assert sorted(read) == sorted(files.items())


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
        "train/FAKE/notes.txt",
        "train/FAKE/0000.AAE",
        "train/FAKE/Icon\r",
        "train/FAKE/@eaDir/0000.jpg/SYNOFILE_THUMB_M.jpg",
        "train/REAL/0000.jpg@SynoEAStream",
        "test/REAL/#recycle/0000.jpg",
        "test/REAL/.@__thumb/0000.jpg",
        "others/0000.jpg",
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
    assert "nowhere does not exist. It should be a folder, an archive or a .csv: a folder of AI pictures" in message


def test_a_folder_without_class_folders_is_refused(refusal, write):
    message = refusal(write({"pictures/cat.jpg": b"", "notes.txt": b""}))
    assert "has no picture whose class is known. Expected a folder of AI pictures" in message
    assert message.endswith("Found the folders pictures.")


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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("0000.jpg", "airplane"),
        ("0 (2).jpg", "automobile"),
        ("1000 (10).jpg", "truck"),
        ("1000 (01).jpg", None),
        ("1000 (1).jpg", None),
        ("1000 (11).jpg", None),
        ("1000(2).jpg", None),
        ("1000.png", None),
        ("cat.jpg", None),
        ("1000.jpg\n", None),
    ],
)
def test_the_object_is_the_class_in_brackets(name, expected):
    assert sources.object_of(name) == expected


def test_pictures_beside_a_list_of_them_are_given_by_the_list(write):
    folder = write({"a.jpg": b"", "b.jpg": b"", "labels.csv": b"path,label\na.jpg,ai\nb.jpg,photo\n"})
    with pytest.raises(layout.SourceError, match=r"A list of paths and labels is given by itself: .*labels\.csv\."):
        sources.find(folder)


def test_a_pipe_among_pictures_is_told_and_not_waited_for(write):
    folder = write({"ai/0.jpg": b"", "photo/1.jpg": b""})
    os.mkfifo(folder / "ai/2.jpg")
    loads = {place.path.split("/")[-1]: load for place, load in sources.Collection(folder).pictures(layout.SPLITS)}
    assert sorted(loads) == ["0.jpg", "1.jpg", "2.jpg"]
    with pytest.raises(OSError, match="no regular file"):
        loads["2.jpg"]()


def test_between_two_archives_nothing_is_chosen(files, write, tmp_path):
    folder = write(files)
    for name in ("one", "two"):
        shutil.make_archive(tmp_path / "archives" / name, "zip", folder)
    with pytest.raises(layout.SourceError, match=r"has no folder in it\. .* Found one\.zip, two\.zip"):
        sources.find(tmp_path / "archives")


@pytest.mark.parametrize("archived", [False, True])
def test_cifake_is_known_by_its_first_names(archived, files, write, tmp_path):
    folder = write({f"parent/{path}": data for path, data in files.items()} | {".DS_Store": b""})
    source = shutil.make_archive(tmp_path / "archive", "gztar", folder) if archived else folder
    assert sources.is_cifake(source)
    for renamed in ("train/FAKE/cat.jpg", "train/ai/0.jpg", "FAKE/0.jpg"):
        assert not sources.is_cifake(write({renamed: b""}, renamed.replace("/", "-")))


def test_numbered_pictures_of_another_size_are_not_cifake(picture, write):
    assert not sources.is_cifake(write({"train/fake/0000.jpg": picture(size=(64, 64))}, "large"))
    assert sources.is_cifake(write({"train/fake/0000.jpg": b"damaged"}, "damaged"))


def test_empty_folders_and_lists_are_no_class(write, picture):
    folder = write({"ai/0.jpg": picture(0), "photo/0.jpg": picture(1), "photo/train/list.txt": b""})
    for name in ("ai/nature", "photo/test"):
        (folder / name).mkdir()
    sources.check(folder)
    assert len(list(sources.Collection(folder).pictures())) == 2


def test_a_source_is_understood_by_the_flags_about_it(picture, write):
    folder = write({f"set/{number}/{name}.jpg": picture(name) for number in (0, 1) for name in range(4)})
    with pytest.raises(
        layout.SourceError, match="folders 0 and 1, which say nothing by themselves: give --fake=1 --real=0"
    ):
        sources.check(folder)
    naming = layout.Naming(fake="1", real="0", pair="stem")
    sources.check(folder, naming)
    collection = sources.Collection(folder, naming)
    assert [place for place, _ in collection.pictures()][::4] == [
        layout.Place("train/REAL/0.jpg", pair="0"),
        layout.Place("train/FAKE/0.jpg", pair="0"),
    ]
    assert "8 pictures have another of their pair" in str(collection.outline)
    assert sources.fingerprint(folder, naming) != sources.fingerprint(folder, layout.Naming(fake="0", real="1"))
