"""Scores that mean what they say: a temperature and a bias for the logit, found on validation images.

Where training corrupts images, they are found on the validation images as they are and corrupted, because a border
that suits both costs clean pictures next to nothing and gives the others back some of what they lose.

They go into the weights of the network's last layer, so that whoever runs the network, here or on a phone, gets
calibrated scores and none has to know of it.
"""

import dataclasses
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import special
from sklearn import linear_model

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import metrics, scoring
from aireal.verdicts import forms, graphs
from aireal.verdicts.verdict import REAL

_AT_LEAST = 20  # images of each class


@dataclasses.dataclass(frozen=True)
class Calibration:
    """p_real = sigmoid(logit / temperature + bias)."""

    temperature: float = 1.0
    bias: float = 0.0

    def apply(self, model: keras.Model) -> None:
        """Scales and shifts the weights of the layer `logit`."""
        layer = model.get_layer("logit")
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel / self.temperature, bias / self.temperature + self.bias])

    def scores(self, logit: np.ndarray) -> np.ndarray:
        """Returns p_real of logits from before."""
        return special.expit(logit / self.temperature + self.bias)

    def undo(self, p_real: np.ndarray) -> np.ndarray:
        """Returns the scores before calibration."""
        return special.expit((special.logit(p_real.astype(np.float64)) - self.bias) * self.temperature)


def fit(label: np.ndarray, logit: np.ndarray) -> Calibration:
    """Finds the calibration of the least log loss.

    By logistic regression on the logit, towards the targets of Platt 1999, "Probabilistic Outputs for Support Vector
    Machines", equation 9: these lie a little inside of 0 and 1, so that the temperature stays finite where a few
    validation images are told apart without an error.

    Args:
      label: [N] integer, 0 = FAKE, 1 = REAL; both occur.
      logit: [N] float, or [K, N] of the same images in several states.

    Returns:
      The identity where there are fewer than 20 images of a class, or the logit says nothing, or the contrary of the
      labels.
    """
    few = np.bincount(label, minlength=2).min() < _AT_LEAST
    label, logit = np.broadcast_to(label, logit.shape).ravel(), logit.ravel()
    count, mean, scale = np.bincount(label), logit.mean(), logit.std()
    if few or not scale:
        return Calibration()
    target = np.where(label == REAL, (count[1] + 1) / (count[1] + 2), 1 / (count[0] + 2))
    regression = linear_model.LogisticRegression(C=np.inf)
    regression.fit(
        (np.concatenate([logit, logit])[:, None] - mean) / scale,  # the solver's tolerance is an absolute one
        np.repeat([1, 0], len(label)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope = float(regression.coef_[0, 0]) / scale
    return Calibration(1 / slope, float(regression.intercept_[0]) - slope * mean) if slope > 0 else Calibration()


@dataclasses.dataclass(frozen=True)
class Quality:
    """What scores are worth that calibration may change."""

    accuracy: float
    brier_score: float
    expected_calibration_error: float

    @classmethod
    def of(cls, label: np.ndarray, p_real: np.ndarray) -> "Quality":
        found = metrics.Figures.of(label, p_real)
        return cls(found.accuracy, found.brier_score, found.expected_calibration_error)


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """What `calibrate` did, and by how much it changed the scores of the n validation images as they are."""

    calibration: Calibration
    n: int
    before: Quality
    after: Quality

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON, temperature and bias side by side with the rest."""
        found = dataclasses.asdict(self)
        return {**found.pop("calibration"), **found}


def calibrate(model: keras.Model, data: Data) -> Calibrated:
    """Calibrates a model in place, on the validation images. Raises UserError where scores are not finite."""
    label, logit = data.table("validation").label, logits(model, data)
    seen = [logit]
    if data.config.changes:
        seen.append(logits(model, data, data.corrupted_validation()))
    if not np.isfinite(seen).all():
        raise UserError("The scores on the validation images are not finite. Train with a lower --learning_rate.")
    found = fit(label, np.stack(seen))
    found.apply(model)
    before, after = (Quality.of(label, p_real) for p_real in (special.expit(logit), found.scores(logit)))
    return Calibrated(found, len(label), before, after)


def logits(model: keras.Model, data: Data, pixels: tf.data.Dataset | None = None) -> np.ndarray:
    """Returns a model's logits for the validation images, or for what became of them: [N] float64."""
    scorer = graphs.KerasScorer(model, pathlib.Path(model.name))
    pixels = data.pixels("validation", forms.batch_size(scorer.input_size)) if pixels is None else pixels
    views = data.config.judged_views
    found = scoring.answers(scorer.logit, pixels, len(data.table("validation")) * views, "calibrating")
    return np.concatenate(found).astype(np.float64).reshape(-1, views).mean(axis=1)


def quality_before(calibrated: dict[str, Any], label: np.ndarray, p_real: np.ndarray) -> Quality:
    """Returns what scores would be worth without the calibration that result.json tells of."""
    return Quality.of(label, Calibration(calibrated["temperature"], calibrated["bias"]).undo(p_real))
