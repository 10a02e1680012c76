"""Bytes -> RGB uint8 -> normalised: the one definition for training, prediction and export.

TensorFlow's decoder with its accurate DCT gives the same pixels as Pillow's (`decoding.py`), bit for bit.
"""

import tensorflow as tf

from aireal.pixels import windows

_UNROLLED = 512
_PNG_COLOR_TYPE, _GREY_AND_ALPHA, _RGB_AND_ALPHA = 25, 4, 6  # position in the file, and two of its values


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


def resize(images: tf.Tensor, size: int, aspect_ratio: str = "stretch", *, antialias: bool = True) -> tf.Tensor:
    """Brings images to the model's size by bilinear resampling.

    Args:
      images: [H, W, 3] or [B, H, W, 3] uint8.
      size: edge of the result in pixels.
      aspect_ratio: of `settings.data.ASPECT_RATIOS`: stretch, as in CIFAKE's own making, or center_crop.
      antialias: average over what shrinks, as networks are trained; camera pipelines take single samples instead.

    Returns:
      [size, size, 3] or [B, size, size, 3] uint8.
    """
    if aspect_ratio == "center_crop":
        images = center_crop(images)
    resized = tf.image.resize(images, [size, size], method="bilinear", antialias=antialias)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def center_crop(images: tf.Tensor) -> tf.Tensor:
    """[..., H, W, 3] -> [..., E, E, 3], the largest square in the middle."""
    height, width = tf.unstack(tf.shape(images)[-3:-1])
    edge = tf.minimum(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return images[..., top : top + edge, left : left + edge, :]


def cut_windows(picture: tf.Tensor, size: int, count: int) -> tf.Tensor:
    """Does what `windows.cut` does at `windows.places`.

    Args:
      picture: [H, W, 3] uint8.
      size: S, edge of a window in pixels.
      count: of windows.

    Returns:
      [count, S, S, 3] uint8.
    """
    edges = tf.maximum(tf.shape(picture)[:2], size)
    for axis in (0, 1):
        last = tf.shape(picture)[axis] - 1
        beyond = tf.range(edges[axis]) % tf.maximum(2 * last, 1)
        picture = tf.gather(picture, tf.minimum(beyond, tf.abs(2 * last - beyond)), axis=axis)
    corners = tf.cast(windows.shares(count) * tf.cast(edges - size + 1, tf.float64), tf.int32)
    return tf.map_fn(
        lambda corner: tf.slice(picture, [corner[0], corner[1], 0], [size, size, 3]),
        corners,
        fn_output_signature=tf.TensorSpec([size, size, 3], picture.dtype),
    )


def normalise(images: tf.Tensor) -> tf.Tensor:
    """[..., 3] uint8 in 0..255 -> float32 in [0, 1]."""
    return tf.cast(images, tf.float32) / 255.0
