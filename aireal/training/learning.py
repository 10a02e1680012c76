"""How a network learns: the arithmetic and the layers that suit the machine, the loss, the optimizer and its rate."""

import dataclasses
import functools
import zlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from aireal.network import cpu_layers
from aireal.network.models import build_model
from aireal.settings.config import Config
from aireal.training import devices, initial, muon
from aireal.verdicts.verdict import DEFAULT
from builders.cifake import sources

_OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "sgd": lambda rate, **options: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **options),
    "lion": keras.optimizers.Lion,
    "muon": muon.Muon,
}


def build_for_training(config: Config, steps_per_epoch: int) -> keras.Model:
    """Builds and compiles in the run's precision, with the normalization that its devices are best at.

    Training sees mirror images by `--augment_flip`, so that `--mirror_average` waits for the finished network.

    Returns:
      A model of `build_model`'s input and output; with `--object_weight`, of its input and two outputs, `logit` and
      `object` [B, 10], learnt from {"logit": labels [B], "object": objects [B] int64}.

    Raises:
      UserError: `initial.take` finds the network of `--initial_weights` to be another one.
    """
    single = dataclasses.replace(config, mirror_average=False)
    model = build_model(single, precision=devices.settle_precision(config), **_layers(config))
    if config.object_weight:
        model = _with_objects(model)
    if config.initial_weights:
        initial.take(model, config)
    compile_model(model, config, steps_per_epoch)
    return model


def _layers(config: Config) -> dict[str, Callable[..., layers.Layer]]:
    """Returns the layers of `build_model` that are others than Keras's plain ones on these devices."""
    own = {}
    if not tf.config.list_physical_devices("GPU"):
        own = {"normalization": cpu_layers.BatchNormalization, "averaging": cpu_layers.GlobalAveragePooling2D}
    if config.strategy != "single":  # else every device keeps averages of its own, and a checkpoint those of one
        own["normalization"] = functools.partial(layers.BatchNormalization, synchronized=True)
    return own


def _with_objects(model: keras.Model) -> keras.Model:
    """Returns the network with a second output, the scores [B, 10] of what is in the picture.

    How a fake differs depends on what it shows, so features that tell what it shows help: an auxiliary task, as in
    Caruana 1997, "Multitask Learning", https://doi.org/10.1023/A:1007379606734.
    """
    scores = layers.Dense(len(sources.OBJECTS), name="object", dtype="float32")(model.get_layer("logit").input)
    return keras.Model(model.input, {"logit": model.output, "object": scores}, name=model.name)


def finish(trained: keras.Model, config: Config) -> keras.Model:
    """Returns the float32 network of `build_model` with the weights of one of `build_for_training`."""
    final = build_model(config)
    for layer in final.layers:
        if layer.weights:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    return final


def compile_model(model: keras.Model, config: Config, steps_per_epoch: int) -> None:
    """Compiles for training: binary cross-entropy on the logit, accuracy and AUC (both of REAL).

    With `--object_weight` the weighted cross-entropy of the objects is added to the loss.
    """
    optimizer = _OPTIMIZERS[config.optimizer](
        _learning_rate(config, steps_per_epoch), weight_decay=config.weight_decay or None
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if config.precision == "float16":
        # Keras does so by itself only under a global policy: without it, gradients under 6e-8 become 0.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    of_verdict, of_objects = losses(config)
    if not config.object_weight:
        model.compile(optimizer, of_verdict, metrics=metrics())
        return
    weights = {"logit": 1.0, "object": config.object_weight}
    model.compile(optimizer, {"logit": of_verdict, "object": of_objects}, weights, metrics={"logit": metrics()})


def losses(config: Config) -> tuple[keras.losses.Loss, keras.losses.Loss]:
    """Returns the losses of the verdict and of what is in the picture."""
    of_verdict = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
    # Unknown ones, -1, don't count: a recipe that learns CIFAKE's objects serves for other pictures too.
    return of_verdict, keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)


def metrics() -> list[keras.metrics.Metric]:
    """Returns the figures of training, by the logit."""
    return [
        keras.metrics.BinaryAccuracy(name="accuracy", threshold=DEFAULT.logit()),
        keras.metrics.AUC(name="auc", from_logits=True),
    ]


def _learning_rate(config: Config, steps_per_epoch: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if config.schedule == "constant":
        return config.learning_rate
    steps = config.epochs * steps_per_epoch
    warmup_steps = min(round(config.warmup_epochs * steps_per_epoch), steps - 1)  # leaves a step for the cosine
    start, target = (0.0, config.learning_rate) if warmup_steps else (config.learning_rate, None)
    return keras.optimizers.schedules.CosineDecay(
        start, steps - warmup_steps, warmup_target=target, warmup_steps=warmup_steps
    )


def of_verdict(logs: dict[str, float]) -> dict[str, float]:
    """Returns Keras's figures of an epoch under the same names whether training told objects too or not.

    Where it did, `loss` is the verdict's part alone, without the penalties, and `object_loss` the other one.
    """
    if "logit_loss" not in logs:
        return logs
    parts = {name: value for name, value in logs.items() if name not in ("loss", "val_loss")}
    return {name.replace("logit_", ""): value for name, value in parts.items()}


class Reseed(keras.callbacks.Callback):
    """Sets the dropout layers' generators at the start of every epoch, because no checkpoint stores them."""

    def __init__(self, seed: int):
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        for layer in self.model.layers:
            if generator := getattr(layer, "seed_generator", None):
                key = zlib.crc32(f"{self._seed}/{layer.name}/{epoch}".encode())
                generator.state.assign(np.array([key, 0], np.uint32))
