"""Where pictures come from: a folder, a .zip or a .tar in the CIFAKE layout, read in place.

Every kind of source is a sequence of members, each a path and a way to load its bytes. Nothing is unpacked: archives
are read from front to back, once where memory holds their pictures (`Reader`), and leave nothing behind on disk.
"""

import functools
import hashlib
import os
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from builders import progress
from builders.cifake import archives, clutter, layout
from builders.cifake.archives import READ_ERRORS, Member
from builders.cifake.layout import SPLITS, SourceError

OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZE = 32  # edge of CIFAKE's pictures in pixels
KEPT_BYTES = 256 << 20  # twice CIFAKE
_CHUNK_FILES, _CHUNK_BYTES = 500, 16 << 20  # of CIFAKE 500 pictures are half a megabyte

# `0000.jpg` or `1000 (10).jpg`: the number in brackets is the CIFAR-10 class, counted from 1, absent for the first.
_NAME = re.compile(r"\d+(?: \(([2-9]|10)\))?\.jpg")


def pictures(source: os.PathLike | str, splits: Sequence[str] = SPLITS) -> Iterator[Member]:
    """Yields every file of the class folders, in the source's own order.

    Args:
      source: a folder, or a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file, or a folder with one such file in it.
      splits: those wanted, of `train` and `test`.

    Yields:
      (path, load): the path in the canonical spelling, as `train/FAKE/0001 (2).jpg`, and a function that returns the
      file's bytes. `load` is valid until the next member is asked for.

    Raises:
      SourceError: nothing is there, it is no folder and no archive, or the archive is damaged.
    """
    for path, load in _members(find(source), splits):
        name = layout.canonical(path)
        if name and name.split("/")[0] in splits:
            yield name, load


def outline(source: os.PathLike | str) -> layout.Outline:
    """Returns what a source is understood as; a .tar is read through for it, of others the names.

    Raises:
      SourceError: what `pictures` raises.
    """
    found = find(source)
    members = progress.bar(_members(found), "Listing", unit=" files", leave=False)
    folders = _folders(found) if found.is_dir() else ()
    return layout.Outline.of((path for path, _ in members), folders)


class Reader:
    """The pictures of a source for several passes: small sources are read in the first pass and kept in memory.

    Args:
      source: what `pictures` takes.
      kept_bytes: up to this size the pictures together are kept.
    """

    def __init__(self, source: os.PathLike | str, kept_bytes: int = KEPT_BYTES):
        self.source = source
        self._kept_bytes = kept_bytes
        self._room = kept_bytes
        self._kept: dict[str, bytes] = {}
        self._complete = False

    def pictures(self, splits: Sequence[str] = SPLITS) -> Iterator[Member]:
        """Yields what `pictures` does; what was not or could not be loaded in a first, whole pass is then left out."""
        if self._complete:
            for path, data in self._kept.items():
                if path.startswith(tuple(splits)):
                    yield path, lambda data=data: data
            return
        if set(splits) != set(SPLITS):
            yield from pictures(self.source, splits)
            return
        self._kept.clear()
        self._room = self._kept_bytes
        for path, load in pictures(self.source):
            yield path, functools.partial(self._load, path, load)
        self._complete = self._room >= 0

    def _load(self, path: str, load: Callable[[], bytes]) -> bytes:
        data = load()
        self._room -= len(data)
        if self._room >= 0:
            self._kept[path] = data
        else:
            self._kept.clear()
        return data


def object_of(name: str) -> str | None:
    """Returns the CIFAR-10 class that a CIFAKE file name states, or None where the name breaks the rule."""
    match = _NAME.fullmatch(name)
    return OBJECTS[int(match[1] or 1) - 1] if match else None


