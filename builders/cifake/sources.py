"""Where pictures come from: a folder, a .zip or a .tar, read in place, or a list of files.

Every kind of source is a sequence of members, each a path and a way to load its bytes. Nothing is unpacked: archives
are read from front to back, once where memory holds their pictures (`passes.Reader`), and leave nothing behind on disk.
"""

import functools
import hashlib
import io
import itertools
import os
import pathlib
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from PIL import Image

from builders import progress
from builders.cifake import archives, clutter, folders, layout, manifest, tree
from builders.cifake.archives import READ_ERRORS, Member
from builders.cifake.layout import SPLITS, Naming, Place, SourceError
from builders.cifake.outline import Outline

OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZE = 32  # edge of CIFAKE's pictures in pixels
_PEEKED = 20  # files that tell whether a source is CIFAKE

# `0000.jpg` or `1000 (10).jpg`: the number in brackets is the CIFAR-10 class, counted from 1, absent for the first.
_NAME = re.compile(r"\d+(?: \(([2-9]|10)\))?\.jpg")
_CIFAKE = re.compile(rf"(?:[^/]+/)*(?:train|test)/(?:fake|real)/{_NAME.pattern}", re.IGNORECASE)

Picture = tuple[Place, Callable[[], bytes]]  # where it belongs, and what loads its file while no other is asked for


class Collection:
    """A source that has been understood.

    Args:
      source: a folder; a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file, or a folder with one such file in it; or a .csv
        or .tsv, as `manifest` reads it.
      naming: what its words mean.

    Raises:
      SourceError: nothing is there, it is none of these or damaged, or its words contradict each other.

    Attributes:
      outline: what it is understood as. A .tar is read through for it, of others the names.
    """

    def __init__(self, source: os.PathLike | str, naming: Naming = layout.USUAL):
        self._source = find(source)
        self._place: Callable[[str], Place | None]
        if _is_manifest(self._source):
            listed, by_split = manifest.places(self._source, naming)
            self._place, self._listed = listed.get, listed
            self.outline = Outline.of(listed.values(), by_split)
        else:
            members = progress.bar(_members(self._source), "Listing", unit=" files", leave=False)
            paths = [path for path, _ in members]
            empty = set(folders.folders(self._source)) if self._source.is_dir() else ()
            self._place, self.outline = tree.understood(paths, empty, naming)

    def __str__(self) -> str:
        return str(self._source)

    def pictures(self, splits: Sequence[str] = SPLITS, *, apart: bool = False) -> Iterator[Picture]:
        """Yields every picture of some splits, in the source's own order.

        Args:
          splits: of `SPLITS`.
          apart: let each be loaded at any time and in any process that sees the source.

        Raises:
          SourceError: it is an archive, and damaged; or is to be read apart, and compressed as a whole.
        """
        for _, place, load in self._members(apart=apart):
            if place.split in splits:
                yield place, load

    def own_names(self, wanted: Set[str]) -> dict[str, str]:
        """Returns what the source itself calls pictures, by their `Place.path`; both names where two have the same."""
        names: dict[str, dict[str, None]] = {}
        for path, place, _ in self._members():
            if place.path in wanted:
                names.setdefault(place.path, {})[path] = None
        return {path: " and ".join(own) for path, own in names.items()}

    def _members(self, *, apart: bool = False) -> Iterator[tuple[str, Place, Callable[[], bytes]]]:
        if _is_manifest(self._source):
            members = _listed_members(self._source, self._listed)
        else:
            members = _members(self._source, apart=apart)
        for path, load in members:
            if place := self._place(path):
                yield path, place, load


def object_of(name: str) -> str | None:
    """Returns the CIFAR-10 class that a CIFAKE file name states, or None where the name breaks the rule."""
    match = _NAME.fullmatch(name)
    return OBJECTS[int(match[1] or 1) - 1] if match else None


def is_cifake(source: os.PathLike | str) -> bool:
    """Returns whether a source has CIFAKE's folders, file names and size, by a look at its first files.

    Raises:
      SourceError: there is nothing, or it is no source.
    """
    found = find(source)
    if _is_manifest(found):
        return False
    members = folders.entries(found) if found.is_dir() else _members(found)  # in no order, which spares a look at all
    first = itertools.islice(((path, load) for path, load in members if not clutter.kind(path)), _PEEKED)
    return all(_CIFAKE.fullmatch(path) and (at or _may_have_its_size(load)) for at, (path, load) in enumerate(first))


def _may_have_its_size(load: Callable[[], bytes] | os.DirEntry) -> bool:
    """Returns whether a file is a picture of CIFAKE's size, or none at all: damaged ones may be anything's."""
    try:
        with Image.open(io.BytesIO(_read(load.path) if isinstance(load, os.DirEntry) else load())) as image:
            return image.size == (SIZE, SIZE)
    except Exception:  # Pillow's plugins raise nearly anything
        return True


