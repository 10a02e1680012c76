"""What a network sees of pictures where that is windows, or copies saved anew: made once, beside the records.

Decoding pictures of a megapixel for a window each would starve training. So there are files of views, pixels alone:
some of each training picture, windows at random places, and those by which every picture is judged, at fixed ones. They
are the same for every seed of a run.
"""

import concurrent.futures
import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import NamedTuple

import filelock
import numpy as np

from aireal import machine, paths
from aireal.data.records import Records, Table
from aireal.data.stored import Stored
from aireal.pixels import decoding, resampling, resaving, windows
from aireal.runs import files
from aireal.settings.config import Config
from builders import progress

_VERSION = 2  # counts up when the same pictures give other views
_FILES = 8  # of a kind
_OF_A_COPY = 4  # windows that are cut out of one copy saved anew
_AT_ONCE = 64  # pictures in memory
_DONE = "views.json"


class Views(NamedTuple):
    """Views of N pictures, in their order; `of_each` says how many there are of each: one number, or [N] int."""

    stored: Stored
    of_each: np.ndarray | int


def prepare(config: Config, records: Records, source: str, to_learn: np.ndarray) -> dict[str, Views]:
    """Returns the views of a source's pictures, made now where no earlier run has made them.

    They are of two kinds: "learnt", to learn from, and "judged", to judge by.

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
                try:
                    shutil.rmtree(partial, ignore_errors=True)
                    partial.mkdir()
                    _write(partial, config, records, to_learn)
                    os.replace(partial, folder)
                finally:  # it may be what fills the disk
                    shutil.rmtree(partial, ignore_errors=True)
    counts = json.loads((folder / _DONE).read_text(encoding="utf-8"))
    return {
        kind: Views(
            Stored.alike(list(map(os.fspath, _paths(folder, kind))), counts[kind], 3 * config.image_size**2), of_each
        )
        for kind, of_each in (("learnt", to_learn * config.views), ("judged", config.judged_views))
    }


def _is_whole(folder: pathlib.Path) -> bool:
    """Returns whether a folder has all views, of the sizes that they were written with."""
    try:
        sizes = json.loads((folder / _DONE).read_text(encoding="utf-8"))["bytes"]
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _paths(folder: pathlib.Path, kind: str) -> list[pathlib.Path]:
    return [folder / f"{kind}-{number}.rgb" for number in range(_FILES)]


def _write(folder: pathlib.Path, config: Config, records: Records, to_learn: np.ndarray) -> None:
    counts, pictures = {kind: [0] * _FILES for kind in ("learnt", "judged")}, len(records.table)
    with contextlib.ExitStack() as stack:
        opened = {kind: [stack.enter_context(open(path, "wb")) for path in _paths(folder, kind)] for kind in counts}
        made = _each(config, records, to_learn)
        for row, views in enumerate(progress.bar(made, "Cutting views", pictures, unit=" pictures")):
            number = row * _FILES // pictures
            for kind, pixels in zip(counts, views, strict=True):
                counts[kind][number] += len(pixels)
                opened[kind][number].write(pixels.tobytes())
        for file in (one for of_kind in opened.values() for one in of_kind):
            file.flush()
            os.fsync(file.fileno())  # nothing but their sizes says that they are whole
    sizes = {path.name: path.stat().st_size for kind in counts for path in _paths(folder, kind)}
    files.write_json(folder / _DONE, {**counts, "bytes": sizes})


def _each(config: Config, records: Records, to_learn: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the views of each picture, to learn from and to judge by: [V, S, S, 3] uint8 each."""
    table = records.table
    pictures = enumerate(records.stored.each(np.ones(len(table), bool)))
    with concurrent.futures.ThreadPoolExecutor(machine.cores()) as pool:  # Pillow gives up the interpreter's lock

        def of_one(numbered: tuple[int, bytes]) -> tuple[np.ndarray, np.ndarray]:
            row, encoded = numbered
            pixels, name = decoding.decode(encoded), name_of(table, row)
            learnt = _to_learn(pixels, config, name) if to_learn[row] else np.empty([0])
            return learnt, to_judge(pixels, config, name)

        while some := list(itertools.islice(pictures, _AT_ONCE)):
            yield from pool.map(of_one, some)


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
