"""What happens to a picture on its way to a verdict: one definition for training (`augment.py`) and the battery.

Every function takes images [B, S, S, 3] uint8, a strength (scalar float32 tensor) and a seed of two integers, and
returns images of the same shape and type: what a file would hold afterwards. x is a value in units of full scale, in
[0, 1]; what leaves that range is clipped, and everything is rounded to 8 bits.
"""

from collections.abc import Callable

import tensorflow as tf

from aireal.pixels import preprocess

Corruption = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
_GREY = (0.299, 0.587, 0.114)  # weights of red, green and blue: ITU-R BT.601


def jpeg(images: tf.Tensor, quality: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Compresses by baseline JPEG of `quality` 1 to 100, chroma halved; the same pixels as Pillow's, bit for bit."""

    whole = tf.cast(tf.round(quality), tf.int32)

    def through_file(image: tf.Tensor) -> tf.Tensor:
        return preprocess.decode_jpeg(tf.raw_ops.EncodeJpegVariableQuality(images=image, quality=whole))

    return tf.map_fn(through_file, images, fn_output_signature=tf.TensorSpec(images.shape[1:], tf.uint8))


def noise(images: tf.Tensor, deviation: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """x + n, n drawn for every value from a normal distribution of this standard deviation."""
    return _bytes(_floats(images) + deviation * tf.random.stateless_normal(tf.shape(images), seed))


def blur(images: tf.Tensor, sigma: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Convolves with exp(-d^2 / (2 sigma^2)), normalised, d in pixels; borders mirrored at the edge (b a | a b).

    Within a tenth of a level for a sigma of up to 0.3 S; beyond, images that are mirrored twice would count.
    """
    size = images.shape[1]
    place = tf.range(size, dtype=tf.float32)
    out, into = place[:, None], place[None, :]
    distances = (out - into, out + into + 1, 2 * size - 1 - out - into)  # to a pixel and to its two mirror images
    width = tf.maximum(tf.cast(sigma, tf.float32), 1e-3)  # 0 leaves the picture as it is
    weights = tf.add_n([tf.exp(-0.5 * tf.square(distance / width)) for distance in distances])
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    return _bytes(tf.einsum("ih,bhwc,jw->bijc", weights, _floats(images), weights))


def resample(images: tf.Tensor, share: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Reduces the edge to this share and enlarges it again, both bilinear, the former antialiased."""
    size = images.shape[1]
    reduced = preprocess.resize(images, tf.maximum(tf.cast(tf.round(share * size), tf.int32), 1))
    return preprocess.resize(reduced, size)


def brightness(images: tf.Tensor, factor: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """factor * x."""
    return _bytes(factor * _floats(images))


def contrast(images: tf.Tensor, factor: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """m + factor * (x - m), m the mean of the picture's grey values."""
    floats = _floats(images)
    mean = tf.reduce_mean(_grey(floats), axis=[1, 2], keepdims=True)
    return _bytes(mean + factor * (floats - mean))


def gamma(images: tf.Tensor, exponent: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """x ** exponent."""
    return _bytes(_floats(images) ** exponent)


def saturation(images: tf.Tensor, factor: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """g + factor * (x - g), g the pixel's grey value; 0 leaves no colour."""
    floats = _floats(images)
    grey = _grey(floats)
    return _bytes(grey + factor * (floats - grey))


def sharpen(images: tf.Tensor, share: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """x + share * (x - b), b blurred with a sigma of 1 pixel: an unsharp mask."""
    floats = _floats(images)
    return _bytes(floats + share * (floats - _floats(blur(images, tf.constant(1.0), seed))))


def specks(images: tf.Tensor, share: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Pixels, this share of them on average, become black or white: salt-and-pepper noise."""
    drawn = tf.random.stateless_uniform(tf.shape(images)[:-1], seed)[..., None]
    speck = tf.where(drawn < share / 2, tf.constant(0, tf.uint8), tf.constant(255, tf.uint8))
    return tf.where(drawn < share, speck, images)


def turn(images: tf.Tensor, degrees: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Turns to the left by the nearest multiple of 90 degrees."""
    return tf.image.rot90(images, tf.cast(tf.round(degrees / 90), tf.int32))


_floats = preprocess.normalise


def _grey(floats: tf.Tensor) -> tf.Tensor:
    return tf.tensordot(floats, tf.constant(_GREY), 1)[..., None]


def _bytes(floats: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(tf.clip_by_value(floats, 0.0, 1.0) * 255.0), tf.uint8)
