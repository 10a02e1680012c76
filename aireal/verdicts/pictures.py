"""Which pictures are meant, and what is said about each. Free of TensorFlow."""

import collections
import dataclasses
import os
import pathlib
import stat
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from aireal.errors import reason
from aireal.verdicts.verdict import Rule
from builders.cifake import clutter

# What counts as a picture in a folder; a file that is named itself is looked into whatever its name.
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp", ".bmp", ".tif", ".tiff")
SUFFIXES += (".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif")


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What is said about one picture, or why nothing is.

    Attributes:
      path: the file, or None where the picture came from memory.
      verdict: FAKE, REAL or UNSURE, by the model's `Rule`; None where `error` is not, as confidence and p_real.
      confidence: the model's score for what it says, FAKE or REAL, in [0, 1]; for UNSURE too.
      p_real: the model's score for REAL, in [0, 1].
      reason: why the verdict is UNSURE, LOW_CONFIDENCE or FOREIGN; else None.
      windows: of a model that reads windows, p_real of each, in the order of `pixels.windows.places`; else None.
      error: why the picture could not be judged.
      size: width and height in pixels, upright, before the picture was brought to the model's size.
    """

    path: str | None
    verdict: str | None = None
    confidence: float | None = None
    p_real: float | None = None
    error: str | None = None
    size: tuple[int, int] | None = None
    reason: str | None = None
    windows: tuple[float, ...] | None = None

    def judged(self, p_real: float, foreign: float, rule: Rule) -> Self:
        """Returns the prediction that a rule makes of a picture's scores and size."""
        fits = self.size is None or rule.fits(self.size)
        reason = rule.reasons(np.float32(p_real), np.float32(foreign), fits)
        return dataclasses.replace(
            self,
            verdict=str(rule.verdicts(p_real, reason)),
            confidence=float(rule.confidence(p_real)),
            p_real=p_real,
            reason=str(reason) or None,
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns path, verdict, reason, confidence, p_real and error."""
        return {name: getattr(self, name) for name in ("path", "verdict", "reason", "confidence", "p_real", "error")}


def other_kind(path: str) -> str | None:
    """Returns what a file in a folder is left out as, the name of clutter or its ending; None for a picture."""
    ending = pathlib.PurePath(path).suffix.lower()
    return clutter.kind(path) or (None if ending in SUFFIXES else ending or "no ending")


def find(names: Iterable[str], left_out: collections.Counter[str] | None = None) -> Iterator[str | Prediction]:
    """Yields the files that are named and those in named folders and below, sorted by name.

    Links are followed, each folder once. In folders clutter is left out, and all that `SUFFIXES` does not name.

    Args:
      names: of files and folders.
      left_out: counts what is left out, hidden files aside: by the ending of files, by the name of clutter.

    Yields:
      A path, or a Prediction with the error where a file or folder is of no use.
    """
    for name in names:
        found = _find(name, collections.Counter() if left_out is None else left_out)
        yield next(found, Prediction(name, error="the folder holds no picture"))
        yield from found


def _find(name: str, left_out: collections.Counter[str]) -> Iterator[str | Prediction]:
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
            wanted = []
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    kind = other_kind(entry.name)
                    if kind and os.path.isdir(entry):  # few are asked for: a look takes time
                        kind = clutter.kind_of_folder(entry.name)
                    if kind:
                        left_out[kind] += 1
                    else:
                        wanted.append(entry.path)
            pending += sorted(wanted, reverse=True)
        except OSError as error:
            yield Prediction(path, error=reason(error))
