"""What a source is understood as, by the names in it."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Self

from builders.cifake import layout
from builders.cifake.layout import LABELS, SPLITS, Place, SourceError


@dataclasses.dataclass(frozen=True)
class Outline:
    """What a source is understood as, by the names in it.

    Attributes:
      counts: split -> FAKE or REAL -> pictures, of the splits that there are.
      groups: FAKE or REAL -> group -> pictures, of all splits; those without one under "".
      by_split: whether the source has splits of its own.
      classes: FAKE or REAL -> the names that stand for it here.
      pairs: pictures of which others are known that belong on their side of a split.
      torn: pairs that stand in several of the source's own splits.
      left_out: what other programs left behind -> files.
      unread: folder -> files of no known class or split; of folders in each other the outermost, "." the source.
      folders: all that there are.
    """

    counts: Mapping[str, Mapping[str, int]]
    groups: Mapping[str, Mapping[str, int]]
    by_split: bool
    pairs: int = 0
    torn: int = 0
    left_out: Mapping[str, int] = dataclasses.field(default_factory=dict)
    unread: Mapping[str, int] = dataclasses.field(default_factory=dict)
    folders: frozenset[str] = frozenset()

    @classmethod
    def of(cls, places: Iterable[Place], by_split: bool, **others) -> Self:
        """Returns the outline of pictures; `others` are its other attributes."""
        counts = {split: dict.fromkeys(LABELS, 0) for split in SPLITS}
        groups: dict[str, collections.Counter[str]] = {label: collections.Counter() for label in LABELS}
        pairs: dict[str, collections.Counter[str]] = {}
        for place in places:
            split, label, _ = place.path.split("/", 2)
            counts[split][label] += 1
            groups[label][place.group] += 1
            if place.pair:
                pairs.setdefault(place.pair, collections.Counter())[split] += 1
        present = {split: by_label for split, by_label in counts.items() if any(by_label.values())}
        paired = sum(found.total() for found in pairs.values() if found.total() > 1)
        return cls(present, groups, by_split, paired, sum(len(found) > 1 for found in pairs.values()), **others)

    def check(self, source: str, *, to_learn: bool = True) -> None:
        """Raises SourceError where a class is missing of a split, or there are no pictures.

        Args:
          source: what it is called.
          to_learn: whether there have to be some to train on.
        """
        told = f"Expected {layout.EXPECTED}. Found {self._found()}."
        if not self.counts or (to_learn and "train" not in self.counts):
            of = "to train on" if self.counts else "whose class is known"
            raise SourceError(f"{source} has no picture {of}. {told}")
        missing = [
            f"{split} has no {label}" if self.by_split else f"it has no {label}"
            for split, by_label in self.counts.items()
            for label in LABELS
            if not by_label[label]
        ]
        if missing:
            raise SourceError(f"{source}: {', '.join(missing)}. {told}")

    def _found(self) -> str:
        """Says what stands there where nothing, or not enough, could be understood."""
        if {"0", "1"} <= {name.rpartition("/")[2] for name in self.folders}:
            return (
                "the folders 0 and 1, which say nothing by themselves: give --fake=1 --real=0, or the other way round"
            )
        return f"the folders {layout.listed(layout.innermost(self.folders))}" if self.folders else "no folder"

    def __str__(self) -> str:
        names = self.counts if self.by_split else {"all": next(iter(self.counts.values()), dict.fromkeys(LABELS, 0))}
        width = max((len(f"{count:,}") for row in names.values() for count in row.values()), default=1)
        lines = [
            f"  {name:{max(map(len, names))}}  " + ", ".join(f"{row[label]:{width},} {label}" for label in LABELS)
            for name, row in names.items()
        ]
        for label, groups in self.groups.items():
            if len(groups) > 1 or any(groups):
                ordered = [
                    f"{layout.printable(name) or 'without one'} {count:,}" for name, count in sorted(groups.items())
                ]
                more = f" and {len(ordered) - layout.SHOWN:,} more" if len(ordered) > layout.SHOWN else ""
                lines.append(f"  groups of {label}: {', '.join(ordered[: layout.SHOWN])}{more}")
        if "test" not in self.counts and self.counts:
            lines.append("  no test pictures: a fifth of each class is kept for the test, the same in every run")
        if self.torn:
            lines.append(
                f"  WARNING: {self.torn:,} pairs stand in several of its own splits, so a test may be known by heart"
            )
        elif self.pairs:
            lines.append(f"  {self.pairs:,} pictures have another of their pair, on the same side of every split")
        if self.left_out:
            kinds = ", ".join(f"{layout.printable(kind)} {count:,}" for kind, count in sorted(self.left_out.items()))
            lines.append(f"  left out, as no pictures or what other programs leave behind: {kinds}")
        if self.unread:
            reason = "they stand in none of the splits, or no class is named" if self.by_split else "no class is named"
            shown = layout.listed(f"{folder} {count:,}" for folder, count in self.unread.items())
            lines.append(f"  NOT READ, because {reason}: {shown}")
        return "\n".join(lines)
