"""Bytes -> RGB uint8 -> normalised: the one definition for training, prediction and export.

The decoders give the same pixels: TensorFlow's with its accurate DCT is bit-identical to Pillow on JPEG.
"""

import io
import struct

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

_UNROLLED = 512


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


def decode(encoded: bytes) -> np.ndarray:
    """Decodes a picture of any format that Pillow reads.

    The first frame of an animation; turned as its EXIF orientation says; transparency over white.

    Args:
      encoded: the file's bytes.

    Returns:
      [H, W, 3] uint8, RGB.

    Raises:
      OSError: not an image, or a damaged one.
    """
    try:
        return _decode(encoded)
    # What Pillow's plugins raise besides OSError when a file is damaged, or claims a size beyond all reason.
    except (ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise OSError(f"cannot read the image: {error}") from error


def _decode(encoded: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(encoded)) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):  # Pillow would clip 16 bits to 8 instead of scaling them
            image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        return np.asarray(image.convert("RGB"))


def resize(images: tf.Tensor, size: int) -> tf.Tensor:
    """Brings images to the model's size by bilinear resampling, antialiased where they shrink.

    Args:
      images: [..., H, W, 3] uint8.
      size: edge of the result in pixels. The aspect ratio is not kept, as in CIFAKE's own making.

    Returns:
      [..., size, size, 3] uint8.
    """
    resized = tf.image.resize(images, [size, size], method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def normalise(images: tf.Tensor) -> tf.Tensor:
    """[..., 3] uint8 in 0..255 -> float32 in [0, 1]."""
    return tf.cast(images, tf.float32) / 255.0
