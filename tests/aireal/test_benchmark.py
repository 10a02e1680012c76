"""aireal.benchmark: what makes no sense is said before anything is measured."""

import pytest

from aireal.runs import files


def test_where_figures_cannot_go_is_said_before_they_are_made(run_python):
    done = run_python("-m", "aireal.benchmark", "--what=results", "--output=no/such/folder.json")
    assert (done.returncode, "expected a file in a folder that exists" in done.stderr) == (2, True)


@pytest.mark.parametrize("seeds", ["", "1,1", "0,00", "-1", "x", "1,9999999999"])
def test_seeds_that_make_no_sense_are_refused(run_python, seeds):
    done = run_python("-m", "aireal.benchmark", "--what=results", f"--seeds={seeds}")
    assert done.returncode == 2
    assert "--seed" in done.stderr


def test_a_file_that_another_process_is_writing_is_refused(run_python, tmp_path):
    with files.claim_file(tmp_path / "out.json"):
        done = run_python("-m", "aireal.benchmark", "--output=out.json", "--source=demo")
    assert (done.returncode, "out.json. Wait for it" in done.stderr) == (2, True), done.stderr
