"""aireal.network.cpu_layers: the same as Keras's layers, to rounding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal.network import cpu_layers


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_averages_and_their_gradients_are_those_of_keras(images, dtype):
    found = []
    for kind in (cpu_layers.GlobalAveragePooling2D, keras.layers.GlobalAveragePooling2D):
        inputs = tf.cast(images, dtype)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            means = kind(dtype=dtype)(inputs)
            loss = tf.reduce_sum(means**2)
        assert means.shape == (64, 5)
        assert means.dtype == dtype
        found.append([np.float32(values) for values in (means, tape.gradient(loss, inputs))])
    for own, keras_own in zip(*found, strict=True):
        np.testing.assert_allclose(own, keras_own, rtol=1e-5 if dtype == "float32" else 0.04, atol=1e-5)


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
