"""exports.serving: the graphs that are shipped take pixels or files, and answer as the network they are made of."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal.network import models
from aireal.pixels import preprocess
from aireal.settings.config import Config
from aireal.verdicts import scorers
from aireal.verdicts.predictor import Predictor
from aireal.verdicts.verdict import Rule
from exports import serving

PICTURES = pathlib.Path(__file__).parents[1] / "aireal" / "pictures"


def test_the_saved_model_takes_any_batch(exported, trained, pixels):
    expected = scorers.load(trained[1] / "model.keras")(pixels).p_real
    saved = scorers.load(exported / "saved_model")
    for count in (1, 7, 200):
        np.testing.assert_allclose(saved(pixels[:count]).p_real, expected[:count], atol=1e-5)


def test_the_saved_model_reads_files(exported, trained):
    loaded = tf.saved_model.load(str(exported / "saved_model"))
    names = ["baseline.jpg", "progressive.jpg", "alpha.png", "grey.png", "palette.png", "1x1.png", "640x480.jpg"]
    answer = loaded.signatures["serving_bytes"](
        image_bytes=tf.constant([(PICTURES / name).read_bytes() for name in names])
    )
    expected = Predictor(trained[1]).predict([PICTURES / name for name in names])
    np.testing.assert_allclose(answer["probabilities"][:, 1], [one.p_real for one in expected], atol=2e-3)
    np.testing.assert_allclose(tf.reduce_sum(answer["probabilities"], axis=1), 1, atol=1e-6)
    assert [label.decode() for label in answer["label"].numpy()] == [one.verdict for one in expected]


def test_the_camera_form_reduces_as_predict_does(exported, trained):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, [1, 256, 256, 3], np.uint8)
    expected = scorers.load(trained[1] / "model.keras")(preprocess.resize(tf.constant(noise), 32).numpy())
    found = scorers.load(exported / "model_camera.tflite")(noise)
    np.testing.assert_allclose(found.p_real, expected.p_real, atol=1e-3)


@pytest.fixture(scope="module")
def network():
    """An untrained network of 32x32 pixels."""
    keras.utils.set_random_seed(1)
    return models.build_model(Config(filters=(4,), dense_units=(4,), l2=0.0))


@pytest.mark.parametrize("batch", [None, 1])
def test_pixels_give_two_probabilities_each(network, batch):
    served = serving.Served(network)
    serve, (specification,) = serving.from_one(served) if batch else serving.from_pixels(served)
    assert (specification.shape.as_list(), specification.dtype, specification.name) == (
        [batch, 32, 32, 3],
        tf.uint8,
        "image",
    )
    pixels = np.random.default_rng(0).integers(0, 256, [batch or 5, 32, 32, 3], np.uint8)
    found = serve(tf.constant(pixels))["probabilities"].numpy()
    expected = tf.sigmoid(network(pixels / np.float32(255))).numpy()[:, 0]
    assert (found.shape, found.dtype) == ((len(pixels), 2), np.float32)
    np.testing.assert_allclose(found[:, 1], expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_floats_are_what_pixels_are_divided_by_255(network):
    of_floats, (specification,) = serving.from_floats(serving.Served(network))
    of_pixels, _ = serving.from_one(serving.Served(network))
    assert (specification.shape.as_list(), specification.dtype) == ([1, 32, 32, 3], tf.float32)
    pixels = np.random.default_rng(0).integers(0, 256, [1, 32, 32, 3], np.uint8)
    found = of_floats(tf.constant(pixels / np.float32(255)))["probabilities"]
    np.testing.assert_allclose(found, of_pixels(tf.constant(pixels))["probabilities"], atol=1e-6)


@pytest.mark.parametrize("camera_size", [33, 100])
def test_a_camera_picture_is_reduced_as_predict_reduces_it(network, camera_size):
    of_camera, (specification,) = serving.from_camera(serving.Served(network), camera_size)
    of_pixels, _ = serving.from_one(serving.Served(network))
    assert specification.shape.as_list() == [1, camera_size, camera_size, 3]
    picture = tf.constant(np.random.default_rng(0).integers(0, 256, [1, camera_size, camera_size, 3], np.uint8))
    expected = of_pixels(preprocess.resize(picture, 32))["probabilities"]
    np.testing.assert_allclose(of_camera(picture)["probabilities"], expected, atol=1e-3)


@pytest.mark.parametrize("real_from", [0.0, 1.0])
def test_files_get_the_label_of_the_rule_and_are_cropped_as_the_contract_says(network, real_from):
    serve, (specification,) = serving.from_bytes(serving.Served(network, Rule(real_from)), "center_crop")
    assert (specification.shape.as_list(), specification.dtype) == ([None], tf.string)
    files = [(PICTURES / name).read_bytes() for name in ("640x480.jpg", "grey.png")]
    answer = serve(tf.constant(files))
    assert answer["label"].numpy().tolist() == [b"FAKE" if real_from else b"REAL"] * 2
    pixels = tf.stack([preprocess.resize(preprocess.decode_jpeg_or_png(one), 32, "center_crop") for one in files])
    expected = serving.from_pixels(serving.Served(network))[0](pixels)["probabilities"]
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)


def test_a_saved_model_withholds_verdicts_by_score_and_by_the_size_of_files(unsure_run, pixels):
    loaded = tf.saved_model.load(str(unsure_run / "export/saved_model"))
    answer = loaded.signatures["serving_default"](image=tf.constant(pixels))
    expected = Predictor(unsure_run).predict(pixels)
    assert [label.decode() for label in answer["label"].numpy()] == [one.verdict for one in expected]
    assert answer["probabilities"].shape == (len(pixels), 2)
    names = [PICTURES / name for name in ("32x32.jpg", "640x480.jpg", "1x1.png")]
    answer = loaded.signatures["serving_bytes"](image_bytes=tf.constant([name.read_bytes() for name in names]))
    found = [label.decode() for label in answer["label"].numpy()]
    assert found == [one.verdict for one in Predictor(unsure_run).predict(names)]
    assert found[1:] == ["UNSURE", "UNSURE"]
