"""aireal.training.learning: the loss, the optimizer and its learning rates, and what suits the machine."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal import machine
from aireal.network import cpu_layers
from aireal.network.models import averages_mirrored, build_model
from aireal.settings.config import Config
from aireal.training import muon
from aireal.training.learning import build_for_training, compile_model, finish, of_verdict

TINY = {"filters": (2,), "dense_units": (4,), "image_size": 8}
FAMILY = {"head": "average", "dense_units": (), "conv_dropout": 0.0, "l2": 0.0, "image_size": 16}


def _learning_rates(steps_per_epoch, at, **values):
    """The optimizer's learning rate after each of `at` steps."""
    model = build_model(Config(**TINY))
    compile_model(model, Config(**TINY, **values), steps_per_epoch)
    rates = []
    for step in at:
        model.optimizer.iterations.assign(step)
        rates.append(float(model.optimizer.learning_rate))
    return rates


def test_float16_scales_the_loss_so_that_small_gradients_survive():
    config = Config(**TINY, precision="float16")
    model = build_model(config, precision="float16")
    compile_model(model, config, steps_per_epoch=10)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)


def test_training_leaves_the_mirror_average_to_the_finished_network():
    config = Config(**FAMILY, filters=(6, 8), mirror_average=True)
    assert not averages_mirrored(build_for_training(config, steps_per_epoch=1))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {
            "normalization": "batch",
            "convolutions": (2,),
            "residual": True,
            "mirror_average": True,
            "squeeze_excitation": 2,
        },
    ],
    ids=["plain", "as the recipe"],
)
def test_telling_objects_adds_to_the_loss_and_the_finished_network_does_not(more):
    config = Config(**FAMILY, **more, source="cifake", filters=(6, 8), object_weight=0.5)
    keras.utils.set_random_seed(1)  # other weights may leave all of a layer's few units at 0, which then learn nothing
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


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_training_without_a_gpu_uses_what_the_processor_is_best_at(monkeypatch, has_bfloat16):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU decides instead of the processor")
    instructions = {"avx2"} | ({"avx512f", "avx512_bf16"} if has_bfloat16 else set())
    monkeypatch.setattr(machine, "instructions", lambda: instructions)
    model = build_for_training(Config(**FAMILY, filters=(6, 8), normalization="batch", precision="auto"), 1)
    assert type(model.get_layer("conv1_norm")) is cpu_layers.BatchNormalization
    assert type(model.get_layer("average")) is cpu_layers.GlobalAveragePooling2D
    assert model.get_layer("conv1").compute_dtype == ("bfloat16" if has_bfloat16 else "float32")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", keras.optimizers.Adam),
        ("sgd", keras.optimizers.SGD),
        ("lion", keras.optimizers.Lion),
        ("muon", muon.Muon),
    ],
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
