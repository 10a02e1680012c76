"""A run folder written before there were rules and versions of figures: it is still one, and means the same.

`earlier/` is of commit 4ba98e6: four epochs on the demo, its robustness battery, and two of its exported forms.
"""

import csv
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from aireal.data.batches import Data
from aireal.judging import battery, card, evaluation
from aireal.pixels import preprocess
from aireal.runs.folder import RunFolder, model_file
from aireal.training import experiment
from aireal.verdicts import listing
from aireal.verdicts.predictor import Predictor
from aireal.verdicts.verdict import DEFAULT

EARLIER = pathlib.Path(__file__).parent / "earlier"
TOLERANCE = 1e-4  # of a score, between processors


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(EARLIER, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def config(folder, prepared_dir):
    return folder.config(prepared_dir=str(prepared_dir))


@pytest.fixture
def recorded():
    """What the run's predictions.csv says: filename -> p_real."""
    with open(EARLIER / "predictions.csv", newline="") as file:
        return {row["filename"]: float(row["p_real"]) for row in csv.DictReader(file)}


def test_its_flags_are_read(config):
    assert (config.source, config.filters, config.epochs, config.cache) == ("demo", (8, 4), 4, "ram")


def test_the_same_command_finds_it_trained(folder, config, capsys):
    before = (folder.path / "model.keras").read_bytes()
    result = experiment.run(config, str(folder.path))
    assert "is trained already" in capsys.readouterr().out
    assert (folder.path / "model.keras").read_bytes() == before
    earlier = json.loads((EARLIER / "result.json").read_text())
    assert [name for name in result if name != "shortcuts"] == list(earlier)
    for split in ("train", "validation", "test"):
        assert [name for name in result[split] if name != "selective"] == list(earlier[split])
        assert result[split]["selective"]["coverage"] == 1
        assert result[split]["accuracy"] == pytest.approx(earlier[split]["accuracy"], abs=0.005)
    assert result["calibration"] == earlier["calibration"]


def test_evaluation_gives_the_recorded_scores(folder, config, recorded):
    data = Data(config)
    evaluation.evaluate(folder, data, ["test"])
    with open(folder.path / "predictions.csv", newline="") as file:
        found = {row["filename"]: float(row["p_real"]) for row in csv.DictReader(file)}
    assert found.keys() == recorded.keys()
    assert max(abs(found[name] - recorded[name]) for name in found) < TOLERANCE


def test_what_the_battery_found_is_kept_and_later_conditions_come_to_it(folder, config):
    result, place = battery.judge(folder.model, folder, config)
    earlier = json.loads((EARLIER / "robustness.json").read_text())["conditions"]
    assert [condition.as_dict() for condition in result.conditions[: len(earlier)]] == earlier
    assert len(result.conditions) == len(result.basis.battery) > len(earlier)
    assert place == folder.path / "robustness.json"


def test_it_gets_cards(folder):
    for path in card.write(folder):
        text = path.read_text()
        assert "### model.keras after compression" in text
        assert "| JPEG 40 | " in text
    assert "| model_int8.tflite | " in (folder.path / "export/README.md").read_text()


@pytest.mark.parametrize("form", ["", "export/model_int8.tflite"])
def test_it_judges_pictures_by_the_rule_of_its_time(folder, config, recorded, form):
    data = Data(config)
    rows = np.arange(20)
    images, names = data.images("test", rows), data.table("test").filename[rows]
    predictor = Predictor(folder.path / form)
    assert predictor.contract.rule == DEFAULT
    for prediction, name in zip(predictor.predict(images), names, strict=True):
        assert prediction.p_real == pytest.approx(recorded[name], abs=0.1 if form else TOLERANCE)
        assert prediction.verdict == ("REAL" if prediction.p_real >= 0.5 else "FAKE")
        assert prediction.reason is None


def test_its_camera_form_is_known_for_one(folder):
    contract = Predictor(model_file(folder.path / "export/model_camera.tflite")).contract
    assert (contract.image_size, contract.input_size, contract.reduces_itself) == (32, 256, True)


def test_its_camera_form_gets_samples_as_from_a_phone_and_is_the_one_that_reduces(folder):
    photograph = np.random.default_rng(0).integers(0, 256, [480, 640, 3], np.uint8)
    predictor = Predictor(folder.path / "export/model_camera.tflite")
    ((prediction, seen),) = predictor.stream([photograph])
    np.testing.assert_array_equal(seen, preprocess.resize(tf.constant(photograph), 256, antialias=False))
    assert prediction.size == (640, 480)
    assert "not of 32x32 pixels" in listing.summary(listing.tally([prediction], predictor.contract), predictor.contract)
