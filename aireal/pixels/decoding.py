"""Pictures of any format -> RGB uint8, with Pillow. Free of TensorFlow."""

import io
import math
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, features

from builders.cifake import archives, ends, formats

MAX_PIXELS = 64_000_000  # of one picture that is judged: about 1 GB while it is decoded
_TILE_SIZE = (322, 323)  # tags of a TIFF
_LINES_AT_ONCE = 256  # some MB, which the allocator has at hand


def decode(encoded: bytes) -> np.ndarray:
    """Decodes a picture of any format of `open_image`: its bytes -> [H, W, 3] uint8, RGB. Raises OSError."""
    with open_image(io.BytesIO(encoded)) as image:
        return to_rgb(image)


def open_image(file: BinaryIO, max_pixels: int | None = None) -> Image.Image:
    """Reads the head of a picture: JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF; HEIC where pillow-heif is installed.

    Args:
      file: open for reading bytes; to stay open until the picture is decoded.
      max_pixels: limit of its size, besides Pillow's own (`allow_pixels`).

    Raises:
      OSError: not a picture, or none that can be read here, damaged, or of more than `max_pixels`; says which.
    """
    try:
        image = Image.open(file, formats=formats.FORMATS)
    except Image.UnidentifiedImageError:
        file.seek(0)
        raise OSError(_what_is_wrong_with(file.read(64))) from None
    except Exception as error:  # a damaged head makes Pillow's plugins raise nearly anything
        raise OSError(_damaged(error)) from error
    check_size(image, max_pixels)
    _check_end(file)
    return image


def allow_pixels(max_pixels: int) -> None:
    """Lifts Pillow's own limit, `Image.MAX_IMAGE_PIXELS`, to `max_pixels` for the whole process, if it is lower."""
    if Image.MAX_IMAGE_PIXELS is not None:
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels)


def _check_end(file: BinaryIO) -> None:
    """Raises OSError where a file is too large or was never written to its end, which decoders forgive.

    Leaves it where it was.
    """
    place = file.tell()
    archives.check_bytes(file.seek(0, io.SEEK_END))
    file.seek(0)
    if ends.is_filled_up(file.read()):
        raise OSError("damaged: its end is missing, and filled up with zeros: a download that broke off?")
    file.seek(place)


def check_size(image: Image.Image, max_pixels: int | None) -> None:
    """Raises OSError where an opened picture is empty or too large: in all, by one edge, or by a tile of a TIFF."""
    width, height = image.size
    tags = getattr(image, "tag_v2", {})
    tile = math.prod(value for value in map(tags.get, _TILE_SIZE) if isinstance(value, int))
    if not width or not height:
        raise OSError(f"it has {width:,} x {height:,} pixels")
    if max(width, height) > formats.MAX_EDGE or (max_pixels and max(width * height, tile) > max_pixels):
        limits = f"{formats.MAX_EDGE:,} an edge" + (f", {max_pixels:,} in all (max_pixels)" if max_pixels else "")
        raise OSError(f"it has {width:,} x {height:,} pixels, more than the limit: {limits}")


def is_plain_jpeg(image: Image.Image) -> bool:
    """Returns whether an opened picture is an upright JPEG in colour, of which other decoders make the same pixels."""
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    except Exception:  # damaged EXIF raises nearly anything
        return False
    return image.format in ("JPEG", "MPO") and image.mode == "RGB" and not turned


def to_rgb(image: Image.Image, *, in_place: bool = True) -> np.ndarray:
    """Decodes an opened picture.

    The first frame of an animation; turned as its EXIF orientation says; transparency over white; 16 bits scaled to 8.

    Args:
      image: as `open_image` gives it, or any other.
      in_place: whether it may be left turned upright, which spares a copy.

    Returns:
      [H, W, 3] uint8, RGB.

    Raises:
      OSError: the picture is damaged, or its pixels have no range that is agreed on (32-bit ones).
    """
    try:
        return _array(formats.to_upright_rgb(image, in_place=in_place))
    except formats.RangeUnknownError as error:
        raise OSError(str(error)) from None
    except Exception as error:  # as above
        raise OSError(_damaged(error)) from error


def _array(image: Image.Image) -> np.ndarray:
    """Does what np.asarray does, line by line: in half of the time, and without two more copies of the picture."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _LINES_AT_ONCE):
        bottom = min(top + _LINES_AT_ONCE, height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels


def _what_is_wrong_with(head: bytes) -> str:
    if not head:
        return "the file is empty"
    brands = head[8:].split(b"\0")[0] if head[4:8] == b"ftyp" else b""
    if brands.startswith((b"hei", b"hev", b"mif1", b"msf1")) and not formats.HAS_HEIF:
        return "HEIC needs one more package: pip install pillow-heif"
    if brands.startswith(b"avi") and not features.check("avif"):
        return "AVIF needs another build of Pillow: pip install --upgrade pillow"
    if head.startswith(archives.MAGIC):
        return "an archive, or compressed: unpack it"
    return f"not a picture in {', '.join(formats.FORMATS)}, or damaged at its head"


def _damaged(error: Exception) -> str:
    kind = "too large (max_pixels)" if isinstance(error, Image.DecompressionBombError) else "damaged"
    return f"{kind}: {' '.join(str(error).split())}"
