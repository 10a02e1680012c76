"""Where a model looked: Grad-CAM."""

import re

import keras
import numpy as np
import tensorflow as tf

from aireal.errors import UserError
from aireal.network import models
from aireal.pixels import preprocess
from aireal.verdicts.verdict import DEFAULT, Rule


class GradCam:
    """Grad-CAM of a verdict.

    Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", eq. 1, 2.
    What is explained is the class that the model predicts: the logit where that is REAL, its negative where FAKE.

    Args:
      model: a functional model of `models.build_model`: one logit, convolutions named conv1, conv2, ...
      rule: the verdict of its scores.

    Raises:
      UserError: the model has no such convolution.
    """

    def __init__(self, model: keras.Model, rule: Rule = DEFAULT):
        self._rule = rule
        features = _last_convolution(model).output
        self._with_features = keras.Model(model.input, [features, model.output])
        self._averages_mirrored = models.averages_mirrored(model)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Returns how much each place spoke for the verdict.

        Args:
          pixels: [B, S, S, 3] uint8, RGB.

        Returns:
          [B, h, w] float32 in the resolution of the last convolution, 0 or more; all 0 where no place did.
        """
        return self._heat(tf.constant(pixels)).numpy()

    @tf.function(reduce_retracing=True)
    def _heat(self, pixels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            features, logit = self._with_features(preprocess.normalise(pixels), training=False)
            for_verdict = tf.where(self._rule.is_real(tf.sigmoid(logit)), logit, -logit)
        gradients = tape.gradient(for_verdict, features)
        weights = tf.reduce_mean(gradients, axis=[1, 2], keepdims=True)
        heat = tf.nn.relu(tf.reduce_sum(weights * features, axis=3))
        if self._averages_mirrored:
            upright, mirrored = tf.split(heat, 2)  # each with half of the gradient, so that the sum is their average
            heat = upright + mirrored[:, :, ::-1]
        return heat


def _last_convolution(model: keras.Model) -> keras.layers.Layer:
    """Returns the layer that gives what the last convolution found, behind its activation and its weights."""
    names = [layer.name for layer in model.layers]
    convolutions = [name for name in names if re.fullmatch(r"conv\d+", name)]
    if not convolutions:
        raise UserError(f"The model {model.name!r} has no convolution named conv1, conv2, ...: it cannot be explained.")
    last = max(convolutions, key=lambda name: int(name[4:]))
    behind = (f"{last}_weighed", f"{last}_activation", last)  # those that the network has layers of their own for
    return model.get_layer(next(name for name in behind if name in names))
