"""Which class, split and group a picture belongs to, by its path."""

import dataclasses
import functools
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from builders.cifake import clutter

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

_Names = tuple[str, ...]  # of folders in each other


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
    def label(self) -> str:
        return self.path.split("/", 2)[1]

    @property
    def split(self) -> str:
        return self.path.split("/", 1)[0]


class Layout:
    """How the folders of a source tell the classes.

    A class is told by the outermost folder that bears its name beside one that bears the other's, as in ai/ and photo/;
    whatever its sub-folders are called. Where a class stands alone, its folder counts on a level on which pairs stand
    elsewhere, or if there is no pair at all. A split is told by a folder above the class or right below it, or further
    down if another split's stands beside it. Other folders above the class are a topic, but for those that all have in
    common.

    Args:
      folders: paths of those that hold files, clutter aside.
      naming: what their names mean.

    Raises:
      SourceError: two folders of one path may tell different classes, or both classes stand outside of the splits.

    Attributes:
      by_split: whether there are folders of splits; pictures outside of them are not read then.
    """

    def __init__(self, folders: Iterable[str], naming: Naming):
        self._naming = naming
        names = [tuple(folder.split("/")) for folder in folders]
        self._labels: dict[_Names, set[str]] = {}  # of the folders in a folder: the classes that they name,
        self._splits: dict[_Names, set[str]] = {}  # and the splits
        self._words: dict[tuple[_Names, str], set[str]] = {}  # and by what words they name a class
        for above, word in {(one[:at], one[at]) for one in names for at in range(len(one))}:
            if label := naming.label(word):
                self._labels.setdefault(above, set()).add(label)
                self._words.setdefault((above, label), set()).add(word)
            if split := split_of(word):
                self._splits.setdefault(above, set()).add(split)
        pairs = [above for above, labels in self._labels.items() if len(labels) == len(LABELS)]
        self._levels = {self._level(above) for above in pairs}
        found = {one: at for one in names if (at := self._class_at(one)) is not None}
        self._root = self._shared(found)
        self.by_split = self._has_splits(found)
        self._folders: dict[str, Place | None] = {}

    def place(self, path: str) -> Place | None:
        """Returns where a picture belongs; None where no folder says its class, or it is clutter.

        Raises:
          SourceError: two folders of its path may tell different classes.
        """
        if clutter.kind(path):
            return None
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._place_of_folder(tuple(folder.split("/")))
        if not (found := self._folders[folder]):
            return None
        stem = os.path.splitext(name)[0] if self._naming.pair == "stem" else ""
        return Place(f"{found.path}{name}", found.group, stem)

    def _place_of_folder(self, names: _Names) -> Place | None:
        """Returns where the pictures of a folder belong, up to their own names."""
        if names[: len(self._root)] != self._root or (at := self._class_at(names)) is None:
            return None
        split_at = self._split_at(names, at) if self.by_split else None
        if self.by_split and split_at is None:
            return None
        label = self._naming.label(names[at])
        # Where several folders are of one class, what they are called tells their files apart.
        named = [names[at]] if len(self._words[names[:at], label]) > 1 else []
        topic = [name for one, name in enumerate(names[:at]) if one >= len(self._root) and one != split_at] + named
        below = [name for one, name in enumerate(names) if one > at and one != split_at]
        split = "train" if split_at is None else split_of(names[split_at])
        path = "".join(f"{name}/" for name in (split, label, *topic, *below))
        return Place(path, "/".join([*topic, *below[:1]]))

    def _level(self, above: _Names) -> int:
        """Returns how deep folders stand, those of splits aside."""
        return sum(not split_of(name) for name in above)

    def _class_at(self, names: _Names) -> int | None:
        """Returns which of a folder's names tells its class."""
        telling = {at: label for at, name in enumerate(names) if (label := self._naming.label(name))}
        paired = {at: label for at, label in telling.items() if len(self._labels[names[:at]]) == len(LABELS)}
        if not paired and self._levels:
            telling = {at: label for at, label in telling.items() if self._level(names[:at]) in self._levels}
        telling = paired or telling
        if len(set(telling.values())) > 1:
            raise SourceError(
                f"{printable('/'.join(names))}: {' and '.join(printable(names[at]) for at in telling)} may both name a "
                "class. Say which names do: --fake=NAMES --real=NAMES."
            )
        return min(telling, default=None)

    def _split_at(self, names: _Names, class_at: int) -> int | None:
        """Returns which of a folder's names tells its split."""
        splits = [at for at, name in enumerate(names) if split_of(name) and at >= len(self._root)]
        paired = [at for at in splits if len(self._splits[names[:at]]) > 1]
        return next(iter(paired or [at for at in splits if at <= class_at + 1]), None)

    def _shared(self, found: Mapping[_Names, int]) -> _Names:
        """Returns the folders that stand above everything and tell nothing."""
        root: _Names = ()
        for at, (name, *others) in enumerate(zip(*found, strict=False)):
            if set(others) - {name} or split_of(name) or at in found.values():
                break
            root += (name,)
        return root

    def _has_splits(self, found: Mapping[_Names, int]) -> bool:
        splits, outside = set(), set()
        for names, at in found.items():
            if (split_at := self._split_at(names, at)) is None:
                outside.add(self._naming.label(names[at]))
            else:
                splits.add(split_of(names[split_at]))
        if splits == {"train"} and len(outside) == len(LABELS):  # a topic among others, as of trains
            return False
        if splits and len(outside) == len(LABELS):
            raise SourceError(
                f"Pictures of both classes stand in folders of splits ({listed(splits)}) and beside them. Give one "
                "alone, or a .csv that says what is for what."
            )
        return bool(splits)


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
