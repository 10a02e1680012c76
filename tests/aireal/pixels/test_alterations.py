"""aireal.pixels.alterations: each gives other pictures of the same size, of pictures of any size."""

import numpy as np
import pytest
import tensorflow as tf

from aireal.pixels import alterations, preprocess
from aireal.pixels.alterations import ALTERATIONS
from aireal.settings.config import Config


def smooth(size: int, count: int = 6) -> np.ndarray:
    """Returns pictures without sharp edges, in colours: [count, size, size, 3] uint8."""
    coarse = np.random.default_rng(size).integers(40, 216, [count, 4, 4, 3], np.uint8)
    return preprocess.resize(tf.constant(coarse), size).numpy()


@pytest.mark.parametrize("size", [8, 32, 33])
@pytest.mark.parametrize("name", ALTERATIONS)
def test_each_changes_every_picture_and_keeps_its_size(name, size):
    images = smooth(size)
    altered = ALTERATIONS[name](tf.constant(images))
    assert altered.dtype == tf.uint8
    assert altered.shape == images.shape
    difference = np.abs(altered.numpy().astype(int) - images)
    assert difference.max(axis=(1, 2, 3)).min() >= 4  # levels, in the picture that changed least


def test_no_two_are_alike():
    altered = np.stack([alter(tf.constant(smooth(32))).numpy().astype(int) for alter in ALTERATIONS.values()])
    for number, one in enumerate(altered):
        distances = np.abs(altered - one).mean(axis=(1, 2, 3, 4))
        assert np.delete(distances, number).min() > 0.5


@pytest.mark.parametrize("name", ALTERATIONS)
def test_each_works_in_a_graph_too(name):
    images = tf.constant(smooth(32))
    in_graph, eager = (
        alter(images).numpy().astype(int) for alter in (tf.function(ALTERATIONS[name]), ALTERATIONS[name])
    )
    assert np.abs(in_graph - eager).max() <= 1  # a half may be rounded either way


def test_pieces_are_the_same_pixels_in_other_places():
    images = smooth(32)
    altered = ALTERATIONS["in pieces"](tf.constant(images)).numpy()
    for picture, pieces in zip(images, altered, strict=True):
        np.testing.assert_array_equal(np.sort(pieces, axis=None), np.sort(picture, axis=None))
    np.testing.assert_array_equal(altered[:, :8, :8], images[:, 16:24, 8:16])


def test_four_in_one_are_four_pictures_of_half_the_edge():
    images = smooth(32)
    halves = preprocess.resize(tf.constant(images), 16).numpy()
    altered = ALTERATIONS["four in one"](tf.constant(images)).numpy()
    quarters = [altered[0, y : y + 16, x : x + 16] for y in (0, 16) for x in (0, 16)]
    whose = [next(number for number, half in enumerate(halves) if np.array_equal(half, one)) for one in quarters]
    assert len(set(whose)) == 4


def test_what_colours_become():
    images = smooth(32)
    grey = ALTERATIONS["grey"](tf.constant(images)).numpy()
    assert np.ptp(grey, axis=-1).max() == 0
    np.testing.assert_allclose(grey[..., 0], images.mean(axis=-1), atol=0.51)
    ranges = {
        name: np.ptp(ALTERATIONS[name](tf.constant(images)).numpy(), axis=-1).mean() for name in ("pale", "gaudy")
    }
    assert ranges["pale"] < np.ptp(images, axis=-1).mean() < ranges["gaudy"]
    np.testing.assert_array_equal(ALTERATIONS["negative"](tf.constant(images)), 255 - images)


def test_what_exposure_becomes():
    images = tf.constant(smooth(32))
    before = images.numpy()
    dark, bright, flat, harsh = (ALTERATIONS[name](images).numpy() for name in ("dark", "bright", "flat", "harsh"))
    assert dark.mean() < before.mean() < bright.mean()
    assert flat.std() < before.std() < harsh.std()


def _left_out(**values):
    taught = alterations.foreign_to(Config(**values))
    return {name for name, alter in ALTERATIONS.items() if alter not in taught}


def test_what_training_made_itself_is_not_foreign():
    assert alterations.foreign_to(Config()) == list(ALTERATIONS.values())
    assert _left_out(augment_turn=True, augment_grey=True, augment_saturation=0.6) == {"turned", "grey", "pale"}


def test_what_is_stronger_than_in_training_stays_foreign():
    assert not _left_out(augment_saturation=0.5, augment_brightness=0.4, augment_contrast=0.4)
    assert _left_out(augment_sharpen=0.5) == {"sharpened"}
    assert _left_out(augment_sharpen=1.0) == {"sharpened", "much sharpened"}
