"""The picture formats that are read, by Pillow, and what becomes of each: upright RGB."""

import contextlib

import numpy as np
from PIL import Image, ImageChops, ImageOps

try:
    import pillow_heif
except ImportError:
    HAS_HEIF = False
else:
    HAS_HEIF = True
    pillow_heif.register_heif_opener()

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # tags of a TIFF
_WHITE_IS_ZERO = 0  # of the second
# Of JPEG. A small file can claim more, and resampling takes memory by the longer edge.
MAX_EDGE = 65_535
# Those people have. Pillow knows more, some of which start other programs (EPS).
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF") + (("HEIF",) if HAS_HEIF else ())


class RangeUnknownError(ValueError):
    """A picture is sound, but nothing tells what its values mean."""


def has_32_bits(image: Image.Image) -> bool:
    """Returns whether a picture's values have 32 bits, whose range nothing tells; of grey ones PPM's has 16."""
    return image.mode == "F" or (image.mode == "I" and image.format != "PPM")


def to_upright_rgb(image: Image.Image, *, in_place: bool = True) -> Image.Image:
    """Returns an opened picture turned as its EXIF says, transparency over white, 16 bits scaled to 8.

    Args:
      image: of any mode; of an animation the first frame counts.
      in_place: whether it may be left turned upright, which spares a copy.

    Raises:
      RangeUnknownError: it has 32 bits; a damaged picture makes Pillow raise nearly anything else.
    """
    if has_32_bits(image):
        raise RangeUnknownError("its pixels have 32 bits, whose range is not known")
    image.load()
    bits = _bits_of_grey(image)  # which a copy does not know, nor
    is_negative = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # which Pillow obeys for 8 bits
    image = image if in_place else image.copy()
    with contextlib.suppress(Exception):  # viewers show pictures whose EXIF is damaged; so upright they are
        ImageOps.exif_transpose(image, in_place=True)
    if bits:
        image = _scaled_to_8_bits(image, bits, is_negative=is_negative)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")  # which copies
    image = image.convert("RGBA")
    over_white = image.convert("RGB")
    over_white.paste("white", mask=ImageChops.invert(image.getchannel("A")))
    return over_white


def _bits_of_grey(image: Image.Image) -> int | None:
    """Returns the bits of a grey picture's values where they are more than 8 and their range is agreed on."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
    return None


def _scaled_to_8_bits(image: Image.Image, bits: int, *, is_negative: bool) -> Image.Image:
    """Does what Pillow's conversion doesn't: that clips."""
    levels = np.asarray(image).astype(np.uint32)
    if is_negative:
        levels = 2**bits - 1 - levels
    grey = Image.fromarray((levels * 255 // (2**bits - 1)).astype(np.uint8))
    if (transparent := image.info.get("transparency")) is not None:
        grey.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return grey
