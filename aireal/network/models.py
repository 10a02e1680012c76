"""The one definition of a network: the seed's baseline and the family around it."""

from collections.abc import Callable

import keras
from keras import layers, ops, regularizers

from aireal.settings.config import Config

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_POOLINGS = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
NAME, IMAGE, LOGIT = "aireal", "image", "logit"  # of a network, its input and its last layer: what `is_ours` goes by
REDUCE, EXCITE = "_reduce", "_excite"  # how the two dense layers of each squeeze-and-excitation end their names
_MIRRORED = "mirrored"
_MOVING_AVERAGE = 0.9  # share that a batch normalization keeps of its averages each step: short runs need a fast one


def build_model(
    config: Config,
    *,
    precision: str = "float32",
    normalization: Callable[..., layers.Layer] = layers.BatchNormalization,
    averaging: Callable[..., layers.Layer] = layers.GlobalAveragePooling2D,
) -> keras.Model:
    """Builds the network that `config` describes; its defaults give the seed project's baseline, 320,817 parameters.

    A stem (if any), stages of convolutions that each halve the edge at their end (the last only before a flattening
    head), a head, dense layers, one logit.

    Args:
      config: its model fields and `image_size` are used.
      precision: arithmetic of the layers, as `devices.settle_precision` returns it; the weights are always float32.
      normalization: the layer of `--normalization=batch`; its weights are those of Keras's, in the same order.
      averaging: the layer that averages over the whole picture.

    Returns:
      A functional model, `image` [B, S, S, 3] float32 in [0, 1] -> logit [B, 1] float32; positive means REAL.
      It is not compiled, as `learning.build_for_training` gives it. Compile it with a loss that takes logits, as
      keras.losses.BinaryCrossentropy(from_logits=True): with "binary_crossentropy" it trains badly without a word.
    """
    image = keras.Input([config.image_size, config.image_size, 3], name=IMAGE)

    def logit(pixels: keras.KerasTensor) -> keras.KerasTensor:
        return _Network(config, _POLICIES[precision], pixels, normalization, averaging)()

    if not config.mirror_average:
        return keras.Model(image, logit(image), name=NAME)
    # Twice the batch, and not twice the network: a .tflite file would hold the weights of both.
    both = layers.Concatenate(axis=0, name=_MIRRORED)([image, ops.flip(image, axis=2)])
    return keras.Model(image, ops.mean(ops.reshape(logit(both), [2, -1, 1]), axis=0), name=NAME)


def is_ours(model: keras.Model) -> bool:
    """Whether a model is of `build_model`, by its names: then its logit is positive for REAL, of pixels in 0..1."""
    logit = next((layer for layer in model.layers if layer.name == LOGIT), None)
    return (
        model.name == NAME
        and [image.name for image in model.inputs] == [IMAGE]
        and isinstance(logit, layers.Dense)
        and logit.activation is keras.activations.linear
        and not any(isinstance(layer, layers.Rescaling | layers.Normalization) for layer in model.layers)
    )


def averages_mirrored(model: keras.Model) -> bool:
    """Whether the layers of a model of `--mirror_average` see twice its batch: first the images, then mirrored."""
    return any(layer.name == _MIRRORED for layer in model.layers)


class _Network:
    """The layers of one network, numbered as they are made."""

    def __init__(
        self,
        config: Config,
        dtype: str,
        image: keras.KerasTensor,
        normalization: Callable[..., layers.Layer],
        averaging: Callable[..., layers.Layer],
    ):
        self._config = config
        self._dtype = dtype
        self._image = image
        self._normalization = normalization
        self._averaging = averaging
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
            x = self._averaging(name="average", dtype=self._dtype)(x)
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
        return layers.Dense(1, name=LOGIT, dtype="float32")(x)

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
            x = layers.Conv2D(filters, kernel_size, kernel_regularizer=self._l2(), **options)(x)
        if pool:
            x = pool(x)
        if normalised:
            x = self._normalization(momentum=_MOVING_AVERAGE, name=f"{name}_norm", dtype=self._dtype)(x)
            x = layers.Activation(config.activation, name=f"{name}_activation", dtype=self._dtype)(x)
        return self._reweigh(x, filters, name) if config.squeeze_excitation else x

    def _reweigh(self, x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
        """Weighs each channel by the whole picture: Hu et al. 2018, "Squeeze-and-Excitation Networks".

        So a noisy or blurred picture can be read by other features than a clean one.
        """
        options = {"kernel_regularizer": self._l2(), "dtype": self._dtype}
        weights = self._averaging(name=f"{name}_squeeze", dtype=self._dtype)(x)
        units = max(filters // self._config.squeeze_excitation, 1)
        weights = layers.Dense(units, activation="relu", name=f"{name}{REDUCE}", **options)(weights)
        weights = layers.Dense(filters, activation="sigmoid", name=f"{name}{EXCITE}", **options)(weights)
        weights = layers.Reshape([1, 1, filters], name=f"{name}_weights", dtype=self._dtype)(weights)
        return layers.Multiply(name=f"{name}_weighed", dtype=self._dtype)([x, weights])

    def _dropout(self, x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
        return layers.Dropout(rate, name=name, dtype=self._dtype)(x) if rate else x

    def _l2(self) -> regularizers.Regularizer | None:
        return regularizers.L2(self._config.l2) if self._config.l2 else None
