"""Which class, split and group a picture belongs to, by its path."""

import dataclasses
import functools
import os
import re
from collections.abc import Iterable, Sequence
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
    return re.sub(r"[-_ ]+", "_", word.strip().lower())


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

    The class is told by the outermost folder that bears a class's name and does not hold both: `photos` is none in
    photos/fake and photos/real. Below what all have in common, other folders above it are a topic.

    Args:
      folders: paths of those that hold files, clutter aside.
      naming: what their names mean.

    Raises:
      SourceError: two folders of one path name different classes.

    Attributes:
      by_split: whether there are folders of splits; pictures outside of them are not read then.
    """

    def __init__(self, folders: Iterable[str], naming: Naming):
        self._naming = naming
        telling = [names for folder in folders if self._classes(names := tuple(folder.split("/")))]
        below: dict[tuple[str, ...], set[str]] = {}
        for names in telling:
            for at, label in self._classes(names).items():
                for end in range(1, at + 1):
                    below.setdefault(names[:end], set()).add(label)
        self._holding_both = {names for names, labels in below.items() if len(labels) == len(LABELS)}
        self._root: tuple[str, ...] = ()
        for name, *others in zip(*telling, strict=False):
            if set(others) - {name} or split_of(name) or self._label((*self._root, name)):
                break
            self._root += (name,)
        self.by_split = any(self._split_at(names, self._class_at(names)) is not None for names in telling)
        self._folders: dict[str, Place | None] = {}

    def place(self, path: str) -> Place | None:
        """Returns where a picture belongs; None where no folder says its class, or it is clutter.

        Raises:
          SourceError: two folders of its path name different classes.
        """
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._place_of_folder(tuple(folder.split("/")))
        if not (found := self._folders[folder]) or clutter.kind(path):
            return None
        stem = os.path.splitext(name)[0] if self._naming.pair == "stem" else ""
        return Place(f"{found.path}{name}", found.group, stem)

    def _place_of_folder(self, names: tuple[str, ...]) -> Place | None:
        """Returns where the pictures of a folder belong, up to their own names."""
        if names[: len(self._root)] != self._root or (at := self._class_at(names)) is None:
            return None
        split_at = self._split_at(names, at)
        if self.by_split and split_at is None:
            return None
        topic = [name for one, name in enumerate(names[:at]) if one >= len(self._root) and one != split_at]
        below = [name for one, name in enumerate(names) if one > at and one != split_at]
        split = "train" if split_at is None else split_of(names[split_at])
        path = "".join(f"{name}/" for name in (split, self._naming.label(names[at]), *topic, *below))
        return Place(path, "/".join([*topic, *below[:1]]))

    def _classes(self, names: tuple[str, ...]) -> dict[int, str]:
        return {at: label for at, name in enumerate(names) if (label := self._naming.label(name))}

    def _label(self, names: tuple[str, ...]) -> str | None:
        """Returns the class that the last of a folder's names tells, unless the folder holds both."""
        return None if names in self._holding_both else self._naming.label(names[-1])

    def _class_at(self, names: tuple[str, ...]) -> int | None:
        """Returns which of a folder's names tells its class."""
        telling = {at: label for at in range(len(names)) if (label := self._label(names[: at + 1]))}
        if len(set(telling.values())) > 1:
            raise SourceError(
                f"{printable('/'.join(names))}: {' and '.join(printable(names[at]) for at in telling)} name different "
                "classes. Say which names do: --fake=NAMES --real=NAMES."
            )
        return min(telling, default=None)

    def _split_at(self, names: tuple[str, ...], class_at: int | None) -> int | None:
        """Returns which of a folder's names tells its split: one above the class, or right below it."""
        last = len(names) if class_at is None else class_at + 2
        return next((at for at in range(len(self._root), min(last, len(names))) if split_of(names[at])), None)


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
