"""aireal.data.readers: the same pixels from records and from memory, of any size and format."""

import io
import itertools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aireal.data.batches import Data
from aireal.data.readers import InMemory, Streamed
from aireal.data.records import Records, prepare
from aireal.data.stored import Stored
from aireal.pixels import preprocess

MODES = ["none", "ram"]


def collect(batches):
    images, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def test_streaming_and_ram_give_the_same_pixels(make_config):
    streamed, cached = (Data(make_config(cache=mode)) for mode in MODES)
    for split in ("train", "validation"):
        assert np.array_equal(collect(streamed.evaluation(split))[0], collect(cached.evaluation(split))[0])


@pytest.mark.parametrize("cache", MODES)
def test_pictures_of_any_size_and_format_reach_the_models_size(make_config, tmp_path, cache):
    rng = np.random.default_rng(0)
    formats = itertools.cycle(["png", "bmp", "gif", "webp", "jpg"])
    for split, label in itertools.product(["train", "test"], ["FAKE", "REAL"]):
        folder = tmp_path / split / label
        folder.mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 256, [rng.integers(5, 90), rng.integers(5, 90), 3], dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.{next(formats)}")
    data = Data(make_config(source=str(tmp_path), builder_config="any", image_size=24, cache=cache))
    images, _ = collect(data.training(1))
    assert images.shape == (16, 24, 24, 3)
    assert np.all(data.table("test").object == -1)


def test_another_image_size_resamples_cifake_like_pictures(make_config, demo_source):
    data = Data(make_config(source=str(demo_source), builder_config="any", image_size=16))
    filename = data.table("test").filename[5]
    picture = Image.open(io.BytesIO((demo_source / "test" / filename).read_bytes())).convert("RGB")
    ours = data.images("test", np.array([5]))[0].astype(int)
    pillows = np.asarray(picture.resize((16, 16), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(ours - pillows).max() <= 2


def test_a_picture_has_the_same_pixels_whatever_the_sizes_of_others_in_its_batch(make_config):
    edge = make_config().image_size
    noise = np.random.default_rng(0).integers(0, 256, [4, edge, edge, 3], np.uint8)
    files = [io.BytesIO() for _ in range(5)]
    for file, pixels in zip(files, [*noise, noise[0, 1:]], strict=True):
        Image.fromarray(pixels).save(file, "PNG")
    encoded = np.array([file.getvalue() for file in files], object)
    streamed = Streamed(Stored([], *np.zeros([3, 0], np.int64)), np.zeros(5), np.zeros(5), make_config())
    rows = tf.data.Dataset.from_tensor_slices({"bytes": encoded, "row": np.arange(5)})
    alike, mixed = (
        next(rows.batch(count).map(lambda batch: streamed.read(batch, 5)[0]).as_numpy_iterator()) for count in (4, 5)
    )
    np.testing.assert_array_equal(alike, noise)
    np.testing.assert_array_equal(mixed[:4], noise)
    np.testing.assert_array_equal(mixed[4], preprocess.resize(noise[0, 1:], edge))


def test_wide_pictures_are_cropped_where_the_run_says_so(tmp_path, make_config):
    rng = np.random.default_rng(0)
    for folder in ("train/FAKE", "train/REAL", "test/FAKE", "test/REAL"):
        (tmp_path / folder).mkdir(parents=True)
        for index in range(3):
            wide = Image.fromarray(rng.integers(0, 256, [40, 90, 3], np.uint8))
            wide.save(tmp_path / folder / f"{index}.png")
    values = {"source": str(tmp_path), "builder_config": "any", "validation_fraction": 0.0, "cache": "none"}
    data = Data(make_config(**values, aspect_ratio="center_crop"))
    (image,) = data.images("test", np.array([0]))
    original = np.asarray(Image.open(tmp_path / "test" / data.table("test").filename[0]))
    np.testing.assert_array_equal(image, preprocess.resize(original[:, 25:65], 32))


@pytest.fixture(params=["streamed", "in memory"])
def reader(request, make_config):
    """A reader of the demo, and its table."""
    config = make_config()
    records = Records.read(prepare(config))
    streamed = Streamed(records.stored, records.table.label, records.table.object, config)
    if request.param == "streamed":
        return streamed, records.table
    return InMemory(streamed, np.arange(len(records.table)) % 7 > 0, 32), records.table


def test_ordered_batches_are_the_rows_of_a_mask(reader):
    images, table = reader
    mask = np.arange(len(table)) % 7 == 3
    batches = list(images.ordered(mask, 100).map(lambda batch: images.read(batch, 100)).as_numpy_iterator())
    assert [len(pixels) for pixels, *_ in batches] == [100, 100, 100, 43]
    pixels, labels, objects = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert (pixels.dtype, pixels.shape[1:]) == (np.uint8, (32, 32, 3))
    assert (labels.dtype, labels.tolist()) == (np.float32, table.label[mask].tolist())
    assert (objects.dtype, set(objects)) == (np.int64, {-1})


def test_shuffled_batches_have_the_same_rows_once_each(reader):
    images, table = reader
    mask = np.arange(len(table)) % 7 == 3

    def pixels(batches):
        return np.concatenate(list(batches.map(lambda batch: images.read(batch, 100)[0]).as_numpy_iterator()))

    ordered, shuffled = pixels(images.ordered(mask, 100)), pixels(images.shuffled(mask, [0, 1], 100))
    assert sorted(one.tobytes() for one in shuffled) == sorted(one.tobytes() for one in ordered)
    assert np.any(shuffled != ordered)
    np.testing.assert_array_equal(pixels(images.shuffled(mask, [0, 1], 100)), shuffled)
