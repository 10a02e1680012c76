"""builders.cifake.ends: a file whose end was never written is told from every whole one."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from builders.cifake import ends

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, [200, 300, 3], np.uint8))
FLAT = {name: Image.new("RGB", (300, 200), name) for name in ("black", "white", "grey")}
WAYS = {
    "JPEG": {},
    "progressive": {"format": "JPEG", "progressive": True},
    "PNG": {},
    "WEBP": {},
    "lossless": {"format": "WEBP", "lossless": True},
}


def encoded(image: Image.Image, way: str) -> bytes:
    file = io.BytesIO()
    image.save(file, **{"format": way, **WAYS[way]})
    return file.getvalue()


def broken_off(data: bytes, share: float, filling: bytes = b"\0") -> bytes:
    kept = data[: int(share * len(data))]
    return kept + filling * (len(data) - len(kept))


@pytest.mark.parametrize("filling", [b"\0", b"\xff"], ids=["zeros", "ones"])
@pytest.mark.parametrize("share", [0.05, 0.4, 0.95])
@pytest.mark.parametrize("way", [way for way in WAYS if way != "lossless"])
def test_a_file_of_which_a_part_was_never_written_is_found(way, share, filling):
    assert ends.is_filled_up(broken_off(encoded(NOISE, way), share, filling))


@pytest.mark.parametrize("image", [NOISE, *FLAT.values()], ids=["noise", *FLAT])
@pytest.mark.parametrize("way", WAYS)
def test_a_whole_file_is_whole_whatever_it_shows(way, image):
    assert not ends.is_filled_up(encoded(image, way))


@pytest.mark.parametrize("way", WAYS)
def test_what_stands_behind_the_picture_does_not_matter(way):
    whole = encoded(NOISE, way)
    assert not ends.is_filled_up(whole + bytes(5000))
    assert not ends.is_filled_up(whole + b"a trailer of a phone" + bytes(5000))


@pytest.mark.parametrize("color", ["black", "white"])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_with_a_flat_lower_half_is_whole(color, lossless):
    # A lossy one has less than a zero byte for each block of one colour: 87 for these.
    image = Image.new("RGB", (1080, 1600), color)
    image.paste(NOISE.resize((1080, 800)))
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=lossless, method=0 if lossless else 4)
    whole = file.getvalue()
    assert not ends.is_filled_up(whole)
    if not lossless:
        assert whole.endswith(bytes(64))
        assert ends.is_filled_up(broken_off(whole, 0.5))


def test_exif_that_ends_in_zeros_is_no_filling():
    exif = Image.Exif()
    exif[ExifTags.Base.UserComment] = bytes(264)
    file = io.BytesIO()
    NOISE.save(file, "WEBP", exif=exif)
    assert file.getvalue().endswith(bytes(100))
    assert not ends.is_filled_up(file.getvalue())


def test_the_first_frame_of_an_animation_is_looked_at():
    file = io.BytesIO()
    NOISE.save(file, "WEBP", save_all=True, append_images=[FLAT["grey"]])
    whole = file.getvalue()
    assert not ends.is_filled_up(whole)
    assert ends.is_filled_up(broken_off(whole, 0.4))


def test_the_end_of_a_thumbnail_is_not_that_of_the_picture():
    thumbnail, whole = encoded(FLAT["grey"], "JPEG"), encoded(NOISE, "JPEG")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    with_thumbnail = whole[:2] + segment + whole[2:]
    assert not ends.is_filled_up(with_thumbnail)
    assert ends.is_filled_up(broken_off(with_thumbnail, 0.5))


@pytest.mark.parametrize("form", ["BMP", "TIFF", "PPM"])
def test_a_format_in_which_zeros_are_a_picture_is_left_alone(form):
    file = io.BytesIO()
    FLAT["black"].save(file, form)
    assert not ends.is_filled_up(file.getvalue())


@pytest.mark.parametrize(
    ("data", "filled"),
    [(b"", False), (b"\xff\xd8\xff", False), (bytes(5000), False), (b"\xff\xd8\xff\xe0\0\0" + bytes(100), True)],
    ids=["empty", "a head", "zeros", "a head and zeros"],
)
def test_what_is_hardly_a_picture(data, filled):
    assert ends.is_filled_up(data) == filled