def fingerprint(source: os.PathLike | str, naming: Naming = layout.USUAL) -> str:
    """32 hexadecimal digits that change when a file of the source is added, removed, resized or touched.

    Raises:
      SourceError: as `Collection`.
    """
    source = find(source)
    if _is_manifest(source):
        listed, _ = manifest.places(source, naming)
        files = [_line("\0".join([path, *place]), source.parent / path) for path, place in listed.items()]
    elif source.is_dir():
        entries = {path: entry for path, entry in folders.entries(source) if not clutter.kind(path)}
        told = tree.Tree({path.rpartition("/")[0] for path in entries}, naming)
        files = sorted(_line(path, entry) for path, entry in entries.items() if told.place(path))
    else:
        files = [_line(source.name, source)]
    lines = "".join(files) + ("" if naming == layout.USUAL else repr(naming))
    return hashlib.blake2b(lines.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _line(name: str, file: os.DirEntry | pathlib.Path) -> str:
    """Returns what a fingerprint has of a file, as text: all that the system tells of CIFAKE's takes 80 MiB."""
    try:
        found = os.stat(file)  # an entry's own method keeps what it finds
    except OSError:  # a link that leads nowhere, which a check of the files will name
        found = os.lstat(file) if os.path.lexists(file) else os.stat_result((0,) * 19)
    return f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n"


def find(source: os.PathLike | str) -> pathlib.Path:
    """Returns the folder, archive or list that `source` means, or raises SourceError."""
    source = pathlib.Path(source).expanduser()
    if not source.exists():
        raise SourceError(f"{source} does not exist. It should be a folder, an archive or a .csv: {layout.EXPECTED}.")
    if not source.is_dir() or any(path.is_dir() and not clutter.kind_of_folder(path.name) for path in source.iterdir()):
        return source
    # The archive as it was downloaded, alone in its folder: what TFDS calls a manual_dir.
    found = [path for path in sorted(source.iterdir()) if path.is_file() and archives.is_archive(path)]
    if len(found) == 1:
        return found[0]
    names = layout.listed(path.name for path in source.iterdir())
    lists = [path for path in sorted(source.iterdir()) if _is_manifest(path)]
    hint = f" A list of paths and labels is given by itself: {lists[0]}." if lists else ""
    raise SourceError(f"{source} has no folder in it. Expected {layout.EXPECTED}. Found {names}.{hint}")


def check(source: os.PathLike | str, naming: Naming = layout.USUAL, *, to_learn: bool = True) -> None:
    """Makes sure, by folders' names or by the list, that there may be pictures of both classes in each split.

    Args:
      source: as `Collection` takes it.
      naming: likewise.
      to_learn: whether there have to be some to train on.

    Raises:
      SourceError: nothing is there, it is none that can be read, or a class is missing.
    """
    found = find(source)
    if _is_manifest(found):
        Collection(found, naming).outline.check(str(source), to_learn=to_learn)
    elif found.is_dir():
        names = list(folders.folders(found))
        # As if each folder with a file had a picture; what they are is seen when they are listed.
        _, outline = tree.understood(
            [f"{name}/0.jpg" for name in names if folders.holds_files(found / name)], names, naming
        )
        outline.check(str(source), to_learn=to_learn)
    elif not archives.is_archive(found):
        raise SourceError(f"{source} is neither a folder nor a .zip or .tar archive nor a .csv.")


def _is_manifest(source: pathlib.Path) -> bool:
    return source.suffix.lower() in manifest.SUFFIXES and source.is_file()


def _listed_members(source: pathlib.Path, listed: Mapping[str, Place]) -> Iterator[Member]:
    for path in listed:
        yield path, functools.partial(_read, source.parent / path)


def _members(source: pathlib.Path, *, apart: bool = False) -> Iterator[Member]:
    if source.is_dir():
        for path, entry in sorted(folders.entries(source), key=lambda item: item[0]):
            yield path, functools.partial(_read, entry.path)
        return
    if apart and archives.is_archive(source) and archives.is_compressed_tar(source):
        raise SourceError(
            f"{source} is compressed as a whole, so that no process can begin in its middle. Unpack it and give the "
            "folder, or decompress it and give the .tar."
        )
    try:
        for path, load in archives.members_apart(source) if apart else archives.members(source):
            yield archives.relative(path), load
    except READ_ERRORS as error:
        raise SourceError(
            f"{source} cannot be read as a .zip or .tar archive: {error}. Download it again, or unpack it yourself "
            "and give the folder."
        ) from error


def _read(path: os.PathLike | str) -> bytes:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # a pipe, which nobody may ever write to
        raise OSError("no regular file")
    archives.check_bytes(status.st_size)
    with open(path, "rb", buffering=0) as file:
        return file.read()
