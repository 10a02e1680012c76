"""Prepared TFRecords -> batches; prepares them on first use."""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import tempfile

import filelock
import numpy as np
import psutil
import tensorflow as tf

from aireal import augment, demo, preprocess
from aireal.config import Config, UserError
from builders.cifake import sources
from builders.cifake.cifake_dataset_builder import Builder

LABELS = sources.LABELS

_SHUFFLE_BUFFER = 10_000  # encoded images, of CIFAKE 10 MB; fewer where they are large
_SHUFFLE_BUFFER_BYTES = 256 << 20
_RAM_SHARE = 0.5  # of the memory that is free: `auto` caches when the images take less
_INTERLEAVED = 16  # examples in a row from a shard, before the next shard's turn
_PREFETCHED = 4  # batches
# tf.data's autotuner costs a tenth of the throughput on two cores, so the parallelism is set by hand.
_PARALLEL_CALLS = (os.cpu_count() or 1) + 1
_KAGGLE = "birdy654/cifake-real-and-ai-generated-synthetic-images"


@dataclasses.dataclass(frozen=True)
class Table:
    """What is known of images besides their pixels; row i belongs to image i."""

    label: np.ndarray  # [N] int64, 0 = FAKE, 1 = REAL
    object: np.ndarray  # [N] int64, index into `Data.objects`, -1 = unknown
    filename: np.ndarray  # [N] str, as FAKE/0001 (2).jpg
    copy_of: np.ndarray  # [N] str, as train/FAKE/0000.jpg; empty for a first or only one

    def __len__(self) -> int:
        return len(self.label)

    def rows(self, positions: np.ndarray) -> "Table":
        """Returns the rows at `positions`: integers, or a mask."""
        return Table(**{name: column[positions] for name, column in vars(self).items()})


