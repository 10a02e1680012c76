"""aireal.battery: what a small model is worth in every condition, and that it stays so."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import battery
from aireal.pixels import corruptions
from aireal.runs.folder import RunFolder


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
    functions = {"JPEG": "jpeg", "resampled": "resample"}
    for condition in battery.conditions(32)[1:]:
        word = condition.name.split()[0]
        assert condition.corrupt.__name__ == functions.get(word, word)
        unit = 32 if condition.corrupt is corruptions.resample else 1
        assert condition.name.endswith(f" {condition.strength * unit:g}")


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


def test_choices_need_no_test_images(judged):
    run, config, result = judged
    before = (run.path / "robustness.json").read_bytes()
    chosen, place = battery.judge(run.model, run, config, "validation")
    assert place.name == "robustness-validation.json"
    assert {row["n"] for row in chosen["conditions"]} == {len(Data(config).table("validation"))}
    assert chosen["conditions"][0]["confusion_matrix"] != result["conditions"][0]["confusion_matrix"]
    assert (run.path / "robustness.json").read_bytes() == before
    with pytest.raises(UserError, match="no validation images"):
        battery.judge(run.model, run, dataclasses.replace(config, validation_fraction=0.0), "validation")


def test_a_model_that_changed_is_measured_again(judged):
    run, config, result = judged
    place = run.path / "robustness.json"
    place.write_text(json.dumps({**result, "model": "another", "conditions": []}))
    again, _ = battery.judge(run.model, run, config)
    assert again["conditions"] == result["conditions"]  # and the same seed gives the same figures


def test_figures_of_other_code_are_measured_again(judged):
    run, config, result = judged
    place = run.path / "robustness.json"
    place.write_text(json.dumps({**result, "code": ["another"], "conditions": []}))
    again, _ = battery.judge(run.model, run, config)
    assert again["conditions"] == result["conditions"]


def test_an_interrupted_battery_goes_on_where_it_stopped(judged, monkeypatch):
    run, config, result = judged
    place, begun = run.path / "robustness.json", run.path / ".partial-robustness.json"
    place.unlink()

    class Interrupted(Exception):
        pass

    evaluate, evaluated = battery.metrics.evaluate, []

    def counted(label, p_real):
        evaluated.append(label)
        if len(evaluated) == 4:
            raise Interrupted
        return evaluate(label, p_real)

    monkeypatch.setattr(battery.metrics, "evaluate", counted)
    with pytest.raises(Interrupted):
        battery.judge(run.model, run, config)
    assert not place.exists()
    assert json.loads(begun.read_text())["conditions"] == result["conditions"][:3]
    again, _ = battery.judge(run.model, run, config)
    assert again["conditions"] == result["conditions"]
    assert len(evaluated) == len(result["conditions"]) + 1  # the fourth twice
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


def test_on_other_images_what_is_found_stands_apart(judged, demo_source):
    run, config, result = judged
    before = (run.path / "robustness.json").read_bytes()
    other = dataclasses.replace(config, source=str(demo_source), builder_config="any")
    found, place = battery.judge(run.model, run, other)
    assert place.parent.name.startswith("on-any-")
    assert place.parent.parent == run.path
    assert found["conditions"] == result["conditions"]  # the same pictures, prepared from a folder
    assert (run.path / "robustness.json").read_bytes() == before


def test_corruptions_are_seeded(judged):
    _, config, _ = judged
    data = Data(config)
    noise = next(condition for condition in battery.conditions(32) if condition.name == "noise 0.1")
    first, again = (np.concatenate([*battery.corrupted(data, "test", noise).as_numpy_iterator()]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = dataclasses.replace(noise, seed=noise.seed + 1)
    assert np.any(first != np.concatenate([*battery.corrupted(data, "test", other).as_numpy_iterator()]))


def test_pictures_of_another_size(make_config):
    """The names say the pixels, and every condition keeps the size."""
    config = make_config(image_size=27, batch_size=50)
    data = Data(config)
    names = [condition.name for condition in battery.conditions(27)]
    assert {"resampled to 20", "resampled to 14", "resampled to 10"} < set(names)
    for condition in battery.conditions(27):
        pixels = next(battery.corrupted(data, "test", condition).as_numpy_iterator())
        assert (pixels.shape, pixels.dtype) == ((50, 27, 27, 3), np.uint8)
