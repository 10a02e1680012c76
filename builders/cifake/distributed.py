"""The records of a source by Apache Beam: processes that see its files look at the pictures, then write them.

Pictures are read where they are needed. Only names, digests and thumbnails go through the process that began, and they
lie in files meanwhile: Beam's own grouping would keep all pictures in memory where it runs on one machine. The examples
are those of a build by one process, in the same files and order.
"""

import io
import itertools
import os
import pathlib
import pickle
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf
from tensorflow_datasets.core import example_serializer, hashing
from tensorflow_datasets.core.utils import shard_utils

from builders import progress
from builders.cifake import checks, examples, passes, sources

if TYPE_CHECKING:
    import apache_beam as beam

_PICTURES_A_PART = 500
_DONE = ".done"  # ends the names of files of what was found

Work = Callable[[Any], Any]
Run = Callable[["beam.Pipeline", Callable[[], None]], None]  # runs a pipeline, and looks how far it is meanwhile


def run(pipeline: "beam.Pipeline", look: Callable[[], None]) -> None:
    """Runs a pipeline to its end, and looks then."""
    pipeline.run().wait_until_finish()
    look()


class Engine(NamedTuple):
    """What runs Beam's pipelines.

    Attributes:
      runner, options: as `beam.Pipeline` takes them.
      run: runs one.
      folder: for what is to be done and what was found; all processes see it.
    """

    runner: Any
    options: Any
    run: Run
    folder: pathlib.Path

    def each(self, work: Work, parts: Iterable[Any], title: str) -> list[Any]:
        """Has processes do what lies in parts, and returns what each part gave, in their order."""
        import apache_beam as beam

        folder = self.folder / work.__name__
        folder.mkdir(parents=True)
        paths = [_put(part, folder / f"{number:06}") for number, part in enumerate(parts)]
        pipeline = beam.Pipeline(self.runner, options=self.options)
        _ = pipeline | beam.Create(paths) | beam.Reshuffle() | beam.Map(_do, work)
        with progress.bar(title=title, total=len(paths), unit=" parts") as shown:
            self.run(pipeline, lambda: shown.update(sum(1 for _ in folder.glob(f"*{_DONE}")) - shown.n))
        found = [_take(path + _DONE) for path in paths]
        shutil.rmtree(self.folder)
        return found


def _put(value: Any, path: os.PathLike | str) -> str:
    partial = f"{path}.partial"
    with open(partial, "wb") as file:
        pickle.dump(value, file)
    os.replace(partial, path)
    return os.fspath(path)


def _take(path: str) -> Any:
    with open(path, "rb") as file:
        return pickle.load(file)


def _do(path: str, work: Work) -> None:
    _put(work(_take(path)), path + _DONE)


def scan(collection: sources.Collection, engine: Engine, *, strict: bool, leave_out: bool) -> checks.Scan:
    """Does what `checks.scan` does."""
    pictures = iter(progress.bar(collection.pictures(apart=True), "Listing pictures", unit=" pictures", leave=False))
    parts = iter(lambda: list(itertools.islice(pictures, _PICTURES_A_PART)), [])
    found = checks.Scan({}, {}, [])
    for digests, thumbnails, unfit in engine.each(_look, ((part, strict) for part in parts), "Looking at pictures"):
        found.unfit.extend(unfit)
        for path, digest in digests:
            found.add_digest(path, digest)
        found.thumbnails.update(thumbnails)
    if checks.is_release(found.digests):
        found.thumbnails.clear()  # of CIFAKE only the same bytes are copies
    return found.judged(collection, strict=strict, leave_out=leave_out)


def _look(part: tuple[Sequence[sources.Picture], bool]) -> tuple[list[tuple[str, bytes]], dict, list]:
    pictures, strict = part
    digests, thumbnails, unfit = [], {}, []
    for chunk in passes.chunks(checks.read(pictures, unfit)):
        digests += [(path, checks.digest(data)) for path, data in chunk]
        unfit += checks.faults(chunk, thumbnails, strict=strict)
    return digests, thumbnails, unfit


class Kept(NamedTuple):
    """A picture to write: its canonical path, its example but for the image, and what loads its file."""

    path: str
    about: dict[str, Any]
    load: Callable[[], bytes]


class _Shard(NamedTuple):
    """A file of records to write."""

    path: str
    pictures: list[Kept]
    strict: bool


class Written(NamedTuple):
    """A file of records: how many pictures it holds, and the bytes of their examples."""

    pictures: int
    bytes: int


def write(
    kept: Mapping[str, Iterable[Kept]], templates: Mapping[str, Any], count: int, engine: Engine, *, strict: bool
) -> dict[str, list[Written]]:
    """Writes the records of some splits, in TFDS's own order: by the hashes of their paths.

    Args:
      kept: split -> its pictures.
      templates: split -> what TFDS calls the files of its records.
      count: of files of each split.
      engine: runs Beam's pipelines.
      strict: as of `examples.features`.

    Returns:
      split -> what its files hold, in their order.
    """
    shards = [_shards(split, pictures, templates[split], count, strict) for split, pictures in kept.items()]
    written = iter(engine.each(_write, itertools.chain.from_iterable(shards), "Writing"))
    return {split: list(itertools.islice(written, count)) for split in kept}


def _shards(split: str, kept: Iterable[Kept], template: Any, count: int, strict: bool) -> Iterator[_Shard]:
    hasher = hashing.Hasher(split)
    ordered = sorted(kept, key=lambda one: hasher.hash_key(one.path))
    ends = shard_utils.get_shard_boundaries(len(ordered), count)
    for index, (begin, end) in enumerate(itertools.pairwise([0, *ends])):
        path = os.fspath(template.sharded_filepath(shard_index=index, num_shards=count))
        yield _Shard(path, ordered[begin:end], strict)


def _write(shard: _Shard) -> Written:
    features = examples.features(strict=shard.strict)
    serializer = example_serializer.ExampleSerializer(features.get_serialized_info())
    total = 0
    with tf.io.TFRecordWriter(shard.path) as file:
        for one in shard.pictures:
            example = features.encode_example({"image": io.BytesIO(one.load()), **one.about})
            file.write(record := serializer.serialize_example(example))
            total += len(record)
    return Written(len(shard.pictures), total)
