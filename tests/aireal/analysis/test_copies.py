"""aireal.analysis.copies: pictures that occur twice are found, byte for byte and after what uploads do to them."""

import numpy as np
import pytest
from PIL import Image

from aireal.analysis import copies, survey
from builders.cifake import passes, sources


def test_near_duplicates_survive_what_uploads_do(demo_source, tmp_path, jpeg):
    """Re-encoded, brightened and reduced pictures are found; plain pictures are not each other's duplicates."""
    for split in ("train", "test"):
        (tmp_path / split / "REAL").mkdir(parents=True)
    changes = {
        "encoded": lambda image: image,
        "brighter": lambda image: image.point(lambda value: min(value + 12, 255)),
        "smaller": lambda image: image.resize((28, 28)),
    }
    for number, (name, change) in zip((0, 3, 7), changes.items(), strict=True):  # crops with some structure
        with Image.open(demo_source / f"train/REAL/{number:04}.jpg") as image:
            image.save(tmp_path / f"train/REAL/{name}.jpg")
            change(image).save(tmp_path / f"test/REAL/{name}.jpg", quality=50)
    for split, name, color in (
        ("train", "grey", (100, 100, 100)),
        ("test", "grey", (103, 103, 103)),
        ("train", "red", (200, 60, 40)),
        ("test", "red", (120, 30, 20)),
    ):
        plain = np.full([32, 32, 3], color, np.uint8)
        (tmp_path / split / f"REAL/{name}.jpg").write_bytes(jpeg(plain))
    files, _ = survey.survey(passes.Reader(sources.Collection(tmp_path)), image_size=32)
    near = copies.near(files)
    assert set(files.path[near.row]) == {f"test/REAL/{name}.jpg" for name in changes}
    assert [path.replace("train", "test") for path in files.path[near.match]] == list(files.path[near.row])


def test_files_with_the_same_bytes_are_grouped_train_first(make_files):
    files = make_files(
        {
            "test/FAKE/3.jpg": "a",  # leaked from train
            "test/REAL/4.jpg": "b",
            "test/REAL/5.jpg": "b",  # repeats one of test
            "train/FAKE/0.jpg": "a",
            "train/FAKE/1.jpg": "a",  # repeats one of train
            "train/REAL/2.jpg": "c",
            "train/REAL/6.jpg": "d",
            "test/FAKE/7.jpg": "d",  # across splits and labels
        }
    )
    found = copies.identical(files)
    assert sorted(files.path[group].tolist() for group in found.groups) == [
        ["test/REAL/4.jpg", "test/REAL/5.jpg"],
        ["train/FAKE/0.jpg", "train/FAKE/1.jpg", "test/FAKE/3.jpg"],
        ["train/REAL/6.jpg", "test/FAKE/7.jpg"],
    ]
    assert found.repeated == {"train": 1, "test": 1}
    assert found.leaked == {"test": {"FAKE": 2, "REAL": 0}}
    assert found.across_labels == 1


def test_each_split_is_compared_with_those_before_it(make_files, thumbnail):
    digests = {
        "train/FAKE/0.jpg": "a",
        "train/REAL/1.jpg": None,
        "validation/FAKE/2.jpg": "a",  # leaked from train
        "validation/REAL/3.jpg": "b",
        "validation/REAL/4.jpg": None,  # nearly what is in train
        "test/REAL/5.jpg": "b",  # leaked from validation
        "test/REAL/6.jpg": None,  # nearly what is in both, and more like validation's
        "test/REAL/7.jpg": None,
    }
    pictures = [
        thumbnail(seed, change) for seed, change in ((1, 0), (2, 0), (1, 0), (3, 0), (2, 6), (3, 0), (2, 9), (4, 0))
    ]
    files = make_files(digests, thumbnails=pictures)
    found = copies.identical(files)
    assert found.repeated == {"train": 0, "validation": 0, "test": 0}
    assert found.leaked == {"validation": {"FAKE": 1, "REAL": 0}, "test": {"FAKE": 0, "REAL": 1}}
    near = copies.near(files)
    assert sorted(zip(files.path[near.row], files.path[near.match], strict=True)) == [
        ("test/REAL/6.jpg", "validation/REAL/4.jpg"),
        ("validation/REAL/4.jpg", "train/REAL/1.jpg"),
    ]


