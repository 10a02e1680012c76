"""aireal.benchmarks.seeds: results over seeds are the statistics of their runs, and stand beside the notebook's way."""

import json

import pytest

SMALL = ["--filters=8,4", "--dense_units=16", "--epochs=1", "--batch_size=100"]


def test_results_are_the_statistics_of_their_runs_and_keep_what_is_there(run_python, prepared_dir, tmp_path):
    command = ["-m", "aireal.benchmark", "--what=results", "--seeds=3,5", f"--prepared_dir={prepared_dir}", *SMALL]
    command += [f"--workdir={tmp_path / 'tiny'}/", f"--output={tmp_path / 'row.json'}"]
    done = run_python(*command)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "row.json").read_text())
    runs = [json.loads((tmp_path / f"tiny-seed-{seed}/result.json").read_text()) for seed in (3, 5)]
    first, second = (run["test"]["accuracy"] for run in runs)
    assert row["name"] == "tiny"
    assert row["seeds"] == [3, 5]
    assert row["precisions"] == ["float32"]
    assert row["test_accuracy"] == {
        "mean": pytest.approx((first + second) / 2),
        "standard_deviation": pytest.approx(abs(first - second) / 2**0.5),
        "minimum": min(first, second),
        "values": [first, second],
    }
    assert row["macs"] == runs[0]["macs"]
    assert "minimum" in done.stdout

    again = run_python(*command)
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "row.json").read_text()) == [row]


def test_recipes_are_set_beside_the_notebooks_way(run_python, prepared_dir, tmp_path):
    output = tmp_path / "row.json"
    done = run_python(
        *["-m", "aireal.benchmark", "--what=recipes", "--seeds=0", "--evaluate=none", *SMALL],
        *[f"--prepared_dir={prepared_dir}", f"--output={output}"],
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(output.read_text())
    assert row["ratio_to_notebook"] == pytest.approx(row["notebook_seconds"] / row["train_seconds"]["mean"])
    assert not any(name.endswith("accuracy") for name in row)
    assert "The notebook's way takes" in done.stdout
