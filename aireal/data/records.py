"""The TFRecords of a source: made on first use, reused afterwards; and what is known of the images in them."""

import dataclasses
import functools
import os
import pathlib
import shutil
from collections.abc import Sequence

import filelock
import numpy as np
import tensorflow as tf

from aireal import paths
from aireal.errors import UserError
from aireal.runs import files
from aireal.settings.config import Config
from aireal.sources.source import Source
from builders.cifake import layout, sources
from builders.cifake.cifake_dataset_builder import Builder

_SHUFFLE_BUFFER = 10_000  # encoded images, of CIFAKE 10 MB; fewer where they are large
SHUFFLE_BUFFER_BYTES = 64 << 20  # of which four stand in memory: filled, permuted, waiting, being cut
_READ_AS = "read_as.txt"  # beside the records: what the source was understood as
_LEFT_OUT = "left_out.csv"  # beside the records: damaged files
_FRAME_BYTES = 16  # of a TFRecord: length and checksums
_INTERLEAVED = 16  # examples in a row from a shard, before the next shard's turn


def prepare(config: Config) -> Builder:
    """Returns a builder whose TFRecords exist, made now where no earlier run has made them of the same files.

    Raises:
      UserError: the source is missing, unfit or cannot be downloaded, or there is no room for the records.
    """
    root = pathlib.Path(paths.absolute(config.prepared_dir))
    source, form = Source.of(config), "strict" if config.strict else "any"
    try:
        # Apart from folders: only what comes from Kaggle is checked to be the release.
        folder = root / f"{'kaggle' if source.is_release else form}-{source.fingerprint(config.seed)}"
        read_as = folder / _READ_AS
        if builder := _prepared(form, folder):
            if read_as.exists():  # versions before did not write it down
                tell(config.source, read_as.read_text(encoding="utf-8"))
            return builder
        root.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_suffix(".lock")):
            if builder := _prepared(form, folder):  # by the process that held the lock
                return builder
            if folder.exists():  # and nobody else holds the lock
                print(f"{folder} is unfinished or damaged: it is made anew.", flush=True)
                shutil.rmtree(folder)
            print(f"{config.source}: every picture is looked at, then kept in {folder} for later runs.", flush=True)
            files.write_text(read_as, _make(source, config.seed, form, folder))
        return Builder(config=form, data_dir=folder)
    except layout.SourceError as error:
        raise UserError(str(error)) from error
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{config.source} could not be prepared in {root} (--prepared_dir): {error}") from error


def _make(source: Source, seed: int, form: str, folder: pathlib.Path) -> str:
    """Makes the records and returns what the source was understood as, with what was left out."""
    with source.located(seed) as place:
        collection = sources.Collection(place, source.naming)
        told = str(collection.outline)
        tell(source.text, told)
        options = {"release_only": source.is_release, "leave_out": source.leave_out}
        builder = Builder(config=form, data_dir=folder, source=collection, **options)
        builder.download_and_prepare()
    if not builder.unfit:
        return told
    unfit = [(layout.printable(path), reason) for path, reason in builder.unfit]
    files.write_csv(folder / _LEFT_OUT, ["path", "reason"], unfit)
    line = f"  left out, as damaged: {len(unfit):,}, listed in {folder / _LEFT_OUT}"
    print(line, flush=True)
    return f"{told}\n{line}"


@functools.cache
def tell(source: str, outline: str) -> None:
    """Prints what a source is understood as, once a process."""
    print(f"{layout.printable(source)} is read as\n{outline}", flush=True)


def _prepared(form: str, folder: pathlib.Path) -> Builder | None:
    """Returns a builder of records that have the sizes they were written with; None where some are damaged or none."""
    try:
        builder = Builder(config=form, data_dir=folder)
        if not builder.data_path.exists():
            return None
        if not builder.info.splits:
            return None
        for info in builder.info.splits.values():
            if sum(map(os.path.getsize, info.filepaths)) != info.num_bytes + _FRAME_BYTES * info.num_examples:
                return None
    except Exception:  # TFDS passes on whatever reading its files raises
        return None
    return builder


def fingerprint(builder: Builder) -> str:
    """Returns what tells the builder's images from others: a function of form and files' names, sizes and times."""
    return pathlib.Path(builder.data_dir).parents[2].name


@dataclasses.dataclass(frozen=True)
class Table:
    """What is known of images besides their pixels; row i belongs to image i."""

    label: np.ndarray  # [N] int64, 0 = FAKE, 1 = REAL
    object: np.ndarray  # [N] int64, index into `Data.objects`, -1 = unknown
    filename: np.ndarray  # [N] str, as FAKE/0001 (2).jpg
    copy_of: np.ndarray  # [N] str, as train/FAKE/0000.jpg; empty for a first or only one
    group: np.ndarray  # [N] str, generator or topic; empty where there is none, as in CIFAKE
    pair: np.ndarray  # [N] str, what belongs on one side of a split; empty where there is none
    folder: np.ndarray  # [N] str, train, validation or test: where it stands in the source

    def __len__(self) -> int:
        return len(self.label)

    def rows(self, positions: np.ndarray) -> "Table":
        """Returns the rows at `positions`: integers, or a mask."""
        return Table(**{name: column[positions] for name, column in vars(self).items()})


