"""aireal.predict: the command answers every picture in the form that was asked for, and mistakes with a sentence."""

import csv
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

import pytest

from aireal.runs import files
from aireal.verdicts.predictor import Predictor

PICTURES = pathlib.Path(__file__).parent / "pictures"
BASELINE = (PICTURES / "baseline.jpg").read_bytes()
INT8 = pathlib.Path(__file__).parent / "runs/earlier/export/model_int8.tflite"


@pytest.fixture
def predict(run_python, trained):
    return lambda *arguments: run_python("-m", "aireal.predict", f"--run={trained[1]}", *arguments)


def test_the_command_answers_every_picture(predict, tmp_path, trained):
    odd = "new\nline $x$, comma.jpg"
    (tmp_path / odd).write_bytes(BASELINE)
    (tmp_path / "empty.png").touch()
    done = predict(odd, PICTURES / "32x32.jpg", "--format=csv", "--explain=why", "empty.png")
    assert done.returncode == 1
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    expected = Predictor(trained[1]).predict([str(tmp_path / odd), str(PICTURES / "32x32.jpg")])
    assert [row["path"] for row in rows] == [odd, str(PICTURES / "32x32.jpg"), "empty.png"]
    assert [row["verdict"] for row in rows] == [*(one.verdict for one in expected), ""]
    assert [float(row["p_real"]) for row in rows[:2]] == pytest.approx([one.p_real for one in expected], abs=1e-6)
    assert rows[2]["error"] == "the file is empty"
    assert done.stderr.count("not of 32x32") == 1
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == [
        "00000-new_nline__x___comma.png",
        "00001-32x32.png",
    ]


def test_the_command_writes_json_to_a_file(predict, tmp_path):
    done = predict(PICTURES / "32x32.jpg", PICTURES / "plain.bmp", "--format=json", "--output=out.json")
    assert (done.returncode, done.stdout) == (0, "")
    rows = json.loads((tmp_path / "out.json").read_text())
    assert [set(row) for row in rows] == [{"path", "verdict", "reason", "confidence", "p_real", "error"}] * 2
    assert all(row["confidence"] == max(row["p_real"], 1 - row["p_real"]) for row in rows)
    assert "not of 32x32" not in done.stderr


def test_the_commands_flags_reach_the_predictor(predict, tmp_path, trained):
    name = os.fsdecode(b"\xff.jpg")
    (tmp_path / name).write_bytes(BASELINE)
    done = predict(PICTURES, name, "--format=jsonl", "--aspect_ratio=center_crop", "--max_pixels=300000")
    rows = {os.path.basename(row["path"]): row for row in map(json.loads, done.stdout.splitlines())}
    (cropped,) = Predictor(trained[1], aspect_ratio="center_crop").predict([BASELINE])
    assert rows["baseline.jpg"]["p_real"] == pytest.approx(cropped.p_real, abs=1e-6)
    assert rows[name]["p_real"] == rows["baseline.jpg"]["p_real"]
    assert "more than the limit" in rows["640x480.jpg"]["error"]
    assert len(rows) == len([*PICTURES.glob("*.*")])  # without make.py, with the named one


def test_verdicts_are_withheld_with_a_reason_unless_that_is_not_wanted(run_python, withholding):
    command = ("-m", "aireal.predict", f"--run={withholding[1]}", PICTURES / "640x480.jpg")
    done = run_python(*command, "--format=csv")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert (done.returncode, row["verdict"], row["reason"]) == (0, "UNSURE", "FOREIGN")
    assert "0 REAL, 0 FAKE, 1 UNSURE, 0 could not be judged." in done.stderr
    assert "FOREIGN: 1 picture of other sizes than this network learned from (32 pixels an edge)" in done.stderr
    done = run_python(*command, "--unsure=false", "--format=csv")
    (given,) = csv.DictReader(io.StringIO(done.stdout))
    assert (given["verdict"] in ("FAKE", "REAL"), given["reason"], given["p_real"]) == (True, "", row["p_real"])
    assert "UNSURE" not in done.stderr
    assert "not of 32x32 pixels" in done.stderr


def test_a_file_that_another_process_is_writing_is_refused(predict, tmp_path):
    with files.claim_file(tmp_path / "out.csv"):
        done = predict(PICTURES / "32x32.jpg", "--output=out.csv")
    assert done.returncode == 2
    assert "out.csv. Wait for it, or name another file." in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_pipe_is_written_to_and_not_replaced(predict, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: lines.extend((tmp_path / "pipe").read_text().splitlines()), daemon=True)
    lines: list[str] = []
    reader.start()
    assert predict(PICTURES / "32x32.jpg", "--format=csv", "--output=pipe").returncode == 0
    reader.join(timeout=10)
    assert len(lines) == 2
    assert (tmp_path / "pipe").is_fifo()
    assert predict(PICTURES / "32x32.jpg", "--format=csv", "--output=/dev/stdout").stdout.splitlines() == lines


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_output_that_cannot_be_printed_is_a_sentence(trained):
    command = [sys.executable, "-m", "aireal.predict", f"--run={trained[1]}", str(PICTURES / "32x32.jpg")]
    for opened, status in ((_full_disk, 2), (_closed_pipe, 141)):
        with opened() as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True)
        assert done.returncode == status
        assert "Exception ignored" not in done.stderr
        assert "Traceback" not in done.stderr


def _full_disk():
    return open("/dev/full", "w")


def _closed_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w")


def test_the_table_is_aligned(predict):
    done = predict(PICTURES / "1x1.png", PICTURES / "progressive.jpg", PICTURES / "make.py")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["path", "verdict", "reason", "confidence", "p_real"]
    columns = [re.search(r"(REAL|FAKE|-)\s+(\d|not)", line).start() for line in lines[1:]]
    assert columns == [lines[0].index("verdict")] * 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--run=nowhere", "a.jpg"], "nowhere does not exist"),
        (["--run=.", "a.jpg"], "is not a run folder"),
        (["--run={run}"], "Which pictures?"),
        (["--run={run}", "a.jpg", "--format=xml"], "--format=xml"),
        (["--run={run}", "a.jpg", "--output=no/such/folder.csv"], "--output=no/such/folder.csv cannot be written"),
        (["--run={run}", "a.jpg", "--output=."], "--output=. cannot be written: it is a folder"),
        (["--run={run}/flags.cfg", "a.jpg"], "is no model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_use_is_a_sentence_and_exit_status_2(run_python, trained, arguments, sentence):
    done = run_python("-m", "aireal.predict", *(argument.format(run=trained[1]) for argument in arguments))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_predict_runs_a_tflite_file_from_the_command_line(run_python):
    done = run_python("-m", "aireal.predict", f"--run={INT8}", PICTURES / "32x32.jpg", "--format=csv")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    done = run_python("-m", "aireal.predict", f"--run={INT8}", PICTURES / "32x32.jpg", "--explain=x")
    assert done.returncode == 2
    assert "--explain needs gradients" in done.stderr
    assert not done.stdout


def test_a_model_without_its_preprocessing_is_judged_by_and_it_is_said_how(run_python, tmp_path):
    (folder := tmp_path / "{odd}").mkdir()
    shutil.copy(INT8, folder)
    done = run_python("-m", "aireal.predict", f"--run={folder / INT8.name}", PICTURES / "32x32.jpg")
    assert done.returncode == 0
    assert f"No preprocessing.json is beside {folder / INT8.name}: pictures were made fit by stretch" in done.stderr
