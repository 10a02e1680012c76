"""aireal.card: writes a run's cards, without TensorFlow."""

import shutil

import pytest

from aireal.machine import package_folder


@pytest.fixture
def run(command):
    return shutil.copytree(package_folder() / "aireal/trained/robust", command.folder / "robust")


def test_the_cards_of_a_run_and_its_export_are_written(command, run):
    for place in (run, run / "export"):
        (place / "README.md").unlink()
    done = command("-m", "aireal.card", "--run=robust")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(run / "README.md"), str(run / "export/README.md")]
    assert "# robust" in (run / "export/README.md").read_text()


def test_a_damaged_run_is_a_sentence(command, run):
    (run / "result.json").write_text("{")
    done = command("-m", "aireal.card", "--run=robust")
    assert done.returncode == 2
    assert "result.json is damaged" in done.stderr
    assert "Traceback" not in done.stderr
