"""aireal.models: the seed project's network to the number, its precisions and its learning rates."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from aireal import cpu_layers, machine
from aireal.config import Config
from aireal.models import Kit, averages_mirrored, build_for_training, build_model, compile_model, finish, of_verdict

TINY = {"filters": (2,), "dense_units": (4,), "image_size": 8}


def _learning_rates(steps_per_epoch, at, **values):
    """The optimizer's learning rate after each of `at` steps."""
    model = build_model(Config(**TINY))
    compile_model(model, Config(**TINY, **values), steps_per_epoch)
    rates = []
    for step in at:
        model.optimizer.iterations.assign(step)
        rates.append(float(model.optimizer.learning_rate))
    return rates


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


def test_float16_scales_the_loss_so_that_small_gradients_survive():
    config = Config(**TINY, precision="float16")
    model = build_model(config, precision="float16")
    compile_model(model, config, steps_per_epoch=10)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)


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


def test_training_leaves_the_mirror_average_to_the_finished_network():
    config = Config(**FAMILY, filters=(6, 8), mirror_average=True)
    assert not averages_mirrored(build_for_training(config, steps_per_epoch=1))


@pytest.mark.parametrize(
    "more",
    [{}, {"normalization": "batch", "convolutions": (2,), "residual": True, "mirror_average": True}],
    ids=["plain", "as the recipe"],
)
def test_telling_objects_adds_to_the_loss_and_the_finished_network_does_not(more):
    config = Config(**FAMILY, **more, source="cifake", filters=(6, 8), object_weight=0.5)
    rng = np.random.default_rng(0)
    image, label, what = rng.random([6, 16, 16, 3], np.float32), np.float32([0, 1, 0, 1, 1, 0]), np.arange(6)
    targets = {"logit": label, "object": what}
    trained = build_for_training(config, steps_per_epoch=1)
    before = trained.get_weights()
    trained.train_on_batch(image, targets)
    assert all(np.any(old != new) for old, new in zip(before, trained.get_weights(), strict=True))

    final = finish(trained, config)
    assert final.count_params() == build_model(config).count_params()
    (logit, of_mirrored), (scores, _) = zip(
        *((out["logit"], out["object"]) for out in (trained.predict_on_batch(x) for x in (image, image[:, :, ::-1]))),
        strict=True,
    )
    expected = (logit + of_mirrored) / 2 if config.mirror_average else logit
    np.testing.assert_allclose(final.predict_on_batch(image), expected, rtol=1e-4, atol=1e-6)

    logs = trained.test_on_batch(image, targets, return_dict=True)
    verdict = keras.losses.binary_crossentropy(label, logit[:, 0], from_logits=True).numpy()
    of_objects = keras.losses.sparse_categorical_crossentropy(what, scores, from_logits=True).numpy().mean()
    assert logs["loss"] == pytest.approx(verdict + 0.5 * of_objects, rel=1e-5)
    figures = of_verdict(logs)
    assert figures.keys() == {"loss", "accuracy", "auc", "object_loss"}
    assert figures["loss"] == pytest.approx(verdict, rel=1e-5)


def test_a_network_of_layers_for_the_cpu_has_the_weights_of_keras_in_the_same_order():
    config = Config(**FAMILY, filters=(6, 8), normalization="batch")
    quick, plain = build_model(config, kit=Kit(cpu_layers.Conv2D, cpu_layers.BatchNormalization)), build_model(config)
    plain.set_weights(quick.get_weights())
    image = np.random.default_rng(0).random([4, 16, 16, 3], np.float32)
    np.testing.assert_array_equal(quick(image, training=False), plain(image, training=False))


