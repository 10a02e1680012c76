"""aireal.pixels.decoding: every format becomes upright RGB bytes over white, and what is damaged an OSError."""

import io
import os
import pathlib

import numpy as np
import pytest
from PIL import Image, features

from aireal.pixels import decoding
from builders.cifake import archives

PICTURES = pathlib.Path(__file__).parents[1] / "pictures"


def _encoded(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda stored: stored),
        (2, lambda stored: stored[:, ::-1]),
        (3, lambda stored: stored[::-1, ::-1]),
        (4, lambda stored: stored[::-1]),
        (5, lambda stored: stored.transpose(1, 0, 2)),
        (6, lambda stored: np.rot90(stored, -1)),  # the camera was turned left: turn the picture right
        (7, lambda stored: stored[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda stored: np.rot90(stored)),
    ],
)
def test_exif_orientation_is_applied(photograph, orientation, upright):
    stored = Image.fromarray(photograph[:40, :64])
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain, marked = _encoded(stored, "JPEG"), _encoded(stored, "JPEG", exif=exif)
    np.testing.assert_array_equal(decoding.decode(marked), upright(decoding.decode(plain)))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_picture_with_damaged_exif_is_taken_as_upright(photograph):
    image = Image.fromarray(photograph[:40, :64])
    marked = _encoded(image, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12")
    np.testing.assert_array_equal(decoding.decode(marked), decoding.decode(_encoded(image, "JPEG")))


def test_pixels_without_a_known_range_are_refused():
    with pytest.raises(OSError, match=r"^its pixels have 32 bits"):  # and are not damaged
        decoding.decode(_encoded(Image.fromarray(np.ones([4, 4], np.float32)), "TIFF"))


def test_transparency_is_laid_over_white():
    pixels = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [0, 100, 200, 51]]], np.uint8)  # 51 of 255 is a fifth
    decoded = decoding.decode(_encoded(Image.fromarray(pixels, "RGBA"), "PNG"))
    np.testing.assert_array_equal(decoded, [[[255, 255, 255], [10, 20, 30], [204, 224, 244]]])


def test_grey_with_transparency_is_laid_over_white():
    pixels = np.array([[[40, 0], [40, 255]]], np.uint8)
    decoded = decoding.decode(_encoded(Image.fromarray(pixels, "LA"), "PNG"))
    np.testing.assert_array_equal(decoded, [[[255] * 3, [40] * 3]])


def _palette_image():
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 0, 100])
    image.putdata([0, 1])
    return image


def test_palette_colours_are_looked_up():
    decoded = decoding.decode(_encoded(_palette_image(), "PNG"))
    np.testing.assert_array_equal(decoded, [[[200, 0, 0], [0, 0, 100]]])


def test_a_transparent_palette_colour_is_white():
    decoded = decoding.decode(_encoded(_palette_image(), "PNG", transparency=1))
    np.testing.assert_array_equal(decoded, [[[200, 0, 0], [255, 255, 255]]])


def test_sixteen_bits_are_scaled_to_eight():
    pixels = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    decoded = decoding.decode(_encoded(Image.fromarray(pixels), "PNG"))
    np.testing.assert_array_equal(decoded, [[[0] * 3, [1] * 3, [128] * 3, [255] * 3]])


def test_sixteen_bits_of_a_pgm_are_scaled_too():
    decoded = decoding.decode(b"P5 2 1 65535\n" + np.array([0, 128 * 257], ">u2").tobytes())
    np.testing.assert_array_equal(decoded, [[[0] * 3, [128] * 3]])


def test_a_transparent_level_of_sixteen_bits_is_white():
    pixels = np.array([[1000, 257 * 40]], np.uint16)
    decoded = decoding.decode(_encoded(Image.fromarray(pixels), "PNG", transparency=1000))
    np.testing.assert_array_equal(decoded, [[[255] * 3, [40] * 3]])


def test_grey_becomes_three_equal_channels():
    pixels = _noise(5, 7)
    decoded = decoding.decode(_encoded(Image.fromarray(pixels), "PNG"))
    np.testing.assert_array_equal(decoded, np.repeat(pixels[..., None], 3, axis=2))


def test_black_and_white_is_0_and_255():
    image = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    np.testing.assert_array_equal(decoding.decode(_encoded(image, "PNG")), [[[0] * 3, [255] * 3]])


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    decoded = decoding.decode(_encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    np.testing.assert_array_equal(decoded, np.full([3, 4, 3], [255, 0, 0]))


def test_cmyk_jpeg_becomes_rgb():
    cyan_and_black_free = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow ink: red
    decoded = decoding.decode(_encoded(cyan_and_black_free, "JPEG", quality=95))
    assert decoded.shape == (16, 16, 3)
    assert np.abs(decoded.astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP", "PPM"])
def test_lossless_formats_keep_every_pixel(form):
    if form == "WEBP" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    pixels = _noise(9, 11, 3)
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = decoding.decode(_encoded(Image.fromarray(pixels), form, **options))
    np.testing.assert_array_equal(decoded, pixels)


def _damaged():
    png = _encoded(Image.fromarray(_noise(24, 24, 3)), "PNG")
    ihdr = bytearray(png)
    ihdr[8:12] = (5).to_bytes(4, "big")  # an IHDR chunk of 5 bytes instead of 13
    huge = bytearray(_encoded(Image.new("RGB", (2, 2)), "BMP"))
    huge[18:26] = (100_000).to_bytes(4, "little") * 2  # claims 100,000 x 100,000 pixels
    chunk = bytearray(png)
    chunk[37:41] = b"\x81\xa6U?"  # the type of the chunk behind IHDR
    return {
        "empty": b"",
        "text": b"no picture at all",
        "half a png": png[: len(png) // 2],
        "half a jpeg": _encoded(Image.fromarray(_noise(24, 24, 3)), "JPEG")[:400],
        "png with a short header": bytes(ihdr),
        "png with a broken chunk": bytes(chunk),
        "bmp that claims to be huge": bytes(huge),
        "ppm with a size that is no number": b"P6 x4 4 255\n" + bytes(48),
    }


@pytest.mark.parametrize("encoded", [pytest.param(encoded, id=name) for name, encoded in _damaged().items()])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_what_is_not_an_image_or_damaged_raises_oserror(encoded):
    with pytest.raises(OSError, match=r".+"):
        decoding.decode(encoded)


@pytest.mark.parametrize(("form", "share"), [("JPEG", 0.3), ("JPEG", 0.6), ("WEBP", 0.6), ("PNG", 0.6)])
def test_a_picture_whose_end_was_never_written_is_damaged(form, share):
    whole = _encoded(Image.fromarray(_noise(64, 64, 3)), form)
    kept = whole[: int(share * len(whole))]
    assert decoding.decode(whole).shape == (64, 64, 3)
    with pytest.raises(OSError, match="damaged: its end is missing"):
        decoding.decode(kept + bytes(len(whole) - len(kept)))


def test_heic_without_its_package_says_which(run_python):
    code = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from aireal.pixels import decoding\n"
        f"decoding.decode(open({str(PICTURES / 'photo.heic')!r}, 'rb').read())"
    )
    assert "OSError: HEIC needs one more package: pip install pillow-heif" in run_python("-c", code).stderr


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes((PICTURES / "32x32.jpg").read_bytes())
    os.truncate(path, archives.MAX_BYTES + 1)  # sparse: it takes no room
    with open(path, "rb") as file, pytest.raises(OSError, match=f"more than {archives.MAX_BYTES:,} bytes"):
        decoding.open_image(file)
