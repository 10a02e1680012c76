"""Augmentation of training batches: stateless, so that a batch's fate is a function of the seed it is given."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from aireal.pixels import corruptions
from aireal.settings.augmentation import CHANGES, CORRUPTING, EDITING
from aireal.settings.config import Config

_GREY = 128  # the middle of 0..255
_BEST_JPEG_QUALITY = 75  # better ones cost no verdict: CIFAKE's own files are of 75
_LEAST_BLUR = 0.3  # pixels; less hardly changes a byte


class Change(NamedTuple):
    """What happens to a part of each batch: with the least and the greatest strength, and the size of that part."""

    corruption: corruptions.Corruption
    least: float
    greatest: float
    share: float


def augment(images: tf.Tensor, config: Config, seed: list) -> tf.Tensor:
    """Applies what `config` asks for.

    Args:
      images: [B, S, S, 3] uint8; any type where no corruption is asked for.
      config: its augment_* fields are used.
      seed: two integers or scalar tensors, different for every batch.

    Returns:
      Images of the same shape and type.
    """
    seed = tf.stack([tf.cast(part, tf.int64) for part in seed])
    if edits := changes(config, EDITING):
        images = _elsewhere(images, edits, tf.random.fold_in(seed, 4))
    # Before they are moved, because it happens to files: JPEG's blocks lie on those of the JPEG that one was before.
    if corrupting := changes(config, CORRUPTING):
        images = corrupt(images, corrupting, tf.random.fold_in(seed, 3))
    if config.augment_flip or config.augment_shift_pixels:
        images = _move(images, config, seed)
    if config.augment_cutout_pixels:
        images = _cutout(images, config.augment_cutout_pixels, tf.random.fold_in(seed, 2))
    return images


def changes(config: Config, among: Sequence[str] = CHANGES) -> list[Change]:
    """Returns what is switched on of these fields."""
    of_flag = {
        "augment_jpeg_quality": lambda quality: (corruptions.jpeg, quality, _BEST_JPEG_QUALITY),
        "augment_noise": lambda deviation: (corruptions.noise, 0.0, deviation),
        "augment_blur": lambda sigma: (corruptions.blur, min(_LEAST_BLUR, sigma), sigma),
        "augment_resample": lambda share: (corruptions.resample, share, 1.0),
        "augment_specks": lambda share: (corruptions.specks, 0.0, share),
        "augment_brightness": lambda change: (corruptions.brightness, 1 - change, 1 + change),
        "augment_contrast": lambda change: (corruptions.contrast, 1 - change, 1 + change),
        "augment_gamma": lambda change: (corruptions.gamma, 1 - change, 1 + change),
        "augment_saturation": lambda change: (corruptions.saturation, 1 - change, 1 + change),
        "augment_grey": lambda _: (corruptions.saturation, 0.0, 0.0),
        "augment_sharpen": lambda strength: (corruptions.sharpen, 0.0, strength),
        "augment_turn": lambda _: (corruptions.turn, 45.1, 314.9),  # by the nearest of 90, 180 and 270, as often each
    }
    return [
        Change(*of_flag[name](float(getattr(config, name))), share)
        for name, share in config.shares.items()
        if name in among
    ]


def corrupt(images: tf.Tensor, changes: Sequence[Change], seed: tf.Tensor) -> tf.Tensor:
    """Makes each change to its part of the batch, whose order is random already, at one random strength."""
    count = tf.cast(tf.shape(images)[0], tf.float32)
    begin, parts = 0, []
    for number, change in enumerate(changes):
        own = tf.random.fold_in(seed, number)
        strength = tf.random.stateless_uniform([], own, change.least, change.greatest)
        end = begin + tf.cast(change.share * count + 1e-3, tf.int32)  # 0.21 of 300 is 62.99999 in float32
        parts.append(change.corruption(images[begin:end], strength, tf.random.fold_in(own, 0)))
        begin = end
    return tf.concat([*parts, images[begin:]], axis=0)


def _elsewhere(images: tf.Tensor, changes: Sequence[Change], seed: tf.Tensor) -> tf.Tensor:
    """As `corrupt`, from a random place of the batch on, so that every change meets those that `corrupt` makes."""
    by = tf.random.stateless_uniform([], seed, 0, tf.shape(images)[0], tf.int32)
    return tf.roll(corrupt(tf.roll(images, by, 0), changes, tf.random.fold_in(seed, 0)), -by, 0)


def _move(images: tf.Tensor, config: Config, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors half of the images, and moves each by its own whole number of pixels, borders reflected.

    By one gather of pixels: TensorFlow's padding and reversal of bytes take five times as long.
    """
    count, size = tf.shape(images)[0], images.shape[1]
    rows = columns = tf.tile(tf.range(size)[None], [count, 1])  # [B, S]: where in the image every line is taken
    if config.augment_shift_pixels:
        pixels = config.augment_shift_pixels
        offsets = tf.random.stateless_uniform([2, count, 1], tf.random.fold_in(seed, 1), 0, 2 * pixels + 1, tf.int32)
        inside = tf.abs(offsets - pixels + tf.range(size))  # of the upper and left border
        rows, columns = tf.unstack(tf.minimum(inside, 2 * (size - 1) - inside))
    if config.augment_flip:
        mirrored = tf.random.stateless_uniform([count, 1], tf.random.fold_in(seed, 0)) < 0.5
        columns = tf.where(mirrored, size - 1 - columns, columns)
    lines = tf.range(count)[:, None] * size + rows  # of all images, one below the other
    return tf.gather(tf.reshape(images, [-1, images.shape[-1]]), lines[:, :, None] * size + columns[:, None])


def _cutout(images: tf.Tensor, edge: int, seed: tf.Tensor) -> tf.Tensor:
    """Covers a square of every image: DeVries and Taylor 2017, "Improved Regularization of Convolutional Networks"."""
    count, size = tf.shape(images)[0], images.shape[1]
    first = tf.random.stateless_uniform([2, count, 1], seed, 0, size, tf.int32) - edge // 2
    inside = (tf.range(size) >= first) & (tf.range(size) < first + edge)  # [2, B, S]: of rows, of columns
    covered = inside[0][:, :, None] & inside[1][:, None, :]
    return tf.where(covered[..., None], tf.cast(_GREY, images.dtype), images)
