"""The TFRecords of a source: made on first use, reused afterwards; and what is known of the images in them."""

import collections
import contextlib
import dataclasses
import functools
import os
import pathlib
import shutil
import zipfile
import zlib

import filelock
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from aireal import paths, runner
from aireal.data.stored import Stored, at_a_time
from aireal.errors import UserError
from aireal.runs import files
from aireal.settings.config import Config
from aireal.sources.source import Source
from builders.cifake import layout, sources
from builders.cifake.cifake_dataset_builder import Builder

_READ_AS = "read_as.txt"  # beside the records: what the source was understood as
_LEFT_OUT = "left_out.csv"  # beside the records: damaged files
_INDEX = "index.npz"  # beside the records: what is in them
_NO_INDEX = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)  # where it is missing or damaged
_FRAME_BYTES = 16  # of a TFRecord: length and checksums,
_HEAD_BYTES = 12  # most of which stand before it
_FIRST_BYTES = 32  # of a picture
_BEAM_PROCESS_BYTES = 3 << 29  # TensorFlow's, and some pictures while they are decoded
_AT_ONCE = 1024  # records in memory while all are looked through
_TEXTS = ("filename", "copy_of", "group", "pair")  # of a record
_TEXT = np.dtypes.StringDType()  # each takes its own length; by default all would take that of the longest


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
            files.write_text(read_as, _make(source, config, form, folder))
        return Builder(config=form, data_dir=folder)
    except layout.SourceError as error:
        raise UserError(str(error)) from error
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{config.source} could not be prepared in {root} (--prepared_dir): {error}") from error


def _make(source: Source, config: Config, form: str, folder: pathlib.Path) -> str:
    """Makes the records and returns what the source was understood as, with what was left out."""
    by_beam = {}
    if config.beam_pipeline_options:
        engine = runner.engine(config.beam_pipeline_options, _BEAM_PROCESS_BYTES)
        by_beam["download_config"] = tfds.download.DownloadConfig(
            beam_runner=engine.runner, beam_options=engine.options
        )
    with source.located(config.seed) as place:
        collection = sources.Collection(place, source.naming)
        told = str(collection.outline)
        tell(source.text, told)
        options = {"release_only": source.is_release, "leave_out": source.leave_out, "run_pipeline": runner.run}
        builder = Builder(config=form, data_dir=folder, source=collection, **options)
        builder.download_and_prepare(**by_beam)
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


@dataclasses.dataclass(frozen=True)
class Records:
    """What the TFRecords of a source hold, in their order: train, validation, test.

    Attributes:
      table: what is known of the pictures.
      stored: their files' own bytes.
    """

    table: Table
    stored: Stored

    @classmethod
    def read(cls, builder: Builder) -> "Records":
        """Reads all records, or what an earlier call kept of them. Raises UserError where their bytes have changed."""
        infos = [builder.info.splits[name] for name in layout.SPLITS if name in builder.info.splits]
        paths = [os.fspath(path) for info in infos for path in info.filepaths]
        counts = [length for info in infos for length in info.shard_lengths]
        folders = np.repeat(np.array([info.name for info in infos], _TEXT), [info.num_examples for info in infos])
        columns = _index(paths, at_a_time(sum(info.num_bytes for info in infos) // sum(counts)))
        file, begin, length = np.repeat(np.arange(len(paths)), counts), columns.pop("begin"), columns.pop("length")
        records = _FRAME_BYTES + columns.pop("record_length")
        # Each file begins anew; within one, records are in a row.
        before = np.cumsum(records) - records
        firsts = np.cumsum([0, *counts[:-1]])
        begin += before - before[firsts][file] + _HEAD_BYTES
        columns |= {name: columns[name].astype(_TEXT) for name in _TEXTS}
        return cls(Table(**columns, folder=folders), Stored(paths, file, begin, length))


def _index(paths: list[str], at_a_time: int) -> dict[str, np.ndarray]:
    """Returns `_columns`, kept beside the records for later starts, for as long as these are the same files."""
    kept = pathlib.Path(paths[0]).with_name(_INDEX)
    same = np.array([(stat.st_size, stat.st_mtime_ns) for stat in map(os.stat, paths)])
    with contextlib.suppress(*_NO_INDEX), np.load(kept) as index:
        columns = dict(index)
        if np.array_equal(columns.pop("files"), same):
            return columns
    columns = _columns(paths, at_a_time)
    with contextlib.suppress(OSError, UserError), files.replacing(kept) as partial:  # a folder may not be ours to write
        for path in paths:  # whose checksums nobody looks at from now on
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        np.savez_compressed(partial, files=same, **columns)
    return columns


def _where(file: bytes, record: bytes) -> int:
    """Returns where a file is in a record, by its first bytes: `index` goes through all of what it looks for, twice."""
    at = record.index(file[:_FIRST_BYTES])
    while record[at : at + len(file)] != file:
        at = record.index(file[:_FIRST_BYTES], at + 1)
    return at


def _columns(paths: list[str], at_a_time: int) -> dict[str, np.ndarray]:
    """Returns what a table is made of, and of each record its length and where in it the picture's file is."""
    features = {name: tf.io.FixedLenFeature([], tf.int64) for name in ("label", "object")}
    features |= {name: tf.io.FixedLenFeature([], tf.string, "") for name in ("image", *_TEXTS)}
    batches = tf.data.TFRecordDataset(paths).batch(min(at_a_time, _AT_ONCE))
    parsed = batches.map(lambda batch: {"record": batch, **tf.io.parse_example(batch, features)}).prefetch(1)
    columns: dict[str, list[np.ndarray]] = collections.defaultdict(list)
    try:
        for batch in parsed.as_numpy_iterator():
            records, pictures = batch.pop("record"), batch.pop("image")
            columns["record_length"].append(np.array([len(record) for record in records]))
            columns["length"].append(np.array([len(picture) for picture in pictures]))
            columns["begin"].append(np.array([_where(*pair) for pair in zip(pictures, records, strict=True)], np.int64))
            for name, column in batch.items():
                columns[name].append(column.astype(bytes) if name in _TEXTS else column)
    except tf.errors.DataLossError as error:  # bytes that changed: the size of the files was right
        raise UserError(
            f"The prepared records in {os.path.dirname(paths[0])} are damaged. Delete that folder: it is made anew."
        ) from error
    found = {name: np.concatenate(parts) for name, parts in columns.items()}
    return found | {name: np.strings.decode(found[name], "utf-8") for name in _TEXTS}
