"""Which class and split a picture belongs to, by its path; and what a source is understood as."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Mapping, Set

from builders.cifake import clutter

SPLITS = ("train", "test")
LABELS = ("FAKE", "REAL")  # alphabetical: FAKE = 0, REAL = 1
DEPTH = 3  # folders that may stand above the splits, as in archives that hold their own name: cifake/train/FAKE/0.jpg
EXPECTED = "train/FAKE, train/REAL, test/FAKE and test/REAL (upper or lower case), with up to three folders above them"

_CLASS_FOLDER = rf"((?:[^/]+/){{0,{DEPTH}}}?)(train|test)/(fake|real)"
_PICTURE = re.compile(f"{_CLASS_FOLDER}/(.+)", re.IGNORECASE | re.DOTALL)
_SHOWN = 10  # folders in a message


class SourceError(ValueError):
    """The source cannot be used; the message says what is wrong, where, and what to do."""


def class_folder(folder: str) -> str | None:
    """Returns the canonical name, as `train/FAKE`, of a folder that is one of the four; None of others."""
    match = re.fullmatch(_CLASS_FOLDER, folder, re.IGNORECASE)
    return match and f"{match[2].lower()}/{match[3].upper()}"


def canonical(path: str) -> str | None:
    """Returns how a picture's path is written everywhere; None where it stands in no class folder, or is clutter.

    >>> canonical("cifake/Train/fake/0001 (2).jpg"), canonical("train/FAKE/Thumbs.db")
    ('train/FAKE/0001 (2).jpg', None)
    """
    match = _PICTURE.fullmatch(path)
    return f"{match[2].lower()}/{match[3].upper()}/{match[4]}" if match and not clutter.kind(path) else None


@dataclasses.dataclass(frozen=True)
class Outline:
    """What a source is understood as, by the names in it.

    Attributes:
      counts: train/FAKE, train/REAL, test/FAKE, test/REAL -> files.
      left_out: what other programs left behind -> files.
      roots: the folders that splits stand in, empty where it is the first level: one, if all is well.
      folders: all that hold anything; `unread`: those beside what is read.
    """

    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    roots: Set[str]
    folders: Set[str]

    @classmethod
    def of(cls, paths: Iterable[str], folders: Iterable[str] = ()) -> "Outline":
        """Returns the outline of a source.

        Args:
          paths: of all files in it, or of those in its class folders.
          folders: that it has besides.
        """
        counts = {f"{split}/{label}": 0 for split in SPLITS for label in LABELS}
        left_out: collections.Counter[str] = collections.Counter()
        folders = set(folders)
        for path in paths:
            if kind := clutter.kind(path):
                left_out[kind] += 1
                continue
            folders.add(path.rpartition("/")[0])
            if name := canonical(path):
                counts["/".join(name.split("/")[:2])] += 1
        roots = {match[1] for match in (_PICTURE.fullmatch(f"{folder}/.") for folder in folders) if match}
        return cls(counts, left_out, roots, folders)

    @property
    def unread(self) -> list[str]:
        """The folders that neither are read nor lead to one that is; of those in each other the outermost."""
        branches = [[folder[: end.start()] for end in re.finditer("/|$", folder)] for folder in self.folders]
        leading = {name for branch in branches if any(map(class_folder, branch)) for name in branch}
        outermost = (next((name for name in branch if name not in leading), None) for branch in branches)
        return sorted({name for name in outermost if name})

    def check(self, source: str) -> None:
        """Raises SourceError where a class of a split is missing, or there are several data sets."""
        if len(self.roots) > 1:
            names = listed(root.rstrip("/") or "its first level" for root in self.roots)
            raise SourceError(f"{source} holds several data sets, in {names}. Give one alone.")
        if missing := [name for name, count in self.counts.items() if not count]:
            found = listed(innermost(self.folders))
            raise SourceError(f"{source}: no picture in {' or '.join(missing)}. Expected {EXPECTED}; found {found}.")

    def __str__(self) -> str:
        width = max(len(f"{count:,}") for count in self.counts.values())
        lines = [
            f"  {split:5}  " + ", ".join(f"{self.counts[f'{split}/{label}']:{width},} {label}" for label in LABELS)
            for split in SPLITS
        ]
        if self.left_out:
            kinds = ", ".join(f"{printable(kind)} {count:,}" for kind, count in sorted(self.left_out.items()))
            lines.append(f"  left out, as no pictures or what other programs leave behind: {kinds}")
        if unread := self.unread:
            lines.append(f"  NOT READ, because only FAKE and REAL in train and test are: {listed(unread)}")
        return "\n".join(lines)


def innermost(folders: Iterable[str]) -> set[str]:
    """Returns those of folders that are not the parent of another."""
    folders = set(folders)
    return folders - {folder.rpartition("/")[0] for folder in folders}


def listed(names: Iterable[str]) -> str:
    """Returns the first ten of names, sorted, and the count of the others."""
    ordered = [printable(name) for name in sorted(names) if name]
    more = f" and {len(ordered) - _SHOWN:,} more" if len(ordered) > _SHOWN else ""
    return (", ".join(ordered[:_SHOWN]) or "nothing") + more


def printable(path: str) -> str:
    """Returns a path without anything that a terminal would act on or that UTF-8 cannot hold."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in path)
