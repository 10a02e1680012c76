"""aireal.verdicts.scorers: every form of a model is one function of pixels, and what is no such model is named."""

import pathlib
import re
import zipfile

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


def _with_labels(target, labels):
    """Copies a .tflite file of ours with other labels inside, or with none."""
    data = (EARLIER / "export/model_int8.tflite").read_bytes()
    target.write_bytes(data[: data.index(b"PK\3\4labels.txt"[:4])])
    if labels is not None:
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr("labels.txt", labels)
    return target


def test_the_labels_inside_a_tflite_file_say_which_score_is_which(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, [5, 32, 32, 3], np.uint8)
    p_real = scorers.load(EARLIER / "export/model_int8.tflite")(pixels)
    same = scorers.load(_with_labels(tmp_path / "same.tflite", "FAKE\nREAL\n"))
    turned = scorers.load(_with_labels(tmp_path / "turned.tflite", "REAL\nFAKE\n"))
    np.testing.assert_array_equal(same(pixels), p_real)
    np.testing.assert_allclose(turned(pixels), 1 - p_real, atol=1.01 / 256)  # a step of 8 bits


@pytest.mark.parametrize(
    ("labels", "said"), [(None, "holds no labels.txt"), ("cat\ndog\n", "says cat, dog"), ("REAL\n", "says REAL")]
)
def test_a_tflite_file_without_our_labels_is_refused(tmp_path, labels, said):
    with pytest.raises(UserError, match=f"{said}, so nobody knows which of its scores is which"):
        scorers.load(_with_labels(tmp_path / "model.tflite", labels))


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
    assert scorers.load(folder)(np.zeros([2, 32, 32, 3], np.uint8)).tolist() == [0.25, 0.25]


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
