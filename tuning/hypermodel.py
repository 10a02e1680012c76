"""A point of the space -> a trained and judged network, by the project's own pipeline."""

import math
import time

import keras
import keras_tuner
import numpy as np
from sklearn.metrics import log_loss

from aireal.data.batches import Data
from aireal.judging import calibration, metrics
from aireal.network.cost import Cost
from aireal.settings.config import Config
from aireal.training import learning
from tuning.space import Space

FailedTrialError = keras_tuner.errors.FailedTrialError


class HyperModel(keras_tuner.HyperModel):
    """Builds and trains what hyperparameters say. Images are decoded once for all trials of a process."""

    def __init__(self, space: Space):
        super().__init__()
        self._space = space
        self._data: Data | None = None

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the compiled network of a trial."""
        config = self._space.config(hp)
        keras.backend.clear_session()
        keras.utils.set_random_seed(config.seed)
        return learning.build_for_training(config, self._data_of(config).steps_per_epoch())

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model) -> dict[str, float]:
        """Trains for the trial's epochs as `train` would, then calibrates and judges, both on clean validation images.

        Returns:
          val_accuracy, val_auc and val_loss (log loss, without smoothing and penalties) on the validation images;
          train_seconds, validation_seconds; and of the network parameters, macs and int8_bytes.

        Raises:
          keras_tuner.errors.FailedTrialError: the loss or a score became NaN.
        """
        config = self._space.config(hp)
        data = self._data_of(config)
        start = time.perf_counter()
        model.fit(
            data.training(config.epochs),
            epochs=config.epochs,
            steps_per_epoch=data.steps_per_epoch(),
            shuffle=False,
            verbose=0,
            callbacks=[learning.Reseed(config.seed), _StopAtNaN()],
        )
        trained = time.perf_counter()
        found = _judge(model, config, data)
        seconds = {"train_seconds": trained - start, "validation_seconds": time.perf_counter() - trained}
        return {**found, **seconds}

    def _data_of(self, config: Config) -> Data:
        self._data = self._data.like(config) if self._data else Data(config)
        return self._data


def size(model: keras.Model) -> dict[str, int]:
    """Returns parameters, macs and int8_bytes of a network."""
    cost = Cost.of(model)
    return {"parameters": cost.parameters, "macs": cost.macs, "int8_bytes": cost.int8_bytes}


def _judge(model: keras.Model, config: Config, data: Data) -> dict[str, float]:
    final = learning.finish(model, config)
    label, logit = data.table("validation").label, calibration.logits(final, data)
    if not np.isfinite(logit).all():
        raise FailedTrialError("the scores on the validation images are not finite")
    p_real = calibration.fit(label, logit).scores(logit)
    found = metrics.Figures.of(label, p_real)
    loss = log_loss(label, p_real)
    return {"val_accuracy": found.accuracy, "val_auc": found.roc_auc, "val_loss": float(loss), **size(final)}


class _StopAtNaN(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        if not math.isfinite(logs["loss"]):
            raise FailedTrialError(f"the loss became {logs['loss']} at step {batch + 1} of an epoch")
