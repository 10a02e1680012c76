"""aireal.network.models: the seed project's network to the number, the family around it and its precisions."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from aireal.network import cpu_layers
from aireal.network.models import averages_mirrored, build_model
from aireal.settings.config import Config

TINY = {"filters": (2,), "dense_units": (4,), "image_size": 8}


def test_baseline_has_320817_parameters():
    assert build_model(Config()).count_params() == 320_817


def test_baseline_has_the_seed_projects_layers_in_their_order():
    def conv(filters):
        return (
            layers.Conv2D,
            {"filters": filters, "kernel_size": (3, 3), "strides": (1, 1), "padding": "same"},
            "relu",
        )

    def dense(units):
        return (layers.Dense, {"units": units}, "relu")

    pool = (layers.MaxPooling2D, {"pool_size": (2, 2), "strides": (2, 2)}, None)
    conv_dropout, dense_dropout = ((layers.Dropout, {"rate": rate}, None) for rate in (0.3, 0.4))
    expected = [
        *(part for filters in (64, 32, 16) for part in (conv(filters), pool, conv_dropout)),
        (layers.Flatten, {}, None),
        *(part for units in (512, 256, 128) for part in (dense(units), dense_dropout)),
        (layers.Dense, {"units": 1}, "linear"),
    ]
    built = [layer for layer in build_model(Config()).layers if not isinstance(layer, layers.InputLayer)]
    assert [type(layer) for layer in built] == [kind for kind, _, _ in expected]
    for layer, (_, settings, activation) in zip(built, expected, strict=True):
        config = layer.get_config()
        assert {name: config[name] for name in settings} == settings
        assert config.get("activation") == activation


def test_baseline_penalises_the_kernels_of_all_layers_but_the_logit():
    penalties = {
        layer.name: layer.kernel_regularizer and float(layer.kernel_regularizer.l2)
        for layer in build_model(Config()).layers
        if hasattr(layer, "kernel")
    }
    expected = dict.fromkeys(["conv1", "conv2", "conv3", "dense1", "dense2", "dense3"], pytest.approx(0.001))
    assert penalties == {**expected, "logit": None}


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_output_is_one_raw_float32_logit(precision):
    model = build_model(Config(), precision=precision)
    assert model.output_names == ["logit"]
    assert model.layers[-1].name == "logit"
    assert model.layers[-1].activation is keras.activations.linear
    logit = model(np.zeros([3, 32, 32, 3], np.float32), training=False)
    assert (logit.shape, logit.dtype) == ((3, 1), tf.float32)


def test_output_is_not_squeezed_into_0_to_1():
    model = build_model(Config(**TINY))
    model.get_layer("logit").bias.assign([-7.0])
    assert float(model(np.zeros([1, 8, 8, 3], np.float32))[0, 0]) == -7.0


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_layers_compute_in_the_precision_and_store_float32(precision):
    model = build_model(Config(), precision=precision)
    assert model.input.dtype == "float32"
    computing = {layer.compute_dtype for layer in model.layers[1:-1]}
    assert computing == {precision}
    assert model.layers[-1].compute_dtype == "float32"
    assert {variable.dtype for variable in model.weights} == {"float32"}


def test_weights_move_between_precisions():
    low, full = build_model(Config(**TINY), precision="bfloat16"), build_model(Config(**TINY))
    full.set_weights(low.get_weights())
    image = np.random.default_rng(0).random([4, 8, 8, 3], np.float32)
    np.testing.assert_allclose(full(image), low(image), atol=0.05)  # bfloat16 has 8 bits of mantissa


@pytest.mark.parametrize("size", [8, 64, 100])
def test_other_image_sizes_build(size):
    model = build_model(Config(image_size=size))
    assert model(np.zeros([2, size, size, 3], np.float32)).shape == (2, 1)


def test_small_network_has_as_many_parameters_as_counted_by_hand():
    # 5x5x3 weights and a bias for each of 2 filters; 4x4x2 pooled values into 4 units; 4 into the logit.
    model = build_model(Config(**TINY, kernel_size=5))
    assert model.count_params() == (5 * 5 * 3 + 1) * 2 + (4 * 4 * 2 + 1) * 4 + (4 + 1)


FAMILY = {"head": "average", "dense_units": (), "conv_dropout": 0.0, "l2": 0.0, "image_size": 16}


def shapes(model):
    """What each layer gives, without those that keep the shape, by name."""
    kept = (layers.BatchNormalization, layers.Activation, layers.Dropout, layers.InputLayer)
    return {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers if not isinstance(layer, kept)}


def test_stages_are_pooled_between_and_averaged_at_the_end():
    config = Config(**FAMILY, stem_filters=4, stem_stride=2, filters=(6, 8), convolutions=(1, 2))
    assert shapes(build_model(config)) == {
        "stem": (8, 8, 4),
        "conv1": (8, 8, 6),
        "pool1": (4, 4, 6),
        "conv2": (4, 4, 8),
        "conv3": (4, 4, 8),
        "average": (8,),
        "logit": (1,),
    }


def test_one_number_of_convolutions_holds_for_all_stages():
    models = [build_model(Config(**FAMILY, filters=(6, 8), convolutions=counts)) for counts in ((2,), (2, 2))]
    assert shapes(models[0]) == shapes(models[1])


def test_striding_takes_the_place_of_pooling_in_the_last_convolution_of_a_stage():
    config = Config(**FAMILY, filters=(6, 8), convolutions=(2,), downsampling="stride")
    found = shapes(build_model(config))
    assert [found[f"conv{index}"] for index in (1, 2, 3, 4)] == [(16, 16, 6), (8, 8, 6), (8, 8, 8), (8, 8, 8)]
    assert not any(name.startswith("pool") for name in found)


def test_average_pooling_averages():
    config = Config(**FAMILY, filters=(1, 1), downsampling="average")
    pool = build_model(config).get_layer("pool1")
    assert pool(np.array([1, 2, 3, 6], np.float32).reshape(1, 2, 2, 1)).numpy().item() == 3.0


def test_normalization_stands_between_convolution_and_activation_and_after_the_pooling():
    config = Config(**FAMILY, filters=(6, 8), normalization="batch", activation="silu")
    names = [layer.name for layer in build_model(config).layers]
    first = ["image", "conv1", "pool1", "conv1_norm", "conv1_activation"]
    assert names == [*first, "conv2", "conv2_norm", "conv2_activation", "average", "logit"]
    assert not build_model(config).get_layer("conv1").use_bias


def test_residual_stages_add_the_input_of_each_further_convolution():
    config = Config(**FAMILY, filters=(6,), convolutions=(3,), residual=True)
    model = build_model(config)
    for index in (2, 3):
        convolution = model.get_layer(f"conv{index}")
        convolution.set_weights([np.zeros_like(weights) for weights in convolution.get_weights()])
    trunk = keras.Model(model.input, [model.get_layer("conv1").output, model.layers[-3].output])
    first, last = trunk(np.random.default_rng(0).random([1, 16, 16, 3], np.float32))
    np.testing.assert_array_equal(first, last)


@pytest.mark.parametrize(("downsampling", "additions"), [("max", 2), ("average", 2), ("stride", 1)])
def test_a_shortcut_is_pooled_where_its_stage_ends_and_left_out_where_it_strides(downsampling, additions):
    config = Config(**FAMILY, filters=(6, 8), convolutions=(2,), residual=True, downsampling=downsampling)
    built = build_model(config).layers
    assert sum(isinstance(layer, layers.Add) for layer in built) == additions


def test_squeeze_and_excitation_weighs_each_channel_by_the_whole_picture():
    model = build_model(Config(**FAMILY, filters=(6,), normalization="batch", squeeze_excitation=4))
    rng = np.random.default_rng(0)
    kernel1, bias1, kernel2, bias2 = (rng.random(shape, np.float32) for shape in ((6, 1), 1, (1, 6), 6))
    model.get_layer("conv1_reduce").set_weights([kernel1, bias1])
    model.get_layer("conv1_excite").set_weights([kernel2, bias2])
    names = ("conv1_activation", "conv1_weighed")
    parts = keras.Model(model.input, [model.get_layer(name).output for name in names])
    light_and_dark = rng.random([2, 16, 16, 3], np.float32) * np.float32([1, 0.2])[:, None, None, None]
    before, after = (part.numpy() for part in parts(light_and_dark))
    hidden = np.maximum(before.mean(axis=(1, 2)) @ kernel1 + bias1, 0)
    weights = 1 / (1 + np.exp(-(hidden @ kernel2 + bias2)))
    np.testing.assert_allclose(after, before * weights[:, None, None], rtol=1e-5)
    assert (np.ptp(weights, axis=0) > 0).all()


def test_separable_spares_the_convolution_that_sees_the_image():
    model = build_model(Config(**FAMILY, filters=(6, 8), separable=True))
    assert isinstance(model.get_layer("conv1"), layers.Conv2D)
    assert isinstance(model.get_layer("conv2"), layers.SeparableConv2D)


def test_a_mirror_average_is_that_of_the_logits_of_an_image_and_its_mirror_image():
    config = Config(**FAMILY, filters=(6, 8), normalization="batch")
    single, averaged = build_model(config), build_model(dataclasses.replace(config, mirror_average=True))
    averaged.set_weights(single.get_weights())
    image = np.random.default_rng(0).random([5, 16, 16, 3], np.float32)
    expected = (single(image) + single(image[:, :, ::-1])) / 2
    np.testing.assert_allclose(averaged(image), expected, rtol=0, atol=1e-6)
    assert np.abs(single(image) - expected).max() > 1e-5
    assert (averages_mirrored(averaged), averages_mirrored(single)) == (True, False)


def test_a_network_of_layers_for_the_cpu_has_the_weights_of_keras_in_the_same_order():
    config = Config(**FAMILY, filters=(6, 8), normalization="batch")
    quick, plain = build_model(config, normalization=cpu_layers.BatchNormalization), build_model(config)
    plain.set_weights(quick.get_weights())
    image = np.random.default_rng(0).random([4, 16, 16, 3], np.float32)
    np.testing.assert_array_equal(quick(image, training=False), plain(image, training=False))


def test_what_one_machine_began_another_goes_on_with(tmp_path):
    config = Config(**FAMILY, filters=(6, 8), normalization="batch")
    kinds = [layers.BatchNormalization, cpu_layers.BatchNormalization]
    for number, (one, other) in enumerate(zip(kinds, reversed(kinds), strict=True)):
        began, goes_on = build_model(config, normalization=one), build_model(config, normalization=other)
        began.save_weights(path := tmp_path / f"{number}.weights.h5")
        goes_on.load_weights(path)
        for expected, found in zip(began.get_weights(), goes_on.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)
