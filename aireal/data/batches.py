"""Prepared TFRecords -> batches."""

import copy
import dataclasses
import functools
import gc
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from aireal import machine
from aireal.data import readers, views
from aireal.data.pictures import Pictures
from aireal.data.readers import InMemory, Streamed
from aireal.pixels import augment, preprocess
from aireal.settings.config import Config

Targets = tf.Tensor | dict[str, tf.Tensor]  # what training is to learn

_RAM_SHARE = 0.5  # of the memory that is free: `auto` caches when the images take less
_READ_AT_ONCE = 64  # of a few images
_CORRUPTED_AT_ONCE = 128  # validation images, of which those of a kind get one strength


class Data(Pictures):
    """The batches of a run: images [B, S, S, 3] float32 in [0, 1], RGB, and labels [B] float32, 1 = REAL.

    There are three splits: train, validation and test, as `splits.masks` makes them. For given data and batch size,
    order and augmentation are a function of (seed, epoch, cache mode) alone.

    Args:
      config: its data fields and its seed are used.
      device: where training batches are placed ahead of their use, as "/gpu:0"; None leaves it to TensorFlow.
      sharers: processes that will hold these images in this machine's memory, for --cache=auto.
      learnt_from: as `Pictures` has it.

    Raises:
      UserError: the source cannot be used.

    Attributes:
      config: what was given, with the cache and the form settled.
      decoded_bytes: memory that the images of training and validation take in RAM mode.
    """

    def __init__(self, config: Config, device: str | None = None, sharers: int = 1, *, learnt_from: str | None = None):
        super().__init__(config, learnt_from=learnt_from)
        self._device = device
        self._learnt_from = self._masks["train"] | self._masks["validation"]  # --train_fraction leaves out others
        self._views = None
        if config.has_views:
            self._views = views.prepare(config, self._records, self.fingerprint, ~self._masks["test"])
            self._learnt_from = np.repeat(self._masks["train"], self._views["learnt"].of_each)
        self.decoded_bytes = int(self._learnt_from.sum()) * config.image_size**2 * 3
        cache = _cache_mode(config.cache, sharers * self.decoded_bytes)
        self.config = dataclasses.replace(self.config, cache=cache)

    def like(self, config: Config) -> "Data":
        """Returns the same images with another batch size and augmentation; decoded images are shared.

        Raises:
          ValueError: `config` means other images.
        """
        config = config.as_begun(self.config)
        differing = [field.name for field in dataclasses.fields(Config) if field.metadata["group"] == "data"]
        differing = [name for name in differing if getattr(config, name) != getattr(self.config, name)]
        if {name for name in differing if name != "batch_size" and not name.startswith("augment_")}:
            raise ValueError(f"other images: {', '.join(differing)}")
        self._for_training  # noqa: B018 - decoded before the copy, which then has it too
        other = copy.copy(self)
        other.config = config
        return other

    def image_counts(self) -> dict[str, int]:
        """Returns how many images training goes through: of "train" and "validation", each window one of them."""
        return {"train": int(self._to_learn.sum()), "validation": int(self._for_judging("validation")[1].sum())}

    def steps_per_epoch(self) -> int:
        """Returns the number of training batches, a last, smaller one included."""
        return -(-int(self._to_learn.sum()) // self.config.batch_size)

    def training(self, epochs: int, first_epoch: int = 0) -> tf.data.Dataset:
        """Returns shuffled, augmented batches of the train split for epochs `first_epoch` to `epochs` - 1, in a row.

        Each epoch has every image once and ends with its own, perhaps smaller, batch. With `--object_weight` the labels
        come as {"logit": labels, "object": [B] int64}.
        """
        return self._training(tf.data.Dataset.range(first_epoch, epochs), epochs - first_epoch)

    def next_epoch(self) -> tf.data.Dataset:
        """Returns the batches of `training` for one epoch, and for the next one whenever they are gone through again.

        Keras's `fit` goes through them once an epoch, whatever its `epochs`.
        """
        numbers = itertools.count()
        number = tf.data.Dataset.range(1).map(lambda _: tf.py_function(lambda: next(numbers), [], tf.int64))
        return self._training(number.map(lambda one: tf.ensure_shape(one, [])), 1)

    def _training(self, numbers: tf.data.Dataset, epochs: int) -> tf.data.Dataset:
        """Returns the training batches of `epochs` epochs with these numbers, int64 scalars."""
        config, steps = self.config, self.steps_per_epoch()
        images = self._for_training

        @tf.autograph.experimental.do_not_convert
        def shuffled(epoch: tf.Tensor) -> tf.data.Dataset:
            batches = images.shuffled(self._to_learn, [config.seed, epoch], config.batch_size)
            return batches.enumerate(epoch * steps)

        def read_and_augment(step: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, Targets]:
            pixels, labels, objects = images.read(batch, config.batch_size)
            # Before normalisation, because bytes are quicker to move than floats.
            pixels = augment.augment(pixels, config, seed=[config.seed, step])
            return preprocess.normalise(pixels), self._targets(labels, objects)

        batches = (
            numbers.flat_map(shuffled)
            .map(read_and_augment, num_parallel_calls=readers.PARALLEL_CALLS)
            .apply(tf.data.experimental.assert_cardinality(epochs * steps))
            .with_options(readers.options())
        )
        if self._device:  # copies to the GPU while it computes on the batch before; must stay the last step
            return batches.apply(tf.data.experimental.prefetch_to_device(self._device, readers.PREFETCHED))
        return batches.prefetch(readers.PREFETCHED)

    def evaluation(self, split: str) -> tf.data.Dataset:
        """Returns the batches of a split in the order of `table`, none dropped, nothing augmented.

        Of pictures that are read by windows each has `config.judged_views` in a row.
        """
        return self._ordered(split, lambda pixels, labels, objects: (preprocess.normalise(pixels), labels))

    def validation(self) -> tf.data.Dataset | None:
        """Returns the batches of `evaluation`, with the labels as in `training`; None where there are none."""
        if not self._masks["validation"].any():
            return None
        return self._ordered(
            "validation",
            lambda pixels, labels, objects: (preprocess.normalise(pixels), self._targets(labels, objects)),
        )

    def pixels(self, split: str, batch_size: int | None = None) -> tf.data.Dataset:
        """Returns the images of `evaluation` as they are before normalisation: batches [B, S, S, 3] uint8."""
        return self._ordered(split, lambda pixels, labels, objects: pixels, batch_size)

    def corrupted_validation(self) -> tf.data.Dataset:
        """Returns `pixels("validation")`, with the changes of training, each in an equal part of a batch."""
        changes = augment.changes(self.config)
        changes = [change._replace(share=1 / len(changes)) for change in changes]

        def corrupt(step: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
            seed = tf.stack([tf.constant(self.config.seed, tf.int64), step])
            return augment.corrupt(pixels, changes, seed)

        # Batches of their own size: training's may be so large that there were hardly any strengths.
        return self.pixels("validation", _CORRUPTED_AT_ONCE).enumerate().map(corrupt)

    def _targets(self, labels: tf.Tensor, objects: tf.Tensor) -> Targets:
        return {"logit": labels, "object": objects} if self.config.object_weight else labels

    def _ordered(
        self, split: str, then: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], Any], batch_size: int | None = None
    ) -> tf.data.Dataset:
        images, mask = self._for_judging(split)
        size = batch_size or self.config.batch_size
        return (
            images.ordered(mask, size)
            .map(lambda batch: then(*images.read(batch, size)), num_parallel_calls=readers.PARALLEL_CALLS)
            .apply(tf.data.experimental.assert_cardinality(-(-int(mask.sum()) // size)))
            .with_options(readers.options())
            .prefetch(readers.PREFETCHED)
        )

    def images(self, split: str, rows: np.ndarray) -> np.ndarray:
        """Returns a few images of a split: [len(rows), S, S, 3] uint8; of windows the first. `rows` are of `table`."""
        wanted = np.flatnonzero(self._masks[split])[rows]
        if self._views:
            wanted *= self._views["judged"].of_each
        few, size = self._streamed("judged"), self.config.image_size
        mask = np.isin(np.arange(len(few.label)), wanted)
        places = np.argsort(wanted)  # of the records' order in that of `rows`
        pixels = np.empty((len(wanted), size, size, 3), np.uint8)
        # Memory holds a batch of files, which may be many megabytes each.
        found = few.ordered(mask, _READ_AT_ONCE).map(lambda batch: few.read(batch, _READ_AT_ONCE)[0])
        for number, batch in enumerate(found):
            pixels[places[number * _READ_AT_ONCE :][: len(batch)]] = batch
        return pixels

    @property
    def _to_learn(self) -> np.ndarray:
        """Which images of `_for_training` are learnt from: [N] bool, or [V] of V views."""
        return self._learnt_from if self._views else self._masks["train"]

    def _for_judging(self, split: str) -> tuple[Streamed | InMemory, np.ndarray]:
        """Returns where the images of a split are, or their views, and a mask of them there."""
        if self._views:
            return self._streamed("judged"), np.repeat(self._masks[split], self._views["judged"].of_each)
        return self._streamed("judged") if split == "test" else self._for_training, self._masks[split]

    def _streamed(self, kind: str) -> Streamed:
        """Returns the images, or the views of a kind: learnt, judged."""
        table = self._records.table
        if not self._views:
            return Streamed(self._records.stored, table.label, table.object, self.config)
        stored, of_each = self._views[kind]
        label, objects = (np.repeat(column, of_each) for column in (table.label, table.object))
        return Streamed(stored, label, objects, self.config, raw=True)

    @functools.cached_property
    def _for_training(self) -> Streamed | InMemory:
        streamed = self._streamed("learnt")
        if self.config.cache == "none":
            return streamed
        return InMemory(streamed, self._learnt_from, self.config.image_size)

    def release(self) -> None:
        """Frees the images in memory, once training has seen them: judging, which sees each once or twice, streams."""
        vars(self)["_for_training"] = self._streamed("learnt")
        gc.collect()  # a training that is over leaves cycles which hold the images


def _cache_mode(wanted: str, decoded_bytes: int) -> str:
    if wanted != "auto":
        return wanted
    return "ram" if decoded_bytes < _RAM_SHARE * machine.free_memory_bytes() else "none"
