"""Bytes -> RGB uint8 -> normalised: the one definition for training, prediction and export.

The decoders give the same pixels: TensorFlow's with its accurate DCT is bit-identical to Pillow on JPEG.
"""

import contextlib
import io
import math
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf
from PIL import Image, ImageChops, ImageOps, features

try:
    import pillow_heif
except ImportError:
    pillow_heif = None
else:
    pillow_heif.register_heif_opener()

_UNROLLED = 512
# Of JPEG. A small file can claim more, and resampling takes memory by the longer edge.
_MAX_EDGE = 65_535
_PNG_COLOR_TYPE, _GREY_AND_ALPHA, _RGB_AND_ALPHA = 25, 4, 6  # position in the file, and two of its values
_TILE_SIZE, _BITS_PER_SAMPLE = (322, 323), 258  # tags of a TIFF
# Those people have. Pillow knows more, some of which start other programs (EPS).
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF") + (("HEIF",) if pillow_heif else ())


def decode_jpegs(encoded: tf.Tensor, at_most: int) -> tf.Tensor:
    """Decodes JPEGs of one size.

    Args:
      encoded: [B] string, RGB JPEG files, at least one.
      at_most: upper bound of B. Up to 512 the graph holds that many decoders side by side, which take a tenth less time
        than a tf.map_fn loop; a short batch is filled up with copies of its first picture.

    Returns:
      [B, H, W, 3] uint8, RGB.

    Raises:
      tf.errors.InvalidArgumentError: a file is damaged, or their sizes differ.
    """
    if at_most > _UNROLLED:  # such a graph would take longer to build than it saves
        return tf.map_fn(decode_jpeg, encoded, fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8))
    count = tf.shape(encoded)[0]
    full = tf.concat([encoded, tf.repeat(encoded[:1], at_most - count)], 0)
    return tf.stack([decode_jpeg(one) for one in tf.unstack(full, at_most)])[:count]


def decode_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes one JPEG: string scalar -> [H, W, 3] uint8, RGB."""
    return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")


def decode_jpeg_or_png(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG or PNG inside a graph: string scalar -> [H, W, 3] uint8, RGB.

    An alpha channel is laid over white; single colours declared transparent, as in palettes, are not. EXIF orientation
    is not applied: TensorFlow has no operation that reads it.
    """
    color_type = tf.io.decode_raw(tf.strings.substr(encoded, _PNG_COLOR_TYPE, 1), tf.uint8)[0]

    def over_white() -> tf.Tensor:
        color, alpha = tf.split(tf.cast(tf.io.decode_png(encoded, channels=4), tf.float32), [3, 1], axis=2)
        return tf.cast(tf.round(255.0 + (color - 255.0) * alpha / 255.0), tf.uint8)

    # Asked for four channels, TensorFlow makes up an alpha for palettes: so only those are asked that have one.
    is_jpeg = tf.io.is_jpeg(encoded)
    has_alpha = ~is_jpeg & ((color_type == _GREY_AND_ALPHA) | (color_type == _RGB_AND_ALPHA))
    return tf.cond(has_alpha, over_white, lambda: decode_jpeg(encoded))  # which decodes PNG too


def decode(encoded: bytes) -> np.ndarray:
    """Decodes a picture of any format of `open_image`: its bytes -> [H, W, 3] uint8, RGB. Raises OSError."""
    with open_image(io.BytesIO(encoded)) as image:
        return to_rgb(image)


def open_image(file: BinaryIO, max_pixels: int | None = None) -> Image.Image:
    """Reads the head of a picture: JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF; HEIC where pillow-heif is installed.

    Args:
      file: open for reading bytes; to stay open until the picture is decoded.
      max_pixels: limit of its size, besides Pillow's own of 178,956,970.

    Raises:
      OSError: not a picture, or none that can be read here, or of more than `max_pixels`; says which.
    """
    try:
        image = Image.open(file, formats=_FORMATS)
    except Image.UnidentifiedImageError:
        file.seek(0)
        raise OSError(_what_is_wrong_with(file.read(64))) from None
    except Exception as error:  # a damaged head makes Pillow's plugins raise nearly anything
        raise OSError(_damaged(error)) from error
    check_size(image, max_pixels)
    return image


