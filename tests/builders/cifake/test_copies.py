"""builders.cifake.copies: the same bytes and the same picture, and nothing that only looks a little like it."""

import doctest
import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from builders.cifake import copies


def thumbnail(image, **options):
    """Returns the thumbnail of an image that was saved."""
    file = io.BytesIO()
    image.save(file, **{"format": "PNG"} | options)
    with Image.open(file) as saved:
        return copies.thumbnail(saved)


def found(thumbnails):
    return copies.first_copies({path: path.encode() for path in thumbnails}, thumbnails)


def test_the_examples_hold():
    assert doctest.testmod(copies).attempted


def test_the_first_of_its_kind_is_sought_in_train_first_then_by_name():
    digests = {
        "test/FAKE/0.jpg": b"a",
        "train/REAL/9.jpg": b"a",
        "train/REAL/10.jpg": b"a",
        "test/FAKE/1.jpg": b"b",
        "test/REAL/0.jpg": b"b",
        "train/FAKE/0.jpg": b"c",
    }
    assert copies.first_copies(digests) == {
        "train/REAL/9.jpg": "train/REAL/10.jpg",
        "test/FAKE/0.jpg": "train/REAL/10.jpg",
        "test/REAL/0.jpg": "test/FAKE/1.jpg",
    }


def test_a_picture_that_was_scaled_turned_or_saved_anew_is_a_copy():
    photograph = Image.fromarray(load_sample_images().images[0])
    exif = Image.Exif()
    exif[274] = 6  # to be shown turned by 90 degrees
    thumbnails = {
        "train/REAL/first.png": thumbnail(photograph),
        "train/REAL/jpeg.jpg": thumbnail(photograph, format="JPEG", quality=50),
        "train/REAL/small.png": thumbnail(photograph.resize((64, 48))),
        "train/REAL/turned.jpg": thumbnail(
            photograph.transpose(Image.Transpose.ROTATE_90), format="JPEG", exif=exif, quality=95
        ),
        "test/REAL/brighter.png": thumbnail(photograph.point(lambda value: min(value * 1.2, 255))),
        "train/REAL/other.png": thumbnail(Image.fromarray(load_sample_images().images[1])),
        "train/REAL/upside-down.png": thumbnail(photograph.transpose(Image.Transpose.ROTATE_180)),
    }
    grey = photograph.convert("L")
    levels = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert found({"test/REAL/16.png": thumbnail(levels), "train/REAL/8.png": thumbnail(grey)})
    four = ["test/REAL/brighter.png", "train/REAL/jpeg.jpg", "train/REAL/small.png", "train/REAL/turned.jpg"]
    assert found(thumbnails) == dict.fromkeys(four, "train/REAL/first.png")


def test_what_is_hidden_under_transparency_is_not_compared():
    images = load_sample_images().images
    shown = Image.fromarray(np.where(np.arange(640)[None, :, None] < 320, images[0][:427, :640], 255).astype(np.uint8))
    hidden = Image.fromarray(np.where(np.arange(640)[None, :, None] < 320, images[0], images[1]).astype(np.uint8))
    hidden.putalpha(Image.fromarray(np.where(np.arange(640)[None] < 320, 255, 0).astype(np.uint8).repeat(427, 0)))
    assert found({"test/REAL/cut.png": thumbnail(hidden), "train/REAL/first.png": thumbnail(shown)})


def test_plain_pictures_are_no_copies_of_each_other():
    plain = {f"train/REAL/{level}.png": thumbnail(Image.new("RGB", (50, 50), (level, 0, 99))) for level in range(5)}
    assert found(plain) == {}


def test_copies_of_copies_lead_to_the_first(monkeypatch):
    # A film: each frame is near the next, the last is far from the first. Pairs are summed up on the way.
    monkeypatch.setattr(copies, "KEPT_PAIRS", 3)
    start, end = (np.random.default_rng(seed).integers(0, 256, (8, 8, 3)) for seed in (0, 1))
    frames = {f"train/REAL/{at:02}.png": (start + (end - start) * at / 29).astype(np.uint8) for at in range(30)}
    assert found(frames) == dict.fromkeys(list(frames)[1:], "train/REAL/00.png")
    assert found({path: frames[path] for path in list(frames)[::29]}) == {}


@pytest.mark.filterwarnings("error")
def test_transparent_colours_of_a_palette_are_no_reason_to_warn():
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert("P")
    file = io.BytesIO()
    image.save(file, "PNG", transparency=bytes(range(64)))
    found = copies.thumbnail(Image.open(file))
    levels = np.arange(64).reshape(8, 8, 1)
    np.testing.assert_allclose(found, np.repeat(255 - levels + levels**2 / 255, 3, axis=2), atol=1)
