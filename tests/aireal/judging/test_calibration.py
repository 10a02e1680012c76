"""aireal.judging.calibration: known distortions are found and taken back, and go wherever the weights go."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from scipy import special
from sklearn.metrics import log_loss

from aireal.data.batches import Data
from aireal.judging import calibration, metrics
from aireal.judging.calibration import Calibration
from aireal.network import models
from aireal.settings.config import Config

SMALL = Config(image_size=8, filters=(4,), dense_units=(), l2=0.0)


@pytest.fixture(scope="module")
def scored():
    """Labels [N] drawn by the chance that their scores state, and the logits [N] of these scores."""
    random = np.random.default_rng(0)
    logit = random.normal(0, 3, 40_000)
    return (random.uniform(size=len(logit)) < special.expit(logit)).astype(int), logit


def test_a_known_distortion_is_found(scored):
    label, logit = scored
    found = calibration.fit(label, 2.5 * (logit - 0.4))
    assert found.temperature == pytest.approx(2.5, rel=0.03)
    assert found.bias == pytest.approx(0.4, abs=0.05)


def test_the_calibration_error_falls(scored):
    label, logit = scored
    found = calibration.fit(label, 3 * logit)
    assert metrics.expected_calibration_error(label, special.expit(3 * logit)) > 0.05
    assert metrics.expected_calibration_error(label, found.scores(3 * logit)) < 0.01


def test_scores_without_an_error_stay_finite():
    label = np.arange(100) % 2
    found = calibration.fit(label, np.where(label, 7.0, -8.0) + np.linspace(-1, 1, 100))
    assert 0.1 < found.temperature < 100
    assert abs(found.bias) < 5


@pytest.mark.parametrize("logit", [np.zeros(100), np.where(np.arange(100) % 2, -1.0, 1.0)], ids=["nothing", "contrary"])
def test_a_network_that_knows_nothing_is_left_alone(logit):
    assert calibration.fit(np.arange(100) % 2, logit) == Calibration(1.0, 0.0)


def test_of_a_handful_of_images_nothing_is_learned():
    assert calibration.fit(np.array([0, 1]), np.array([0.01, 0.02])) == Calibration(1.0, 0.0)


def test_the_same_images_in_another_state_are_not_more_images(scored):
    label, logit = (values[:30] for values in scored)
    assert calibration.fit(label, np.stack([logit] * 3)) == Calibration(1.0, 0.0)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3])
def test_the_size_of_the_logits_does_not_matter(scored, scale):
    label, logit = scored
    for shift in (0, 1000 * scale):
        found = calibration.fit(label, scale * logit + shift)
        assert found.temperature == pytest.approx(scale, rel=0.03)
        np.testing.assert_allclose(found.scores(scale * logit + shift), special.expit(logit), atol=0.02)


def test_applied_to_a_network_it_changes_its_logit_as_stated():
    model = models.build_model(SMALL)
    images = np.random.default_rng(0).uniform(size=[5, 8, 8, 3]).astype(np.float32)
    before = model(images).numpy()
    Calibration(2.0, 0.25).apply(model)
    np.testing.assert_allclose(model(images), before / 2.0 + 0.25, atol=1e-6)


def test_where_training_corrupts_images_the_border_suits_corrupted_ones_too(trained):
    config, folder = trained
    corrupting = Data(dataclasses.replace(config, augment_noise=0.5, augment_blur=3.0))
    label = corrupting.table("validation").label

    def calibrated(data):
        model = keras.models.load_model(folder / "model.keras", compile=False)
        calibration.calibrate(model, data)
        logits = (
            calibration.logits(model, corrupting),
            calibration.logits(model, corrupting, corrupting.corrupted_validation()),
        )
        return [log_loss(label, special.expit(one)) for one in logits]

    (clean, corrupted), (clean_alone, corrupted_then) = calibrated(corrupting), calibrated(Data(config))
    assert corrupted < corrupted_then - 0.01
    assert clean_alone <= clean + 1e-3


def test_undo_gives_the_scores_before():
    p_real = special.expit(np.linspace(-6, 6, 50))
    calibrated = special.expit(np.linspace(-6, 6, 50) / 3.0 - 0.5)
    np.testing.assert_allclose(Calibration(3.0, -0.5).undo(calibrated), p_real, atol=1e-9)


def test_a_run_is_calibrated_and_says_by_how_much(trained):
    _, folder = trained
    result = json.loads((folder / "result.json").read_text())
    found = result["calibration"]
    assert found["n"] == result["validation"]["n"]
    assert found["after"]["brier_score"] <= found["before"]["brier_score"] + 1e-3
    # evaluate, which loads the model that was kept, finds what calibration promised, and what was before it.
    for name, value in found["after"].items():
        assert result["validation"][name] == pytest.approx(value, abs=1e-4)
    for name, value in found["before"].items():
        assert result["validation"]["before_calibration"][name] == pytest.approx(value, abs=1e-3)
