"""aireal.cpu_layers: the same as Keras's layers, to rounding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal import cpu_layers


@pytest.fixture
def layers():
    rng = np.random.default_rng(0)
    pair = [kind(momentum=0.9) for kind in (cpu_layers.BatchNormalization, keras.layers.BatchNormalization)]
    start = [rng.random(5, np.float32) + 0.5 for _ in range(4)]
    for layer in pair:
        layer.build([None, 6, 6, 5])
        layer.set_weights(start)
    return pair


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(2.0, 3.0, [64, 6, 6, 5]).astype(np.float32)


def test_training_gives_what_keras_gives(layers, images):
    fused, keras_own = (keras.ops.convert_to_numpy(layer(images, training=True)) for layer in layers)
    np.testing.assert_allclose(fused, keras_own, atol=1e-4)


def test_moving_averages_are_those_of_keras_but_for_bessels_correction(layers, images):
    for layer in layers:
        layer(images, training=True)
    (*_, fused_mean, fused_variance), (*_, mean, variance) = (layer.get_weights() for layer in layers)
    np.testing.assert_allclose(fused_mean, mean, rtol=1e-4)
    np.testing.assert_allclose(fused_variance, variance, rtol=1.0 / (64 * 6 * 6) + 1e-4)


@pytest.mark.parametrize(("trainable", "training"), [(True, False), (False, True)])
def test_outside_of_training_it_is_keras_own(layers, images, trainable, training):
    for layer in layers:
        layer.trainable = trainable
    fused, keras_own = (keras.ops.convert_to_numpy(layer(images, training=training)) for layer in layers)
    np.testing.assert_array_equal(fused, keras_own)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    ("kernel_size", "options"),
    [
        (1, {}),
        (3, {}),
        ((5, 3), {"activation": "relu"}),
        (4, {}),
        (3, {"strides": 2}),
        (3, {"padding": "valid"}),
        (3, {"dilation_rate": 2}),
        (3, {"groups": 5}),
    ],
    ids=str,
)
def test_a_convolution_and_its_gradients_are_those_of_keras(images, kernel_size, options, dtype):
    quick, keras_own = (
        kind(10, kernel_size, dtype=dtype, **{"padding": "same", **options})
        for kind in (cpu_layers.Conv2D, keras.layers.Conv2D)
    )
    for layer in (quick, keras_own):
        layer.build(images.shape)
    keras_own.set_weights(quick.get_weights())
    inputs = tf.constant(images)

    def outputs_and_gradients(layer):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
            loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
        return [outputs, *tape.gradient(loss, [inputs, *layer.trainable_variables])]

    tolerance = 1e-5 if dtype == "float32" else 0.02
    for found, expected in zip(outputs_and_gradients(quick), outputs_and_gradients(keras_own), strict=True):
        assert found.dtype == expected.dtype
        largest = np.abs(tf.cast(expected, tf.float32)).max()
        np.testing.assert_allclose(tf.cast(found, tf.float32), tf.cast(expected, tf.float32), atol=tolerance * largest)