def test_empty_files_are_no_copies_of_each_other(make_files):
    files = make_files({"train/FAKE/0.jpg": "a", "train/FAKE/1.jpg": "a"}, size=0)
    assert copies.identical(files).groups == []


@pytest.fixture
def thumbnail():
    """Seed -> [8, 8, 3] uint8, noise; with `change` the same a little changed."""

    def draw(seed, change=0.0):
        noise = np.random.default_rng(seed).uniform(0, 255, [8, 8, 3])
        changed = noise + change * np.random.default_rng(99).uniform(-1, 1, noise.shape)
        return np.clip(changed, 0, 255).astype(np.uint8)

    return draw


def test_pictures_that_are_nearly_the_same_are_paired_with_the_most_alike_first(make_files, thumbnail):
    pictures = {
        "test/REAL/0.jpg": thumbnail(1, change=20),
        "test/REAL/1.jpg": thumbnail(2, change=5),
        "test/REAL/2.jpg": thumbnail(3),
        "train/REAL/0.jpg": thumbnail(1),
        "train/REAL/1.jpg": thumbnail(2),
    }
    files = make_files(dict.fromkeys(pictures), thumbnails=pictures.values())
    found = copies.near(files)
    pairs = zip(files.path[found.match], files.path[found.row], strict=True)
    assert list(pairs) == [("train/REAL/1.jpg", "test/REAL/1.jpg"), ("train/REAL/0.jpg", "test/REAL/0.jpg")]
    assert 1 > found.correlation[0] > found.correlation[1] >= copies.CORRELATION
    assert (found.compared, found.other_class) == (0, 0)  # there is one class alone


def test_large_sources_are_compared_in_parts(make_files, thumbnail, monkeypatch):
    pictures = {f"{split}/REAL/{seed}.jpg": thumbnail(seed) for split in ("test", "train") for seed in range(9)}
    files = make_files(dict.fromkeys(pictures), thumbnails=pictures.values())
    monkeypatch.setattr(copies, "_CHUNK", 2)
    monkeypatch.setattr(copies, "_EARLIER_CHUNK", 4)
    found = copies.near(files)
    assert [path.replace("train", "test") for path in files.path[found.match]] == list(files.path[found.row])
    assert len(found.row) == 9


def test_the_same_bytes_and_plain_pictures_are_no_near_duplicates(make_files, thumbnail):
    plain = np.full([8, 8, 3], 100, np.uint8)
    pictures = {
        "test/REAL/0.jpg": ("same", thumbnail(1)),
        "test/REAL/1.jpg": ("one", plain),
        "train/REAL/0.jpg": ("same", thumbnail(1)),
        "train/REAL/1.jpg": ("two", plain + 1),
    }
    digests = {path: digest for path, (digest, _) in pictures.items()}
    files = make_files(digests, thumbnails=[picture for _, picture in pictures.values()])
    assert len(copies.near(files).row) == 0


def test_what_chance_gives_is_counted_in_the_other_class(make_files, thumbnail):
    pictures = {
        "test/FAKE/0.jpg": thumbnail(1, change=5),
        "test/REAL/1.jpg": thumbnail(2),
        "train/FAKE/0.jpg": thumbnail(3),
        "train/REAL/0.jpg": thumbnail(1),
    }
    files = make_files(dict.fromkeys(pictures), thumbnails=pictures.values())
    found = copies.near(files)
    assert (found.compared, found.other_class) == (2, 1)
    assert files.path[found.row].tolist() == ["test/FAKE/0.jpg"]
