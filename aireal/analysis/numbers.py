"""What an analysis finds, in numbers: what stands in report.json, and what findings and the page are made from."""

import dataclasses
from typing import Any

# How well something tells the classes, by how far its AUC is from 0.5.
DEGREES = (
    "says nothing about the class",
    "says little about the class",
    "tells the classes apart to a degree",
    "tells the classes apart for the most part",
    "tells the classes apart nearly always",
    "tells the classes apart almost without an error",
)
SHORTCUT = 2  # from this degree on it is one
_NOTHING, _BORDERS = 0.02, (0.1, 0.25, 0.4, 0.485)

# Of every dictionary below that is called `by_class`, the keys are FAKE and REAL, as far as there are such pictures.


@dataclasses.dataclass(frozen=True)
class Separation:
    """How well something tells the classes.

    Attributes:
      auc: area under the ROC curve of "the larger the value, the rather REAL": 0.5 is chance, below it the smaller
        values are REAL; None without both classes, or where there is no single value.
      tree_auc: that of a decision tree of depth 3 on it, which also finds classes that spread differently; five-fold
        cross-validation, stratified and shuffled; None where a class has fewer than five.
      chance: three standard errors of an AUC of 0.5 for so many pictures (Hanley and McNeil 1982), since the better of
        order and tree is looked at, and of several such; None without both classes.
    """

    auc: float | None
    tree_auc: float | None
    chance: float | None

    @property
    def distance(self) -> float:
        """By how much the better of order and tree is above chance. A tree below it has learnt nothing."""
        order = 0 if self.auc is None else abs(self.auc - 0.5)
        return max(order, 0 if self.tree_auc is None else self.tree_auc - 0.5)

    @property
    def is_known(self) -> bool:
        return self.chance is not None and (self.auc is not None or self.tree_auc is not None)

    @property
    def nothing(self) -> float:
        """Up to which `distance` it says nothing, for so many pictures."""
        return max(_NOTHING, self.chance or 0)

    @property
    def are_few(self) -> bool:
        """Whether there are too few pictures to say: it may be chance, which alone may make what is worth a note."""
        return self.is_known and self.distance <= self.nothing and self.nothing > _BORDERS[0]

    @property
    def grade(self) -> int:
        """0 to 5, as `DEGREES` has it in words: 0 says nothing, from SHORTCUT on a network may learn it."""
        if not self.is_known or self.distance <= self.nothing:
            return 0
        return 1 + sum(self.distance > border for border in _BORDERS)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Of the files of a group, in bytes; the standard deviation is that of the population."""

    count: int
    mean: float
    median: float
    standard_deviation: float
    minimum: int
    maximum: int


@dataclasses.dataclass(frozen=True)
class Spread:
    """Of a value over pictures: a number, or one for each of red, green and blue."""

    mean: float | list[float]
    standard_deviation: float | list[float]


@dataclasses.dataclass(frozen=True)
class Look:
    """One of `appearance.STATISTICS`: how it spreads in each class, and how well it tells them."""

    by_class: dict[str, Spread]
    separation: Separation


@dataclasses.dataclass(frozen=True)
class Offending:
    """Files that are not as they should be, how many of them cannot be read, and the first twenty: path, reasons."""

    files: int
    unreadable: int
    first: list[list[str]]


@dataclasses.dataclass(frozen=True)
class Copies:
    """Files with the same bytes, as `copies.Identical` counts them; `groups` is how many there are."""

    groups: int
    repeated: dict[str, int]
    leaked: dict[str, dict[str, int]]
    across_labels: int


@dataclasses.dataclass(frozen=True)
class NearDuplicates:
    """Held-out pictures with a near-duplicate in an earlier split, of other bytes.

    Attributes:
      threshold: correlation of thumbnails from which on two are near-duplicates.
      leaked: split -> label -> pictures.
      compared: pictures that were compared with the other class, where one can hardly be the same.
      other_class: how many have a near-duplicate there.
    """

    threshold: float
    leaked: dict[str, dict[str, int]]
    compared: int
    other_class: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Numbers:
    """All of them.

    Attributes:
      source: as it was given, printable.
      image_size: edge in pixels that pictures were brought to before what they look like was measured.
      counts: split -> class -> files.
      objects: class -> CIFAKE's object -> files; None where names are of another kind.
      file_sizes: group of files -> their sizes.
      file_size: how well the size alone tells the classes.
      offending: files that are not as they should be.
      container: fact about files -> value -> [FAKE, REAL] files that have it, the commonest first.
      how_saved: how well all these facts but width and height together tell the classes; they have no order, and so
        no `auc`.
      picture_size: how well width and height together do.
      bits_per_pixel: how well the size of the file in bits for each pixel does.
      appearance: statistic -> how it looks.
      channels: class -> mean and standard deviation of red, green and blue over all pixels, 0..255.
      identical: files with the same bytes.
      near_duplicates: pictures that are nearly the same.
      environment: of `machine.environment`, printable.
    """

    source: str
    image_size: int
    counts: dict[str, dict[str, int]]
    objects: dict[str, dict[str, int]] | None
    file_sizes: dict[str, Sizes]
    file_size: Separation
    offending: Offending
    container: dict[str, dict[str, list[int]]]
    how_saved: Separation
    picture_size: Separation
    bits_per_pixel: Separation
    appearance: dict[str, Look]
    channels: dict[str, Spread]
    identical: Copies
    near_duplicates: NearDuplicates
    environment: dict[str, Any]

    def before(self, split: str) -> list[str]:
        """Returns the splits that one should share nothing with."""
        splits = list(self.counts)
        return splits[: splits.index(split)]

    def named_before(self, split: str) -> str:
        """Returns their names for a sentence: "train or validation"."""
        return " or ".join(self.before(split))

    def as_dict(self) -> dict[str, Any]:
        """Returns them for JSON: of each look classes and separation side by side, of others what they have."""
        found = dataclasses.asdict(self)
        del found["how_saved"]["auc"], found["picture_size"]["auc"]
        found["appearance"] = {
            name: {**look["by_class"], **look["separation"]} for name, look in found["appearance"].items()
        }
        return found
