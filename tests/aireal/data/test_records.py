"""aireal.data.records: a source is prepared once for all runs, whatever interrupts; where its pictures are."""

import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from aireal.data import records
from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.machine import package_folder
from aireal.settings import config
from builders.cifake import sources

# PYTHONPATH is for a checkout: where the packages are installed they are found without it.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(package_folder()), "TF_CPP_MIN_LOG_LEVEL": "2"}


def stored(builder) -> set[str]:
    """Returns the paths of the examples of both splits."""
    table = records.Records.read(builder).table
    return {f"{folder}/{name}" for folder, name in zip(table.folder, table.filename, strict=True)}


@pytest.mark.parametrize("unfit", ["missing", "damaged"])
def test_an_unfit_source_becomes_a_user_error_and_leaves_nothing(unfit, files, write, remains, tmp_path):
    folder = write(files | {"train/FAKE/0000.jpg": b"damaged"})
    source = folder if unfit == "damaged" else tmp_path / "missing"
    with pytest.raises(
        config.UserError, match="does not exist" if unfit == "missing" else "FAKE/0000.jpg: not an image"
    ):
        records.prepare(config.Config(source=str(source), prepared_dir=str(tmp_path / "prepared")))
    assert remains(tmp_path / "prepared") == []


def snapshot(folder: pathlib.Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*")}


def test_a_second_start_reuses_what_the_first_prepared(files, write, tmp_path):
    settings = config.Config(source=str(write(files)), prepared_dir=str(tmp_path / "prepared"))
    first = records.prepare(settings)
    before = snapshot(tmp_path / "prepared")
    second = records.prepare(settings)
    assert second.data_dir == first.data_dir
    assert snapshot(tmp_path / "prepared") == before


def test_a_changed_source_is_prepared_anew(files, write, picture, tmp_path):
    settings = config.Config(source=str(write(files)), prepared_dir=str(tmp_path / "prepared"))
    first = records.prepare(settings)
    write({"train/FAKE/0004.jpg": picture(99)})
    second = records.prepare(settings)
    assert second.data_dir != first.data_dir
    assert second.info.splits["train"].num_examples == first.info.splits["train"].num_examples + 1


def test_what_a_source_was_understood_as_is_said_at_every_start(files, write, tmp_path, capsys):
    folder = write(files | {"others/0.jpg": b""})
    settings = config.Config(source=str(folder), prepared_dir=str(tmp_path / "prepared"))
    said = f"{folder} is read as\n  train  4 FAKE, 4 REAL\n  test   4 FAKE, 4 REAL\n  NOT READ"
    records.prepare(settings)
    assert said in capsys.readouterr().out
    records.prepare(settings)
    assert capsys.readouterr().out == ""  # once a process
    records.tell.cache_clear()  # as in another one
    records.prepare(settings)
    assert capsys.readouterr().out.startswith(said)


def cut(folder):
    os.truncate(next(folder.glob("*train.tfrecord*")), 10)


def lose(folder):
    next(folder.glob("*test.tfrecord*")).unlink()


def empty(folder):
    (folder / "dataset_info.json").write_bytes(b"")


def lose_what_is_known(folder):
    (folder / "dataset_info.json").unlink()


@pytest.mark.parametrize("damage", [cut, lose, empty, lose_what_is_known])
def test_damaged_records_are_made_anew(damage, files, write, tmp_path, capsys):
    settings = config.Config(source=str(write(files)), prepared_dir=str(tmp_path / "prepared"))
    damage(pathlib.Path(records.prepare(settings).data_path))
    capsys.readouterr()
    assert stored(records.prepare(settings)) == files.keys()
    assert "is unfinished or damaged: it is made anew." in capsys.readouterr().out


def test_records_whose_bytes_changed_are_named(files, write, tmp_path):
    settings = config.Config(source=str(write(files)), prepared_dir=str(tmp_path / "prepared"))
    folder = pathlib.Path(records.prepare(settings).data_path)
    for path in folder.glob("*train.tfrecord*"):
        path.write_bytes(path.read_bytes()[:-9] + b"otherwise")
    with pytest.raises(UserError, match=rf"records in {re.escape(str(folder))} are damaged\. Delete that folder"):
        Data(settings)


def test_what_records_hold_is_kept_as_long_as_they_are_the_same(files, write, tmp_path, monkeypatch):
    builder = records.prepare(config.Config(source=str(write(files)), prepared_dir=str(tmp_path / "prepared")))
    first, index = records.Records.read(builder), pathlib.Path(builder.data_path, "index.npz")

    def assert_same():
        found = records.Records.read(builder)
        assert all(np.array_equal(column, getattr(first.table, name)) for name, column in vars(found.table).items())
        every = np.ones(len(found.table), bool)
        assert list(found.stored.each(every)) == list(first.stored.each(every))

    for damage in (index.unlink, lambda: os.truncate(index, 300), lambda: index.write_bytes(bytes(500))):
        damage()
        assert_same()
    with monkeypatch.context() as patched:
        patched.setattr(records, "_columns", None)
        assert_same()
        os.utime(builder.info.splits["test"].filepaths[0])
        with pytest.raises(TypeError):
            records.Records.read(builder)
    assert_same()


# Kills itself between the splits, when the records of the first stand in the unfinished folder.
KILLED_IN_THE_MIDDLE = """
import glob, os, signal, sys
from aireal.settings import config
from aireal.data import records
from builders.cifake import passes

def pictures_or_death(self, *splits):
    if glob.glob(root + "/*/*/*/incomplete.*/*.tfrecord*"):
        os.kill(os.getpid(), signal.SIGKILL)
    yield from pictures(self, *splits)

source, root = sys.argv[1:]
pictures = passes.Reader.pictures
passes.Reader.pictures = pictures_or_death
records.prepare(config.Config(source=source, prepared_dir=root))
"""


def test_the_start_after_a_kill_cleans_up_and_finishes(files, write, tmp_path):
    source, root = write(files), tmp_path / "prepared"
    command = [sys.executable, "-c", KILLED_IN_THE_MIDDLE, source, root]
    assert subprocess.run(command, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL
    assert list(root.glob("**/incomplete.*/*"))

    builder = records.prepare(config.Config(source=str(source), prepared_dir=str(root)))
    assert not list(root.glob("**/incomplete.*"))
    assert stored(builder) == files.keys()


def test_the_fingerprint_tells_form_and_files(files, write, tmp_path, make_config):
    folder, prepared_dir = write(files), str(tmp_path / "prepared")
    prepared = [
        records.prepare(make_config(source=str(folder), builder_config=form, prepared_dir=prepared_dir))
        for form in ("strict", "any")
    ]
    strict, other = map(records.fingerprint, prepared)
    assert (strict.split("-")[0], other.split("-")[0]) == ("strict", "any")
    assert strict.split("-")[1] == other.split("-")[1] == sources.fingerprint(folder)


def test_rows_of_a_table_stay_together(make_table):
    more = {"object": np.array([3, -1, 4]), "copy_of": np.array(["", "", "a"])}
    table = make_table([0, 1, 1], ["a", "b", "c"], **more)
    for positions in (np.array([2, 0]), np.array([True, False, True])):
        rows = table.rows(positions)
        found = {*zip(rows.label, rows.object, rows.filename, rows.copy_of, strict=True)}
        assert (len(rows), found) == (2, {(0, 3, "a", ""), (1, 4, "c", "a")})
    assert table.rows(np.array([2, 0])).filename.tolist() == ["c", "a"]


def test_records_tell_where_each_picture_is(make_config, demo_source):
    found = records.Records.read(records.prepare(make_config()))
    assert len(found.table) == 2400
    assert np.bincount(found.table.folder == "test").tolist() == [2000, 400]
    paths = [demo_source / folder / name for folder, name in zip(found.table.folder, found.table.filename, strict=True)]
    assert list(found.stored.each(np.ones(2400, bool))) == [path.read_bytes() for path in paths]


@pytest.fixture
def mine(picture, write, make_config, tmp_path):
    """A Config of twenty pictures of each class as people have them, and a damaged one."""
    pictures = {
        f"{folder}/{number}.png": picture(seed * 20 + number, size=(40, 30), form="PNG")
        for seed, folder in enumerate(["ai/sd", "photo"])
        for number in range(20)
    }
    source = write(pictures | {"ai/x.jpg": b"", "notes.txt": b""})
    return make_config(source=str(source), prepared_dir=str(tmp_path / "mine"), damaged="leave_out")


def test_what_was_understood_and_left_out_is_said_every_time(mine, tmp_path, capsys):
    for _ in range(2):
        records.tell.cache_clear()
        table = records.Records.read(records.prepare(mine)).table
        said = capsys.readouterr().out
        assert "  all  21 FAKE, 20 REAL\n  groups of FAKE: without one 1, sd 20\n" in said
        assert "no test pictures: a fifth of each class is kept for the test" in said
        assert "left out, as damaged: 1, listed in" in said
    assert np.unique(table.group).tolist() == ["", "sd"]
    (left_out,) = (tmp_path / "mine").rglob("left_out.csv")
    assert left_out.read_text() == "path,reason\nai/x.jpg,empty\n"


def test_other_flags_about_a_source_are_other_records(mine, tmp_path):
    with pytest.raises(UserError, match=r"--damaged=leave_out:\n  ai/x.jpg: empty"):
        records.prepare(dataclasses.replace(mine, damaged="refuse"))
    one, other = (records.prepare(dataclasses.replace(mine, pair=pair)) for pair in ("none", "stem"))
    assert records.fingerprint(one) != records.fingerprint(other)
    assert records.Records.read(other).table.pair.tolist() == [
        name.split("/")[-1][:-4] for name in records.Records.read(other).table.filename
    ]


def test_a_run_has_its_splits_from_a_source_without(mine):
    data = Data(mine)
    assert [np.bincount(data.table(split).label).tolist() for split in ("train", "validation", "test")] == [
        [13, 13],
        [3, 3],
        [4, 4],
    ]
    assert data.config.builder_config == "any"
    assert data.unseen("test").all()


def test_beam_prepares_the_same(mine, tmp_path, capsys):
    pytest.importorskip("apache_beam", reason="needs Apache Beam: pip install -e '.[beam]'")
    local = records.Records.read(records.prepare(mine))
    by_beam = {"prepared_dir": str(tmp_path / "other"), "beam_pipeline_options": "direct_num_workers=2"}
    other = records.Records.read(records.prepare(dataclasses.replace(mine, **by_beam)))
    for name, column in vars(local.table).items():
        np.testing.assert_array_equal(getattr(other.table, name), column)
    everything = np.ones(len(local.table), bool)
    assert list(other.stored.each(everything)) == list(local.stored.each(everything))
    assert len(list((tmp_path / "other").rglob("left_out.csv"))) == 1
