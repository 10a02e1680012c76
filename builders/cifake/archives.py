"""The files in a .zip or .tar: read from front to back, where nothing is unpacked, or listed and then read anywhere."""

import bz2
import dataclasses
import functools
import gzip
import io
import lzma
import os
import pathlib
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

Member = tuple[str, Callable[[], bytes]]

# What reading a damaged or protected member raises; RuntimeError is zipfile's for a password.
READ_ERRORS = (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error)

# Of one file: twice what 64 million pixels of 16 bits with alpha take. A small archive can hold more.
MAX_BYTES = 1 << 30

# What a .tar is compressed with, by its first bytes.
_COMPRESSIONS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
MAGIC = (b"PK\3\4", *_COMPRESSIONS)  # first bytes of archives that are no plain .tar


def check_bytes(size: int) -> None:
    """Raises OSError where a file has more than MAX_BYTES: reading it might take all memory."""
    if size > MAX_BYTES:
        raise OSError(f"it has more than {MAX_BYTES:,} bytes, the limit for a picture's file")


def is_archive(path: pathlib.Path) -> bool:
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except EOFError:  # something compressed, cut short in its first bytes
        return False


def members(path: pathlib.Path) -> Iterator[Member]:
    """Yields path and content's loader, valid until the next is asked for, of every file. Raises READ_ERRORS."""
    yield from _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in an archive a file is, so that processes that never saw the archive's list read it.

    Attributes:
      archive: path of the .zip or .tar; a .tar as it is, not compressed.
      path: of the file, in the archive.
      begin: byte of the archive where it begins, in a .zip its own header.
      size: bytes that it takes there.
      checksum: of a file in a .zip, CRC-32; None in a .tar.
      method: how it is stored in a .zip, as zipfile has it; None where zipfile itself has to read it, by its list.
    """

    archive: str
    path: str
    begin: int
    size: int
    checksum: int | None = None
    method: int | None = zipfile.ZIP_STORED

    def read(self) -> bytes:
        """Returns the file's content.

        Raises:
          OSError: the archive is not what it was, or damaged, or protected, or the file has more than MAX_BYTES.
        """
        check_bytes(self.size)
        if self.method is None:
            return self._read_by_zipfile()
        with open(self.archive, "rb") as file:
            file.seek(self.begin)
            if self.checksum is not None:
                header = file.read(_ZIP_HEADER.size).ljust(_ZIP_HEADER.size)
                file.seek(sum(_ZIP_HEADER.unpack(header)), os.SEEK_CUR)
            data = file.read(self.size)
        data = _inflate(data) if self.method else data
        is_short = not self.method and len(data) < self.size
        if is_short or self.checksum not in (None, zlib.crc32(data)):
            raise OSError("damaged in the archive, or the archive has changed")
        return data

    def _read_by_zipfile(self) -> bytes:
        try:
            opened, members = _opened(self.archive, os.stat(self.archive).st_mtime_ns, os.getpid())
            if self.begin not in members:
                raise OSError("the archive has changed")
            return _extract(opened, members[self.begin])
        except READ_ERRORS as error:
            raise OSError(str(error) or "the archive has changed") from error


@functools.lru_cache(maxsize=1)  # the list of 4,000 files takes 80 ms to read
def _opened(archive: str, *_: int) -> tuple[zipfile.ZipFile, dict[int, zipfile.ZipInfo]]:
    """Returns a .zip and its members by where they begin; anew where it has changed, and in each process."""
    opened = zipfile.ZipFile(archive)
    return opened, {info.header_offset: info for info in opened.infolist()}


def _inflate(data: bytes) -> bytes:
    inflation = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflation.decompress(data, MAX_BYTES + 1)  # whatever the archive's list says of its size
    except zlib.error as error:
        raise OSError(f"damaged in the archive: {error}") from error
    check_bytes(len(found))
    return found


_ZIP_HEADER = struct.Struct("<26xHH")  # before a file in a .zip; the lengths of the name and of more that follow it


def places(path: pathlib.Path) -> Iterator[tuple[str, Place | str]]:
    """Yields the path of every file in an archive, and where it is or what keeps it from being read.

    Args:
      path: of a .zip, or of a .tar that is not compressed.

    Raises:
      READ_ERRORS: the archive's list is damaged; what is in it is seen by `Place.read`.
    """
    yield from _zip_places(path) if zipfile.is_zipfile(path) else _tar_places(path)


def members_apart(path: pathlib.Path) -> Iterator[Member]:
    """Yields what `members` does of an archive that `places` takes, with loaders for any time and any process."""
    for name, place in places(path):
        yield name, place.read if isinstance(place, Place) else functools.partial(_refuse, place)


def _refuse(reason: str) -> bytes:
    raise OSError(reason)


def is_compressed_tar(path: pathlib.Path) -> bool:
    """Returns whether an archive is a .tar that can only be read from its beginning."""
    with _decompressed(path) as file:
        return not zipfile.is_zipfile(path) and not isinstance(file, io.BufferedReader)


def decompress(path: pathlib.Path, to: pathlib.Path) -> None:
    """Writes a compressed .tar as a plain one. Raises READ_ERRORS."""
    with _decompressed(path) as file, open(to, "wb") as plain:
        shutil.copyfileobj(file, plain, 1 << 20)


def relative(name: str) -> str:
    """Returns the name of a file in an archive without what some programs put before it: ./, ../ or /"""
    return re.sub(r"^(\.{0,2}/)+", "", name)


def _zip_places(path: pathlib.Path) -> Iterator[tuple[str, Place | str]]:
    archive = os.fspath(path)
    with zipfile.ZipFile(path) as opened:
        for info in opened.infolist():
            name = info.filename.replace("\\", "/")
            if not info.is_dir():
                is_usual = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and not info.flag_bits & 1
                method = info.compress_type if is_usual else None
                yield name, Place(archive, name, info.header_offset, info.compress_size, info.CRC, method)


def _tar_places(path: pathlib.Path) -> Iterator[tuple[str, Place | str]]:
    archive = os.fspath(path)
    with tarfile.open(path, "r:") as opened:
        while info := opened.next():
            if info.isfile() and not info.issparse():
                yield info.name, Place(archive, info.name, info.offset_data, info.size)
            elif not info.isdir():
                yield info.name, "it is a link or of another kind: unpack the archive and give the folder"
            opened.members.clear()  # of a million files
        if os.path.getsize(path) < opened.offset + tarfile.BLOCKSIZE:
            raise EOFError("it is cut short")


def _zip_members(path: pathlib.Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                # Windows' own separator, which some programs write although the format forbids it.
                yield info.filename.replace("\\", "/"), functools.partial(_extract, archive, info)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    check_bytes(info.file_size)  # of bzip2 and LZMA zipfile inflates all there is before it compares
    return archive.read(info)


def _tar_members(path: pathlib.Path) -> Iterator[Member]:
    # "|": a stream, because seeking in .tar.xz starts over each time
    with _decompressed(path) as file, tarfile.open(fileobj=file, mode="r|") as archive:
        for info in archive:
            if info.isfile():
                yield info.name, functools.partial(_extract_from_tar, archive, info)
            elif info.islnk() or info.issym():  # what it points at may have gone by
                reason = f"it is a link to {info.linkname!r}: unpack the archive and give the folder"
                yield info.name, functools.partial(_refuse, reason)
        # tarfile alone takes an archive cut between two members for a whole one, and its streams skip gzip's checksum.
        while file.read(1 << 20):
            pass
        if file.tell() < archive.offset + tarfile.BLOCKSIZE:
            raise EOFError("it is cut short")


def _extract_from_tar(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    check_bytes(info.size)
    return archive.extractfile(info).read()


def _decompressed(path: pathlib.Path) -> BinaryIO:
    with open(path, "rb") as file:
        start = file.read(6)
    for magic, opener in _COMPRESSIONS.items():
        if start.startswith(magic):
            return opener(path)
    return open(path, "rb")
