"""builders.cifake.clutter: what file servers, phones and photo programs leave behind, and nothing else."""

import doctest

import pytest

from builders.cifake import clutter


def test_the_examples_hold():
    assert doctest.testmod(clutter).attempted


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("test/REAL/@eaDir/a.jpg/SYNOFILE_THUMB_S.jpg", "@eaDir"),
        ("test/REAL/.@__thumb/a.jpg", ".@__thumb"),
        ("train/FAKE/Icon\r", "Icon"),
        ("train/FAKE/._a.jpg", "._*"),
        ("__MACOSX/train/FAKE/a.jpg", "__MACOSX"),
        ("$RECYCLE.BIN/a.jpg", "$RECYCLE.BIN"),
        ("Photos.photoslibrary/resources/a.jpg", "Photos.photoslibrary"),
        ("IMG_0001.AAE", ".aae"),
        ("IMG_0001.MOV", ".mov"),
        ("a.jpg.crdownload", ".crdownload"),
    ],
)
def test_clutter_is_known_by_a_name_in_its_path_or_by_its_ending(path, kind):
    assert clutter.kind(path) == kind


@pytest.mark.parametrize(
    "path", ["Icons/a.jpg", "icon/a.jpg", "Icon.png", "recycle/a.jpg", "eaDir/a.jpg", "a", "a.b.jpg", "#1.jpg"]
)
def test_what_may_be_a_picture_is_none(path):
    assert clutter.kind(path) is None
