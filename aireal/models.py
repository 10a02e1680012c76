"""The one definition of a network: the seed's baseline and the family around it."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers, ops, regularizers

from aireal import cpu_layers, machine
from aireal.config import Config
from builders.cifake import sources

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_BFLOAT16_CAPABILITY = (8, 0)  # of NVIDIA's GPUs since Ampere
_POOLINGS = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
_OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "sgd": lambda rate, **options: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **options),
    "lion": keras.optimizers.Lion,
}
_MIRRORED = "mirrored"
_MOVING_AVERAGE = 0.9  # share that a batch normalization keeps of its averages each step: short runs need a fast one


@dataclasses.dataclass(frozen=True)
class Kit:
    """The layers that a network is made of, where devices differ in what they are best at. The weights are alike."""

    convolution: Callable[..., layers.Layer] = layers.Conv2D
    normalization: Callable[..., layers.Layer] = layers.BatchNormalization


_KERAS = Kit()


def build_model(config: Config, *, precision: str = "float32", kit: Kit = _KERAS) -> keras.Model:
    """Builds the network that `config` describes; its defaults give the seed project's baseline, 320,817 parameters.

    A stem (if any), stages of convolutions that each halve the edge at their end, a head, dense layers, one logit.

    Args:
      config: its model fields and `image_size` are used.
      precision: arithmetic of the layers, one that `settle_precision` returns; the weights are float32 in all of them.
      kit: the layers to use.

    Returns:
      A functional model, `image` [B, S, S, 3] float32 in [0, 1] -> `logit` [B, 1] float32; positive means REAL.
    """
    image = keras.Input([config.image_size, config.image_size, 3], name="image")
    if not config.mirror_average:
        return keras.Model(image, _Network(config, _POLICIES[precision], image, kit)(), name="aireal")
    # Twice the batch, and not twice the network: a .tflite file would hold the weights of both.
    both = layers.Concatenate(axis=0, name=_MIRRORED)([image, ops.flip(image, axis=2)])
    logits = _Network(config, _POLICIES[precision], both, kit)()
    return keras.Model(image, ops.mean(ops.reshape(logits, [2, -1, 1]), axis=0), name="aireal")


def averages_mirrored(model: keras.Model) -> bool:
    """Whether the layers of a model of `--mirror_average` see twice its batch: first the images, then mirrored."""
    return any(layer.name == _MIRRORED for layer in model.layers)


def settle_precision(config: Config) -> str:
    """Returns the arithmetic of training: `config.precision`, or for auto what this machine's devices are best at."""
    if config.precision != "auto":
        return config.precision
    gpus = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    capabilities = [details.get("compute_capability", (0, 0)) for details in gpus]
    fast = min(capabilities) >= _BFLOAT16_CAPABILITY if capabilities else machine.computes_bfloat16()
    return "bfloat16" if fast else "float32"


def build_for_training(config: Config, steps_per_epoch: int) -> keras.Model:
    """Builds and compiles in the run's precision, of the layers that its devices are best at.

    Training sees mirror images by `--augment_flip`, so that `--mirror_average` waits for the finished network.

    Returns:
      A model of `build_model`'s input and output; with `--object_weight`, of its input and two outputs, `logit` and
      `object` [B, 10], learnt from {"logit": labels [B], "object": objects [B] int64}.
    """
    single = dataclasses.replace(config, mirror_average=False)
    model = build_model(single, precision=settle_precision(config), kit=_kit(config))
    if config.object_weight:
        model = _with_objects(model)
    compile_model(model, config, steps_per_epoch)
    return model


def _kit(config: Config) -> Kit:
    if config.strategy == "mirrored":  # else every device keeps averages of its own, and a checkpoint those of one
        return Kit(normalization=functools.partial(layers.BatchNormalization, synchronized=True))
    if tf.config.list_physical_devices("GPU"):
        return _KERAS
    only_avx2 = "avx2" in (instructions := machine.instructions()) and "avx512f" not in instructions
    return Kit(cpu_layers.Conv2D if only_avx2 else layers.Conv2D, cpu_layers.BatchNormalization)


def finish(trained: keras.Model, config: Config) -> keras.Model:
    """Returns the float32 network of `build_model` with the weights of one of `build_for_training`."""
    final = build_model(config)
    for layer in final.layers:
        if layer.weights:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    return final


def _with_objects(model: keras.Model) -> keras.Model:
    """Returns the network with a second output, the scores [B, 10] of what is in the picture.

    How a fake differs depends on what it shows, so features that tell what it shows help: an auxiliary task, as in
    Caruana 1997, "Multitask Learning", https://doi.org/10.1023/A:1007379606734.
    """
    scores = layers.Dense(len(sources.OBJECTS), name="object", dtype="float32")(model.get_layer("logit").input)
    return keras.Model(model.input, {"logit": model.output, "object": scores}, name=model.name)


