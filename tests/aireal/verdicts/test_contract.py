"""aireal.verdicts.contract: what stands beside a model is what is done to pictures, for each of its forms."""

import dataclasses
import json

import pytest

from aireal.errors import UserError
from aireal.settings.config import Config
from aireal.verdicts.contract import CAMERA, Contract
from aireal.verdicts.verdict import DEFAULT, Rule

PLAIN = Contract(image_size=32, input_size=32, aspect_ratio="center_crop", rule=Rule(real_from=0.7))
INSIDE = dataclasses.replace(PLAIN, normalised_inside=True)
CAMERAS = dataclasses.replace(INSIDE, input_size=256)


@pytest.fixture
def write(tmp_path):
    """Writes what stands beside models, and returns their folder."""

    def write_file(content):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "preprocessing.json").write_text(text)
        return tmp_path

    return write_file


def test_what_is_written_is_read(write):
    assert Contract.load(write(PLAIN.as_dict()) / "model.keras", 32) == PLAIN
    assert Contract.load(write(INSIDE.as_dict(camera=CAMERAS)) / "model_int8.tflite", 32) == INSIDE


def test_a_run_has_the_contract_of_its_config():
    contract = Contract.of(Config(image_size=48, aspect_ratio="center_crop"))
    assert contract == Contract(image_size=48, input_size=48, aspect_ratio="center_crop")
    assert not contract.reduces_itself


def test_the_camera_form_differs_in_what_it_takes_alone(write):
    stated = INSIDE.as_dict(camera=CAMERAS)
    assert set(stated["forms"]["camera"]) == {"input_size", "resampling"}
    found = Contract.load(write(stated) / CAMERA, 256)
    assert found == CAMERAS
    assert found.reduces_itself
    assert "not antialiased" in found.steps()["resampling"]
    assert "256x256" in found.steps()["resampling"]
    assert "not antialiased" not in INSIDE.steps()["resampling"]


def test_a_file_that_says_nothing_of_a_rule_has_the_default_one(write):
    stated = PLAIN.as_dict()
    del stated["rule"]
    assert Contract.load(write(stated) / "model.keras", 32).rule == DEFAULT


WITHHOLDING = Rule(0.5, 0.1, 0.9, foreign_from=1.5, edges=(32, 32), risk=0.01, risk_confidence=0.95)


def test_a_rule_with_borders_is_read_as_it_was_written(write):
    contract = dataclasses.replace(PLAIN, rule=WITHHOLDING)
    assert Contract.load(write(contract.as_dict()) / "model.keras", 32) == contract


def test_a_form_may_have_a_rule_of_its_own(write):
    contract = dataclasses.replace(INSIDE, rule=WITHHOLDING)
    anywhere = dataclasses.replace(WITHHOLDING, edges=None)
    stated = contract.as_dict(camera=dataclasses.replace(contract, input_size=256, rule=anywhere))
    assert set(stated["forms"]["camera"]) == {"input_size", "resampling", "rule"}
    folder = write(stated)
    assert Contract.load(folder / CAMERA, 256).rule == anywhere
    for form in ("model_int8.tflite", "model.keras", "saved_model"):
        assert Contract.load(folder / form, 32).rule == WITHHOLDING


def test_a_model_alone_is_stretched_to_what_it_takes(tmp_path):
    assert Contract.load(tmp_path / "model.keras", 64) == Contract(image_size=64, input_size=64)


@pytest.mark.parametrize(
    "content",
    ["{", "{}", "[]", "3", "", {**PLAIN.as_dict(), "forms": 3}]
    + [{**PLAIN.as_dict(), "rule": rule} for rule in ({"threshold": 0.5}, 3, {"edges": [32]}, {"real_from": "x"})],
    ids=str,
)
def test_a_damaged_file_is_named(write, content):
    with pytest.raises(UserError, match=r"preprocessing\.json is damaged"):
        Contract.load(write(content) / "model.keras", 32)


def test_an_unknown_aspect_ratio_is_refused(write):
    with pytest.raises(UserError, match=r"'round'\. Expected stretch or center_crop"):
        Contract.load(write({**PLAIN.as_dict(), "aspect_ratio": "round"}) / "model.keras", 32)


def test_a_model_of_another_size_than_stated_is_refused(write):
    with pytest.raises(UserError, match=r"takes pictures of 64 pixels, and .*preprocessing\.json says 32"):
        Contract.load(write(PLAIN.as_dict()) / "model.keras", 64)


def test_the_run_folder_states_the_preprocessing(trained):
    stated = json.loads((trained[1] / "preprocessing.json").read_text())
    assert (stated["image_size"], stated["aspect_ratio"]) == (32, "stretch")
    assert "antialiased" in stated["resampling"]