class Shards:
    """TFRecord files.

    Args:
      files: their paths.
      lengths: how many examples are in each.
      mean_bytes: of an example.
    """

    def __init__(self, files: Sequence[str], lengths: Sequence[int], mean_bytes: int):
        self._files = files
        self._lengths = np.array(lengths)
        self._buffer = min(_SHUFFLE_BUFFER, max(SHUFFLE_BUFFER_BYTES // max(mean_bytes, 1), 1))

    def __len__(self) -> int:
        return int(self._lengths.sum())

    def ordered(self, mask: np.ndarray) -> tf.data.Dataset:
        """Returns the serialized examples where `mask` ([N] bool) is true, in the files' order."""
        files, mask, _ = self._holding(mask)
        examples = tf.data.TFRecordDataset(files)
        return examples if mask.all() else _filtered(examples, tf.constant(mask))

    def _holding(self, mask: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Returns the files in which `mask` is true at all, the mask of their examples, and where each begins."""
        parts = np.split(mask, np.cumsum(self._lengths)[:-1])
        used = [at for at, part in enumerate(parts) if part.any()]
        starts = np.cumsum([0, *self._lengths[used]])
        return [self._files[at] for at in used], np.concatenate([parts[at] for at in used] or [mask[:0]]), starts

    def shuffled(self, mask: np.ndarray, seed: list, batch_size: int) -> tf.data.Dataset:
        """Returns batches of the same examples, [B] string, in an order that is a function of `seed`.

        Shards in random order, read by turns, into a bounded buffer whose whole content is permuted: memory does not
        grow with the data. `Dataset.shuffle` would mix in TensorFlow's global seed.

        Args:
          mask: [N] bool, which examples.
          seed: two integers or scalar tensors.
          batch_size: images a batch; the last one may be smaller.
        """
        files, mask, starts = self._holding(mask)
        whole, mask, starts = bool(mask.all()), tf.constant(mask), tf.constant(starts)
        buffer_size = batch_size * max(self._buffer // batch_size, 1)  # whole batches, so that only the last is short

        def shard(index: tf.Tensor) -> tf.data.Dataset:
            examples = tf.data.TFRecordDataset(tf.gather(files, index))
            return examples if whole else _filtered(examples, mask[starts[index] : starts[index + 1]])

        def permuted(number: tf.Tensor, examples: tf.Tensor) -> tf.Tensor:
            return tf.random.experimental.stateless_shuffle(examples, tf.random.fold_in(seed, number))

        def cut(examples: tf.Tensor) -> tf.data.Dataset:
            slices = tf.data.Dataset.range(0, tf.size(examples, tf.int64), batch_size)
            return slices.map(lambda start: examples[start : start + batch_size])

        shards = tf.random.experimental.stateless_shuffle(tf.range(len(files)), seed)
        return (
            tf.data.Dataset.from_tensor_slices(shards)
            .interleave(tf.autograph.experimental.do_not_convert(shard), len(files), _INTERLEAVED)
            .batch(buffer_size)
            .enumerate()
            .map(permuted)
            .prefetch(1)
            .flat_map(cut)
        )


class Records(Shards):
    """The TFRecords of a source, and the table of what they hold, in their order: train, validation, test."""

    def __init__(self, builder: Builder):
        infos = [builder.info.splits[name] for name in layout.SPLITS if name in builder.info.splits]
        names = [os.fspath(path) for info in infos for path in info.filepaths]
        lengths = [length for info in infos for length in info.shard_lengths]
        super().__init__(names, lengths, sum(info.num_bytes for info in infos) // sum(lengths))
        self._folders = np.repeat([info.name for info in infos], [info.num_examples for info in infos])

    @functools.cached_property
    def table(self) -> Table:
        """What is known of the images, in the order of the records; read when it is first asked for."""
        return _read_table(self._files, self._folders)


def _read_table(files: list[str], folders: np.ndarray) -> Table:
    features = {name: tf.io.FixedLenFeature([], tf.int64) for name in ("label", "object")}
    features |= {name: tf.io.FixedLenFeature([], tf.string, "") for name in ("filename", "copy_of", "group", "pair")}
    batches = tf.data.TFRecordDataset(files).batch(1024).map(lambda batch: tf.io.parse_example(batch, features))
    columns: dict[str, list[np.ndarray]] = {name: [] for name in features}
    try:
        for batch in batches.as_numpy_iterator():
            for name, column in batch.items():
                texts = column.dtype != np.int64
                columns[name].append(np.char.decode(column.astype(bytes), "utf-8") if texts else column)
    except tf.errors.DataLossError as error:  # bytes that changed: the size of the files was right
        raise UserError(
            f"The prepared records in {os.path.dirname(files[0])} are damaged. Delete that folder: it is made anew."
        ) from error
    return Table(**{name: np.concatenate(parts) for name, parts in columns.items()}, folder=folders)


def _filtered(examples: tf.data.Dataset, mask: tf.Tensor) -> tf.data.Dataset:
    kept = tf.data.Dataset.zip(examples, tf.data.Dataset.from_tensor_slices(mask)).filter(lambda _, keep: keep)
    return kept.map(lambda example, _: example)