class Data:
    """The batches of a run. Batches are (images, labels): [B, S, S, 3] float32 in [0, 1] RGB, and [B] float32, 1 = REAL.

    There are three splits: `train` and `validation`, which share the source's train folder, and `test`. Order and
    augmentation are a function of (seed, epoch, cache mode) alone.

    Args:
      config: its data fields and its seed are used.
      device: where training batches are placed ahead of their use, as "/gpu:0"; None leaves it to TensorFlow.

    Raises:
      UserError: the source cannot be used.
    """

    def __init__(self, config: Config, device: str | None = None):
        builder = prepare(config)
        self.config = config
        self.fingerprint = pathlib.Path(builder.data_dir).parents[2].name
        self.objects = tuple(builder.info.features["object"].names)
        self._device = device
        self._strict = config.strict
        self._records = {name: _Records(builder, name) for name in sources.SPLITS}
        table = self._records["train"].table
        held_out = _held_out(table, config.validation_fraction, config.seed)
        self._positions = {
            "train": np.flatnonzero(~held_out),
            "validation": np.flatnonzero(held_out),
            "test": np.arange(len(self._records["test"].table)),
        }
        self.decoded_bytes = len(table) * config.image_size**2 * 3
        self.cache = _cache_mode(config.cache, self.decoded_bytes)
        self._images: tf.Tensor | None = None  # [N, S, S, 3] uint8, the whole train folder

    def table(self, split: str) -> Table:
        """Returns what is known of the split's images, in the order of `evaluation`."""
        return self._of(split).table.rows(self._positions[split])

    def steps_per_epoch(self) -> int:
        return -(-len(self._positions["train"]) // self.config.batch_size)

    def training(self, epochs: int, first_epoch: int = 0) -> tf.data.Dataset:
        """Returns shuffled, augmented batches of the train split for epochs `first_epoch` to `epochs` - 1, in a row.

        Each epoch has every image once and ends with its own, perhaps smaller, batch.
        """
        ordered, read = self._shuffled_images() if self._cached() else self._shuffled_records()
        seed = self.config.seed
        batches = (
            tf.data.Dataset.range(first_epoch, epochs)
            .flat_map(ordered)
            .map(read, num_parallel_calls=_PARALLEL_CALLS)
            .enumerate(first_epoch * self.steps_per_epoch())
            .map(
                lambda step, batch: (augment.augment(batch[0], self.config, seed=[seed, step]), batch[1]),
                num_parallel_calls=_PARALLEL_CALLS,
            )
            .apply(tf.data.experimental.assert_cardinality((epochs - first_epoch) * self.steps_per_epoch()))
            .with_options(_options())
        )
        if self._device and "gpu" in self._device.lower():
            # Copies to the GPU while it computes the batch before; must stay the last step.
            return batches.apply(tf.data.experimental.prefetch_to_device(self._device, _PREFETCHED))
        return batches.prefetch(_PREFETCHED)

    def evaluation(self, split: str) -> tf.data.Dataset:
        """Returns the batches of a split in the order of `table`, none dropped, nothing augmented."""
        positions = self._positions[split]
        steps = -(-len(positions) // self.config.batch_size)
        if split != "test" and self._cached():
            batches = tf.data.Dataset.from_tensor_slices(positions).batch(self.config.batch_size)
            read = self._gather
        else:
            records = self._of(split)
            batches = records.ordered(np.isin(np.arange(len(records.table)), positions)).batch(self.config.batch_size)
            read = self._decode
        return (
            batches.map(read, num_parallel_calls=_PARALLEL_CALLS)
            .apply(tf.data.experimental.assert_cardinality(steps))
            .with_options(_options())
            .prefetch(_PREFETCHED)
        )

    def images(self, split: str, rows: np.ndarray) -> np.ndarray:
        """Returns a few images of a split: [len(rows), S, S, 3] uint8. `rows` count as in `table`."""
        wanted = self._positions[split][rows]
        records = self._of(split)
        mask = np.zeros(len(records.table), bool)
        mask[wanted] = True
        batches = records.ordered(mask).batch(len(wanted))
        images = next(iter(batches.map(lambda batch: self._decode_uint8(_parse_image(batch), len(wanted))))).numpy()
        return images[np.argsort(np.argsort(wanted))]  # from the file's order to that of `rows`

    def _of(self, split: str) -> "_Records":
        return self._records["test" if split == "test" else "train"]

    def _cached(self) -> bool:
        """Decodes the train folder on first use in RAM mode; returns whether that is the mode."""
        if self.cache == "ram" and self._images is None:
            records = self._records["train"]
            size = self.config.image_size
            images = np.empty([len(records.table), size, size, 3], np.uint8)
            batch_size = self.config.batch_size
            batches = records.ordered().batch(batch_size).map(
                lambda batch: self._decode_uint8(_parse_image(batch), batch_size), num_parallel_calls=_PARALLEL_CALLS
            )
            for step, batch in enumerate(batches.with_options(_options()).prefetch(_PREFETCHED)):
                images[step * batch_size : (step + 1) * batch_size] = batch
            with tf.device("/cpu:0"):
                self._images = tf.convert_to_tensor(images)
                self._labels = tf.constant(records.table.label, tf.float32)
        return self.cache == "ram"

    def _shuffled_images(self):
        positions = tf.constant(self._positions["train"])

        def ordered(epoch: tf.Tensor) -> tf.data.Dataset:
            shuffled = tf.random.experimental.stateless_shuffle(positions, [self.config.seed, epoch])
            return tf.data.Dataset.from_tensor_slices(shuffled).batch(self.config.batch_size)

        return ordered, self._gather

    def _shuffled_records(self):
        records = self._of("train")
        mask = np.zeros(len(records.table), bool)
        mask[self._positions["train"]] = True

        def ordered(epoch: tf.Tensor) -> tf.data.Dataset:
            return records.shuffled(mask, self.config.seed, epoch).batch(self.config.batch_size)

        return ordered, self._decode

    def _gather(self, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return preprocess.normalise(tf.gather(self._images, positions)), tf.gather(self._labels, positions)

    def _decode(self, serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        example = tf.io.parse_example(
            serialized, {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
        )
        images = self._decode_uint8(example["image"], self.config.batch_size)
        return preprocess.normalise(images), tf.cast(example["label"], tf.float32)

    def _decode_uint8(self, encoded: tf.Tensor, at_most: int) -> tf.Tensor:
        size = self.config.image_size
        if self._strict:
            images = preprocess.decode_jpegs(encoded, at_most)
            if size != 32:
                images = preprocess.resize(images, size)
        else:
            spec = tf.TensorSpec([size, size, 3], tf.uint8)
            images = tf.map_fn(lambda one: _decode_and_resize(one, size), encoded, fn_output_signature=spec)
        return tf.ensure_shape(images, [None, size, size, 3])


class _Records:
    """The TFRecords of one folder of the source, and the table of what they hold, in their order."""

    def __init__(self, builder: Builder, name: str):
        info = builder.info.splits[name]
        self._files = [os.fspath(path) for path in info.filepaths]
        self._starts = np.cumsum([0, *info.shard_lengths])
        mean_bytes = max(info.num_bytes // info.num_examples, 1)
        self._buffer = min(_SHUFFLE_BUFFER, max(_SHUFFLE_BUFFER_BYTES // mean_bytes, 1))
        self.table = _read_table(self._files)

    def ordered(self, mask: np.ndarray | None = None) -> tf.data.Dataset:
        """Returns the serialized examples where `mask` ([N] bool) is true, in the files' order."""
        examples = tf.data.TFRecordDataset(self._files)
        return examples if mask is None or mask.all() else _filtered(examples, tf.constant(mask))

    def shuffled(self, mask: np.ndarray, seed: int, epoch: tf.Tensor) -> tf.data.Dataset:
        """Returns the same examples in an order that is a function of (seed, epoch).

        Shards in random order, read by turns, then a bounded buffer: memory does not grow with the data.
        """
        starts = tf.constant(self._starts)
        everything = bool(mask.all())
        mask = tf.constant(mask)

        def shard(index: tf.Tensor) -> tf.data.Dataset:
            examples = tf.data.TFRecordDataset(tf.gather(self._files, index))
            return examples if everything else _filtered(examples, mask[starts[index] : starts[index + 1]])

        shards = tf.random.experimental.stateless_shuffle(tf.range(len(self._files)), [seed, epoch])
        draw = tf.random.stateless_uniform([], [seed, epoch], None, None, tf.int64)
        return (
            tf.data.Dataset.from_tensor_slices(shards)
            .interleave(shard, cycle_length=len(self._files), block_length=_INTERLEAVED)
            .shuffle(self._buffer, seed=draw)
        )


def prepare(config: Config) -> Builder:
    """Returns a builder whose TFRecords exist, made now where no earlier run has made them of the same files.

    Raises:
      UserError: the source is missing, unfit or cannot be downloaded.
    """
    root = pathlib.Path(config.prepared_dir).expanduser()
    form = "strict" if config.strict else "any"
    try:
        source = _download() if config.source == "kaggle" else config.source
        fingerprint = demo.fingerprint(config.seed) if source == "demo" else sources.fingerprint(source)
        folder = root / f"{form}-{fingerprint}"
        builder = Builder(config=form, data_dir=folder, source=source, release_only=config.source == "kaggle")
        if builder.data_path.exists():
            return builder
        root.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_suffix(".lock")):
            for leftover in folder.glob("**/incomplete.*"):  # of a process that was killed: nobody else holds the lock
                shutil.rmtree(leftover, ignore_errors=True)
            if source == "demo":
                with tempfile.TemporaryDirectory() as made:
                    demo.write(made, config.seed)
                    Builder(config=form, data_dir=folder, source=made).download_and_prepare()
            else:
                builder.download_and_prepare()
        return Builder(config=form, data_dir=folder)
    except sources.SourceError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"The data could not be prepared in {root} (--prepared_dir): {error}") from error


def _download() -> str:
    by_hand = (
        f"Or download it by hand from https://www.kaggle.com/datasets/{_KAGGLE} and give the archive: "
        "--source=archive.zip"
    )
    try:
        import kagglehub
    except ImportError:
        raise UserError(f"--source=kaggle needs kagglehub: pip install 'aireal[kaggle]'. {by_hand}") from None
    try:
        return kagglehub.dataset_download(_KAGGLE)
    except Exception as error:  # kagglehub passes on whatever its HTTP client and Kaggle's API raise
        raise UserError(f"Kaggle's CIFAKE could not be downloaded ({type(error).__name__}: {error}). {by_hand}") from error


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
    return "ram" if decoded_bytes < _RAM_SHARE * psutil.virtual_memory().available else "none"


def _read_table(files: list[str]) -> Table:
    features = {
        "label": tf.io.FixedLenFeature([], tf.int64),
        "object": tf.io.FixedLenFeature([], tf.int64),
        "filename": tf.io.FixedLenFeature([], tf.string),
        "copy_of": tf.io.FixedLenFeature([], tf.string),
    }
    batches = tf.data.TFRecordDataset(files).batch(1024).map(lambda batch: tf.io.parse_example(batch, features))
    columns: dict[str, list[np.ndarray]] = {name: [] for name in features}
    for batch in batches.as_numpy_iterator():
        for name, column in batch.items():
            columns[name].append(column if column.dtype == np.int64 else np.char.decode(column.astype(bytes), "utf-8"))
    return Table(**{name: np.concatenate(parts) for name, parts in columns.items()})


def _filtered(examples: tf.data.Dataset, mask: tf.Tensor) -> tf.data.Dataset:
    kept = tf.data.Dataset.zip(examples, tf.data.Dataset.from_tensor_slices(mask)).filter(lambda _, keep: keep)
    return kept.map(lambda example, _: example)


def _parse_image(serialized: tf.Tensor) -> tf.Tensor:
    return tf.io.parse_example(serialized, {"image": tf.io.FixedLenFeature([], tf.string)})["image"]


def _decode_and_resize(encoded: tf.Tensor, size: int) -> tf.Tensor:
    image = tf.ensure_shape(tf.numpy_function(preprocess.decode, [encoded], tf.uint8), [None, None, 3])
    return preprocess.resize(image, size)


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return options

