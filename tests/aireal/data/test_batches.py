"""aireal.data.batches: every image once an epoch, in an order that the seed decides, and splits that share none."""

import weakref

import numpy as np
import psutil
import pytest
import tensorflow as tf

from aireal import machine
from aireal.data.batches import Data

MODES = ["none", "ram"]


def collect(batches):
    images, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def sorted_rows(images):
    return sorted(image.tobytes() for image in images)


@pytest.mark.parametrize("cache", MODES)
def test_an_epoch_has_every_training_image_once(make_config, cache):
    data = Data(make_config(cache=cache))
    images, labels = collect(data.training(1))
    expected = data.images("train", np.arange(len(data.table("train"))))
    assert sorted_rows(np.round(images * 255).astype(np.uint8)) == sorted_rows(expected)
    assert labels.sum() == data.table("train").label.sum()


@pytest.mark.parametrize("cache", MODES)
def test_batches_are_normalised_floats(make_config, cache):
    images, labels = next(Data(make_config(cache=cache)).training(1).as_numpy_iterator())
    assert (images.dtype, images.shape, labels.shape) == (np.float32, (100, 32, 32, 3), (100,))
    assert images.min() >= 0
    assert 0.5 < images.max() <= 1


@pytest.mark.parametrize("cache", MODES)
def test_order_and_augmentation_depend_on_seed_and_epoch_alone(make_config, cache):
    def epochs(first, last, **values):
        return collect(
            Data(make_config(cache=cache, augment_flip=True, augment_shift_pixels=2, **values)).training(last, first)
        )[0]

    both = epochs(0, 2)
    assert np.array_equal(both, epochs(0, 2))
    assert np.array_equal(both[1600:], epochs(1, 2))  # as after an interruption
    assert not np.array_equal(both[:1600], both[1600:])
    assert not np.array_equal(both[:1600], epochs(0, 1, seed=1, source="demo"))


@pytest.mark.parametrize("cache", MODES)
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_evaluation_is_in_the_order_of_the_table_and_complete(make_config, cache, split):
    data = Data(make_config(cache=cache, batch_size=64))
    images, labels = collect(data.evaluation(split))
    assert np.array_equal(labels, data.table(split).label)
    assert np.array_equal(np.round(images * 255), data.images(split, np.arange(len(labels))))


def test_images_come_in_the_order_asked_for(make_config):
    data = Data(make_config())
    rows = np.array([7, 3, 200, 0])
    everything = data.images("test", np.arange(400))
    assert np.array_equal(data.images("test", rows), everything[rows])
    shuffled = np.random.default_rng(0).permutation(400)  # of several reads
    assert np.array_equal(data.images("test", shuffled), everything[shuffled])


def test_a_short_last_batch_is_kept(make_config):
    data = Data(make_config(batch_size=300))
    assert [len(labels) for _, labels in data.training(1)] == [300] * 5 + [100]
    assert [len(labels) for _, labels in data.evaluation("test")] == [300, 100]


def test_validation_is_stratified_disjoint_and_of_the_asked_size(make_config):
    data = Data(make_config(validation_fraction=0.25))
    train, validation = data.table("train"), data.table("validation")
    assert np.bincount(validation.label).tolist() == [250, 250]
    assert np.bincount(train.label).tolist() == [750, 750]
    assert not set(train.filename) & set(validation.filename)


def test_validation_is_the_same_at_the_same_seed_and_another_at_another(make_config, demo_source):
    def names(seed):
        return set(
            Data(make_config(source=str(demo_source), builder_config="any", seed=seed)).table("validation").filename
        )

    assert names(0) == names(0)
    assert names(0) != names(1)


def test_no_validation_leaves_everything_for_training(make_config):
    data = Data(make_config(validation_fraction=0.0))
    assert (len(data.table("train")), len(data.table("validation"))) == (2000, 0)


@pytest.mark.parametrize("cache", MODES)
def test_the_same_images_in_other_batches(make_config, cache):
    """As a search asks for them: before any image was read."""
    data = Data(make_config(cache=cache))
    for batch_size in (50, 40):
        images, _ = next(data.like(make_config(cache=cache, batch_size=batch_size)).training(1).as_numpy_iterator())
        assert len(images) == batch_size


def test_few_images_of_an_augmented_run_come_as_they_are(make_config):
    """Even where so few make a batch of which no share is left to augment."""
    augmented = Data(make_config(augment_noise=0.1, augment_share=(0.02,)))
    rows = np.array([7, 3])
    np.testing.assert_array_equal(augmented.images("test", rows), Data(make_config()).images("test", rows))


def test_corrupted_validation_images_are_those_of_validation_each_corrupted_in_one_way(make_config):
    data = Data(make_config(augment_noise=0.3, augment_resample=0.4))
    images, corrupted, again = (
        np.concatenate(list(batches.as_numpy_iterator())).astype(np.float32)
        for batches in (data.pixels("validation"), data.corrupted_validation(), data.corrupted_validation())
    )
    assert corrupted.shape == images.shape
    assert np.all(np.any(corrupted != images, axis=(1, 2, 3)))
    rough = [np.abs(np.diff(pixels, axis=1)).mean(axis=(1, 2, 3)) for pixels in (images, corrupted)]
    noisy = (rough[1] > rough[0])[:128]  # of one batch: half of it is rougher than before, half smoother
    assert noisy[:64].all()
    assert noisy[64:].mean() < 0.05  # a picture without detail has none to lose
    np.testing.assert_array_equal(again, corrupted)


def test_auto_caches_what_fits_and_streams_what_does_not(make_config, monkeypatch):
    assert Data(make_config(cache="auto")).config.cache == "ram"
    monkeypatch.setattr(machine, "free_memory_bytes", lambda: 1 << 20)
    assert Data(make_config(cache="auto")).config.cache == "none"


def test_training_batches_can_be_placed_on_a_device(make_config):
    data = Data(make_config(), device="/cpu:0")
    images, _ = next(iter(data.training(1)))
    assert "cpu:0" in images.device.lower()


def test_who_judges_needs_no_training_images_of_both_classes(make_config):
    images, _ = collect(Data(make_config(validation_fraction=0.0004)).evaluation("test"))
    assert len(images) == 400


def test_what_was_in_memory_can_be_released_after_training_and_reads_the_same(make_config):
    data = Data(make_config(cache="ram", augment_flip=True))
    for _ in data.training(1):
        pass
    before = [collect(data.evaluation(split)) for split in ("train", "validation")]
    held = weakref.ref(data._for_training)
    data.release()
    assert held() is None
    for split, (images, labels) in zip(("train", "validation"), before, strict=True):
        again, labels_again = collect(data.evaluation(split))
        np.testing.assert_array_equal(again, images)
        np.testing.assert_array_equal(labels_again, labels)


def test_a_pipeline_holds_the_images_once(make_config):
    data = Data(make_config(cache="ram"))
    next(iter(data.training(1)))  # what a first pipeline takes besides
    many = data._for_training._pixels = tf.fill([100_000, 32, 32, 3], tf.constant(7, tf.uint8))
    process = psutil.Process()
    before = process.memory_info().rss
    next(iter(data.training(1)))
    assert process.memory_info().rss - before < many.numpy().nbytes / 4
