"""What the words of a source mean: its classes, splits and columns; and how its paths are written."""

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SPLITS = ("train", "validation", "test")
LABELS = ("FAKE", "REAL")  # alphabetical: FAKE = 0, REAL = 1
EXPECTED = (
    "a folder of AI pictures (FAKE, ai, fake, generated, ...) and one of photographs (REAL, real, nature, photo, ...), "
    "in train and test or by themselves; other names: --fake=NAMES --real=NAMES"
)

_SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
_USUAL = {  # in lower case, with "_" between words
    "FAKE": ("fake", "fakes", "ai", "ai_generated", "generated", "synthetic", "artificial", "1_fake"),
    "REAL": ("real", "reals", "nature", "natural", "human", "photo", "photos", "photograph", "photographs", "0_real"),
}
# Of a manifest: what a column may be called, unless it is named.
_COLUMNS = {
    "path": ("path", "file", "filename", "file_name", "image"),
    "label": ("label", "class"),
    "split": ("split", "subset"),
    "group": ("group", "generator", "topic"),
    "pair": ("pair", "prompt", "scene"),
}
SHOWN = 10  # names in a message


class SourceError(ValueError):
    """The source cannot be used; the message says what is wrong, where, and what to do."""


@dataclasses.dataclass(frozen=True)
class Naming:
    """What the words of a source mean.

    Attributes:
      fake: names of the class FAKE, of folders or in a manifest, comma-separated; the usual ones where it is empty.
        Case makes no difference, nor "-", "_" or a space.
      real: those of REAL.
      columns: of a manifest, comma-separated, as `path=file,label=kind`; the usual names where one is not given.
      pair: which pictures never stand on both sides of a split: those of one name (`stem`), or `none` but copies. A
        manifest may tell it by a column.

    Raises:
      SourceError: a name stands for both classes, or `columns` cannot be understood.
    """

    fake: str = ""
    real: str = ""
    columns: str = ""
    pair: str = "none"

    def __post_init__(self):
        if both := set(self._names["FAKE"]) & set(self._names["REAL"]):
            raise SourceError(f"--fake and --real both have {listed(both)}.")
        for name, column in self._named_columns:
            if name not in _COLUMNS or not column:
                raise SourceError(f"--columns={self.columns}: expected {', '.join(f'{one}=NAME' for one in _COLUMNS)}.")

    def label(self, word: str) -> str | None:
        """Returns FAKE or REAL where a word is a name of one of them."""
        return next((label for label, names in self._names.items() if _folded(word) in names), None)

    def column(self, name: str, header: Sequence[str]) -> str | None:
        """Returns the column of a manifest that tells `path`, `label`, `split`, `group` or `pair`; None without one."""
        if given := dict(self._named_columns).get(name):
            return given
        return next((column for one in _COLUMNS[name] for column in header if _folded(column) == one), None)

    @functools.cached_property
    def _names(self) -> dict[str, tuple[str, ...]]:
        given = {"FAKE": self.fake, "REAL": self.real}
        told = {
            label: tuple(_folded(name) for name in words.split(",") if name.strip()) for label, words in given.items()
        }
        return {label: told[label] or tuple(set(usual) - {*sum(told.values(), ())}) for label, usual in _USUAL.items()}

    @functools.cached_property
    def _named_columns(self) -> list[tuple[str, str]]:
        parts = (part.partition("=") for part in self.columns.split(",") if part)
        return [(name.strip(), column.strip()) for name, _, column in parts]


def split_of(word: str) -> str | None:
    """Returns the split that a word names, or None."""
    return next((split for split, names in _SPLIT_NAMES.items() if _folded(word) in names), None)


def _folded(word: str) -> str:
    # NFC: macOS takes "ü" apart in the names of files and archives.
    return re.sub(r"[-_ ]+", "_", unicodedata.normalize("NFC", word).strip().lower())


USUAL = Naming()


class Place(NamedTuple):
    """Where a picture belongs.

    Attributes:
      path: SPLIT/LABEL/NAME, how it is called everywhere; train where the source has no splits.
      group: its generator or topic: the folders above its class and the first below it; may be empty.
      pair: what it has in common with others that belong on its side of a split; may be empty.
    """

    path: str
    group: str = ""
    pair: str = ""

    @property
    def split(self) -> str:
        return self.path.split("/", 1)[0]


def innermost(folders: Iterable[str]) -> set[str]:
    """Returns those of folders that are not the parent of another."""
    folders = set(folders)
    return folders - {folder.rpartition("/")[0] for folder in folders}


def listed(names: Iterable[str]) -> str:
    """Returns the first ten of names, sorted, and the count of the others."""
    ordered = [printable(name) for name in sorted(names) if name]
    more = f" and {len(ordered) - SHOWN:,} more" if len(ordered) > SHOWN else ""
    return (", ".join(ordered[:SHOWN]) or "nothing") + more


def printable(path: str) -> str:
    """Returns a path without anything that a terminal would act on or that UTF-8 cannot hold."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in path)
