"""What a source is understood as, by the names in it."""

import collections
import dataclasses
import re
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
      left_out: what other programs left behind -> files.
      folders: all that hold anything; `unread`: those beside what is read.
      read: those that are read.
    """

    counts: Mapping[str, Mapping[str, int]]
    groups: Mapping[str, Mapping[str, int]]
    by_split: bool
    pairs: int = 0
    left_out: Mapping[str, int] = dataclasses.field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()

    @classmethod
    def of(cls, places: Iterable[Place], by_split: bool, **others) -> Self:
        """Returns the outline of pictures; `others` are its other attributes."""
        counts = {split: dict.fromkeys(LABELS, 0) for split in SPLITS}
        groups: dict[str, collections.Counter[str]] = {label: collections.Counter() for label in LABELS}
        pairs: collections.Counter[str] = collections.Counter()
        for place in places:
            split, label, _ = place.path.split("/", 2)
            counts[split][label] += 1
            groups[label][place.group] += 1
            pairs[place.pair] += bool(place.pair)
        present = {split: by_label for split, by_label in counts.items() if any(by_label.values())}
        paired = sum(count for count in pairs.values() if count > 1)
        return cls(present, groups, by_split, paired, **others)

    @property
    def unread(self) -> list[str]:
        """The folders that neither are read nor lead to one that is; of those in each other the outermost."""
        branches = [[folder[: end.start()] for end in re.finditer("/|$", folder)] for folder in self.folders]
        leading = {name for branch in branches if self.read.intersection(branch) for name in branch}
        outermost = (next((name for name in branch if name not in leading), None) for branch in branches)
        return sorted({name for name in outermost if name})

    def check(self, source: str) -> None:
        """Raises SourceError where nobody could train: a class is missing of a split, or there is none to train on."""
        found = layout.listed(layout.innermost(self.folders)) if self.folders else "none"
        told = f"Expected {layout.EXPECTED}. Found the folders {found}."
        numbers = {name.rpartition("/")[2] for name in self.folders} & {"0", "1"}
        if numbers and not self.read:
            told = "Its folders 0 and 1 say nothing by themselves: give --fake=0 --real=1, or the other way round."
        if "train" not in self.counts:
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
        if self.pairs:
            lines.append(f"  {self.pairs:,} pictures have another of their pair, on the same side of every split")
        if self.left_out:
            kinds = ", ".join(f"{layout.printable(kind)} {count:,}" for kind, count in sorted(self.left_out.items()))
            lines.append(f"  left out, as no pictures or what other programs leave behind: {kinds}")
        if unread := self.unread:
            reason = "they stand in none of the splits, or no class is named" if self.by_split else "no class is named"
            lines.append(f"  NOT READ, because {reason}: {layout.listed(unread)}")
        return "\n".join(lines)
