"""aireal.battery and the command around it: what a small model is worth in every condition, and that it stays so."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from aireal import battery, flags, plots, record
from aireal.config import UserError
from aireal.data import Data


@pytest.fixture(scope="module")
def judged(trained):
    """The run, and what `judge` found of it."""
    config, folder = trained
    run = record.RunFolder(folder)
    return run, config, battery.judge(run.model, run, config)[0]


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
    again, where = battery.judge(run.model, run, config)
    assert (again, where, place.stat().st_mtime_ns) == (result, place, written)


def test_a_model_that_changed_is_measured_again(judged):
    run, config, result = judged
    place = run.path / "robustness.json"
    place.write_text(json.dumps({**result, "model": "another", "conditions": []}))
    again, _ = battery.judge(run.model, run, config)
    assert again["conditions"] == result["conditions"]  # and the same seed gives the same figures


def test_corruptions_are_seeded(judged):
    _, config, _ = judged
    data = Data(config)
    noise = next(condition for condition in battery.conditions(32) if condition.name == "noise 0.1")
    first, again = (np.concatenate([*battery.corrupted(data, noise).as_numpy_iterator()]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = dataclasses.replace(noise, seed=noise.seed + 1)
    assert np.any(first != np.concatenate([*battery.corrupted(data, other).as_numpy_iterator()]))


def test_pictures_of_another_size(make_config):
    """The names say the pixels, and every condition keeps the size."""
    config = make_config(image_size=27, batch_size=50)
    data = Data(config)
    names = [condition.name for condition in battery.conditions(27)]
    assert {"resampled to 20", "resampled to 14", "resampled to 10"} < set(names)
    for condition in battery.conditions(27):
        pixels = next(battery.corrupted(data, condition).as_numpy_iterator())
        assert (pixels.shape, pixels.dtype) == ((50, 27, 27, 3), np.uint8)


def test_runs_that_are_not_alike_are_neither_compared_nor_averaged(trained, tmp_path):
    config, folder = trained
    for name, change in {"seed": {"seed": 1}, "other": {"filters": (8, 8)}, "large": {"image_size": 48}}.items():
        copy = tmp_path / name
        copy.mkdir()
        shutil.copy(folder / "model.keras", copy)
        (copy / "flags.cfg").write_text(flags.to_flagfile(dataclasses.replace(config, **change)))
    model = {name: tmp_path / name / "model.keras" for name in ("seed", "other", "large")}
    with pytest.raises(UserError, match="mine are not runs that differ in their seed alone"):
        battery.compare({"mine": [model["seed"], model["other"]]}, {}, None)
    with pytest.raises(UserError, match="other sizes or kinds"):
        battery.compare({"mine": [model["seed"]], "yours": [model["large"]]}, {}, None)
    with pytest.raises(UserError, match="judged on different images: demo, demo"):
        battery.compare({"mine": [model["seed"]], "yours": [folder / "model.keras"]}, {}, None)


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
    assert json.loads((run.path / "robustness.json").read_text())["conditions"] == result["conditions"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run=nowhere"], "does not exist"),
        (["--run=no*where"], "nothing has such a name"),
        (["--run=model.keras"], "outside of its run"),
        (["--run="], "--run is empty"),
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