def test_what_one_machine_began_another_goes_on_with(tmp_path):
    config = Config(**FAMILY, filters=(6, 8), normalization="batch")
    kits = [Kit(), Kit(cpu_layers.Conv2D, cpu_layers.BatchNormalization)]
    for number, (one, other) in enumerate(zip(kits, reversed(kits), strict=True)):
        began, goes_on = build_model(config, kit=one), build_model(config, kit=other)
        began.save_weights(path := tmp_path / f"{number}.weights.h5")
        goes_on.load_weights(path)
        for expected, found in zip(began.get_weights(), goes_on.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_training_without_a_gpu_uses_the_layers_that_the_processor_is_best_at(monkeypatch, has_bfloat16):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU decides instead of the processor")
    instructions = {"avx2"} | ({"avx512f", "avx512_bf16"} if has_bfloat16 else set())
    monkeypatch.setattr(machine, "instructions", lambda: instructions)
    model = build_for_training(Config(**FAMILY, filters=(6, 8), normalization="batch", precision="auto"), 1)
    assert type(model.get_layer("conv1_norm")) is cpu_layers.BatchNormalization
    assert type(model.get_layer("conv1")) is (keras.layers.Conv2D if has_bfloat16 else cpu_layers.Conv2D)
    assert model.get_layer("conv1").compute_dtype == ("bfloat16" if has_bfloat16 else "float32")


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", keras.optimizers.Adam), ("sgd", keras.optimizers.SGD), ("lion", keras.optimizers.Lion)]
)
def test_weight_decay_reaches_kernels_alone(name, kind):
    config = Config(**FAMILY, filters=(6,), normalization="batch", optimizer=name, weight_decay=0.5, learning_rate=0.1)
    model = build_model(config)
    compile_model(model, config, steps_per_epoch=1)
    assert type(model.optimizer) is kind
    before = model.get_weights()
    model.optimizer.apply(
        [tf.zeros_like(variable) for variable in model.trainable_variables], model.trainable_variables
    )
    for variable, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        expected = old * (1 - 0.1 * 0.5) if variable.name == "kernel" else old
        np.testing.assert_allclose(new, expected, rtol=1e-5)


def test_label_smoothing_draws_the_labels_towards_a_half():
    config = Config(**TINY, l2=0.0, label_smoothing=0.2)
    model = build_model(config)
    compile_model(model, config, steps_per_epoch=1)
    model.get_layer("logit").kernel.assign(tf.zeros_like(model.get_layer("logit").kernel))
    model.get_layer("logit").bias.assign([np.log(9.0)])  # p_real = 0.9, what 1 is drawn to
    found = model.evaluate(np.zeros([1, 8, 8, 3], np.float32), np.array([1.0]), return_dict=True, verbose=0)
    assert found["loss"] == pytest.approx(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)), rel=1e-5)


def test_loss_is_binary_cross_entropy_of_the_logit_with_1_for_real():
    config = Config(**TINY, l2=0.0)
    model = build_model(config)
    compile_model(model, config, steps_per_epoch=1)
    model.get_layer("logit").kernel.assign(tf.zeros_like(model.get_layer("logit").kernel))
    model.get_layer("logit").bias.assign([np.log(3.0)])  # p_real = 3/4 for every image
    found = model.evaluate(np.zeros([2, 8, 8, 3], np.float32), np.array([1.0, 0.0]), return_dict=True, verbose=0)
    assert found["loss"] == pytest.approx(-(np.log(3 / 4) + np.log(1 / 4)) / 2, rel=1e-5)
    assert found["accuracy"] == 0.5


def test_optimizer_is_adam_with_the_seed_projects_settings():
    model = build_model(Config(**TINY))
    compile_model(model, Config(**TINY), steps_per_epoch=10)
    assert type(model.optimizer) is keras.optimizers.Adam
    config = model.optimizer.get_config()
    assert config["learning_rate"] == pytest.approx(1e-4)
    assert (config["beta_1"], config["beta_2"], config["epsilon"], config["weight_decay"]) == (0.9, 0.999, 1e-7, None)


def test_constant_learning_rate_is_the_same_at_every_step():
    assert _learning_rates(10, [0, 17, 40], epochs=4, learning_rate=0.02) == pytest.approx([0.02] * 3)


def test_cosine_falls_from_the_learning_rate_over_its_half_to_zero():
    rates = _learning_rates(10, [0, 20, 39, 40], epochs=4, learning_rate=0.02, schedule="cosine")
    last = 0.02 * (1 + np.cos(np.pi * 39 / 40)) / 2
    assert rates == pytest.approx([0.02, 0.01, last, 0.0], abs=1e-8)


def test_warm_up_rises_from_zero_to_the_learning_rate_before_the_cosine():
    values = {"epochs": 4, "learning_rate": 0.02, "schedule": "cosine", "warmup_epochs": 1.0}
    rates = _learning_rates(10, [0, 5, 10, 25, 40], **values)
    assert rates == pytest.approx([0.0, 0.01, 0.02, 0.01, 0.0], abs=1e-8)
    assert max(_learning_rates(10, range(41), **values)) == pytest.approx(0.02)


def test_warm_up_may_take_nearly_the_whole_run():
    values = {"epochs": 1, "learning_rate": 0.02, "schedule": "cosine", "warmup_epochs": 0.99}
    assert _learning_rates(10, [0], **values) == [0.0]
