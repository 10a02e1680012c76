"""Scores that mean what they say: a temperature and a bias for the logit, found on validation images.

Where training corrupts images, they are found on the validation images as they are and corrupted, because a border
that suits both costs clean pictures next to nothing and gives the others back some of what they lose.

They go into the weights of the network's last layer, so that whoever runs the network, here or on a phone, gets
calibrated scores and none has to know of it.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import special
from sklearn import linear_model

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import metrics
from aireal.pixels import augment

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
    target = np.where(label == metrics.REAL, (count[1] + 1) / (count[1] + 2), 1 / (count[0] + 2))
    regression = linear_model.LogisticRegression(C=np.inf)
    regression.fit(
        (np.concatenate([logit, logit])[:, None] - mean) / scale,  # the solver's tolerance is an absolute one
        np.repeat([1, 0], len(label)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope = float(regression.coef_[0, 0]) / scale
    return Calibration(1 / slope, float(regression.intercept_[0]) - slope * mean) if slope > 0 else Calibration()


def calibrate(model: keras.Model, data: Data) -> dict[str, Any]:
    """Calibrates a model in place, on the validation images.

    Returns:
      temperature, bias, n, and `before` and `after` that, of the images as they are: accuracy, brier_score and
      expected_calibration_error.

    Raises:
      UserError: scores are not finite.
    """
    label, logit = data.table("validation").label, logits(model, data.evaluation("validation"))
    seen = [logit]
    if augment.corrupts(data.config):
        seen.append(logits(model, data.corrupted_validation()))
    if not np.isfinite(seen).all():
        raise UserError("The scores on the validation images are not finite. Train with a lower --learning_rate.")
    found = fit(label, np.stack(seen))
    found.apply(model)
    return {
        **dataclasses.asdict(found),
        "n": len(label),
        "before": _figures(label, special.expit(logit)),
        "after": _figures(label, found.scores(logit)),
    }


def logits(model: keras.Model, batches: tf.data.Dataset) -> np.ndarray:
    """Returns those of the images in batches of (images, labels): [N] float64."""
    return model.predict(batches, verbose=0)[:, 0].astype(np.float64)


def figures_before(calibrated: dict[str, Any], label: np.ndarray, p_real: np.ndarray) -> dict[str, float]:
    """Returns the figures that scores would have without what `calibrate` returned."""
    return _figures(label, Calibration(calibrated["temperature"], calibrated["bias"]).undo(p_real))


def _figures(label: np.ndarray, p_real: np.ndarray) -> dict[str, float]:
    found = metrics.evaluate(label, p_real)
    return {name: found[name] for name in ("accuracy", "brier_score", "expected_calibration_error")}
