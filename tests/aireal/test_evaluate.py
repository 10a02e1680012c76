"""aireal.evaluate: a run judged again, on its own images or on others, into a folder that says which."""

import json
import os
import pathlib
import shutil

import pytest

from aireal.runs.folder import RunFolder


def test_evaluate_alone_gives_the_same_result(trained, run_python):
    _, folder = trained
    before = json.loads((folder / "result.json").read_text())
    done = run_python("-m", "aireal.evaluate", f"--run={folder}", "--split=test")
    assert done.returncode == 0, done.stderr
    after = json.loads((folder / "result.json").read_text())
    assert after["test"] == before["test"]
    assert after["train_seconds"] == before["train_seconds"]
    assert "called REAL" in done.stdout


def test_other_pictures_are_judged_into_a_folder_of_their_own(trained, run_python, demo_source):
    _, folder = trained
    before = (folder / "result.json").read_bytes(), (folder / "predictions.csv").read_bytes()
    done = run_python(
        "-m", "aireal.evaluate", f"--run={folder}", f"--source={demo_source}", "--builder_config=any", "--split=test"
    )
    assert done.returncode == 0, done.stderr
    assert ((folder / "result.json").read_bytes(), (folder / "predictions.csv").read_bytes()) == before
    other = next(folder.glob("on-any-*"))
    # The same pictures, prepared from a folder: the same figures.
    assert (
        json.loads((other / "result.json").read_text())["test"]["accuracy"] == json.loads(before[0])["test"]["accuracy"]
    )
    found = json.loads((other / "result.json").read_text())
    assert "train_seconds" not in found
    assert "test_without_duplicates" not in found  # its copies are of pictures that the model never saw


def test_a_rule_is_found_anew_on_request_and_stays_until_then(trained, run_python, tmp_path):
    folder = RunFolder(shutil.copytree(trained[1], tmp_path / "run"))
    command = ("-m", "aireal.evaluate", f"--run={folder.path}", "--split=test")
    done = run_python(*command, "--risk=0.4", "--risk_confidence=0.9")
    assert done.returncode == 0, done.stderr
    rule = json.loads(folder.preprocessing.read_text())["rule"]
    assert (rule["risk"], rule["risk_confidence"], rule["edges"]) == (0.4, 0.9, [32, 32])
    assert "On 400 validation images: A verdict on " in done.stdout
    assert (folder.path / "foreign.npz").exists()
    assert folder.result()["test"]["selective"]["coverage"] < 1
    done = run_python(*command)
    assert json.loads(folder.preprocessing.read_text())["rule"] == rule
    assert "% of them wrong; UNSURE: LOW_CONFIDENCE" in done.stdout
    done = run_python(*command, "--risk=0.001")
    assert done.returncode == 2
    assert "needs 3,688 validation images of each class at least" in done.stderr
    assert "stays as it was" in done.stderr
    assert json.loads(folder.preprocessing.read_text())["rule"] == rule


@pytest.mark.parametrize(
    "flag", ["--risk=0.6", "--risk=-0.1", "--risk=nan", "--risk=0.1 --risk_confidence=1", "--risk_confidence=0.9"]
)
def test_a_risk_that_makes_no_sense_is_refused(trained, run_python, flag):
    done = run_python("-m", "aireal.evaluate", f"--run={trained[1]}", *flag.split())
    assert done.returncode != 0
    assert flag.split()[-1].split("=")[0].strip("-") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--source=",), "--source is empty"),
        (("--prepared_dir=",), "--prepared_dir is empty"),
        (("--run=tiny", "--source=demo"), "tiny comes with aireal"),
    ],
)
def test_what_it_cannot_do_is_said_at_once(trained, run_python, flags, said):
    done = run_python("-m", "aireal.evaluate", f"--run={trained[1]}", *flags)
    assert (done.returncode, done.stdout, said in done.stderr) == (2, "", True), done.stderr


def test_evaluate_says_what_a_folder_lacks(run_python, tmp_path):
    done = run_python("-m", "aireal.evaluate", f"--run={tmp_path}")
    assert done.returncode == 2
    assert "is not a run folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_in_which_another_process_is_at_work_is_refused(trained, run_python, tmp_path):
    folder = RunFolder(shutil.copytree(trained[1], tmp_path / "run"))
    before = (folder.path / "result.json").read_bytes()
    with folder.hold():
        done = run_python("-m", "aireal.evaluate", f"--run={folder.path}")
    assert done.returncode == 2
    assert "Another process is at work in" in done.stderr
    assert (folder.path / "result.json").read_bytes() == before


def test_of_another_source_without_splits_every_picture_is_judged(reads_windows, tmp_path, run_python):
    config, run = reads_windows
    folder = shutil.copytree(run, tmp_path / "run")
    other = pathlib.Path(shutil.copytree(config.source, tmp_path / "other"))
    os.utime(other / "ai/0.png", ns=(0, 0))  # other pictures, then
    command = ["-m", "aireal.evaluate", f"--run={folder}", f"--prepared_dir={tmp_path / 'prepared'}"]
    done = run_python(*command, f"--source={other}")
    assert done.returncode == 0, done.stderr
    assert "The network learned from others: all of these are judged." in done.stdout
    assert "test: 120 images" in done.stdout
    (tmp_path / "alone").mkdir()
    other.rename(tmp_path / "alone/test")
    done = run_python(*command, f"--source={tmp_path / 'alone'}")  # a test and nothing else
    assert (done.returncode, "test: 120 images" in done.stdout) == (0, True), done.stderr
    done = run_python("-m", "aireal.train", f"--source={tmp_path / 'alone'}", f"--workdir={tmp_path / 'no'}")
    assert (done.returncode, "has no picture to train on" in done.stderr) == (2, True)
