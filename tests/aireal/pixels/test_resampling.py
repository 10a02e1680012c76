"""aireal.pixels.resampling: the pixels of TensorFlow, bit for bit."""

import numpy as np
import pytest
import tensorflow as tf

from aireal.pixels import preprocess, resampling

SIZES = [
    (1, 1),
    (1, 70),
    (5, 3),
    (31, 33),
    (32, 32),
    (33, 47),
    (64, 64),
    (500, 375),
    (640, 427),
    (217, 1093),
    (7, 2000),
]


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("aspect_ratio", ["stretch", "center_crop"])
@pytest.mark.parametrize("size", [24, 32, 96])
def test_pixels_are_those_of_tensorflow(size, aspect_ratio, antialias):
    rng = np.random.default_rng(size)
    for shape in [*SIZES, *rng.integers(1, 600, (20, 2)).tolist()]:
        image = rng.integers(0, 256, (*shape, 3), np.uint8)
        expected = preprocess.resize(tf.constant(image), size, aspect_ratio, antialias=antialias).numpy()
        found = resampling.resize(image, size, aspect_ratio, antialias=antialias)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected, err_msg=f"{shape}")


def test_a_wide_picture_is_summed_up_in_pieces(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (40, 3000, 3), np.uint8)
    whole = resampling.resize(image, 32)
    monkeypatch.setattr(resampling, "COLUMNS_AT_ONCE", 100)
    np.testing.assert_array_equal(resampling.resize(image, 32), whole)


def test_a_photograph_of_one_colour_stays_it():
    assert np.unique(resampling.resize(np.full((3000, 4000, 3), 201, np.uint8), 32)).tolist() == [201]
