"""builders.cifake.folders: the files and folders below a folder."""

import os

import pytest

from builders.cifake import folders


def found(folder):
    return sorted(path for path, _ in folders.entries(folder))


def test_links_to_folders_are_followed_once(write, tmp_path):
    folder = write({"real/0.jpg": b"", "elsewhere/sd/1.jpg": b""})
    (folder / "ai").symlink_to(folder / "elsewhere")
    (folder / "real/back").symlink_to(folder)
    assert len(found(folder)) == 2
    outside = write({"2.jpg": b""}, "outside")
    (folder / "real/more").symlink_to(outside)
    assert "real/more/2.jpg" in found(folder)


def test_folders_are_looked_into_however_deep_they_stand(write):
    deep = "/".join(["ai", *map(str, range(30)), "0.jpg"])
    assert found(write({deep: b""})) == [deep]


def test_clutter_is_listed_below_other_folders_alone(write):
    folder = write({".git/a/0.jpg": b"", "ai/@eaDir/0.jpg": b"", "ai/0.jpg": b"", "1.txt": b""})
    assert found(folder) == ["1.txt", "ai/0.jpg", "ai/@eaDir/0.jpg"]
    assert list(folders.folders(folder)) == ["ai"]


def test_a_folder_may_be_called_like_a_film(write):
    assert list(folders.folders(write({"ai/clip.mp4/0.jpg": b""}))) == ["ai", "ai/clip.mp4"]


def test_a_folder_goes_by_its_own_name_and_not_by_a_link_to_it(write):
    folder = write({"photo/0.jpg": b"", "ai/0.jpg": b""})
    (folder / "latest").symlink_to("photo")
    (folder / "loop").symlink_to("pool")
    (folder / "pool").symlink_to("loop")
    assert [path for path in found(folder) if "/" in path] == ["ai/0.jpg", "photo/0.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_folder_that_cannot_be_read_is_not_passed_over_unless_it_is_clutter(write):
    folder = write({"ai/one/0.jpg": b"", "ai/two/1.jpg": b"", "photo/2.jpg": b"", "photo/lost+found/3.jpg": b""})
    (folder / "photo/lost+found").chmod(0)
    assert found(folder) == ["ai/one/0.jpg", "ai/two/1.jpg", "photo/2.jpg"]
    (folder / "ai/two").chmod(0)
    with pytest.raises(PermissionError, match="two"):
        found(folder)


def test_a_folder_of_clutter_holds_no_file(write):
    folder = write({"ai/.DS_Store": b"", "ai/notes.txt": b"", "photo/0.jpg": b""})
    assert [folders.holds_files(folder / name) for name in ("ai", "photo")] == [False, True]
