"""The files and folders below a folder; links are followed."""

import collections
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
            yield from ((f"{below}/{entry.name}".lstrip("/"), entry) for entry in found if not _is_folder(entry))


def folders(folder: pathlib.Path, with_clutter: bool = False) -> Iterator[str]:
    """Yields the paths of the folders below `folder`, to a depth.

    Links are followed, each folder once: by its own name where it stands below `folder`, for which links come last.
    """
    pending, seen = [("", 0)], {_identity(folder.stat())}
    linked: collections.deque[tuple[str, int]] = collections.deque()
    while pending or linked:
        if pending:
            above, depth = pending.pop()
        else:
            above, depth = linked.popleft()
            identity = _identity((folder / above).stat())
            if identity in seen:
                continue
            seen.add(identity)
            yield above
            if depth > _DEPTH:
                continue
        for entry in _subfolders(folder / above):
            if clutter.kind(entry.name) and not (with_clutter and depth):
                continue
            below = f"{above}/{entry.name}".lstrip("/")
            if entry.is_symlink():
                linked.append((below, depth + 1))
                continue
            identity = _identity((folder / below).stat())
            if identity in seen:
                continue
            seen.add(identity)
            yield below
            if depth < _DEPTH:
                pending.append((below, depth + 1))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _subfolders(folder: pathlib.Path) -> list[os.DirEntry]:
    """Returns the folders in `folder`, by name; none where it is unreadable."""
    try:
        with os.scandir(folder) as entries:
            return sorted(filter(_is_folder, entries), key=lambda entry: entry.name)
    except PermissionError:
        return []


def holds_files(folder: pathlib.Path) -> bool:
    """Returns whether a folder has a file, clutter aside."""
    with contextlib.suppress(PermissionError), os.scandir(folder) as entries:
        return any(not _is_folder(entry) and not clutter.kind(entry.name) for entry in entries)
    return False
