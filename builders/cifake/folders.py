"""The files and folders below a folder; links are followed."""

import contextlib
import itertools
import os
import pathlib
from collections.abc import Iterator

from builders.cifake import clutter

_DEPTH = 12  # folders in each other that are looked into


def entries(folder: pathlib.Path) -> Iterator[tuple[str, os.DirEntry]]:
    """Yields (path below `folder`, entry) of every file below it."""
    for below in itertools.chain([""], folders(folder, with_clutter=True)):
        with contextlib.suppress(PermissionError), os.scandir(folder / below) as found:
            yield from ((f"{below}/{entry.name}".lstrip("/"), entry) for entry in found if not entry.is_dir())


def folders(folder: pathlib.Path, with_clutter: bool = False) -> Iterator[str]:
    """Yields the paths of the folders below `folder`, to a depth; links are followed, each folder once."""
    pending, seen = [("", 0)], {_identity(folder.stat())}
    while pending:
        above, depth = pending.pop()
        for entry in _subfolders(folder / above):
            identity = _identity(entry.stat())
            if identity in seen or (clutter.kind(entry.name) and not (with_clutter and depth)):
                continue
            seen.add(identity)
            below = f"{above}/{entry.name}".lstrip("/")
            yield below
            if depth < _DEPTH:
                pending.append((below, depth + 1))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _subfolders(folder: pathlib.Path) -> list[os.DirEntry]:
    """Returns the folders in `folder`, by name; none where it is unreadable."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if entry.is_dir()), key=lambda entry: entry.name)
    except PermissionError:
        return []
