"""aireal.verdicts.scorers: every form of a model is one function of pixels, and what is no such model is named."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal.errors import UserError
from aireal.network import models
from aireal.settings.config import Config
from aireal.verdicts import scorers

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
    model = keras.Sequential([keras.Input([28, 28, 1]), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.save(tmp_path / "model.keras")
    with pytest.raises(UserError, match=r"maps \(None, 28, 28, 1\) to \(None, 10\)"):
        scorers.load(tmp_path / "model.keras")


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        scorers.load(tmp_path / "model.keras")


def test_a_keras_file_gives_the_sigmoid_of_its_logit(tmp_path):
    model = models.build_model(Config(filters=(4,), dense_units=(), image_size=16))
    model.save(tmp_path / "model.keras")
    scorer = scorers.load(tmp_path / "model.keras")
    assert (scorer.input_size, scorer.path) == (16, tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, [3, 16, 16, 3], np.uint8)
    p_real = scorer(pixels)
    assert (p_real.shape, p_real.dtype) == ((3,), np.float32)
    np.testing.assert_allclose(scorer.logit(pixels), model(pixels / np.float32(255))[:, 0], atol=1e-5)
    np.testing.assert_allclose(p_real, 1 / (1 + np.exp(-scorer.logit(pixels))), atol=1e-6)


def test_a_tflite_file_gives_the_same_whatever_the_batch():
    scorer = scorers.load(EARLIER / "export/model_int8.tflite")
    assert scorer.input_size == 32
    pixels = np.random.default_rng(0).integers(0, 256, [7, 32, 32, 3], np.uint8)
    p_real = scorer(pixels)
    assert (p_real.shape, p_real.dtype) == ((7,), np.float32)
    np.testing.assert_array_equal(np.concatenate([scorer(one[None]) for one in pixels]), p_real)
    np.testing.assert_allclose(p_real, scorers.load(EARLIER / "model.keras")(pixels), atol=0.1)


def test_batches_hold_the_same_number_of_pixels_whatever_the_size():
    assert [scorers.batch_size(size) for size in (32, 64, 512, 1024)] == [256, 64, 1, 1]


def test_answers_that_are_no_numbers_are_refused_with_the_models_name():
    p_real = np.array([0.25, 0.75], np.float32)
    assert scorers.finite(p_real, "a.keras") is p_real
    for wrong in (np.nan, np.inf):
        with pytest.raises(UserError, match=r"The answers of a\.keras are not numbers"):
            scorers.finite(np.array([0.25, wrong]), "a.keras")
