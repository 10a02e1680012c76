"""aireal.network.foreign: the unit sees what Keras finds inside the network, in every member of the family."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal.errors import UserError
from aireal.network import foreign, models
from aireal.network.foreign import Unit
from aireal.settings.config import Config

SMALL = {"image_size": 16, "filters": (6, 5, 4), "dense_units": (7,)}
# Fields of a network, and the names of the layers that the unit looks behind.
NETWORKS = {
    "baseline": ({}, ["conv1", "conv2", "conv3"]),
    "batch normalization": ({"normalization": "batch"}, [f"conv{number}_activation" for number in (1, 2, 3)]),
    "more convolutions": ({"convolutions": (2,), "head": "average"}, ["conv1", "conv2", "conv3"]),
    "one convolution": ({"filters": (4,)}, ["conv1"]),
    "no dense layer": ({"dense_units": (), "head": "average"}, ["conv1", "conv2", "conv3"]),
    "separable and residual": (
        {"separable": True, "residual": True, "convolutions": (2,)},
        ["conv1", "conv2", "conv3"],
    ),
    "channels weighed": (
        {"squeeze_excitation": 2, "normalization": "batch"},
        [f"conv{number}_activation" for number in (1, 2, 3)],
    ),
    "a stem": ({"stem_filters": 4, "filters": (5, 4), "downsampling": "stride"}, ["conv1", "conv2"]),
    "mirror average": ({"mirror_average": True}, ["conv1", "conv2", "conv3"]),
    "mirror average, normalised": (
        {"mirror_average": True, "normalization": "batch", "head": "average", "convolutions": (2,)},
        [f"conv{number}_activation" for number in (1, 2, 3)],
    ),
}


def _images(size=16, count=5):
    return np.random.default_rng(0).uniform(size=[count, size, size, 3]).astype(np.float32)


def _by_hand(model, layers, images):
    """Means and mean absolute deviations of these layers' outputs, and what the logit sees: [B, F]."""
    found = keras.Model(model.input, [model.get_layer(name).output for name in layers])(images, training=False)
    signs = []
    for maps in map(np.asarray, found if isinstance(found, list) else [found]):
        means = maps.mean(axis=(1, 2))
        signs += [means, np.abs(maps - means[:, None, None]).mean(axis=(1, 2))]
    hidden = keras.Model(model.input, model.get_layer("logit").input)(images, training=False)
    return np.concatenate([*signs, hidden], axis=1)


def _unit(length):
    return Unit(np.random.default_rng(1).normal(size=length).astype(np.float32), 0.75)


@pytest.mark.parametrize(("fields", "layers"), NETWORKS.values(), ids=NETWORKS)
def test_foreignness_is_the_one_found_by_hand(fields, layers):
    keras.utils.set_random_seed(1)
    model, images = models.build_model(Config(**{**SMALL, **fields})), _images()
    expected = _by_hand(model, layers, images)
    if fields.get("mirror_average"):
        assert len(expected) == 2 * len(images)  # the layers see the images, then all of them mirrored
        expected = (expected[: len(images)] + expected[len(images) :]) / 2
    logit, signs = foreign.signs(model)(tf.constant(images))
    np.testing.assert_allclose(signs, expected, atol=1e-5)
    np.testing.assert_allclose(logit, model(images, training=False), atol=1e-5)
    unit = _unit(expected.shape[1])
    p_real, foreignness = tf.function(foreign.judge(model, unit))(tf.constant(images))
    np.testing.assert_allclose(foreignness[:, 0], expected @ unit.kernel + 0.75, atol=1e-4)
    np.testing.assert_allclose(p_real, tf.sigmoid(model(images, training=False)), atol=1e-5)
    assert (foreignness.shape, foreignness.dtype) == ((5, 1), tf.float32)
    assert np.ptp(foreignness) > 0.01


def test_a_network_without_a_unit_has_scores_alone():
    model, images = models.build_model(Config(**SMALL)), _images()
    p_real, foreignness = foreign.judge(model, None)(images)
    np.testing.assert_allclose(p_real, tf.sigmoid(model(images, training=False)), atol=1e-6)
    assert foreignness is None


def test_a_mirrored_picture_is_as_foreign_where_the_network_averages_both():
    model, images = models.build_model(Config(**SMALL, mirror_average=True)), _images()
    both = foreign.judge(model, _unit(foreign.signs(model)(images)[1].shape[1]))
    np.testing.assert_allclose(both(images)[1], both(images[:, :, ::-1])[1], atol=1e-5)


def test_foreignness_does_not_depend_on_the_other_pictures():
    model, images = models.build_model(Config(**SMALL, mirror_average=True)), _images()
    both = foreign.judge(model, _unit(foreign.signs(model)(images)[1].shape[1]))
    alone = np.concatenate([both(images[number : number + 1])[1] for number in range(len(images))])
    np.testing.assert_allclose(both(images)[1], alone, atol=1e-5)


def test_a_flattening_head_with_many_values_is_left_out():
    config = Config(image_size=32, filters=(4, 40), dense_units=())
    model = models.build_model(config)
    assert model.get_layer("logit").input.shape[1] == 8 * 8 * 40
    logit, signs = foreign.signs(model)(_images(32))
    assert signs.shape == (5, 2 * (4 + 40))
    np.testing.assert_allclose(logit, model(_images(32), training=False), atol=1e-4)


def test_a_network_that_was_saved_and_loaded_is_seen_the_same(tmp_path):
    model = models.build_model(Config(**SMALL, normalization="batch", mirror_average=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    for one, other in zip(foreign.signs(model)(_images()), foreign.signs(loaded)(_images()), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_unit_is_read_as_it_was_written(tmp_path):
    unit = _unit(20)
    unit.save(tmp_path / foreign.FILE)
    assert [path.name for path in tmp_path.iterdir()] == ["foreign.npz"]
    found = Unit.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(found.kernel, unit.kernel)
    assert (found.kernel.dtype, found.bias) == (np.float32, unit.bias)


def test_a_model_without_a_unit_beside_it_has_none(tmp_path):
    assert Unit.load(tmp_path / "model.keras") is None


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "another array"])
def test_a_damaged_unit_is_named(tmp_path, damage):
    file = tmp_path / foreign.FILE
    _unit(200).save(file)
    contents = {"empty": b"", "text": b"no archive", "cut": file.read_bytes()[:-100]}
    if damage in contents:
        file.write_bytes(contents[damage])
    else:
        np.savez(file, weights=np.zeros(3))
    with pytest.raises(UserError, match=r"foreign\.npz is damaged"):
        Unit.load(tmp_path / "model.keras")


def test_a_unit_of_another_network_is_refused():
    model = models.build_model(Config(**SMALL))
    with pytest.raises(UserError, match=r"foreign\.npz is of another network: it has 3 weights for 37 signs"):
        foreign.judge(model, _unit(3))
