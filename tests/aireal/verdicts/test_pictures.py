"""aireal.verdicts.pictures: which files are meant, with a reason for each that cannot be; the words of a verdict."""

import collections
import os

import pytest
from PIL import Image

from aireal.verdicts import pictures
from aireal.verdicts.pictures import Prediction, find
from aireal.verdicts.verdict import DEFAULT, Rule
from builders.cifake import formats


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "below/c.webp", ".cache/d.jpg"):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "album"


def _errors(found):
    return {os.path.basename(one.path): one.error for one in found if isinstance(one, Prediction)}


def test_a_folder_means_the_pictures_in_it_and_below_by_name(folder):
    found = list(find([str(folder)]))
    assert [os.path.relpath(path, folder) for path in found] == ["a.PNG", "b.jpg", "below/c.webp"]


def test_every_ending_of_the_formats_that_are_read_means_a_picture():
    written = {ending for ending, form in Image.registered_extensions().items() if form in (*formats.FORMATS, "MPO")}
    heif = {".heic", ".heics", ".heif", ".heifs", ".hif"}
    assert written - heif == {*pictures.SUFFIXES} - heif | {".pfm"}  # of 32 bits, whose range nothing tells
    assert written & heif == (heif if formats.HAS_HEIF else set())


def test_a_folder_may_be_called_like_a_film(folder):
    (folder / "clip.mp4").mkdir()
    (folder / "clip.mp4/0001.jpg").touch()
    left_out = collections.Counter()
    assert str(folder / "clip.mp4/0001.jpg") in list(find([str(folder)], left_out))
    assert left_out == {".txt": 1}


def test_files_left_out_for_their_ending_are_counted(folder):
    (folder / "below" / "vector.SVG").touch()
    (folder / "below" / "README").touch()
    (folder / "below" / "@eaDir").mkdir()
    (folder / "below" / "@eaDir" / "c.jpg").touch()
    left_out = collections.Counter()
    assert len(list(find([str(folder)], left_out))) == 3
    assert left_out == {".txt": 1, ".svg": 1, "no ending": 1, "@eaDir": 1}


def test_a_named_file_is_taken_whatever_its_name_and_the_order_is_kept(folder):
    names = [str(folder / "notes.txt"), str(folder / "b.jpg"), str(folder / ".hidden.jpg")]
    assert list(find(names)) == names


def test_links_are_followed_but_not_in_circles(folder):
    (folder / "below" / "up").symlink_to(folder)
    (folder / "below" / "here").symlink_to(".")
    (folder / "again").symlink_to(folder / "below")
    found = list(find([str(folder)]))
    paths = [os.path.relpath(one, folder) for one in found if isinstance(one, str)]
    assert paths == ["a.PNG", "again/c.webp", "b.jpg"]  # `below` is the same folder
    assert _errors(found) == dict.fromkeys(("up", "here"), "a link back to a folder above it")


def test_what_is_no_file_has_a_reason(folder):
    (folder / "itself.jpg").symlink_to("itself.jpg")
    (folder / "itself").symlink_to("itself")  # no picture by its name, and no reason to leave the others out
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    assert _errors(find([str(folder), "missing.jpg"])) == {
        "itself.jpg": "too many levels of symbolic links",
        "gone.jpg": "no such file or directory",
        "pipe.jpg": "neither a file nor a folder",
        "missing.jpg": "no such file or directory",
    }


def test_a_folder_without_pictures_is_said_to_be_one(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    assert _errors(find([str(tmp_path)])) == {tmp_path.name: "the folder holds no picture"}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_folder_has_a_reason(folder):
    (folder / "below").chmod(0)
    assert _errors(find([str(folder)])) == {"below": "permission denied"}


@pytest.mark.parametrize(
    ("p_real", "verdict", "confidence"), [(0.5, "REAL", 0.5), (0.9, "REAL", 0.9), (0.25, "FAKE", 0.75)]
)
def test_a_prediction_has_the_verdict_and_the_confidence_of_the_rule(p_real, verdict, confidence):
    prediction = Prediction("a.jpg", size=(4, 3)).judged(p_real, float("nan"), DEFAULT)
    expected = {"path": "a.jpg", "verdict": verdict, "reason": None, "confidence": confidence, "p_real": p_real}
    assert prediction.as_dict() == {**expected, "error": None}
    assert prediction.size == (4, 3)


@pytest.mark.parametrize(
    ("size", "p_real", "foreign", "reason"),
    [
        ((32, 32), 0.25, 0.0, None),
        (None, 0.25, 0.0, None),
        ((32, 32), 0.75, 0.0, "LOW_CONFIDENCE"),
        (None, 0.25, 2.0, "FOREIGN"),
        ((64, 32), 0.75, 0.0, "FOREIGN"),
    ],
)
def test_a_verdict_that_is_withheld_leaves_the_scores_and_a_reason(size, p_real, foreign, reason):
    rule = Rule(0.5, 0.25, 0.875, foreign_from=1.5, edges=(32, 32))
    prediction = Prediction("a.jpg", size=size).judged(p_real, foreign, rule)
    assert (prediction.verdict, prediction.reason) == ("UNSURE" if reason else "FAKE", reason)
    assert (prediction.p_real, prediction.confidence, prediction.size) == (p_real, 0.75, size)


def test_an_error_leaves_no_verdict():
    expected = {"path": "a.jpg", "verdict": None, "reason": None, "confidence": None, "p_real": None, "error": "gone"}
    assert Prediction("a.jpg", error="gone").as_dict() == expected