def chunks(files: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Cuts (path, content) of files into lists that are worth handing over: 500 files or 16 MiB, what comes first."""
    chunk, size = [], 0
    for path, data in files:
        chunk.append((path, data))
        size += len(data)
        if len(chunk) == _CHUNK_FILES or size > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def fingerprint(source: os.PathLike | str) -> str:
    """32 hexadecimal digits that change when a file of the source is added, removed, resized or touched."""
    source = find(source)
    if source.is_dir():
        files = sorted((path, _stat(entry)) for path, entry in _entries(source) if not clutter.kind(path))
    else:
        files = [(source.name, source.stat())]
    lines = "".join(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n" for path, stat in files)
    return hashlib.blake2b(lines.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _stat(entry: os.DirEntry) -> os.stat_result:
    try:
        return entry.stat()
    except OSError:  # a link that leads nowhere, which a check of the files will name
        return entry.stat(follow_symlinks=False)


def find(source: os.PathLike | str) -> pathlib.Path:
    """Returns the folder with the splits or the archive that `source` means, or raises SourceError."""
    source = pathlib.Path(source).expanduser()
    if not source.exists():
        raise SourceError(f"{source} does not exist. It should be a folder or an archive with {layout.EXPECTED}.")
    if not source.is_dir():
        return source
    if any(True for _ in _class_folders(source)):
        return source
    # The archive as it was downloaded, alone in its folder: what TFDS calls a manual_dir.
    found = [path for path in sorted(source.iterdir()) if path.is_file() and archives.is_archive(path)]
    if len(found) == 1:
        return found[0]
    files = (path.name for path in source.iterdir() if not path.is_dir())
    seen = layout.listed([*layout.innermost(_folders(source)), *files])
    raise SourceError(f"{source} has no class folder. Expected {layout.EXPECTED}; found {seen}.")


def check(source: os.PathLike | str) -> None:
    """Makes sure, by folders' names alone, that there may be pictures of both classes in both splits.

    Raises:
      SourceError: nothing is there, it is no folder and no archive, or a class folder is missing.
    """
    found = find(source)
    if found.is_dir():
        layout.Outline.of((f"{folder}/." for folder in _class_folders(found)), _folders(found)).check(str(source))
    elif not archives.is_archive(found):
        raise SourceError(f"{source} is neither a folder nor a .zip or .tar archive.")


def _members(source: pathlib.Path, splits: Sequence[str] = SPLITS) -> Iterator[Member]:
    if source.is_dir():
        for path, entry in sorted(_entries(source, splits), key=lambda item: item[0]):
            yield path, lambda entry=entry: _read(entry.path)
        return
    try:
        for path, load in archives.members(source):
            yield re.sub(r"^(\.{0,2}/)+", "", path), load  # ./ as `tar -c .` writes, ../ and /
    except READ_ERRORS as error:
        raise SourceError(
            f"{source} cannot be read as a .zip or .tar archive: {error}. Download it again, or unpack it yourself "
            "and give the folder."
        ) from error


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _entries(folder: pathlib.Path, splits: Sequence[str] = SPLITS) -> Iterator[tuple[str, os.DirEntry]]:
    """Yields (path below `folder`, entry) of every file in the class folders; follows no link to a folder."""
    for class_folder in _class_folders(folder, splits):
        pending = [class_folder]
        while pending:
            below = pending.pop()
            with os.scandir(folder / below) as entries:
                for entry in entries:
                    path = f"{below}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(path)
                    else:
                        yield path, entry


def _class_folders(folder: pathlib.Path, splits: Sequence[str] = SPLITS) -> Iterator[str]:
    """Yields the paths of the class folders below `folder`."""
    for below in _folders(folder):
        name = layout.class_folder(below)
        if name and name.split("/")[0] in splits:
            yield below


def _folders(folder: pathlib.Path) -> Iterator[str]:
    """Yields the paths of folders below `folder`, down to those of the classes; clutter aside."""
    pending = [("", 1)]
    while pending:
        above, depth = pending.pop()
        for name in _subfolders(folder / above):
            if clutter.kind(name):
                continue
            below = f"{above}{name}"
            yield below
            is_split = name.lower() in SPLITS
            if not layout.class_folder(below) and (depth <= layout.DEPTH or (is_split and depth == layout.DEPTH + 1)):
                pending.append((f"{below}/", depth + 1))


def _subfolders(folder: pathlib.Path) -> list[str]:
    """Returns the names of the folders in `folder`; none where it is unreadable."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except PermissionError:
        return []
