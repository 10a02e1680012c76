"""Prepared TFRecords -> batches."""

import copy
import dataclasses
import functools
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from aireal import machine
from aireal.data import readers
from aireal.data.readers import InMemory, Streamed
from aireal.data.records import Records, Table, fingerprint, prepare
from aireal.errors import UserError
from aireal.pixels import augment, preprocess
from aireal.settings.config import Config
from builders.cifake import sources

LABELS = sources.LABELS
Targets = tf.Tensor | dict[str, tf.Tensor]  # what training is to learn

_RAM_SHARE = 0.5  # of the memory that is free: `auto` caches when the images take less
_DECODED_AT_ONCE = 256  # images, when all are brought into memory
_CORRUPTED_AT_ONCE = 128  # validation images, of which those of a kind get one strength


class Data:
    """The batches of a run: images [B, S, S, 3] float32 in [0, 1], RGB, and labels [B] float32, 1 = REAL.

    There are three splits: `train` and `validation`, which share the source's train folder, and `test`. For given data
    and batch size, order and augmentation are a function of (seed, epoch, cache mode) alone.

    Args:
      config: its data fields and its seed are used.
      device: where training batches are placed ahead of their use, as "/gpu:0"; None leaves it to TensorFlow.
      sharers: processes that will hold these images in this machine's memory, for --cache=auto.

    Raises:
      UserError: the source cannot be used.
    """

    def __init__(self, config: Config, device: str | None = None, sharers: int = 1):
        builder = prepare(config)
        self.config = config
        self.fingerprint = fingerprint(builder)
        self.objects = tuple(builder.info.features["object"].names)
        self._device = device
        self._records = {name: Records(builder, name) for name in sources.SPLITS}
        table = self._records["train"].table
        held_out = _held_out(table, config.validation_fraction, config.seed)
        self._masks = {
            "train": ~held_out,
            "validation": held_out,
            "test": np.ones(len(self._records["test"]), bool),
        }
        if config.train_fraction < 1:
            kept = np.flatnonzero(~held_out)
            unused = _held_out(table.rows(kept), 1 - config.train_fraction, config.seed)
            self._masks["train"][kept[unused]] = False
        self.decoded_bytes = len(table) * config.image_size**2 * 3
        self.cache = _cache_mode(config.cache, sharers * self.decoded_bytes)

    def table(self, split: str) -> Table:
        """Returns what is known of the split's images, in the order of `evaluation`."""
        return self._records[_folder(split)].table.rows(self._masks[split])

    def check_training(self) -> None:
        """Raises UserError where training or validation would lack a class, or objects that are to be told.

        Who only judges needs neither.
        """
        if self.config.object_weight and not self.config.strict:
            raise UserError(
                "--object_weight needs CIFAKE's own form (--builder_config=strict), whose file names tell the objects. "
                "Give --object_weight=0."
            )
        fraction = self.config.validation_fraction
        for split in ("train", "validation") if fraction else ("train",):
            fakes, photographs = np.bincount(self.table(split).label, minlength=2)
            if not fakes or not photographs:
                raise UserError(
                    f"--validation_fraction={fraction:g} and --train_fraction={self.config.train_fraction:g} leave "
                    f"{fakes:,} FAKE and {photographs:,} REAL of {len(self._records['train']):,} images for {split}, "
                    "which needs one of each at least."
                )

    def check_judging(self, split: str) -> None:
        """Raises UserError where a split has no images, or those of one class alone."""
        fakes, photographs = np.bincount(self.table(split).label, minlength=2)
        fraction = f"--validation_fraction={self.config.validation_fraction:g}"
        if not fakes and not photographs:
            raise UserError(f"There are no {split} images: {fraction}.")
        if not fakes or not photographs:
            raise UserError(
                f"Of the {split} images {fakes:,} are FAKE and {photographs:,} REAL ({fraction}); to judge a model "
                "needs one of each at least."
            )

    def like(self, config: Config) -> "Data":
        """Returns the same images with another batch size and augmentation; decoded images are shared.

        Raises:
          ValueError: `config` means other images.
        """
        differing = [field.name for field in dataclasses.fields(Config) if field.metadata["group"] == "data"]
        differing = [name for name in differing if getattr(config, name) != getattr(self.config, name)]
        if {name for name in differing if name != "batch_size" and not name.startswith("augment_")}:
            raise ValueError(f"other images: {', '.join(differing)}")
        folder = self._train_folder  # before the copy, which then has it too
        other = copy.copy(self)
        other.config = config
        if isinstance(folder, InMemory):
            other._train_folder = folder.with_batch_size(config.batch_size)
        else:
            del other._train_folder
        return other

    def steps_per_epoch(self) -> int:
        """Returns the number of training batches, a last, smaller one included."""
        return -(-int(self._masks["train"].sum()) // self.config.batch_size)

    def training(self, epochs: int, first_epoch: int = 0) -> tf.data.Dataset:
        """Returns shuffled, augmented batches of the train split for epochs `first_epoch` to `epochs` - 1, in a row.

        Each epoch has every image once and ends with its own, perhaps smaller, batch. With `--object_weight` the labels
        come as {"logit": labels, "object": [B] int64}.
        """
        config, steps = self.config, self.steps_per_epoch()
        images = self._images("train")

        @tf.autograph.experimental.do_not_convert
        def shuffled(epoch: tf.Tensor) -> tf.data.Dataset:
            return images.shuffled(self._masks["train"], seed=[config.seed, epoch])

        def read_and_augment(step: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, Targets]:
            pixels, labels, objects = images.read(batch)
            # Before normalisation, because bytes are quicker to move than floats.
            pixels = augment.augment(pixels, config, seed=[config.seed, step])
            return preprocess.normalise(pixels), self._targets(labels, objects)

        batches = (
            tf.data.Dataset.range(first_epoch, epochs)
            .flat_map(shuffled)
            .enumerate(first_epoch * steps)
            .map(read_and_augment, num_parallel_calls=readers.PARALLEL_CALLS)
            .apply(tf.data.experimental.assert_cardinality((epochs - first_epoch) * steps))
            .with_options(readers.options())
        )
        if self._device:  # copies to the GPU while it computes on the batch before; must stay the last step
            return batches.apply(tf.data.experimental.prefetch_to_device(self._device, readers.PREFETCHED))
        return batches.prefetch(readers.PREFETCHED)

    def evaluation(self, split: str) -> tf.data.Dataset:
        """Returns the batches of a split in the order of `table`, none dropped, nothing augmented."""
        return self._ordered(split, lambda pixels, labels, objects: (preprocess.normalise(pixels), labels))

    def validation(self) -> tf.data.Dataset | None:
        """Returns the batches of `evaluation`, with the labels as in `training`; None where there are none."""
        if not self._masks["validation"].any():
            return None
        return self._ordered(
            "validation",
            lambda pixels, labels, objects: (preprocess.normalise(pixels), self._targets(labels, objects)),
        )

    def corrupted_validation(self) -> tf.data.Dataset:
        """Returns the images of `evaluation("validation")`, corrupted as in training, in equal parts of each batch."""
        share = 1 / augment.corrupts(self.config)
        # Batches of their own size: training's may be so large that there were hardly any strengths.
        config = dataclasses.replace(self.config, batch_size=_CORRUPTED_AT_ONCE, augment_share=share)

        def corrupt(step: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            pixels, labels = batch
            seed = tf.stack([tf.constant(config.seed, tf.int64), step])
            return preprocess.normalise(augment.corrupt(pixels, config, share, seed)), labels

        images = self.like(config)._ordered("validation", lambda pixels, labels, objects: (pixels, labels))
        return images.enumerate().map(corrupt)

    def pixels(self, split: str) -> tf.data.Dataset:
        """Returns the images of `evaluation` as they are before normalisation: batches [B, S, S, 3] uint8."""
        return self._ordered(split, lambda pixels, labels, objects: pixels)

    def _targets(self, labels: tf.Tensor, objects: tf.Tensor) -> Targets:
        return {"logit": labels, "object": objects} if self.config.object_weight else labels

    def _ordered(self, split: str, then: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], Any]) -> tf.data.Dataset:
        images, mask = self._images(split), self._masks[split]
        return (
            images.ordered(mask)
            .map(lambda batch: then(*images.read(batch)), num_parallel_calls=readers.PARALLEL_CALLS)
            .apply(tf.data.experimental.assert_cardinality(-(-int(mask.sum()) // self.config.batch_size)))
            .with_options(readers.options())
            .prefetch(readers.PREFETCHED)
        )

    def images(self, split: str, rows: np.ndarray) -> np.ndarray:
        """Returns a few images of a split: [len(rows), S, S, 3] uint8. `rows` count as in `table`."""
        wanted = np.flatnonzero(self._masks[split])[rows]
        records = self._records[_folder(split)]
        mask = np.isin(np.arange(len(records.table)), wanted)
        few = Streamed(records, self.config.for_judging(len(wanted)))
        pixels, *_ = next(few.ordered(mask).map(few.read).as_numpy_iterator())
        return pixels[np.argsort(np.argsort(wanted))]  # from the records' order to that of `rows`

    def _images(self, split: str) -> Streamed | InMemory:
        return self._train_folder if _folder(split) == "train" else Streamed(self._records["test"], self.config)

    @functools.cached_property
    def _train_folder(self) -> Streamed | InMemory:
        records = self._records["train"]
        if self.cache == "none":
            return Streamed(records, self.config)
        decoding = Streamed(records, self.config.for_judging(_DECODED_AT_ONCE))
        return InMemory(decoding, records.table, self.config)


def _folder(split: str) -> str:
    return "test" if split == "test" else "train"


def _held_out(table: Table, fraction: float, seed: int) -> np.ndarray:
    """Returns which images of the train folder are kept out of training, for validation: [N] bool.

    Stratified by label, files with the same bytes on the same side, and the same for the same file names and seed
    whatever the machine: groups of copies are taken in the order of a hash of seed and name.
    """
    groups: dict[str, list[int]] = {}
    for position, (filename, copy_of) in enumerate(zip(table.filename, table.copy_of, strict=True)):
        groups.setdefault(copy_of or f"train/{filename}", []).append(position)
    left = {label: round(fraction * count) for label, count in enumerate(np.bincount(table.label, minlength=2))}
    held_out = np.zeros(len(table), bool)
    for name in sorted(groups, key=lambda name: hashlib.blake2b(f"{seed}/{name}".encode()).digest()):
        positions = groups[name]
        label = table.label[positions[0]]
        if len(positions) <= left[label]:
            held_out[positions] = True
            left[label] -= len(positions)
    return held_out


def _cache_mode(wanted: str, decoded_bytes: int) -> str:
    if wanted != "auto":
        return wanted
    return "ram" if decoded_bytes < _RAM_SHARE * machine.free_memory_bytes() else "none"
