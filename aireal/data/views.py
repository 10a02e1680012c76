"""What a network sees of pictures where that is windows, or copies saved anew: made once, beside the records.

Decoding pictures of a megapixel for a window each would starve training. So there are records of views, raw pixels:
some of each training picture, windows at random places, and those by which every picture is judged, at fixed ones. They
are the same for every seed of a run.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator

import filelock
import numpy as np
import tensorflow as tf

from aireal import machine, paths
from aireal.data.records import Records, Shards, Table
from aireal.pixels import decoding, resampling, resaving, windows
from aireal.runs import files
from aireal.settings.config import Config
from builders import progress

_VERSION = 1  # counts up when the same pictures give other views
_SHARDS = 8
_OF_A_COPY = 4  # windows that are cut out of one copy saved anew
_AT_ONCE = 64  # pictures in memory
_DONE = "views.json"


@dataclasses.dataclass(frozen=True)
class Views:
    """The views of N pictures, in their order.

    Attributes:
      learnt: views to learn from.
      judged: views to judge by.
      of_each: how many of each picture are in `learnt`: [N] int.
      judged_of_each: how many of each picture are in `judged`.
    """

    learnt: Shards
    judged: Shards
    of_each: np.ndarray
    judged_of_each: int


def prepare(config: Config, records: Records, source: str, to_learn: np.ndarray) -> Views:
    """Returns the views of a source's pictures, made now where no earlier run has made them.

    Args:
      config: what it says of reading, views and resaving is used, and `prepared_dir`.
      records: of the source.
      source: what tells its pictures from others, `records.fingerprint`.
      to_learn: [N] bool, pictures of which there are views to learn from: all that are not for the test.
    """
    names = ("reading", "image_size", "aspect_ratio", "windows", "views", "resave", "resave_scale", "resave_quality")
    learnt = hashlib.blake2b(np.packbits(to_learn).tobytes(), digest_size=16).hexdigest()
    said = json.dumps([_VERSION, source, learnt, *(getattr(config, name) for name in names)])
    name = f"{source}-{config.reading}-{hashlib.blake2b(said.encode(), digest_size=6).hexdigest()}"
    folder = pathlib.Path(paths.absolute(config.prepared_dir)) / name
    if not _is_whole(folder):
        with filelock.FileLock(folder.with_suffix(".lock")):
            if not _is_whole(folder):  # another process may have made it meanwhile
                if folder.exists():
                    print(f"{folder} is damaged: it is made anew.", flush=True)
                    shutil.rmtree(folder)
                partial = files.beside(folder, files.PARTIAL)
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                _write(partial, config, records, to_learn)
                os.replace(partial, folder)
    lengths = json.loads((folder / _DONE).read_text(encoding="utf-8"))
    learnt, judged = (
        Shards(
            [os.fspath(_file(folder, kind, shard)) for shard in range(_SHARDS)], lengths[kind], 3 * config.image_size**2
        )
        for kind in ("learnt", "judged")
    )
    return Views(learnt, judged, to_learn * config.views, config.judged_views)


def _is_whole(folder: pathlib.Path) -> bool:
    """Returns whether a folder has all views, of the sizes that they were written with."""
    try:
        sizes = json.loads((folder / _DONE).read_text(encoding="utf-8"))["bytes"]
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _file(folder: pathlib.Path, kind: str, shard: int) -> pathlib.Path:
    return folder / f"{kind}-{shard:05}-of-{_SHARDS:05}.tfrecord"


def _write(folder: pathlib.Path, config: Config, records: Records, to_learn: np.ndarray) -> None:
    lengths = {kind: [0] * _SHARDS for kind in ("learnt", "judged")}
    table = records.table
    with contextlib.ExitStack() as stack:
        writers = {
            kind: [
                stack.enter_context(tf.io.TFRecordWriter(os.fspath(_file(folder, kind, shard))))
                for shard in range(_SHARDS)
            ]
            for kind in lengths
        }
        made = _each(config, records, to_learn)
        for row, views in enumerate(progress.bar(made, "Cutting views", len(table), unit=" pictures")):
            shard = row * _SHARDS // len(table)
            for kind, pixels in zip(lengths, views, strict=True):
                lengths[kind][shard] += len(pixels)
                for view in pixels:
                    writers[kind][shard].write(_example(view, table, row))
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.tfrecord")}
    files.write_json(folder / _DONE, {**lengths, "bytes": sizes})


def _example(view: np.ndarray, table: Table, row: int) -> bytes:
    """Returns a view as `readers.Streamed` takes it."""
    feature = {
        name: tf.train.Feature(int64_list={"value": [getattr(table, name)[row]]}) for name in ("label", "object")
    }
    feature["image"] = tf.train.Feature(bytes_list={"value": [view.tobytes()]})
    return tf.train.Example(features={"feature": feature}).SerializeToString()


def _each(config: Config, records: Records, to_learn: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the views of each picture, to learn from and to judge by: [V, S, S, 3] uint8 each."""
    table, rows = records.table, iter(range(len(records)))
    examples = records.ordered(np.ones(len(records), bool)).batch(_AT_ONCE).as_numpy_iterator()
    with concurrent.futures.ThreadPoolExecutor(machine.cores()) as pool:  # Pillow gives up the interpreter's lock

        def of_one(example: bytes, row: int) -> tuple[np.ndarray, np.ndarray]:
            (encoded,) = tf.train.Example.FromString(example).features.feature["image"].bytes_list.value
            pixels, name = decoding.decode(encoded), name_of(table, row)
            learnt = _to_learn(pixels, config, name) if to_learn[row] else np.empty([0])
            return learnt, to_judge(pixels, config, name)

        for batch in examples:
            yield from pool.map(of_one, batch, rows)


