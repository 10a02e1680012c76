"""aireal.verdicts.shards: the verdicts of one command, in files that any process writes, however often it is begun."""

import json
import os
import pathlib
import shutil

import pytest

from aireal import runner
from aireal.errors import UserError
from aireal.verdicts import listing, shards
from aireal.verdicts.predictor import Predictor
from builders.cifake.layout import Naming

PICTURES = pathlib.Path(__file__).parents[1] / "pictures"
INT8 = pathlib.Path(__file__).parents[1] / "runs/earlier/export/model_int8.tflite"


def _begin(folder, *names, **options):
    how = {"model": INT8, "naming": Naming(), "shard_pictures": 5, "cores": 1, "unsure": True} | options
    return shards.begin(folder, [str(name) for name in names], **how)


def _lines(folder):
    return [json.loads(line) for path in sorted(folder.glob("verdicts-*")) for line in path.read_text().splitlines()]


@pytest.fixture
def expected():
    """Name -> p_real of the test pictures; None where it cannot be judged."""
    names = sorted(path.name for path in PICTURES.iterdir() if path.suffix != ".py")
    predictions = Predictor(INT8).predict([str(PICTURES / name) for name in names])
    return {name: one.p_real for name, one in zip(names, predictions, strict=True)}


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_every_picture_gets_the_verdict_that_predict_gives_it(form, tmp_path, expected):
    source = PICTURES if form == "folder" else shutil.make_archive(tmp_path / "archive", form, PICTURES)
    job, left_out = _begin(tmp_path / "out", source)
    counts = [job(shard) for shard in job.all()]
    found = _lines(tmp_path / "out")
    assert {os.path.basename(one["path"]): one["p_real"] for one in found} == expected
    assert all(one["path"].startswith(f"{source}/") for one in found)
    assert left_out == {".py": 1}
    assert [path.name for path in sorted((tmp_path / "out").glob("verdicts-*"))] == [
        f"verdicts-0000{number}-of-00004.jsonl" for number in range(4)
    ]
    told = listing.summary(sum(counts[1:], counts[0]), job.contract(), left_out)
    assert told.startswith(f"{len(expected)} pictures: ")


def test_what_is_written_is_not_judged_again(tmp_path):
    job, _ = _begin(tmp_path / "out", PICTURES)
    first, second, *_ = job.all()
    counts = job(first)
    written = job.verdicts(0).read_bytes()
    job.verdicts(0).write_bytes(written.replace(b"REAL", b"FAKE").replace(b"UNSURE", b"FAKE"))
    again, _ = _begin(tmp_path / "out", PICTURES)
    assert again == job
    assert job(first) != counts  # counted, as they stand there
    assert job.done() == 1
    job(second)
    assert job.done() == 2


def test_a_list_goes_on_as_it_was_begun(tmp_path):
    shutil.copytree(PICTURES, tmp_path / "album")
    job, _ = _begin(tmp_path / "out", tmp_path / "album")
    shutil.copy(PICTURES / "32x32.jpg", tmp_path / "album/0.jpg")
    (tmp_path / "album/32x32.jpg").unlink()
    again, _ = _begin(tmp_path / "out", tmp_path / "album")
    for shard in again.all():
        again(shard)
    errors = {os.path.basename(one["path"]): one["error"] for one in _lines(tmp_path / "out") if one["error"]}
    assert errors["32x32.jpg"] == "no such file or directory"
    assert "0.jpg" not in errors
    assert again == job


def test_another_command_is_refused_with_the_difference(tmp_path):
    _begin(tmp_path / "out", PICTURES)
    with pytest.raises(UserError, match="another command: names differ"):
        _begin(tmp_path / "out", PICTURES / "32x32.jpg")
    with pytest.raises(UserError, match="another command: shard_pictures, unsure differ"):
        _begin(tmp_path / "out", PICTURES, shard_pictures=6, unsure=False)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/holiday.txt").touch()
    with pytest.raises(UserError, match="holds other files"):
        _begin(tmp_path / "out", PICTURES)
    assert os.listdir(tmp_path / "out") == ["holiday.txt"]


def test_a_list_without_a_line_is_refused(tmp_path):
    (tmp_path / "list.txt").touch()
    with pytest.raises(UserError, match=r"No pictures in .*list.txt"):
        _begin(tmp_path / "out", tmp_path / "list.txt")


def test_what_was_killed_while_it_listed_begins_again(tmp_path):
    archive = shutil.make_archive(tmp_path / "archive", "gztar", PICTURES)
    job, _ = _begin(tmp_path / "out", archive)
    (tmp_path / "out/job.json").rename(tmp_path / "out/.partial-job.json")
    again, _ = _begin(tmp_path / "out", archive)
    assert again == job
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["job.json", "pictures.jsonl", "unpacked"]


def test_a_list_that_is_damaged_later_is_refused(tmp_path):
    job, _ = _begin(tmp_path / "out", PICTURES)
    file = tmp_path / "out/pictures.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:7]))
    with pytest.raises(UserError, match=r"has 7 of 1[78] pictures: it is damaged"):
        list(job.all())
    file.unlink()
    with pytest.raises(UserError, match="has 0 of"):
        list(job.all())


def test_a_damaged_model_is_named_before_the_list_is_made(tmp_path):
    (tmp_path / "model.tflite").write_bytes(INT8.read_bytes()[:3000])
    with pytest.raises(UserError, match=r"model.tflite"):
        _begin(tmp_path / "out", PICTURES, model=tmp_path / "model.tflite")
    assert not (tmp_path / "out").exists()


def test_a_list_that_was_cut_off_is_made_again(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no")

    monkeypatch.setattr(shards.files, "write_json", fail)
    with pytest.raises(OSError, match="no"):
        _begin(tmp_path / "out", PICTURES)
    monkeypatch.undo()
    job, _ = _begin(tmp_path / "out", PICTURES)
    assert job.shards == 4


def test_processes_of_beam_do_what_is_left(tmp_path, expected):
    pytest.importorskip("apache_beam", reason="needs Apache Beam: pip install -e '.[beam]'")
    job, _ = _begin(tmp_path / "out", PICTURES)
    job(next(job.all()))
    written = job.verdicts(0).stat().st_mtime_ns
    counts = job.run(runner.engine("direct_num_workers=2", 1 << 28))
    assert {os.path.basename(one["path"]): one["p_real"] for one in _lines(tmp_path / "out")} == expected
    assert job.verdicts(0).stat().st_mtime_ns == written
    assert counts == listing.tally(map(shards._prediction, map(json.dumps, _lines(tmp_path / "out"))), job.contract())
