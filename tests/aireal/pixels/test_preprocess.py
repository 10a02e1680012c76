"""aireal.pixels.preprocess: the same pixels as Pillow's inside a graph; sizes and ranges of what the model sees."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aireal.pixels import decoding, preprocess, windows


def _noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_jpegs_are_decoded_to_pillows_pixels_bit_for_bit(jpegs):
    decoded = preprocess.decode_jpegs(tf.constant(jpegs), len(jpegs))
    assert (decoded.shape, decoded.dtype) == ((200, 32, 32, 3), tf.uint8)
    expected = np.stack([np.asarray(Image.open(io.BytesIO(one))) for one in jpegs])
    np.testing.assert_array_equal(decoded, expected)


def test_both_decoders_see_the_same_jpeg(jpegs):
    for one in jpegs[::20]:
        np.testing.assert_array_equal(decoding.decode(one), preprocess.decode_jpeg(tf.constant(one)))


@pytest.mark.parametrize("count", [1, 5, 8])
def test_a_short_batch_is_decoded_as_a_full_one(jpegs, count):
    full = preprocess.decode_jpegs(tf.constant(jpegs[:8]), 8)
    np.testing.assert_array_equal(preprocess.decode_jpegs(tf.constant(jpegs[:count]), 8), full[:count])


def test_a_damaged_jpeg_stops_the_batch(jpegs):
    with pytest.raises(tf.errors.InvalidArgumentError):
        preprocess.decode_jpegs(tf.constant([jpegs[0], jpegs[1][:100]]), 2)


@pytest.mark.parametrize("shape", [(32, 32, 3), (4, 32, 32, 3)])
def test_resizing_to_the_same_size_changes_nothing(shape):
    images = _noise(*shape)
    np.testing.assert_array_equal(preprocess.resize(tf.constant(images), 32), images)


@pytest.mark.parametrize("shape", [(100, 75), (16, 16), (31, 200)])
def test_a_flat_colour_stays_the_same_at_every_size(shape):
    resized = preprocess.resize(tf.constant(np.full([*shape, 3], [255, 0, 77], np.uint8)), 32)
    assert (resized.shape, resized.dtype) == ((32, 32, 3), tf.uint8)
    np.testing.assert_array_equal(resized, np.full([32, 32, 3], [255, 0, 77]))


@pytest.mark.parametrize("shape", [(427, 640), (64, 64), (100, 33), (16, 20)])
def test_resampling_is_pillows_antialiased_bilinear_within_two_levels(photograph, shape):
    height, width = shape
    for image in (photograph[:height, :width], _noise(height, width, 3)):
        expected = np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR), int)
        assert np.abs(preprocess.resize(tf.constant(image), 32).numpy() - expected).max() <= 2


def test_a_fine_checkerboard_becomes_grey_and_not_black_or_white():
    rows, columns = np.indices([128, 128])
    board = np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    resized = preprocess.resize(tf.constant(board), 32).numpy()
    assert np.abs(resized.astype(int) - 128).max() <= 2


@pytest.mark.parametrize(
    ("shape", "square"),
    [((64, 100), np.s_[:, 18:82]), ((101, 64), np.s_[18:82, :]), ((50, 50), np.s_[:, :])],
    ids=["wide", "high", "square"],
)
def test_center_crop_takes_the_largest_square_in_the_middle(shape, square):
    image = _noise(*shape, 3)
    expected = preprocess.resize(tf.constant(image[square]), 32)
    np.testing.assert_array_equal(preprocess.resize(tf.constant(image), 32, "center_crop"), expected)


def test_normalised_pixels_are_float32_from_0_to_exactly_1():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    normalised = preprocess.normalise(tf.constant(levels)).numpy()
    assert (normalised.dtype, normalised.shape) == (np.float32, (1, 16, 16, 3))
    assert (normalised.min(), normalised.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(normalised, levels.astype(np.float32) / np.float32(255))
    assert len(np.unique(normalised)) == 256


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 40), (16, 16), (47, 90), (200, 17)])
def test_windows_in_a_graph_are_those_of_predict(size):
    pixels = np.random.default_rng(0).integers(0, 256, [*size, 3], np.uint8)
    found = tf.function(preprocess.cut_windows)(tf.constant(pixels), 16, 7)
    expected = windows.cut(pixels, 16, windows.places(*size, 16, 7))
    assert found.dtype == tf.uint8
    np.testing.assert_array_equal(found, expected)