def _to_learn(pixels: np.ndarray, config: Config, name: str) -> np.ndarray:
    """Returns the views of a picture to learn from: [V, S, S, 3] uint8."""
    rng = _random("learn", name)
    size, in_windows = config.image_size, config.reading == "windows"
    of_a_copy = _OF_A_COPY if in_windows else 1
    found = []
    for start in range(0, config.views, of_a_copy):
        copy = pixels if config.resave == "none" else resaved(pixels, config, rng).pixels
        count = min(of_a_copy, config.views - start)
        if in_windows:
            found.append(windows.cut(copy, size, windows.at_random(*copy.shape[:2], size, count, rng)))
        else:
            found.append(resampling.resize(copy, size, config.aspect_ratio)[None])
    return np.concatenate(found)


def to_judge(pixels: np.ndarray, config: Config, name: str) -> np.ndarray:
    """Returns the views by which a picture is judged.

    Args:
      pixels: [H, W, 3] uint8.
      config: as in `prepare`.
      name: of the picture, by which it is saved anew always the same way.

    Returns:
      [V, S, S, 3] uint8, where V is `judged_views`.
    """
    if config.resave == "all":
        pixels = resaved(pixels, config, _random("judge", name)).pixels
    size = config.image_size
    if config.reading == "windows":
        return windows.cut(pixels, size, windows.places(*pixels.shape[:2], size, config.windows))
    return resampling.resize(pixels, size, config.aspect_ratio)[None]


def resaved(pixels: np.ndarray, config: Config, rng: np.random.Generator) -> resaving.Resaved:
    """Returns what resaving as a run says makes of a picture, [H, W, 3] uint8."""
    least = config.image_size if config.reading == "windows" else 1
    return resaving.resave(pixels, rng, config.resave_scale, config.resave_quality, least)


def judged_file(pixels: np.ndarray, config: Config, name: str) -> bytes:
    """Returns the file that a picture became before `to_judge` cut it: where `resave` is "all"."""
    return resaved(pixels, config, _random("judge", name)).bytes


def name_of(table: Table, row: int) -> str:
    """Returns what a picture is called where chance is made from it, as train/FAKE/0.jpg."""
    return f"{table.folder[row]}/{table.filename[row]}"


def _random(what: str, name: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.blake2b(f"{what}/{name}".encode(), digest_size=16).digest()))
