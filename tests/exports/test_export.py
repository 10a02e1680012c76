"""exports.export: the command leaves a whole export, or the old one and a sentence, even on a full disk or killed."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from aireal.runs.folder import RunFolder


def _exports(run):
    return [path.name for path in run.glob("*export*") if path.is_dir()]


def test_a_full_disk_is_a_sentence_and_leaves_the_old_export(run_python, run, disk, is_as_it_was):
    place = disk(300) / "run"
    shutil.copytree(run, place, ignore=shutil.ignore_patterns("*.png", "predictions.csv"))
    done = run_python("-m", "exports.export", f"--run={place}")
    assert done.returncode == 2
    assert f"{place}/export could not be made" in done.stderr
    assert "Traceback" not in done.stderr
    assert is_as_it_was(place)


def test_a_killed_export_leaves_the_old_one_and_is_made_again(run):
    command = [sys.executable, "-m", "exports.export", f"--run={run}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not (run / ".partial-export/labels.txt").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    assert os.listdir(run / "export") == ["old.txt"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert _exports(run) == ["export"]
    assert (run / "export/verify.json").exists()


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda run: (run / "model.keras").unlink(), "the training there has not finished"),
        (lambda run: (run / "flags.cfg").write_text("--no_such_flag=1\n"), "Another version of aireal"),
        (lambda run: shutil.rmtree(run), "is not a run folder"),
        (lambda run: (run / "model.keras").write_bytes(b"x"), "cannot be loaded"),
    ],
    ids=["no model", "another version", "nothing", "damaged"],
)
def test_a_run_that_cannot_be_exported_is_a_sentence(run_python, run, prepare, sentence):
    prepare(run)
    done = run_python("-m", "exports.export", f"--run={run}")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["exports.export", "exports.benchmark"])
def test_a_run_in_which_another_process_is_at_work_is_refused(run_python, run, is_as_it_was, module):
    (run / "export/verify.json").touch()
    with RunFolder(run).hold():
        done = run_python("-m", module, f"--run={run}")
    assert (done.returncode, "Another process is at work in" in done.stderr) == (2, True), done.stderr
    (run / "export/verify.json").unlink()
    assert is_as_it_was(run)
