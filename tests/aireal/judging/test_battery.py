"""aireal.judging.battery: what a small model is worth in every condition, and that it stays so."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import battery, comparison, metrics
from aireal.pixels import corruptions, preprocess
from aireal.runs.folder import RunFolder
from aireal.verdicts.contract import Contract


@pytest.fixture
def short(monkeypatch):
    """A battery of six conditions of several kinds, which is over sooner."""
    every = battery.conditions
    monkeypatch.setattr(battery, "conditions", lambda image_size: every(image_size)[::6])


@pytest.fixture
def judged_shortly(judged, short):
    """`judged`, by the short battery."""
    run, config, result = judged
    basis = dataclasses.replace(result.basis, battery=[condition.name for condition in battery.conditions(32)])
    conditions = [row for row in result.conditions if row.name in basis.battery]
    result = dataclasses.replace(result, basis=basis, conditions=conditions)
    (run.path / "robustness.json").write_text(json.dumps(result.as_dict()))
    return run, config, result


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
        "gamma ": [0.7, 1.3],
        "saturation ": [0, 0.7, 1.3],
        "sharpened ": [0.4, 0.8],
        "specks ": [0.01, 0.02],
        "turned ": [90, 180],
    }
    assert names == [f"{word}{strength}" for word, strengths in families.items() for strength in strengths]
    functions = {"JPEG": "jpeg", "resampled": "resample", "sharpened": "sharpen", "turned": "turn"}
    for condition in battery.conditions(32)[1:]:
        word = condition.name.split()[0]
        assert condition.corrupt.__name__ == functions.get(word, word)
        unit = 32 if condition.corrupt is corruptions.resample else 1
        assert condition.name.endswith(f" {condition.strength * unit:g}")


def test_clean_pictures_get_the_figures_of_evaluate(judged):
    run, _, result = judged
    clean, evaluated = result.conditions[0], run.result()["test"]
    assert clean.name == "clean"
    assert clean.figures.confusion_matrix == evaluated["confusion_matrix"]
    assert clean.figures.roc_auc == pytest.approx(evaluated["roc_auc"], abs=1e-6)


def test_every_test_image_is_counted_in_every_condition_and_corruption_matters(judged):
    _, _, result = judged
    assert [row.name for row in result.conditions] == result.basis.battery
    assert {np.sum(row.figures.confusion_matrix) for row in result.conditions} == {result.basis.n}
    scores = {row.figures.brier_score for row in result.conditions}
    assert len(scores) > len(result.conditions) - 3  # hardly two conditions are alike


def test_what_is_known_is_not_measured_again(judged):
    run, config, result = judged
    place = run.path / "robustness.json"
    written = place.stat().st_mtime_ns
    again, where = battery.judge(run.model, run, config)
    assert (again, where, place.stat().st_mtime_ns) == (result, place, written)


def test_conditions_that_came_later_are_measured_alone(judged, monkeypatch):
    run, config, result = judged
    place, known = run.path / "robustness.json", result.as_dict()
    place.write_text(json.dumps({**known, "battery": known["battery"][:-2], "conditions": known["conditions"][:-2]}))
    score, shown = battery.scoring.score, []
    monkeypatch.setattr(battery.scoring, "score", lambda *given: shown.append(given[-1]) or score(*given))
    again, _ = battery.judge(run.model, run, config)
    count = len(result.conditions)
    assert shown == [f"turned {degrees} ({number} of {count})" for degrees, number in ((90, count - 1), (180, count))]
    assert again.conditions == result.conditions
    assert json.loads(place.read_text())["battery"] == known["battery"]


def test_choices_need_no_test_images(judged_shortly):
    run, config, result = judged_shortly
    before = (run.path / "robustness.json").read_bytes()
    chosen, place = battery.judge(run.model, run, config, "validation")
    assert place.name == "robustness-validation.json"
    assert {row.figures.n for row in chosen.conditions} == {len(Data(config).table("validation"))}
    assert chosen.conditions[0] != result.conditions[0]
    assert (run.path / "robustness.json").read_bytes() == before
    with pytest.raises(UserError, match="no validation images"):
        battery.judge(run.model, run, dataclasses.replace(config, validation_fraction=0.0), "validation")


def test_a_model_that_changed_is_measured_again(judged_shortly):
    run, config, result = judged_shortly
    place = run.path / "robustness.json"
    place.write_text(json.dumps({**result.as_dict(), "model": "another", "conditions": []}))
    again, _ = battery.judge(run.model, run, config)
    assert again.conditions == result.conditions  # and the same seed gives the same figures


def test_a_rule_that_withholds_is_judged_in_every_condition(withholding, short, tmp_path):
    config, folder = withholding
    run = RunFolder(shutil.copytree(folder, tmp_path / "run"))
    rule = Contract.load(run.model, 32).rule
    result, place = battery.judge(run.model, run, config, "validation")
    assert result.basis.rule == json.loads(json.dumps(rule.as_dict()))
    written = place.stat().st_mtime_ns
    assert battery.judge(run.model, run, config, "validation")[0] == result  # as it was read from the file
    assert place.stat().st_mtime_ns == written
    for row in result.conditions:
        given = row.selective
        assert given.coverage + given.low_confidence + given.foreign == pytest.approx(1)
    assert result.conditions[0].selective.foreign <= 0.04
    assert result.conditions[0].figures.n == 400  # which every image has a part in
    lines = str(comparison.table([result, result])).splitlines()
    assert lines[0].split()[-4:] == ["given", "of", "them", "wrong"]
    clean = result.conditions[0].selective
    assert lines[1].split()[-2:] == [f"{clean.coverage:.4f}", f"{clean.error:.4f}"]


@pytest.mark.parametrize("stated", [{"version": 0}, {"rule": {"real_from": 0.4}}], ids=str)
def test_figures_of_another_version_or_rule_are_measured_again(judged_shortly, stated):
    run, config, result = judged_shortly
    place = run.path / "robustness.json"
    place.write_text(json.dumps({**result.as_dict(), **stated, "conditions": []}))
    again, _ = battery.judge(run.model, run, config)
    assert again.conditions == result.conditions


# What version 1 makes of 64 smooth pictures: mean and standard deviation of the pixels in 0..255, and how far they are
# from the clean ones on average. Processors differ by less than the last digit.
VERSION_1 = {
    "clean": (128.10, 52.14, 0.00),
    "JPEG 90": (128.10, 48.47, 6.54),
    "JPEG 70": (128.09, 48.51, 9.23),
    "JPEG 50": (128.07, 48.69, 11.49),
    "JPEG 40": (128.14, 48.65, 12.77),
    "JPEG 30": (128.06, 48.64, 14.49),
    "noise 0.01": (128.10, 52.21, 2.03),
    "noise 0.05": (128.10, 53.57, 10.14),
    "noise 0.1": (128.03, 57.48, 20.08),
    "blur 0.4": (128.10, 51.61, 0.49),
    "blur 0.6": (128.10, 49.89, 2.25),
    "blur 1": (128.10, 46.42, 5.99),
    "blur 1.5": (128.10, 41.44, 11.63),
    "resampled to 24": (128.10, 48.33, 4.00),
    "resampled to 16": (128.11, 44.09, 8.56),
    "resampled to 12": (128.11, 40.93, 12.50),
    "brightness 0.7": (89.67, 36.50, 38.43),
    "brightness 1.3": (163.95, 63.56, 35.84),
    "contrast 0.7": (128.29, 36.70, 12.93),
    "contrast 1.3": (127.92, 66.66, 12.43),
    "gamma 0.7": (154.37, 46.55, 26.27),
    "gamma 1.3": (107.74, 54.40, 20.36),
    "saturation 0": (128.74, 34.73, 35.52),
    "saturation 0.7": (128.29, 42.66, 10.65),
    "saturation 1.3": (127.93, 62.60, 10.36),
    "sharpened 0.4": (128.10, 54.61, 2.35),
    "sharpened 0.8": (128.10, 57.18, 4.83),
    "specks 0.01": (128.20, 53.41, 1.27),
    "specks 0.02": (128.08, 54.69, 2.56),
    "turned 90": (128.10, 52.14, 58.38),
    "turned 180": (128.10, 52.14, 58.52),
}


def test_figures_come_out_as_the_version_says():
    """Fails where what the figures come from has changed: then battery.VERSION has to count up, and this table too."""
    assert battery.VERSION == 1
    smooth = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 3], np.uint8)
    images = tf.data.Dataset.from_tensors(preprocess.resize(tf.constant(smooth), 32))
    (clean,) = images.map(lambda pixels: tf.cast(pixels, tf.float64)).as_numpy_iterator()
    found = {}
    for condition in battery.conditions(32):
        (pixels,) = condition.of(images).as_numpy_iterator()
        found[condition.name] = (pixels.mean(), pixels.std(), np.abs(pixels - clean).mean())
    assert found == {name: pytest.approx(values, abs=0.02) for name, values in VERSION_1.items()}
    label, p_real = np.arange(8) % 2, np.array([0.1, 0.9, 0.4, 0.3, 0.6, 0.8, 0.2, 0.99])
    figures = metrics.Figures.of(label, p_real).as_dict()
    assert [figures[name] for name in ("accuracy", "roc_auc", "brier_score", "expected_calibration_error")] == (
        pytest.approx([0.75, 0.875, 0.1387625, 0.18875])
    )


def test_an_interrupted_battery_goes_on_where_it_stopped(judged_shortly, monkeypatch):
    run, config, result = judged_shortly
    place, begun = run.path / "robustness.json", run.path / ".partial-robustness.json"
    place.unlink()

    class Interrupted(Exception):
        pass

    judge, evaluated = battery.metrics.Figures.of, []

    def counted(label, p_real, rule):
        evaluated.append(label)
        if len(evaluated) == 4:
            raise Interrupted
        return judge(label, p_real, rule)

    monkeypatch.setattr(battery.metrics.Figures, "of", counted)
    with pytest.raises(Interrupted):
        battery.judge(run.model, run, config)
    assert not place.exists()
    assert json.loads(begun.read_text())["conditions"] == result.as_dict()["conditions"][:3]
    again, _ = battery.judge(run.model, run, config)
    assert again.conditions == result.conditions
    assert len(evaluated) == len(result.conditions) + 1  # the fourth twice
    assert place.exists()
    assert not begun.exists()


def test_a_model_of_nan_is_named(judged, tmp_path):
    run, config, _ = judged
    model = keras.models.load_model(run.model, compile=False)
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    for file in (run.flagfile, run.path / "env.json"):
        shutil.copy(file, tmp_path)
    model.save(tmp_path / "model.keras")
    with pytest.raises(UserError, match=r"model\.keras are not numbers"):
        battery.judge(tmp_path / "model.keras", RunFolder(tmp_path), config)


def test_on_other_images_what_is_found_stands_apart(judged_shortly, demo_source):
    run, config, result = judged_shortly
    before = (run.path / "robustness.json").read_bytes()
    other = dataclasses.replace(config, source=str(demo_source), builder_config="any")
    found, place = battery.judge(run.model, run, other)
    assert place.parent.name.startswith("on-any-")
    assert place.parent.parent == run.path
    assert found.conditions == result.conditions  # the same pictures, prepared from a folder
    assert (run.path / "robustness.json").read_bytes() == before


def test_corruptions_are_seeded(judged):
    _, config, _ = judged
    data = Data(config)
    noise = next(condition for condition in battery.conditions(32) if condition.name == "noise 0.1")
    first, again = (np.concatenate([*noise.of(data.pixels("test")).as_numpy_iterator()]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = dataclasses.replace(noise, seed=noise.seed + 1)
    assert np.any(first != np.concatenate([*other.of(data.pixels("test")).as_numpy_iterator()]))


def test_pictures_of_another_size(make_config):
    """The names say the pixels, and every condition keeps the size."""
    config = make_config(image_size=27, batch_size=50)
    data = Data(config)
    names = [condition.name for condition in battery.conditions(27)]
    assert {"resampled to 20", "resampled to 14", "resampled to 10"} < set(names)
    for condition in battery.conditions(27):
        pixels = next(condition.of(data.pixels("test")).as_numpy_iterator())
        assert (pixels.shape, pixels.dtype) == ((50, 27, 27, 3), np.uint8)


@pytest.mark.parametrize("name", ["robustness.json", ".partial-robustness.json"])
def test_a_damaged_file_is_made_anew(judged_shortly, name):
    run, config, result = judged_shortly
    (run.path / "robustness.json").unlink()
    (run.path / name).write_text("{")
    again, place = battery.judge(run.model, run, config)
    assert again.conditions == result.conditions
    assert json.loads(place.read_text())["conditions"] == result.as_dict()["conditions"]


def test_two_at_a_time_are_refused_and_nothing_is_torn(judged):
    run, config, result = judged
    place = run.path / "robustness.json"
    with run.hold(), pytest.raises(UserError, match="Another process is at work in"):
        battery.judge(run.model, run, config)
    assert json.loads(place.read_text()) == result.as_dict()
