"""aireal.battery and the command around it: what a small model is worth in every condition, and that it stays so."""

import json

import numpy as np
import pytest

from aireal import battery, plots, record
from aireal.data import Data


@pytest.fixture(scope="module")
def judged(trained):
    """The run, and what `judge` found of it."""
    config, folder = trained
    run = record.RunFolder(folder)
    return run, config, battery.judge(run.model, run, config, "robustness")[0]


def test_the_battery_is_the_stated_one():
    names = [condition.name for condition in battery.conditions(32)]
    families = {
        "": ["clean"],
        "JPEG ": [90, 70, 50, 40, 30],
        "noise ": [0.01, 0.05, 0.1],
        "blur ": [0.4, 0.6, 1, 1.5],
        "resampled to ": [24, 16, 12],
        "brightness ": [0.7, 1.3],
        "contrast ": [0.7, 1.3],
    }
    assert names == [f"{word}{strength}" for word, strengths in families.items() for strength in strengths]
    assert set(battery.PUBLISHED) <= set(names)


def test_clean_pictures_get_the_figures_of_evaluate(judged):
    run, _, result = judged
    clean, evaluated = result["conditions"][0], run.result()["test"]
    assert clean["name"] == "clean"
    assert clean["confusion_matrix"] == evaluated["confusion_matrix"]
    assert clean["roc_auc"] == pytest.approx(evaluated["roc_auc"], abs=1e-6)


def test_every_test_image_is_counted_in_every_condition_and_corruption_matters(judged):
    _, _, result = judged
    assert [row["name"] for row in result["conditions"]] == result["battery"]
    assert {np.sum(row["confusion_matrix"]) for row in result["conditions"]} == {result["conditions"][0]["n"]}
    scores = {row["brier_score"] for row in result["conditions"]}
    assert len(scores) > len(result["conditions"]) - 3  # hardly two conditions are alike


def test_what_is_known_is_not_measured_again(judged):
    run, config, result = judged
    place = run.path / "robustness.json"
    written = place.stat().st_mtime_ns
    again, where = battery.judge(run.model, run, config, "robustness")
    assert (again, where, place.stat().st_mtime_ns) == (result, place, written)


def test_corruptions_are_seeded(judged):
    _, config, _ = judged
    data = Data(config)
    noise = next(condition for condition in battery.conditions(32) if condition.name == "noise 0.1")
    first, again = (np.concatenate([*battery.corrupted(data, noise, index=8).as_numpy_iterator()]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = np.concatenate([*battery.corrupted(data, noise, index=9).as_numpy_iterator()])
    assert np.any(first != other)


def test_tables_and_figure(judged, tmp_path):
    _, _, result = judged
    lines = battery.table([result]).splitlines()
    assert len(lines) == 1 + len(result["battery"])
    assert f"{result['conditions'][4]['accuracy']:.4f}" in lines[5]
    accuracy = {"one": battery.values([result], "accuracy"), "two": battery.values([result, result], "accuracy")}
    compared = battery.comparison(accuracy, result["battery"], {"JPEG 40": 0.958}).splitlines()
    assert f"{100 * result['conditions'][4]['accuracy']:.2f} ± 0.00" in compared[5]
    assert compared[5].endswith("95.8")
    figure = plots.robustness(result["conditions"], accuracy, battery.UNCHANGED, {"JPEG 40": 0.958})
    jpeg = figure.axes[0]
    assert jpeg.get_xlim()[0] > jpeg.get_xlim()[1]  # quality falls to the right
    line = next(line for line in jpeg.lines if line.get_label() == "one")
    np.testing.assert_allclose(line.get_xdata(), [30, 40, 50, 70, 90, 100])
    np.testing.assert_allclose(line.get_ydata(), accuracy["one"][0, [5, 4, 3, 2, 1, 0]])


def test_as_a_command_on_a_run_and_a_pattern(judged, run_python, tmp_path):
    run, _, result = judged
    figure = tmp_path / "both.svg"
    pattern = f"{run.path.parent}/r*n"
    process = run_python("-m", "aireal.robustness", f"--run={run.path},{pattern}", f"--figure={figure}")
    assert process.returncode == 0, process.stderr
    assert "accuracy, %" in process.stdout
    assert f"{100 * result['conditions'][0]['accuracy']:.2f}" in process.stdout
    assert figure.exists()
    assert json.loads((run.path / "robustness.json").read_text()) == result


@pytest.mark.parametrize(
    ("run", "said"),
    [("nowhere", "does not exist"), ("no*where", "nothing has such a name"), ("model.keras", "outside of its run")],
)
def test_a_mistake_is_answered_with_a_sentence(run, said, run_python, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"")
    process = run_python("-m", "aireal.robustness", f"--run={run}")
    assert process.returncode == 2
    assert said in process.stderr
