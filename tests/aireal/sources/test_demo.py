"""aireal.sources.demo: counts, form and layout of the offline data set, and that train and test share no crop."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin
from sklearn.utils import Bunch

from aireal.sources import demo

FOLDERS = ["test/FAKE", "test/REAL", "train/FAKE", "train/REAL"]


@pytest.fixture
def small(monkeypatch):
    """Fewer pictures, so that several data sets can be made: the principal components need 96."""
    monkeypatch.setattr(demo, "COUNTS", {"train": 100, "test": 10})


def _hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.jpg")
    }


def test_there_are_1000_train_and_200_test_pictures_of_each_class_in_cifakes_layout(demo_source):
    files = [path for path in demo_source.rglob("*") if path.is_file()]
    folders = sorted(path.parent.relative_to(demo_source).as_posix() for path in files)
    assert {folder: folders.count(folder) for folder in sorted(set(folders))} == dict(
        zip(FOLDERS, [200, 200, 1000, 1000], strict=True)
    )


def test_pictures_are_32x32_rgb_jpegs_of_quality_75_with_halved_chroma(demo_source):
    standard = io.BytesIO()
    Image.new("RGB", (32, 32)).save(standard, "JPEG", quality=75)
    tables = Image.open(standard).quantization
    assert tables[0][0] == 8  # the standard's luminance table has 16 there, and quality 75 halves it
    for path in demo_source.rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (32, 32))
            assert JpegImagePlugin.get_sampling(image) == 2  # 4:2:0
            assert image.quantization == tables


def test_pictures_are_not_all_alike(demo_source):
    for folder in FOLDERS:
        pixels = np.stack([np.asarray(Image.open(path)) for path in sorted((demo_source / folder).iterdir())[:50]])
        assert pixels.std(axis=0).mean() > 10
        assert len(np.unique(pixels, axis=0)) == 50


def test_no_fake_is_in_both_splits(demo_source):
    hashes = {split: set(_hashes(demo_source / split / "FAKE").values()) for split in ("train", "test")}
    assert hashes["train"].isdisjoint(hashes["test"])


@pytest.mark.usefixtures("small")
def test_same_seed_same_bytes_and_other_seed_others(tmp_path):
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        demo.write(tmp_path / name, seed)
    first = _hashes(tmp_path / "a")
    assert len(first) == 220
    assert _hashes(tmp_path / "b") == first
    other = _hashes(tmp_path / "c")
    assert all(other[name] != digest for name, digest in first.items())


def test_fingerprint_is_of_the_seed():
    assert demo.fingerprint(1) == demo.fingerprint(1) != demo.fingerprint(2)
    assert len(bytes.fromhex(demo.fingerprint(1))) == 16


@pytest.mark.parametrize(("split", "level"), [("train", 0), ("test", 255)])
def test_train_crops_see_the_left_of_the_photographs_alone_and_test_crops_the_right(monkeypatch, split, level):
    # Black in the left 70 %, white in the rest: a crop of both, or one resampled from beyond it, would be neither.
    photograph = np.zeros([427, 640, 3], np.uint8)
    photograph[:, 448:] = 255
    monkeypatch.setattr(demo, "load_sample_images", lambda: Bunch(images=[photograph, photograph]))
    crops = demo.crops(split, 500, np.random.default_rng(0))
    assert (crops.shape, crops.dtype) == ((500, 32, 32, 3), np.uint8)
    assert np.unique(crops).tolist() == [level]


@pytest.mark.parametrize("split", ["train", "test"])
def test_crops_come_from_the_whole_height_at_four_scales(monkeypatch, split):
    # Rows are a ramp: the first row of a crop tells where it is, and how far the last is from it tells its scale.
    photograph = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], [256, 640, 3])
    monkeypatch.setattr(demo, "load_sample_images", lambda: Bunch(images=[photograph, photograph]))
    crops = demo.crops(split, 500, np.random.default_rng(0)).astype(int)
    scales = np.round((crops[:, 24, 16, 0] - crops[:, 8, 16, 0]) / 16 * 2) / 2
    assert np.unique(scales).tolist() == [1.0, 1.5, 2.0, 3.0]
    assert crops.min() < 10
    assert crops.max() > 245