class _Network:
    """The layers of one network, numbered as they are made."""

    def __init__(self, config: Config, dtype: str, image: keras.KerasTensor, kit: Kit):
        self._config = config
        self._dtype = dtype
        self._image = image
        self._kit = kit
        self._convolutions = 0

    def __call__(self) -> keras.KerasTensor:
        """Returns the logit."""
        config, x = self._config, self._image
        if config.stem_filters:
            x = self._convolve(x, config.stem_filters, config.stem_kernel_size, config.stem_stride, name="stem")
        counts = config.convolutions * (len(config.filters) if len(config.convolutions) == 1 else 1)
        for stage, (filters, count) in enumerate(zip(config.filters, counts, strict=True), 1):
            reduce = stage < len(config.filters) or config.head == "flatten"
            x = self._stage(x, stage, filters, count, reduce)
        if config.head == "average":
            x = layers.GlobalAveragePooling2D(name="average", dtype=self._dtype)(x)
        else:
            x = layers.Flatten(name="flatten", dtype=self._dtype)(x)
        for index, units in enumerate(config.dense_units, 1):
            x = layers.Dense(
                units,
                activation=config.activation,
                kernel_regularizer=self._l2(),
                name=f"dense{index}",
                dtype=self._dtype,
            )(x)
            x = self._dropout(x, config.dense_dropout, f"dense_dropout{index}")
        # No activation: the sigmoid lives in the loss, where it is stable, in the metrics and in what is exported.
        return layers.Dense(1, name="logit", dtype="float32")(x)

    def _stage(self, x: keras.KerasTensor, stage: int, filters: int, count: int, reduce: bool) -> keras.KerasTensor:
        config = self._config
        pooling = _POOLINGS.get(config.downsampling)  # None: the last convolution strides instead
        for index in range(count):
            ends = reduce and index == count - 1
            stride = 2 if ends and not pooling else 1
            pool = shortcut_pool = None
            if ends and pooling:
                pool, shortcut_pool = (
                    pooling(2, name=f"{name}{stage}", dtype=self._dtype) for name in ("pool", "shortcut_pool")
                )
            y = self._convolve(x, filters, config.kernel_size, stride, pool=pool)
            if config.residual and index and stride == 1:
                y = layers.Add(dtype=self._dtype)([shortcut_pool(x) if shortcut_pool else x, y])
            x = y
        return self._dropout(x, config.conv_dropout, f"conv_dropout{stage}")

    def _convolve(
        self,
        x: keras.KerasTensor,
        filters: int,
        kernel_size: int,
        stride: int,
        *,
        pool: layers.Layer | None = None,
        name: str | None = None,
    ) -> keras.KerasTensor:
        """Convolution, normalization and activation; pools as soon as it can, because what follows then costs less."""
        config = self._config
        if name is None:
            self._convolutions += 1
            name = f"conv{self._convolutions}"
        normalised = config.normalization == "batch"
        options = {
            "strides": stride,
            "padding": "same",
            "use_bias": not normalised,  # the normalization has its own
            "activation": None if normalised else config.activation,
            "name": name,
            "dtype": self._dtype,
        }
        if config.separable and x is not self._image:
            penalties = {"depthwise_regularizer": self._l2(), "pointwise_regularizer": self._l2()}
            x = layers.SeparableConv2D(filters, kernel_size, **penalties, **options)(x)
        else:
            x = self._kit.convolution(filters, kernel_size, kernel_regularizer=self._l2(), **options)(x)
        if pool:
            x = pool(x)
        if normalised:
            x = self._kit.normalization(momentum=_MOVING_AVERAGE, name=f"{name}_norm", dtype=self._dtype)(x)
            x = layers.Activation(config.activation, name=f"{name}_activation", dtype=self._dtype)(x)
        return x

    def _dropout(self, x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
        return layers.Dropout(rate, name=name, dtype=self._dtype)(x) if rate else x

    def _l2(self) -> regularizers.Regularizer | None:
        return regularizers.L2(self._config.l2) if self._config.l2 else None


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
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
    metrics = [
        keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
        keras.metrics.AUC(name="auc", from_logits=True),
    ]
    if not config.object_weight:
        model.compile(optimizer, loss, metrics=metrics)
        return
    of_objects = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = {"logit": 1.0, "object": config.object_weight}
    model.compile(optimizer, {"logit": loss, "object": of_objects}, weights, metrics={"logit": metrics})


def of_verdict(logs: dict[str, float]) -> dict[str, float]:
    """Returns Keras's figures of an epoch under the same names whether training told objects too or not.

    Where it did, `loss` is the verdict's part alone, without the penalties, and `object_loss` the other one.
    """
    if "logit_loss" not in logs:
        return logs
    parts = {name: value for name, value in logs.items() if name not in ("loss", "val_loss")}
    return {name.replace("logit_", ""): value for name, value in parts.items()}


def _learning_rate(config: Config, steps_per_epoch: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if config.schedule == "constant":
        return config.learning_rate
    steps = config.epochs * steps_per_epoch
    warmup_steps = min(round(config.warmup_epochs * steps_per_epoch), steps - 1)  # leaves a step for the cosine
    decay_steps = steps - warmup_steps
    if not warmup_steps:
        return keras.optimizers.schedules.CosineDecay(config.learning_rate, decay_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps, warmup_target=config.learning_rate, warmup_steps=warmup_steps
    )


def scorer(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the function images [B, S, S, 3] float32 in [0, 1] -> p_real [B] float32, as one graph."""

    @tf.function(reduce_retracing=True)
    def p_real(images: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(model(images, training=False))[:, 0]

    return p_real
