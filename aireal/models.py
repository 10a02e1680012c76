"""The one definition of a network."""

import keras
from keras import layers, regularizers

from aireal.config import Config

_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def build_model(config: Config, *, precision: str = "float32") -> keras.Model:
    """Builds the network that `config` describes; its defaults give the seed project's baseline, 320,817 parameters.

    Args:
      config: its model fields and `image_size` are used.
      precision: arithmetic of the layers, as in `Config.precision`; the weights are float32 in all of them.

    Returns:
      A functional model, `image` [B, S, S, 3] float32 in [0, 1] -> `logit` [B, 1] float32; positive means REAL.
    """
    dtype = _POLICIES[precision]
    penalised = {"kernel_regularizer": regularizers.L2(config.l2) if config.l2 else None, "dtype": dtype}
    image = keras.Input([config.image_size, config.image_size, 3], name="image")
    x = image
    for index, filters in enumerate(config.filters, 1):
        x = layers.Conv2D(
            filters, config.kernel_size, padding="same", activation="relu", name=f"conv{index}", **penalised
        )(x)
        x = layers.MaxPooling2D(2, name=f"pool{index}", dtype=dtype)(x)
        x = layers.Dropout(config.conv_dropout, name=f"conv_dropout{index}", dtype=dtype)(x)
    x = layers.Flatten(name="flatten", dtype=dtype)(x)
    for index, units in enumerate(config.dense_units, 1):
        x = layers.Dense(units, activation="relu", name=f"dense{index}", **penalised)(x)
        x = layers.Dropout(config.dense_dropout, name=f"dense_dropout{index}", dtype=dtype)(x)
    # No activation: the sigmoid lives in the loss, where it is stable, in the metrics and in what is exported.
    logit = layers.Dense(1, name="logit", dtype="float32")(x)
    return keras.Model(image, logit, name="aireal")


def compile_model(model: keras.Model, config: Config, steps_per_epoch: int) -> None:
    """Compiles for training: Adam, binary cross-entropy on the logit, accuracy and AUC (both of REAL)."""
    optimizer = keras.optimizers.Adam(_learning_rate(config, steps_per_epoch))
    if config.precision == "float16":
        # Keras does so by itself only under a global policy: without it, gradients under 6e-8 become 0.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[
            keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
            keras.metrics.AUC(name="auc", from_logits=True),
        ],
    )


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
