"""aireal.pixels.augment: what happens to an image, and that the seed alone decides it."""

import numpy as np
import pytest
import tensorflow as tf

from aireal.pixels import corruptions
from aireal.pixels.augment import augment
from aireal.settings.augmentation import CHANGES
from aireal.settings.config import Config

FLIP = Config(augment_flip=True)
SHIFT = Config(augment_shift_pixels=3)
CUTOUT = Config(augment_cutout_pixels=5)
BOTH = Config(augment_flip=True, augment_shift_pixels=3)
CORRUPTED = Config(
    augment_jpeg_quality=30, augment_noise=0.1, augment_blur=1.5, augment_resample=0.4, augment_share=(0.2,)
)


@pytest.fixture(scope="module", params=[np.uint8, np.float32], ids=lambda dtype: dtype.__name__)
def images(request):
    return np.random.default_rng(0).integers(0, 256, [64, 12, 12, 3]).astype(request.param)


def _augmented(images, config, seed=(0, 0)):
    return augment(tf.constant(images), config, list(seed)).numpy()


def _crops(image, pixels):
    """Every place that a shift can put the image, from (down, right) to its pixels; borders reflected."""
    padded = np.pad(image, [[pixels, pixels], [pixels, pixels], [0, 0]], "reflect")
    height, width, _ = image.shape
    places = np.ndindex(2 * pixels + 1, 2 * pixels + 1)
    return {(row, column): padded[row : row + height, column : column + width] for row, column in places}


def test_off_changes_nothing(images):
    np.testing.assert_array_equal(_augmented(images, Config()), images)


@pytest.mark.parametrize("config", [FLIP, SHIFT, CUTOUT, BOTH], ids=["flip", "shift", "cutout", "both"])
def test_same_seed_same_result_and_other_seed_or_batch_another(images, config):
    first = _augmented(images, config, (5, 9))
    np.testing.assert_array_equal(_augmented(images, config, (5, 9)), first)
    assert np.any(_augmented(images, config, (6, 9)) != first)
    assert np.any(_augmented(images, config, (5, 10)) != first)


def test_flip_mirrors_some_images_exactly_and_leaves_the_others(images):
    result = _augmented(images, FLIP)
    kept = np.array([np.array_equal(*pair) for pair in zip(result, images, strict=True)])
    mirrored = np.array([np.array_equal(*pair) for pair in zip(result, images[:, :, ::-1], strict=True)])
    assert np.all(kept ^ mirrored)
    assert 16 <= mirrored.sum() <= 48  # 32 expected; outside of this once in 20,000 seeds


def test_shift_moves_each_image_by_its_own_few_pixels_with_reflected_borders(images):
    places = []
    for image, result in zip(images, _augmented(images, SHIFT), strict=True):
        found = [place for place, crop in _crops(image, 3).items() if np.array_equal(crop, result)]
        assert len(found) == 1
        places += found
    rows, columns = np.transpose(places)
    assert set(rows) == set(columns) == set(range(7))  # up to 3 pixels to either side, all of them
    assert np.any(rows != columns)


