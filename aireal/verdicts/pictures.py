"""Which pictures are meant, and what is said about each. Free of TensorFlow."""

import dataclasses
import os
import pathlib
import stat
from collections.abc import Iterable, Iterator
from typing import Any

# What counts as a picture in a folder; a file that is named itself is looked into whatever its name.
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")
SUFFIXES += (".ppm", ".avif", ".heic", ".heif")
MAX_PIXELS = 64_000_000  # of one picture that is judged: about 1 GB while it is decoded


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model says about one picture, or why it says nothing.

    Attributes:
      path: the file, or None where the picture came from memory.
      p_real: score in [0, 1]; None where `error` is not.
      error: why the picture could not be judged.
      size: width and height in pixels, upright, before the picture was brought to the model's size.
    """

    path: str | None
    p_real: float | None = None
    error: str | None = None
    size: tuple[int, int] | None = None

    @property
    def verdict(self) -> str | None:
        """REAL from a p_real of 0.5 on, else FAKE."""
        return None if self.p_real is None else "REAL" if self.p_real >= 0.5 else "FAKE"

    @property
    def confidence(self) -> float | None:
        """The model's score for its own verdict, in [0.5, 1]."""
        return None if self.p_real is None else max(self.p_real, 1 - self.p_real)

    def as_dict(self) -> dict[str, Any]:
        """Returns path, verdict, confidence, p_real and error."""
        return {name: getattr(self, name) for name in ("path", "verdict", "confidence", "p_real", "error")}


def find(names: Iterable[str]) -> Iterator[str | Prediction]:
    """Yields the files that are named and those in named folders and below, sorted by name.

    Links are followed, each folder once. In folders, hidden files are left out, and all that `SUFFIXES` does not name.

    Yields:
      A path, or a Prediction with the error where a file or folder is of no use.
    """
    for name in names:
        found = list(_find(name))
        yield from found or [Prediction(name, error="the folder holds no picture")]


def reason(error: OSError) -> str:
    """Returns what went wrong, without error number and path."""
    return error.strerror.lower() if error.strerror else str(error)


def _find(name: str) -> Iterator[str | Prediction]:
    pending, seen = [name], set()
    while pending:
        path = pending.pop()
        try:
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode):
                yield path
                continue
            if not stat.S_ISDIR(status.st_mode):
                raise OSError("neither a file nor a folder")
            if (identity := (status.st_dev, status.st_ino)) in seen:
                parent = pathlib.Path(path).parent.resolve()
                if pathlib.Path(path).resolve() in (parent, *parent.parents):
                    raise OSError("a link back to a folder above it")
                continue  # another link to a folder whose pictures are in the list
            seen.add(identity)
            with os.scandir(path) as entries:
                pending += sorted((entry.path for entry in entries if _is_wanted(entry)), reverse=True)
        except OSError as error:
            yield Prediction(path, error=reason(error))


def _is_wanted(entry: os.DirEntry) -> bool:
    return not entry.name.startswith(".") and (entry.name.lower().endswith(SUFFIXES) or os.path.isdir(entry.path))
