"""Which class, split and group a picture belongs to, by the folders that it stands in."""

import collections
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from builders.cifake import clutter
from builders.cifake.layout import LABELS, Naming, Place, SourceError, listed, printable, split_of
from builders.cifake.outline import Outline

_Names = tuple[str, ...]  # of folders in each other


class Tree:
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


def understood(
    paths: Sequence[str], empty: Iterable[str], naming: Naming
) -> tuple[Callable[[str], Place | None], Outline]:
    """Returns what tells a picture's place from its path, and the outline, of all files and of empty folders."""
    kinds = {path: clutter.kind(path) for path in paths}
    holding = {path.rpartition("/")[0] for path, kind in kinds.items() if not kind}
    told = Tree(holding, naming)
    places = {path: place for path in paths if (place := told.place(path))}
    leading = {name for path in places for name in _branch(path.rpartition("/")[0])}
    lost = (path for path, kind in kinds.items() if not kind and path not in places)
    unread = collections.Counter(_outermost(path.rpartition("/")[0], leading) for path in lost)
    left_out = collections.Counter(filter(None, kinds.values()))
    others = {"left_out": left_out, "unread": unread, "folders": frozenset(holding).union(empty)}
    return told.place, Outline.of(places.values(), told.by_split, **others)


def _branch(folder: str) -> list[str]:
    """Returns a folder and those above it, the outermost first: a/b -> a, a/b."""
    return [folder[: end.start()] for end in re.finditer("/|$", folder)]


def _outermost(folder: str, leading: Set[str]) -> str:
    """Returns the outermost of a folder and those above it that is not among those that lead to pictures, or itself."""
    return next((name for name in _branch(folder) if name not in leading), folder) or "."