def check_size(image: Image.Image, max_pixels: int | None) -> None:
    """Raises OSError where an opened picture is empty or too large: in all, by one edge, or by a tile of a TIFF."""
    width, height = image.size
    tags = getattr(image, "tag_v2", {})
    tile = math.prod(value for value in map(tags.get, _TILE_SIZE) if isinstance(value, int))
    if not width or not height:
        raise OSError(f"it has {width:,} x {height:,} pixels")
    if max(width, height) > _MAX_EDGE or (max_pixels and max(width * height, tile) > max_pixels):
        limits = f"{_MAX_EDGE:,} an edge" + (f", {max_pixels:,} in all" if max_pixels else "")
        raise OSError(f"it has {width:,} x {height:,} pixels, more than the limit: {limits}")


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
        image.load()
        image = image if in_place else image.copy()
        with contextlib.suppress(Exception):  # viewers show pictures whose EXIF is damaged; so upright they are
            ImageOps.exif_transpose(image, in_place=True)
        return np.asarray(_without_alpha(image))
    except Exception as error:  # as above
        raise OSError(_damaged(error)) from error


def _without_alpha(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        image = _scaled_to_8_bits(image)
    if image.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits, whose range is not known")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    over_white = image.convert("RGB")
    over_white.paste("white", mask=ImageChops.invert(image.getchannel("A")))
    return over_white


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    """Does what Pillow's conversion doesn't: that clips."""
    levels = np.asarray(image).astype(np.uint32)
    (bits, *_) = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))
    grey = Image.fromarray((levels * 255 // (2**bits - 1)).astype(np.uint8))
    if (transparent := image.info.get("transparency")) is not None:
        grey.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return grey


def _what_is_wrong_with(head: bytes) -> str:
    if not head:
        return "the file is empty"
    brands = head[8:].split(b"\0")[0] if head[4:8] == b"ftyp" else b""
    if brands.startswith((b"hei", b"hev", b"mif1", b"msf1")) and not pillow_heif:
        return "HEIC needs one more package: pip install pillow-heif"
    if brands.startswith(b"avi") and not features.check("avif"):
        return "AVIF needs another build of Pillow: pip install --upgrade pillow"
    return f"not a picture in {', '.join(_FORMATS)}, or damaged at its head"


def _damaged(error: Exception) -> str:
    kind = "too large" if isinstance(error, Image.DecompressionBombError) else "damaged"
    return f"{kind}: {' '.join(str(error).split())}"


def resize(images: tf.Tensor, size: int, aspect_ratio: str = "stretch") -> tf.Tensor:
    """Brings images to the model's size by bilinear resampling, antialiased where they shrink.

    Args:
      images: [..., H, W, 3] uint8.
      size: edge of the result in pixels.
      aspect_ratio: of `config.ASPECT_RATIOS`: stretch, as in CIFAKE's own making, or center_crop.

    Returns:
      [..., size, size, 3] uint8.
    """
    if aspect_ratio == "center_crop":
        images = center_crop(images)
    resized = tf.image.resize(images, [size, size], method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def center_crop(images: tf.Tensor) -> tf.Tensor:
    """[..., H, W, 3] -> [..., E, E, 3], the largest square in the middle."""
    height, width = tf.unstack(tf.shape(images)[-3:-1])
    edge = tf.minimum(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return images[..., top : top + edge, left : left + edge, :]


def normalise(images: tf.Tensor) -> tf.Tensor:
    """[..., 3] uint8 in 0..255 -> float32 in [0, 1]."""
    return tf.cast(images, tf.float32) / 255.0


def contract(image_size: int, aspect_ratio: str) -> dict[str, Any]:
    """Returns what happens to a picture before the network sees it, for who has to do the same elsewhere."""
    return {
        "frame": "the first of an animation",
        "orientation": "upright, as EXIF says",
        "color": "RGB, transparency over white, colour profiles not applied",
        "depth": "8 bits a channel, deeper ones scaled to 0..255",
        "aspect_ratio": aspect_ratio,
        "resampling": "bilinear, antialiased (tf.image.resize), rounded to 8 bits",
        "image_size": image_size,
        "normalisation": "x / 255",
    }
