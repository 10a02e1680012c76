"""Pictures that are unlike those a network was trained on, made of these: what `judging.unsure` teaches it to notice.

None is a picture of another camera or generator. Each changes what others change too: how much a picture shows, how it
was reduced, how sharp it is, its colours, its exposure, which way up it is.
"""

from collections.abc import Callable

import tensorflow as tf

from aireal.pixels import corruptions, preprocess
from aireal.settings.config import Config

LEAST = 4  # images that an alteration needs
# [B, S, S, 3] uint8, B at least LEAST -> the same shape and type.
Alteration = Callable[[tf.Tensor], tf.Tensor]


def _zoomed(images: tf.Tensor, share: float) -> tf.Tensor:
    """The middle share of the edge, enlarged."""
    size = images.shape[1]
    margin = round(size * (1 - share) / 2)
    return preprocess.resize(images[:, margin : size - margin, margin : size - margin], size)


def _reflected(images: tf.Tensor, share: float) -> tf.Tensor:
    """A larger picture, continued by its mirror images, reduced: `share` of an edge of it on each side."""
    margin = round(images.shape[1] * share)
    padded = tf.pad(images, [[0, 0], [margin, margin], [margin, margin], [0, 0]], "SYMMETRIC")
    return preprocess.resize(padded, images.shape[1])


def _mosaic(images: tf.Tensor) -> tf.Tensor:
    """Four pictures in one, each reduced to half the edge."""
    halves = preprocess.resize(images, images.shape[1] // 2)
    upper, lower = (tf.concat([tf.roll(halves, by, 0), tf.roll(halves, by + 1, 0)], 2) for by in (0, 2))
    return preprocess.resize(tf.concat([upper, lower], 1), images.shape[1])


def _shuffled(images: tf.Tensor) -> tf.Tensor:
    """The picture cut into 16 tiles, which change places."""
    edge = images.shape[1] // 4
    rows = tf.concat([images[:, row * edge : (row + 1) * edge] for row in (2, 0, 3, 1)], 1)
    tiles = tf.concat([rows[:, :, column * edge : (column + 1) * edge] for column in (1, 3, 0, 2)], 2)
    return preprocess.resize(tiles, images.shape[1])


def _sharpened(images: tf.Tensor, share: float) -> tf.Tensor:
    """x + share * (x - x reduced to half the edge and enlarged)."""
    x, soft = (tf.cast(one, tf.float32) for one in (images, corruptions.resample(images, tf.constant(0.5), None)))
    return _bytes(x + share * (x - soft))


def _mixed(images: tf.Tensor) -> tf.Tensor:
    """The mean of two pictures."""
    return _bytes((tf.cast(images, tf.float32) + tf.cast(tf.roll(images, 1, 0), tf.float32)) / 2)


def _saturated(images: tf.Tensor, factor: float) -> tf.Tensor:
    """m + factor * (x - m), m the mean of a pixel's colours."""
    x = tf.cast(images, tf.float32)
    grey = tf.reduce_mean(x, -1, keepdims=True)
    return _bytes(grey + factor * (x - grey))


def _exposed(corruption: corruptions.Corruption, factor: float) -> Alteration:
    return lambda images: corruption(images, tf.constant(factor), None)


def _bytes(levels: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(tf.clip_by_value(levels, 0.0, 255.0)), tf.uint8)


ALTERATIONS: dict[str, Alteration] = {
    "four in one": _mosaic,
    "much more in sight": lambda images: _reflected(images, 1.0),
    "more in sight": lambda images: _reflected(images, 0.5),
    "a little more in sight": lambda images: _reflected(images, 0.25),
    "less in sight": lambda images: _zoomed(images, 0.7),
    "much less in sight": lambda images: _zoomed(images, 0.5),
    "in pieces": _shuffled,
    "two in one": _mixed,
    "turned": lambda images: tf.image.rot90(images),
    "sharpened": lambda images: _sharpened(images, 0.4),
    "much sharpened": lambda images: _sharpened(images, 0.8),
    "over-sharpened": lambda images: _sharpened(images, 1.6),
    "much over-sharpened": lambda images: _sharpened(images, 2.4),
    "negative": lambda images: 255 - images,
    "other colours": lambda images: tf.gather(images, [1, 2, 0], axis=-1),
    "grey": lambda images: _saturated(images, 0.0),
    "pale": lambda images: _saturated(images, 0.4),
    "gaudy": lambda images: _saturated(images, 2.2),
    "dark": _exposed(corruptions.brightness, 0.5),
    "bright": _exposed(corruptions.brightness, 1.6),
    "flat": _exposed(corruptions.contrast, 0.45),
    "harsh": _exposed(corruptions.contrast, 1.9),
}
# The strength of training's own change from which each is nothing new to a network. A stronger one stays foreign.
_TAUGHT = {
    "turned": ("augment_turn", 1),
    "sharpened": ("augment_sharpen", 0.4),
    "much sharpened": ("augment_sharpen", 0.8),
    "grey": ("augment_grey", 1),
    "pale": ("augment_saturation", 0.6),
    "dark": ("augment_brightness", 0.5),
    "bright": ("augment_brightness", 0.6),
    "flat": ("augment_contrast", 0.55),
    "harsh": ("augment_contrast", 0.9),
}


def foreign_to(config: Config) -> list[Alteration]:
    """Returns the alterations that training by `config` did not make itself, or not so strongly."""
    taught = {name for name, (field, strength) in _TAUGHT.items() if getattr(config, field) >= strength}
    return [alter for name, alter in ALTERATIONS.items() if name not in taught]
