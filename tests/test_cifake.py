"""The claims about CIFAKE itself, on all 120,000 images; skipped where its archive is missing."""

import dataclasses
import hashlib
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aireal.data.batches import Data
from aireal.data.records import prepare
from aireal.judging import scoring
from aireal.network import models
from aireal.pixels import preprocess
from aireal.settings.config import Config
from aireal.verdicts import pictures, scorers
from aireal.verdicts.predictor import Predictor


@pytest.fixture(scope="module")
def config(cifake):
    # Beside the unpacked files, in the cache: prepared once.
    return Config(source=str(cifake), prepared_dir=str(cifake.parent / "prepared"), cache="none")


@pytest.fixture(scope="module")
def data(config):
    return Data(config)


def stored(config, split):
    """Yields (filename, bytes) of every stored example of a split."""
    features = {"image": tf.io.FixedLenFeature([], tf.string), "filename": tf.io.FixedLenFeature([], tf.string)}
    files = [str(path) for path in prepare(config).info.splits[split].filepaths]
    batches = tf.data.TFRecordDataset(files).batch(500).map(lambda batch: tf.io.parse_example(batch, features))
    for batch in batches.as_numpy_iterator():
        yield from zip(batch["filename"], batch["image"], strict=True)


@pytest.mark.parametrize(("split", "count"), [("train", 100_000), ("test", 20_000)])
def test_every_stored_image_is_its_file_byte_for_byte(config, cifake, split, count):
    def digest(data):
        return hashlib.sha256(data).digest()

    found = {name.decode(): digest(data) for name, data in stored(config, split)}
    files = {f"{path.parent.name}/{path.name}": digest(path.read_bytes()) for path in (cifake / split).glob("*/*")}
    assert len(files) == count
    assert found == files


def test_eight_shards_a_split(config):
    assert {name: split.num_shards for name, split in prepare(config).info.splits.items()} == {"train": 8, "test": 8}


def test_copies_are_those_of_the_release(data):
    train = np.concatenate([data.table("train").copy_of, data.table("validation").copy_of])
    test = data.table("test").copy_of
    assert (np.sum(train != ""), np.sum(test != "")) == (920, 416)
    assert np.sum(np.char.startswith(test, "train/")) == 378
    assert np.all(np.char.startswith(train[train != ""], "train/FAKE/"))


def test_each_object_has_its_share(data):
    assert np.bincount(data.table("test").object).tolist() == [2000] * 10
    both = np.concatenate([data.table("train").object, data.table("validation").object])
    assert np.bincount(both).tolist() == [10_000] * 10


def test_validation_is_stratified_and_keeps_copies_together(data):
    train, validation = data.table("train"), data.table("validation")
    assert np.bincount(train.label).tolist() == [40_000, 40_000]
    assert np.bincount(validation.label).tolist() == [10_000, 10_000]

    def groups(table):
        own = np.char.add("train/", table.filename)
        return set(np.where(table.copy_of == "", own, table.copy_of))

    assert not groups(train) & groups(validation)


def test_two_thousand_images_decode_as_pillow_decodes_them(config):
    encoded = [data for _, (_, data) in zip(range(2000), stored(config, "test"), strict=False)]
    ours = preprocess.decode_jpegs(tf.constant(encoded), at_most=2000).numpy()
    pillows = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in encoded])
    assert np.array_equal(ours, pillows)


@pytest.mark.parametrize("cache", ["ram", "none"])
def test_training_that_tells_objects_gets_those_of_its_images(config, cache):
    data = Data(dataclasses.replace(config, cache=cache, train_fraction=0.01, object_weight=0.3))
    pixels = np.concatenate(list(data.pixels("train").as_numpy_iterator()))
    known = {image.tobytes(): what for image, what in zip(pixels, data.table("train").object, strict=True)}
    for images, targets in data.training(1).as_numpy_iterator():
        images = np.rint(images * 255).astype(np.uint8)
        assert [known[image.tobytes()] for image in images] == targets["object"].tolist()
    told = np.concatenate([targets["object"] for _, targets in data.validation().as_numpy_iterator()])
    assert np.array_equal(told, data.table("validation").object)


def test_evaluation_covers_all_of_test(data):
    labels = np.concatenate([label for _, label in data.evaluation("test").as_numpy_iterator()])
    assert np.array_equal(labels, data.table("test").label)
    assert len(labels) == 20_000


def test_files_get_the_scores_that_the_report_gives(data, cifake, tmp_path):
    keras.utils.set_random_seed(0)
    model = models.build_model(Config())
    kernel, bias = model.get_layer("logit").get_weights()
    model.get_layer("logit").set_weights([100 * kernel, bias])  # an untrained network would say 0.5 to everything
    model.save(tmp_path / "model.keras")
    predictions = Predictor(tmp_path / "model.keras").predict(pictures.find([str(cifake / "test")]))
    p_real = scoring.score(scorers.load(tmp_path / "model.keras"), data, "test").p_real
    expected = dict(zip(data.table("test").filename, p_real, strict=True))
    assert np.std(list(expected.values())) > 0.01
    found = {one.path.split("/test/")[1]: one.p_real for one in predictions}
    assert found.keys() == expected.keys()
    assert max(abs(found[name] - expected[name]) for name in expected) < 1e-6