def test_cutout_covers_one_square_of_each_image_wherever_its_centre_is(images):
    centres = []
    for image, result in zip(images, _augmented(images, CUTOUT), strict=True):
        rows, columns = (np.flatnonzero(np.any(np.any(result != image, axis=2), axis=axis)) for axis in (1, 0))
        covered = result[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert np.all(covered == 128)
        assert 3 <= len(covered) <= 5  # it may stick out by two pixels
        assert 3 <= covered.shape[1] <= 5
        centres.append((rows.mean(), columns.mean()))
    assert len(set(centres)) > 30
    assert np.ptp(centres) > 8


def test_flip_and_shift_together_give_a_shifted_image_or_a_shifted_mirror_image(images):
    for image, result in zip(images, _augmented(images, BOTH), strict=True):
        outcomes = [*_crops(image, 3).values(), *_crops(image[:, ::-1], 3).values()]
        assert any(np.array_equal(outcome, result) for outcome in outcomes)


def test_shape_type_and_range_are_kept(images):
    extremes = np.where(images > 127, images.max(), images.min())
    result = _augmented(extremes, BOTH)
    assert (result.shape, result.dtype) == (images.shape, images.dtype)
    assert set(np.unique(result)) == {images.min(), images.max()}


def test_in_a_pipeline_the_last_short_batch_is_augmented_as_it_is_alone(images):
    batches = tf.data.Dataset.from_tensor_slices(images).batch(40).enumerate()
    results = list(batches.map(lambda step, batch: augment(batch, BOTH, [7, step])).as_numpy_iterator())
    assert [len(result) for result in results] == [40, 24]
    np.testing.assert_array_equal(results[1], _augmented(images[40:], BOTH, (7, 1)))


@pytest.fixture(scope="module")
def many():
    return np.random.default_rng(1).integers(0, 256, [50, 16, 16, 3], dtype=np.uint8)


def test_each_corruption_gets_its_share_of_the_batch_and_the_rest_stays_clean(many):
    changed = [np.any(_augmented(many, CORRUPTED, (0, step)) != many, axis=(1, 2, 3)) for step in range(10)]
    np.testing.assert_array_equal(np.any(changed, axis=0), np.arange(50) < 40)  # some strengths are too weak to see


def test_each_may_have_a_share_of_its_own(many):
    config = Config(augment_blur=1.5, augment_specks=0.5, augment_share=(0.1, 0.5))
    found = _augmented(many, config)
    np.testing.assert_array_equal(np.any(found != many, axis=(1, 2, 3)), np.arange(50) < 30)
    speckled = np.mean((found == 0) | (found == 255), axis=(1, 2, 3)) > 0.03  # beyond what chance leaves
    assert not speckled[:5].any()
    assert not speckled[30:].any()


def test_corruptions_are_those_of_the_battery_at_a_strength_within_bounds(many):
    blurred = [_augmented(many, Config(augment_blur=1.5, augment_share=(1.0,)), (0, step)) for step in range(20)]
    spreads = [pixels.std() for pixels in blurred]
    strongest = corruptions.blur(tf.constant(many), tf.constant(1.5), tf.constant([0, 0], tf.int64)).numpy().std()
    assert strongest <= min(spreads) < max(spreads) <= many.std()
    assert len({round(spread, 3) for spread in spreads}) > 15


KINDS = {  # which the pictures of `many` show at any strength
    "augment_jpeg_quality": 30,
    "augment_noise": 0.5,
    "augment_blur": 1.5,
    "augment_resample": 0.4,
    "augment_brightness": 0.5,
    "augment_contrast": 0.5,
    "augment_gamma": 0.5,
    "augment_saturation": 1.0,
    "augment_grey": True,
    "augment_sharpen": 2.0,
    "augment_specks": 0.5,
    "augment_turn": True,
}


def test_every_kind_is_one_of_training(many):
    assert set(KINDS) == {*CHANGES}
    changed = [
        np.any(_augmented(many, Config(**{kind: KINDS[kind]}), (0, 1)) != many, axis=(1, 2, 3)) for kind in KINDS
    ]
    assert np.all(np.sum(changed, axis=1) == 10)


def test_a_picture_may_be_edited_and_corrupted(many):
    edited, corrupted = Config(augment_turn=True, augment_share=(0.5,)), Config(augment_noise=0.5, augment_share=(0.5,))
    both = Config(augment_turn=True, augment_noise=0.5, augment_share=(0.5,))
    shares = []
    for step in range(10):
        seed, turned = (0, step), _augmented(many, edited, (0, step))
        result, changes = _augmented(many, both, seed), [turned != many, _augmented(many, corrupted, seed) != many]
        np.testing.assert_array_equal(result, _augmented(turned, corrupted, seed))
        one, other = (np.any(change, axis=(1, 2, 3)) for change in changes)
        assert one.sum() == other.sum() == 25
        shares.append(np.mean(one & other))
    assert np.ptp(shares) > 0.2  # not the same pictures always


def test_turned_pictures_are_turned_all_three_ways_as_often(many):
    turned = [_augmented(many, Config(augment_turn=True, augment_share=(1.0,)), (0, step))[0] for step in range(120)]
    ways = [[np.array_equal(one, np.rot90(many[0], quarters)) for quarters in (1, 2, 3)] for one in turned]
    assert np.sum(ways) == 120
    assert np.all(np.sum(ways, axis=0) > 30)


def test_corruptions_depend_on_seed_and_batch_alone(many):
    first = _augmented(many, CORRUPTED, (5, 9))
    np.testing.assert_array_equal(_augmented(many, CORRUPTED, (5, 9)), first)
    assert np.any(_augmented(many, CORRUPTED, (6, 9)) != first)
    assert np.any(_augmented(many, CORRUPTED, (5, 10)) != first)


def test_what_is_corrupted_is_the_picture_before_it_is_moved(many):
    values = {"augment_jpeg_quality": 30, "augment_share": (1.0,)}
    moved = _augmented(many, Config(augment_shift_pixels=1, **values))
    for compressed, result in zip(_augmented(many, Config(**values)), moved, strict=True):
        assert any(np.array_equal(crop, result) for crop in _crops(compressed, 1).values())


def test_a_share_loses_no_image_to_rounding():
    images = np.zeros([300, 8, 8, 3], np.uint8)
    noisy = _augmented(images, Config(augment_noise=1.0, augment_share=(0.21,)))  # 62.99999 images in float32
    assert np.any(noisy != 0, axis=(1, 2, 3)).sum() == 63


@pytest.mark.parametrize("count", [1, 4, 5])
def test_small_batches_keep_their_images(many, count):
    result = _augmented(many[:count], CORRUPTED)
    assert result.shape == many[:count].shape
    assert np.any(result != many[:count]) == (count == 5)  # a fifth of less is no image
