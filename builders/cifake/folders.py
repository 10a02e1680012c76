"""The files and folders below a folder; links are followed."""

import collections
import itertools
import os
import pathlib
from collections.abc import Iterator

from builders.cifake import clutter


def entries(folder: pathlib.Path) -> Iterator[tuple[str, os.DirEntry]]:
    """Yields (path below `folder`, entry) of every file below it. Raises PermissionError where some cannot be seen."""
    for below in itertools.chain([""], folders(folder, with_clutter=True)):
        for entry in _within(folder, below):
            if not _is_folder(entry):
                yield f"{below}/{entry.name}".lstrip("/"), entry


def folders(folder: pathlib.Path, with_clutter: bool = False) -> Iterator[str]:
    """Yields the paths of the folders below `folder`, those of clutter if asked for and not directly in it.

    Links are followed, each folder once: by its own name where it stands below `folder`, for which links come last.

    Raises:
      PermissionError: one may not be looked into, so that pictures would be missing without a word.
    """
    pending, linked, seen = [""], collections.deque[str](), set()
    while pending or linked:
        above = pending.pop() if pending else linked.popleft()
        status = (folder / above).stat()
        if (identity := (status.st_dev, status.st_ino)) in seen:
            continue
        seen.add(identity)
        if above:
            yield above
        for entry in sorted(filter(_is_folder, _within(folder, above)), key=lambda entry: entry.name):
            if (with_clutter and above) or not clutter.kind_of_folder(entry.name):
                (linked if entry.is_symlink() else pending).append(f"{above}/{entry.name}".lstrip("/"))


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def holds_files(folder: pathlib.Path) -> bool:
    """Returns whether a folder has a file, clutter aside. Raises PermissionError."""
    return any(not _is_folder(entry) and not clutter.kind(entry.name) for entry in _within(folder, ""))


def _within(folder: pathlib.Path, below: str) -> Iterator[os.DirEntry]:
    """Yields what a folder holds; nothing of clutter that may not be looked into, such as lost+found."""
    try:
        with os.scandir(folder / below) as found:
            yield from found
    except PermissionError:
        if not clutter.kind_of_folder(below):
            raise
