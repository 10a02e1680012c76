"""aireal.pixels.resaving: both classes through the same cropping, scaling and saving."""

import io

import numpy as np
import pytest
from PIL import Image

from aireal.analysis import container
from aireal.pixels import resaving


@pytest.fixture(scope="module")
def pixels():
    coarse = np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((300, 200), Image.Resampling.BICUBIC))


def test_what_becomes_of_a_picture_is_by_the_generator_and_within_the_bounds(pixels):
    seen = [resaving.resave(pixels, np.random.default_rng(seed), 0.5, 60, 32) for seed in range(60)]
    again = resaving.resave(pixels, np.random.default_rng(7), 0.5, 60, 32)
    assert np.array_equal(seen[7].pixels, again.pixels)
    facts = [container.header(one.bytes) for one in seen]
    assert all(60 <= one.quality <= 96 for one in facts)
    assert len({one.quality for one in facts}) > 15
    assert {one.subsampling for one in facts} == {"4:2:0", "4:4:4"}
    shares = [one.width / 300 for one in facts]
    assert min(shares) > 0.48
    assert max(shares) > 0.9
    assert all(one.pixels.shape == (fact.height, fact.width, 3) for one, fact in zip(seen, facts, strict=True))


def test_the_pixels_are_those_of_the_file(pixels):
    found = resaving.resave(pixels, np.random.default_rng(0), 1.0, 96, 1)
    with Image.open(io.BytesIO(found.bytes)) as image:
        assert np.array_equal(np.asarray(image), found.pixels)
    assert (found.pixels.shape[0] >= 193, found.pixels.shape[1] >= 293) == (True, True)  # off the grid, not scaled


@pytest.mark.parametrize("size", [(1, 1), (9, 300), (40, 40)])
def test_small_pictures_are_not_scaled_below_a_window(size):
    picture = np.zeros([*size, 3], np.uint8)
    found = resaving.resave(picture, np.random.default_rng(1), 0.1, 50, 32).pixels.shape
    assert min(found[:2]) >= min(*size, 32) - 7 or min(size) == 1
    assert min(found[:2]) >= 1
