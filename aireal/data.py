"""Prepared TFRecords -> batches."""

import dataclasses
import functools
import hashlib
import math
import os
import pathlib

import numpy as np
import psutil
import tensorflow as tf
import tqdm

from aireal import augment, preprocess
from aireal.config import Config, UserError
from aireal.prepared import Records, Table, prepare
from builders.cifake import sources

LABELS = sources.LABELS

_RAM_SHARE = 0.5  # of the memory that is free: `auto` caches when the images take less
_PREFETCHED = 4  # batches
_DECODED_AT_ONCE = 256  # images, when all are brought into memory
# tf.data's autotuner costs a tenth of the throughput on two cores, so the parallelism is set by hand.
_PARALLEL_CALLS = (os.cpu_count() or 1) + 1


class Data:
    """The batches of a run: images [B, S, S, 3] float32 in [0, 1], RGB, and labels [B] float32, 1 = REAL.

    There are three splits: `train` and `validation`, which share the source's train folder, and `test`. For given data
    and batch size, order and augmentation are a function of (seed, epoch, cache mode) alone.

    Args:
      config: its data fields and its seed are used.
      device: where training batches are placed ahead of their use, as "/gpu:0"; None leaves it to TensorFlow.

    Raises:
      UserError: the source cannot be used, or too few images are left for a split.
    """

    def __init__(self, config: Config, device: str | None = None):
        builder = prepare(config)
        self.config = config
        self.fingerprint = pathlib.Path(builder.data_dir).parents[2].name
        self.objects = tuple(builder.info.features["object"].names)
        self._device = device
        self._records = {name: Records(builder, name) for name in sources.SPLITS}
        table = self._records["train"].table
        held_out = _held_out(table, config.validation_fraction, config.seed)
        self._masks = {
            "train": ~held_out,
            "validation": held_out,
            "test": np.ones(len(self._records["test"].table), bool),
        }
        for split in ("train", "validation") if config.validation_fraction else ("train",):
            fakes, photographs = np.bincount(table.label[self._masks[split]], minlength=2)
            if not fakes or not photographs:
                raise UserError(
                    f"--validation_fraction={config.validation_fraction:g} of {len(table):,} images leaves {fakes:,} "
                    f"FAKE and {photographs:,} REAL for {split}, which needs one of each at least."
                )
        self.decoded_bytes = len(table) * config.image_size**2 * 3
        self.cache = _cache_mode(config.cache, self.decoded_bytes)

    def table(self, split: str) -> Table:
        """Returns what is known of the split's images, in the order of `evaluation`."""
        return self._records[_folder(split)].table.rows(self._masks[split])

    def steps_per_epoch(self) -> int:
        """Returns the number of training batches, a last, smaller one included."""
        return -(-int(self._masks["train"].sum()) // self.config.batch_size)

    def training(self, epochs: int, first_epoch: int = 0) -> tf.data.Dataset:
        """Returns shuffled, augmented batches of the train split for epochs `first_epoch` to `epochs` - 1, in a row.

        Each epoch has every image once and ends with its own, perhaps smaller, batch.
        """
        config, steps = self.config, self.steps_per_epoch()
        images = self._images("train")

        @tf.autograph.experimental.do_not_convert
        def shuffled(epoch: tf.Tensor) -> tf.data.Dataset:
            return images.shuffled(self._masks["train"], seed=[config.seed, epoch])

        def read_and_augment(step: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            pixels, labels = images.read(batch)
            return augment.augment(preprocess.normalise(pixels), config, seed=[config.seed, step]), labels

        batches = (
            tf.data.Dataset.range(first_epoch, epochs)
            .flat_map(shuffled)
            .enumerate(first_epoch * steps)
            .map(read_and_augment, num_parallel_calls=_PARALLEL_CALLS)
            .apply(tf.data.experimental.assert_cardinality((epochs - first_epoch) * steps))
            .with_options(_options())
        )
        if self._device:  # copies to the GPU while it computes on the batch before; must stay the last step
            return batches.apply(tf.data.experimental.prefetch_to_device(self._device, _PREFETCHED))
        return batches.prefetch(_PREFETCHED)

    def evaluation(self, split: str) -> tf.data.Dataset:
        """Returns the batches of a split in the order of `table`, none dropped, nothing augmented."""
        images, mask = self._images(split), self._masks[split]

        def read(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            pixels, labels = images.read(batch)
            return preprocess.normalise(pixels), labels

        return (
            images.ordered(mask)
            .map(read, num_parallel_calls=_PARALLEL_CALLS)
            .apply(tf.data.experimental.assert_cardinality(-(-int(mask.sum()) // self.config.batch_size)))
            .with_options(_options())
            .prefetch(_PREFETCHED)
        )

    def images(self, split: str, rows: np.ndarray) -> np.ndarray:
        """Returns a few images of a split: [len(rows), S, S, 3] uint8. `rows` count as in `table`."""
        wanted = np.flatnonzero(self._masks[split])[rows]
        records = self._records[_folder(split)]
        mask = np.isin(np.arange(len(records.table)), wanted)
        few = _Streamed(records, dataclasses.replace(self.config, batch_size=len(wanted)))
        pixels, _ = next(few.ordered(mask).map(few.read).as_numpy_iterator())
        return pixels[np.argsort(np.argsort(wanted))]  # from the records' order to that of `rows`

    def _images(self, split: str) -> "_Streamed | _InMemory":
        return self._train_folder if _folder(split) == "train" else _Streamed(self._records["test"], self.config)

    @functools.cached_property
    def _train_folder(self) -> "_Streamed | _InMemory":
        records = self._records["train"]
        if self.cache == "none":
            return _Streamed(records, self.config)
        decoding = _Streamed(records, dataclasses.replace(self.config, batch_size=_DECODED_AT_ONCE))
        return _InMemory(decoding, records.table, self.config)


class _Streamed:
    """Images read from their records whenever they are needed; a batch is [B] string, serialized examples."""

    def __init__(self, records: Records, config: Config):
        self._records = records
        self._config = config

    def shuffled(self, mask: np.ndarray, seed: list) -> tf.data.Dataset:
        return self._records.shuffled(mask, seed, self._config.batch_size)

    def ordered(self, mask: np.ndarray) -> tf.data.Dataset:
        return self._records.ordered(mask).batch(self._config.batch_size)

    def read(self, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns images [B, S, S, 3] uint8 and labels [B] float32."""
        features = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
        example = tf.io.parse_example(batch, features)
        size = self._config.image_size
        if self._config.strict:
            pixels = preprocess.decode_jpegs(example["image"], at_most=self._config.batch_size)
            if size != sources.SIZE:
                pixels = preprocess.resize(pixels, size)
        else:
            spec = tf.TensorSpec([size, size, 3], tf.uint8)
            pixels = tf.map_fn(lambda one: _decode_any(one, size), example["image"], fn_output_signature=spec)
        return tf.ensure_shape(pixels, [None, size, size, 3]), tf.cast(example["label"], tf.float32)


class _InMemory:
    """Images decoded once, for all epochs; a batch is [B] int64, positions."""

    def __init__(self, streamed: _Streamed, table: Table, config: Config):
        self._batch_size = config.batch_size
        pixels = _aligned_empty((len(table), config.image_size, config.image_size, 3))
        batches = (
            streamed.ordered(np.ones(len(table), bool))
            .map(lambda batch: streamed.read(batch)[0], num_parallel_calls=_PARALLEL_CALLS)
            .with_options(_options())
            .prefetch(_PREFETCHED)
        )
        filled = 0
        with tqdm.tqdm(total=len(table), desc="decoding", unit=" images", leave=False, mininterval=0.5) as progress:
            for batch in batches:
                pixels[filled : filled + len(batch)] = batch
                filled += len(batch)
                progress.update(len(batch))
        # Shares the memory; tf.constant would hold the images three times over while it copies.
        self._pixels = tf.experimental.dlpack.from_dlpack(pixels.__dlpack__())
        self._labels = table.label.astype(np.float32)

    def shuffled(self, mask: np.ndarray, seed: list) -> tf.data.Dataset:
        return self._batches(tf.random.experimental.stateless_shuffle(np.flatnonzero(mask), seed))

    def ordered(self, mask: np.ndarray) -> tf.data.Dataset:
        return self._batches(tf.constant(np.flatnonzero(mask)))

    def read(self, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns images [B, S, S, 3] uint8 and labels [B] float32."""
        return tf.gather(self._pixels, batch), tf.gather(self._labels, batch)

    def _batches(self, positions: tf.Tensor) -> tf.data.Dataset:
        size, count = self._batch_size, positions.shape[0]
        # Whole batches are cut out: from_tensor_slices(...).batch() would handle every position by itself.
        return tf.data.Dataset.range(0, count, size).map(lambda start: positions[start : start + size])


def _aligned_empty(shape: tuple[int, ...]) -> np.ndarray:
    """Returns an uninitialised uint8 array at an address that TensorFlow's kernels accept, a multiple of 64."""
    size = math.prod(shape)
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].reshape(shape)


def _folder(split: str) -> str:
    return "test" if split == "test" else "train"


def _held_out(table: Table, fraction: float, seed: int) -> np.ndarray:
    """Returns which images of the train folder are kept for validation: [N] bool.

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
    return "ram" if decoded_bytes < _RAM_SHARE * _free_memory_bytes() else "none"


def _free_memory_bytes() -> int:
    limit, used = (pathlib.Path("/sys/fs/cgroup", name) for name in ("memory.max", "memory.current"))
    free = psutil.virtual_memory().available  # of the machine, whatever a container may use of it
    if limit.exists() and (text := limit.read_text().strip()) != "max":
        free = min(free, int(text) - int(used.read_text()))
    return free


def _decode_any(encoded: tf.Tensor, size: int) -> tf.Tensor:
    image = tf.ensure_shape(tf.numpy_function(preprocess.decode, [encoded], tf.uint8), [None, None, 3])
    return preprocess.resize(image, size)


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return options
