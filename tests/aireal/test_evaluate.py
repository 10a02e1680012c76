"""aireal.evaluate: a run judged again, on its own images or on others, into a folder that says which."""

import json
import shutil

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
