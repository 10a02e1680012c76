"""aireal.robustness: runs and patterns side by side, and mistakes answered with a sentence."""

import json

import pytest


def test_as_a_command_on_a_run_and_a_pattern(judged, run_python, tmp_path):
    run, _, result = judged
    figure = tmp_path / "both.svg"
    pattern = f"{run.path.parent}/r*n"
    process = run_python("-m", "aireal.robustness", f"--run={run.path},{pattern}", f"--figure={figure}")
    assert process.returncode == 0, process.stderr
    assert "accuracy, %" in process.stdout
    assert f"{100 * result.conditions[0].figures.accuracy:.2f}" in process.stdout
    assert figure.exists()
    assert json.loads((run.path / "robustness.json").read_text())["conditions"] == result.as_dict()["conditions"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run=nowhere"], "does not exist"),
        (["--run=no*where"], "nothing has such a name"),
        (["--run=model.keras"], "outside of its run"),
        (["--run="], "--run is empty"),
        (["--run=tiny"], "tiny comes with aireal"),
        (["--run=model.keras,"], "--run is empty, or a part of it"),
        (["--run=model.keras", "--figure=no/where.png"], "expected a .png or .svg file in a folder that exists"),
        (["--run=model.keras", "--figure=figure"], "expected a .png or .svg file in a folder that exists"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(arguments, said, run_python, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"")
    process = run_python("-m", "aireal.robustness", *arguments)
    assert process.returncode == 2
    assert said in process.stderr


@pytest.mark.parametrize("pattern", ["exp[1]-seed-*", "exp*"])
def test_a_pattern_has_no_more_than_its_stars_and_a_name_may_have_them(run_python, tmp_path, pattern):
    (tmp_path / "exp[1]-seed-0").mkdir()
    (tmp_path / "exp*").mkdir()
    done = run_python("-m", "aireal.robustness", f"--run={pattern}")
    found = "exp[1]-seed-0" if "[" in pattern else "exp*"
    assert f"/{found} is not a run folder: it has no flags.cfg" in done.stderr
