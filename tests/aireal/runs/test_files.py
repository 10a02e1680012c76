"""aireal.runs.files: a file or a folder is there as a whole, the old one or the new one, whatever interrupts."""

import json
import os
import pathlib
import shutil
import threading

import pytest

from aireal.errors import UserError
from aireal.runs import files


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with files.replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert (partial.parent, partial.suffix) == (tmp_path, ".json")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["result.json"]


@pytest.mark.parametrize("before", [None, "old"])
def test_an_exception_while_writing_leaves_what_was_there(tmp_path, before):
    path = tmp_path / "result.json"
    if before is not None:
        path.write_text(before)

    def interrupted():
        with files.replacing(path) as partial:
            partial.write_text("ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == ([] if before is None else ["result.json"])
    assert before is None or path.read_text() == before


def test_json_and_csv_hold_names_of_all_languages(tmp_path):
    files.write_json(tmp_path / "a.json", {"name": "Bäume 木"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"name": "Bäume 木"}
    files.write_csv(tmp_path / "a.csv", ["filename", "p_real"], iter([("a, b.jpg", 0.5), ("木.jpg", 1.0)]))
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert text.splitlines() == ["filename,p_real", '"a, b.jpg",0.5', "木.jpg,1.0"]


def test_an_old_export_survives_ctrl_c_between_the_two_renames(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    (tmp_path / "export/kept.txt").touch()
    replace, calls = os.replace, []

    def interrupted(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), files.replacing_folder(tmp_path / "export"):
        pass
    assert (tmp_path / "export/kept.txt").exists()


def test_an_old_export_survives_a_kill_between_the_two_renames(tmp_path):
    (tmp_path / ".old-export").mkdir()
    (tmp_path / ".old-export/kept.txt").touch()
    (tmp_path / ".partial-export").mkdir()
    with pytest.raises(RuntimeError), files.replacing_folder(tmp_path / "export"):
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == [".export.lock", "export"]
    assert (tmp_path / "export/kept.txt").exists()


def test_two_exports_at_a_time_are_refused(tmp_path):
    with (
        files.replacing_folder(tmp_path / "export"),
        pytest.raises(UserError, match="Another process"),
        files.replacing_folder(tmp_path / "export"),
    ):
        pass


def test_a_folder_that_cannot_be_renamed_is_refused(tmp_path, monkeypatch):
    (tmp_path / "page/model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "page/model")
    for path in (pathlib.Path(), tmp_path / "page", pathlib.Path("/proc")):
        with pytest.raises(UserError, match="cannot be replaced where it stands"), files.replacing_folder(path):
            pass
    with files.replacing_folder(pathlib.Path("here")):
        pass
    assert os.listdir() == [".here.lock", "here"]


def test_an_export_behind_a_link_is_replaced_where_it_is(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "export").symlink_to("elsewhere")
    for round in ("1", "2"):
        with files.replacing_folder(tmp_path / "export") as partial:
            (partial / "round.txt").write_text(round)
    assert (tmp_path / "elsewhere/round.txt").read_text() == "2"
    assert (tmp_path / "export").is_symlink()


def test_sizes_and_digests_are_of_a_file_or_of_all_files_in_a_folder(tmp_path):
    (tmp_path / "set/below").mkdir(parents=True)
    (tmp_path / "set/a.bin").write_bytes(b"12345")
    (tmp_path / "set/below/b.bin").write_bytes(b"678")
    assert (files.size_bytes(tmp_path / "set/a.bin"), files.size_bytes(tmp_path / "set")) == (5, 8)
    shutil.copytree(tmp_path / "set", tmp_path / "copy")
    assert files.digest(tmp_path / "set") == files.digest(tmp_path / "copy")
    (tmp_path / "copy/a.bin").rename(tmp_path / "copy/c.bin")
    assert files.digest(tmp_path / "set") != files.digest(tmp_path / "copy")  # names count in a folder,
    assert files.digest(tmp_path / "set/a.bin") == files.digest(tmp_path / "copy/c.bin")  # and not of a file
    (tmp_path / "copy/c.bin").write_bytes(b"12346")
    assert files.digest(tmp_path / "set/a.bin") != files.digest(tmp_path / "copy/c.bin")


@pytest.mark.parametrize(
    "name", ["x" * 255, "x" * 250 + ".json", "\u6728" * 85, "[1]*? ", "a\nb\udcff", "-"], ids=ascii
)
def test_any_name_is_replaced_and_claimed(tmp_path, name):
    path, other = tmp_path / name, tmp_path / f"{name[:-1]}y"
    files.write_text(path, "text")
    assert (path.read_text(), os.listdir(tmp_path)) == ("text", [name])
    with files.claim_file(path), files.claim_file(other), pytest.raises(UserError), files.claim_file(path):
        pass
    assert os.listdir(tmp_path) == [name]
    path.unlink()
    for _ in range(2):
        with files.replacing_folder(path) as partial:
            (partial / "a.txt").touch()
    assert os.listdir(path) == ["a.txt"]


def test_a_name_that_is_not_utf8_leaves_json_sound(tmp_path):
    files.write_json(tmp_path / "a.json", {"command": "caf\udce9 \u6728"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"command": "caf\udce9 \u6728"}


def test_json_holds_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"other": 1}', "\udcff"], ids=ascii)
def test_a_json_file_that_is_not_whole_is_named_with_what_to_do(tmp_path, text):
    path = tmp_path / "result.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"result\.json is damaged: .*\. Take a copy\."):
        files.read_json(path, holding=["figure"], mend="Take a copy.")


def test_a_whole_json_file_is_read(tmp_path):
    files.write_json(tmp_path / "result.json", {"figure": 1.5, "name": "Zürich"})
    assert files.read_json(tmp_path / "result.json", holding=["figure"], mend="") == {"figure": 1.5, "name": "Zürich"}


def test_turns_wait_for_each_other_and_claims_do_not(tmp_path):
    path, order = tmp_path / "README.md", []

    def second():
        with files.turn(path):
            order.append("second")

    with files.turn(path):
        waiting = threading.Thread(target=second)
        waiting.start()
        with pytest.raises(UserError, match="busy"):
            files.claim(path, "busy")
        order.append("first")
    waiting.join(timeout=10)
    assert order == ["first", "second"]


def test_what_a_file_manager_leaves_and_what_is_being_written_are_no_others(tmp_path):
    for name in (".DS_Store", "Thumbs.db", ".partial-x", "report.html", "thesis.txt", ".git"):
        (tmp_path / name).touch()
    assert files.others(tmp_path, ["report.html"]) == [".git", "thesis.txt"]
