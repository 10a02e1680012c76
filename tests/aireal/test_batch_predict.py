"""aireal.batch_predict: the verdicts of predict, by processes of Beam; what was interrupted goes on."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from aireal.machine import package_folder

PICTURES = pathlib.Path(__file__).parent / "pictures"
ENTRY = (sys.executable, "-m", "aireal.batch_predict")


def test_mistakes_are_one_sentence_without_tensorflow(command):
    for arguments, said in [
        (["--output=out"], "Which pictures?"),
        (["photo.jpg"], "--output is needed"),
        (["photo.jpg", "--output=out", "--run=nowhere"], "nowhere does not exist"),
        (["photo.jpg", "--output=out", f"--run={package_folder()}/aireal/trained/robust"], "needs TensorFlow"),
    ]:
        done = command("-m", "aireal.batch_predict", *arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert said in done.stderr
    assert not (command.folder / "out").exists()


@pytest.fixture
def start(tmp_path):
    pytest.importorskip("apache_beam", reason="needs Apache Beam: pip install -e '.[beam]'")
    environment = {**os.environ, "PYTHONPATH": str(package_folder())}

    def run(*arguments, **options):
        command = [*ENTRY, *map(str, arguments), f"--output={tmp_path / 'out'}", "--shard_pictures=4"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        return subprocess.Popen(command, env=environment, **pipes, **options)

    return run


def _verdicts(folder):
    lines = [line for path in sorted(folder.glob("verdicts-*")) for line in path.read_text().splitlines()]
    return [{name: value for name, value in json.loads(line).items() if name != "size"} for line in lines]


def test_the_command_gives_the_verdicts_of_predict(start, tmp_path):
    running = start(PICTURES)
    printed, complained = running.communicate(timeout=100)
    plain = [sys.executable, "-m", "aireal.predict", PICTURES, "--format=jsonl"]
    done = subprocess.run(
        plain, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(package_folder())}
    )
    assert running.returncode == done.returncode, complained
    assert _verdicts(tmp_path / "out") == list(map(json.loads, done.stdout.splitlines()))
    assert printed.splitlines()[: len(done.stderr.splitlines())] == done.stderr.splitlines()
    assert complained == ""


def test_a_file_in_the_place_of_the_folder_is_told(start, tmp_path):
    (tmp_path / "out").touch()
    running = start(PICTURES)
    _, complained = running.communicate(timeout=100)
    assert running.returncode == 2
    assert complained.startswith(f"error: --output={tmp_path / 'out'} cannot be made: ")


def test_what_was_interrupted_goes_on(start, tmp_path):
    (tmp_path / "list.txt").write_text(f"{PICTURES / '640x480.jpg'}\n" * 1200)
    running = start(tmp_path / "list.txt")
    while len(list((tmp_path / "out").glob("verdicts-*"))) < 5:
        time.sleep(0.05)
        assert running.poll() is None
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    _, complained = running.communicate(timeout=60)
    assert running.returncode == 130, complained
    assert complained == "\nInterrupted.\n"
    done = len(_verdicts(tmp_path / "out")) // 4
    assert 5 <= done < 300
    running = start(tmp_path / "list.txt")
    printed, complained = running.communicate(timeout=100)
    assert running.returncode == 0, complained
    assert "goes on by its list of 1,200 pictures" in printed
    assert len(_verdicts(tmp_path / "out")) == 1200
