"""The pictures that names on a command line stand for, those in archives and lists too. Free of TensorFlow."""

import collections
import itertools
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aireal.errors import UserError
from aireal.runs import files
from aireal.verdicts import pictures
from aireal.verdicts.pictures import Prediction
from builders.cifake import archives, manifest
from builders.cifake.archives import Place
from builders.cifake.layout import Naming, SourceError, printable

_LIST = ".txt"
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz")  # also where they are damaged


class Named(NamedTuple):
    """One picture, as a line of JSON holds it.

    Attributes:
      path: as its verdict names it.
      place: where it is in an archive, the values of `archives.Place`; None for a file.
      error: why it is of no use, known without a look at it.
    """

    path: str
    place: tuple | None = None
    error: str | None = None

    def picture(self) -> str | Place | Prediction:
        """Returns what a Predictor takes."""
        if self.error:
            return Prediction(self.path, error=self.error)
        return Place(*self.place) if self.place else self.path


def find(
    names: Iterable[str], naming: Naming, unpacked: pathlib.Path, left_out: collections.Counter[str]
) -> Iterator[Named]:
    """Yields the pictures that are named, in the order of the names, in folders by name.

    Args:
      names: of pictures and folders, as `pictures.find` takes them; of .zip and .tar archives; of .csv and .tsv files
        with a column of paths, which are relative to their own folder; of .txt files with a path a line, which are
        relative to the working directory.
      naming: what the column of paths is called.
      unpacked: folder for a plain .tar of each compressed one, which can only be read from its beginning.
      left_out: as in `pictures.find`, of archives too.

    Raises:
      UserError: an archive or a list is damaged.
    """
    for name in names:
        path = pathlib.Path(name)
        try:
            if path.suffix.lower() in manifest.SUFFIXES and path.is_file():
                yield from map(Named, manifest.paths(path, naming))
            elif path.suffix.lower() == _LIST and path.is_file():
                yield from map(Named, _listed(path))
            elif path.is_file() and _is_archive(path):
                yield from _archived(path, unpacked, left_out)
            else:
                for found in pictures.find([name], left_out):
                    failed = isinstance(found, Prediction)
                    yield Named(found.path, error=found.error) if failed else Named(found)
        except SourceError as error:
            raise UserError(str(error)) from error
        except archives.READ_ERRORS as error:
            what = str(error) or type(error).__name__
            raise UserError(f"{printable(name)} cannot be read: {what}. Download it again, or unpack it.") from error


def _is_archive(path: pathlib.Path) -> bool:
    """Returns whether a file is an archive, or one by its name; a picture of zeros alone would do for an empty .tar."""
    ending = path.suffix.lower()
    return ending in _ARCHIVES or (ending not in pictures.SUFFIXES and archives.is_archive(path))


def _listed(path: pathlib.Path) -> Iterator[str]:
    with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
        yield from (os.path.abspath(line) for line in (line.rstrip("\r\n") for line in file) if line)


def _archived(path: pathlib.Path, unpacked: pathlib.Path, left_out: collections.Counter[str]) -> Iterator[Named]:
    plain = path
    if archives.is_compressed_tar(path):
        unpacked.mkdir(parents=True, exist_ok=True)
        plain = _free(unpacked / f"{path.name}.tar")
        print(
            f"{printable(str(path))} is compressed as a whole: it becomes {plain}, which can be read anywhere.",
            flush=True,
        )
        with files.replacing(plain) as partial:
            archives.decompress(path, partial)
    is_empty = True
    for written, place in archives.places(plain):
        name = archives.relative(written)
        if any(part.startswith(".") for part in name.split("/")):
            continue
        if kind := pictures.other_kind(name):
            left_out[kind] += 1
            continue
        is_empty = False
        is_place = isinstance(place, Place)
        yield Named(f"{path}/{name}", tuple(vars(place).values())) if is_place else Named(f"{path}/{name}", error=place)
    if is_empty:
        yield Named(str(path), error="the archive holds no picture")


def _free(path: pathlib.Path) -> pathlib.Path:
    """Returns a path that no file has yet: two archives of one name may lie in different folders."""
    numbered = (path.with_name(f"{number}-{path.name}") for number in itertools.count(2))
    return next(one for one in itertools.chain([path], numbered) if not one.exists())
