"""aireal.verdicts.graphs: Keras models and SavedModels as functions of pixels, and which are refused."""

import contextlib
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal.errors import UserError
from aireal.network import foreign, models
from aireal.network.foreign import Unit
from aireal.settings.config import Config
from aireal.verdicts import graphs, scorers
from aireal.verdicts.predictor import Predictor

EARLIER = pathlib.Path(__file__).parents[1] / "runs/earlier"


def test_a_saved_model_of_other_input_is_refused(tmp_path):
    module = tf.Module()
    module.serve = tf.function(
        lambda image: {"probabilities": image[:, 0, 0, :2]},
        [tf.TensorSpec([None, 32, 32, 3], tf.float32, name="image")],
    )
    tf.saved_model.save(module, str(tmp_path), {"serving_default": module.serve})
    with pytest.raises(UserError, match="takes float32"):
        scorers.load(tmp_path)


def test_a_model_of_another_shape_is_refused(tmp_path):
    image = keras.Input([28, 28, 1], name="image")
    logit = keras.layers.Dense(1, name="logit")(keras.layers.Flatten()(image))
    keras.Model(image, logit, name="aireal").save(tmp_path / "model.keras")
    with pytest.raises(UserError, match=r"maps \(None, 28, 28, 1\) to \(None, 1\)"):
        scorers.load(tmp_path / "model.keras")


def _notebook_model(*layers, name="sequential"):
    return keras.Sequential([keras.Input([16, 16, 3], name="image"), *layers], name=name)


@pytest.mark.parametrize(
    ("model", "ending"),
    [
        (lambda: _notebook_model(keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")), "activation sigmoid"),
        (
            lambda: _notebook_model(
                keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(1, name="logit")
            ),
            "'logit'",
        ),
        (lambda: _notebook_model(keras.layers.Flatten(), keras.layers.Dense(1)), "called 'sequential'"),
        (
            lambda: _notebook_model(
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(1, name="logit"),
                name="aireal",
            ),
            "Expected 'aireal'",
        ),
    ],
    ids=["a sigmoid at its end", "a rescaling inside", "FAKE may be positive", "a rescaling under our name"],
)
def test_a_keras_model_of_other_origin_is_refused(tmp_path, model, ending):
    model().save(tmp_path / "model.keras")
    with pytest.raises(UserError, match=rf"not a network that train or build_model made.*{re.escape(ending)}"):
        scorers.load(tmp_path / "model.keras")


def test_a_saved_model_is_found_whatever_its_folder_is_called(tmp_path):
    folder = tmp_path / "lr=[1e-3]*"
    module = tf.Module()
    module.weight = tf.Variable(0.25)
    module.serve = tf.function(
        lambda image: {"probabilities": tf.repeat([[1 - module.weight, module.weight]], tf.shape(image)[0], 0)},
        [tf.TensorSpec([None, 32, 32, 3], tf.uint8, name="image")],
    )
    (tmp_path / "plain").mkdir()
    tf.saved_model.save(module, str(tmp_path / "plain"), {"serving_default": module.serve})
    (tmp_path / "plain").rename(folder)
    assert scorers.load(folder)(np.zeros([2, 32, 32, 3], np.uint8)).p_real.tolist() == [0.25, 0.25]


def test_a_keras_file_gives_the_sigmoid_of_its_logit(tmp_path):
    model = models.build_model(Config(filters=(4,), dense_units=(), image_size=16))
    model.save(tmp_path / "model.keras")
    scorer = scorers.load(tmp_path / "model.keras")
    assert (scorer.input_size, scorer.path) == (16, tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, [3, 16, 16, 3], np.uint8)
    scores = scorer(pixels)
    p_real = scores.p_real
    assert (p_real.shape, p_real.dtype) == ((3,), np.float32)
    assert np.isnan(scores.foreign).all()  # without a unit beside it nobody knows
    np.testing.assert_allclose(scorer.logit(pixels), model(pixels / np.float32(255))[:, 0], atol=1e-5)
    np.testing.assert_allclose(p_real, 1 / (1 + np.exp(-scorer.logit(pixels))), atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 64, 150])
def test_parts_give_what_all_at_once_gives(count):
    pixels = np.random.default_rng(0).integers(0, 256, [count, 32, 32, 3], np.uint8)
    seen = []

    def look(images):
        seen.append(len(images))
        return tf.reduce_mean(images, axis=[1, 2, 3]), images[:, 0, 0]

    means, corners = graphs.in_parts(look, pixels)
    np.testing.assert_allclose(means, pixels.mean(axis=(1, 2, 3)) / 255, rtol=1e-5)
    np.testing.assert_allclose(corners, pixels[:, 0, 0] / 255, rtol=1e-6)
    assert sum(seen) == count
    if not tf.config.list_physical_devices("GPU"):
        assert max(seen) <= 64


def test_a_keras_file_with_a_unit_beside_it_tells_how_foreign_pictures_are(tmp_path):
    model = models.build_model(Config(filters=(4,), dense_units=(), image_size=16))
    model.save(tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, [3, 16, 16, 3], np.uint8)
    alone = scorers.load(tmp_path / "model.keras")(pixels)
    seen = foreign.signs(model)(pixels / np.float32(255))[1].numpy()
    unit = Unit(np.linspace(-1, 1, seen.shape[1], dtype=np.float32), 0.25)
    unit.save(tmp_path / foreign.FILE)
    scores = scorers.load(tmp_path / "model.keras")(pixels)
    np.testing.assert_allclose(scores.p_real, alone.p_real, atol=1e-6)
    np.testing.assert_allclose(scores.foreign, seen @ unit.kernel + unit.bias, atol=1e-5)
    (tmp_path / foreign.FILE).write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"foreign\.npz is damaged"):
        scorers.load(tmp_path / "model.keras")


@pytest.mark.parametrize("tells", [True, False])
def test_a_saved_model_may_tell_how_foreign_pictures_are_and_then_needs_its_rule(tmp_path, tells):
    module = tf.Module()

    def serve(image):
        level = tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2, 3]) / 255
        return {
            "probabilities": tf.stack([1 - level, level], 1),
            **({"foreign": 10 * level, "label": level} if tells else {}),
        }

    module.serve = tf.function(serve, [tf.TensorSpec([None, 32, 32, 3], tf.uint8, name="image")])
    tf.saved_model.save(module, str(tmp_path / "model"), {"serving_default": module.serve})
    scores = scorers.load(tmp_path / "model")(np.full([2, 32, 32, 3], 51, np.uint8))
    np.testing.assert_allclose(scores.p_real, [0.2, 0.2], atol=1e-6)
    np.testing.assert_allclose(scores.foreign, [2.0, 2.0] if tells else [np.nan] * 2, atol=1e-5)
    with pytest.raises(UserError, match="withholds verdicts") if tells else contextlib.nullcontext():
        Predictor(tmp_path / "model")
