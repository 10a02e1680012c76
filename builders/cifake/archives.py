"""The files in a .zip or .tar, read from front to back; nothing is unpacked."""

import bz2
import functools
import gzip
import lzma
import pathlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

Member = tuple[str, Callable[[], bytes]]

# What reading a damaged or protected member raises; RuntimeError is zipfile's for a password.
READ_ERRORS = (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error)

# What a .tar is compressed with, by its first bytes.
_COMPRESSIONS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}


def is_archive(path: pathlib.Path) -> bool:
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def members(path: pathlib.Path) -> Iterator[Member]:
    """Yields path and content's loader, valid until the next is asked for, of every file. Raises READ_ERRORS."""
    yield from _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path)


def _zip_members(path: pathlib.Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                # Windows' own separator, which some programs write although the format forbids it.
                yield info.filename.replace("\\", "/"), lambda info=info: archive.read(info)


def _tar_members(path: pathlib.Path) -> Iterator[Member]:
    # "|": a stream, because seeking in .tar.xz starts over each time
    with _decompressed(path) as file, tarfile.open(fileobj=file, mode="r|") as archive:
        for info in archive:
            if info.isfile():
                yield info.name, lambda info=info: archive.extractfile(info).read()
            elif info.islnk() or info.issym():  # what it points at may have gone by
                yield info.name, functools.partial(_refuse_link, info.linkname)
        # tarfile alone takes an archive cut between two members for a whole one, and its streams skip gzip's checksum.
        while file.read(1 << 20):
            pass
        if file.tell() < archive.offset + tarfile.BLOCKSIZE:
            raise EOFError("it is cut short")


def _refuse_link(target: str) -> bytes:
    raise OSError(f"it is a link to {target!r}: unpack the archive and give the folder")


def _decompressed(path: pathlib.Path) -> BinaryIO:
    with open(path, "rb") as file:
        start = file.read(6)
    for magic, opener in _COMPRESSIONS.items():
        if start.startswith(magic):
            return opener(path)
    return open(path, "rb")
