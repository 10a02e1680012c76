"""Training where Keras's `fit` cannot: each machine computes on its part of every batch, and all take the same step."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from aireal.data.batches import Data, Targets
from aireal.settings.config import Config
from aireal.training import cluster, learning


def fit(
    model: keras.Model,
    data: Data,
    strategy: tf.distribute.Strategy,
    done: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Does what Keras's `fit` does, with the figures that `learning.of_verdict` gives.

    Args:
      model: of `learning.build_for_training`, made in the strategy's scope.
      data: the same in every process.
      strategy: of `Cluster`.
      done: epochs that are behind it.
      callbacks: as of `fit`.

    Raises:
      UserError: another process is gone, or begins elsewhere.
    """
    cluster.meet(strategy, checkpoints=str(done))
    with cluster.lost_told():
        _Loop(model, data.config, strategy).run(data, done, keras.callbacks.CallbackList(callbacks, model=model))


class _Loop:
    """The steps of training and of validation, and the figures that they add up."""

    def __init__(self, model: keras.Model, config: Config, strategy: tf.distribute.Strategy):
        self._model, self._config, self._strategy = model, config, strategy
        self._losses = learning.losses(config)
        with strategy.scope():
            self._mean, self._object_mean = keras.metrics.Mean(), keras.metrics.Mean()
            self._metrics = learning.metrics()
        self._train, self._judge = tf.function(self._train_step), tf.function(self._judge_step)

    def run(self, data: Data, done: int, callbacks: keras.callbacks.CallbackList) -> None:
        steps = data.steps_per_epoch()
        batches = iter(data.training(self._config.epochs, first_epoch=done))
        callbacks.on_train_begin()
        for epoch in range(done, self._config.epochs):
            callbacks.on_epoch_begin(epoch)
            for step in range(steps):
                callbacks.on_train_batch_end(step, {"loss": float(self._train(*self._parts(next(batches))))})
            logs = self._figures()
            if (validation := data.validation()) is not None:
                for batch in validation:
                    self._judge(*self._parts(batch))
                logs |= {f"val_{name}": value for name, value in self._figures().items()}
            callbacks.on_epoch_end(epoch, logs)
            if self._model.stop_training:
                break
        callbacks.on_train_end()

    def _parts(self, batch: tuple[tf.Tensor, Targets]) -> tuple[Any, ...]:
        """Returns images and targets of this process's devices, and the share of the batch that each of them has."""
        count, size = self._strategy.num_replicas_in_sync, len(batch[0])

        def part(context: tf.distribute.experimental.ValueContext) -> Any:
            mine = tf.nest.map_structure(lambda whole: whole[context.replica_id_in_sync_group :: count], batch)
            return (*mine, tf.constant(len(mine[0]) / size, tf.float32))

        return self._strategy.experimental_distribute_values_from_function(part)

    def _train_step(self, images: Any, targets: Any, share: Any) -> tf.Tensor:
        return self._strategy.reduce("SUM", self._strategy.run(self._learn, (images, targets, share)), axis=None)

    def _judge_step(self, images: Any, targets: Any, share: Any) -> None:
        self._strategy.run(self._judge_part, (images, targets, share))

    def _learn(self, images: tf.Tensor, targets: Targets, share: tf.Tensor) -> tf.Tensor:
        optimizer = self._model.optimizer
        with tf.GradientTape() as tape:
            loss = share * self._loss(self._model(images, training=True), targets)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self._model.trainable_variables)
        optimizer.apply(gradients, self._model.trainable_variables)  # sums them up over the processes
        return loss

    def _judge_part(self, images: tf.Tensor, targets: Targets, share: tf.Tensor) -> None:
        del share
        self._loss(self._model(images, training=False), targets)

    def _loss(self, outputs: Any, targets: Targets) -> tf.Tensor:
        """Returns the mean loss of a part, and adds it to the figures."""
        count = self._strategy.num_replicas_in_sync  # by which Keras divides its losses under a strategy
        several = isinstance(targets, dict)
        labels, logits = (targets["logit"], outputs["logit"]) if several else (targets, outputs)
        labels = tf.reshape(labels, tf.shape(logits))
        of_verdict, of_objects = self._losses
        loss = count * of_verdict(labels, logits)
        penalties = tf.add_n(self._model.losses) if self._model.losses else 0.0
        size = tf.cast(tf.shape(logits)[0], tf.float32)
        self._mean.update_state(loss if several else loss + penalties, size)
        for metric in self._metrics:
            metric.update_state(labels, logits)
        if several:
            object_loss = count * of_objects(targets["object"], outputs["object"])
            self._object_mean.update_state(object_loss, size)
            loss += self._config.object_weight * object_loss
        return loss + penalties

    def _figures(self) -> dict[str, float]:
        """Returns the figures of all processes, and begins anew."""
        found = {metric.name: float(metric.result()) for metric in self._metrics}
        found["loss"] = float(self._mean.result())
        if self._config.object_weight:
            found["object_loss"] = float(self._object_mean.result())
        for metric in (self._mean, self._object_mean, *self._metrics):
            metric.reset_state()
        return found
