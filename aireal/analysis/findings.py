"""What the numbers mean, in sentences, the gravest first."""

import dataclasses
from collections.abc import Iterator

from aireal.analysis.numbers import Numbers, Separation
from aireal.sources.source import imbalance

GOOD, NOTE, WARNING = "good", "note", "warning"
_ORDER = (WARNING, NOTE, GOOD)
_NOTHING, _LITTLE = 0.02, 0.1  # up to this distance of an AUC from 0.5
_MOSTLY = 0.8  # share of the best rule's distance that the order has to have by itself, to be named


@dataclasses.dataclass(frozen=True)
class Finding:
    """One sentence; `kind` is good, note or warning."""

    kind: str
    text: str


def findings(numbers: Numbers) -> list[Finding]:
    """Returns the sentences about them, warnings first."""
    parts = (_counts, _offending, _copies, _near, _file_size, _container, _looks)
    return sorted((one for part in parts for one in part(numbers)), key=lambda one: _ORDER.index(one.kind))


def _counts(numbers: Numbers) -> Iterator[Finding]:
    for split, counts in numbers.counts.items():
        fakes, photographs = counts["FAKE"], counts["REAL"]
        if not fakes and not photographs:
            kept = " Training keeps a fifth of each class for it." if split == "test" else ""
            yield Finding(NOTE if kept else WARNING, f"There is no {split} folder with pictures.{kept}")
        elif not fakes or not photographs:
            yield Finding(WARNING, f"{split} has {fakes:,} FAKE and {photographs:,} REAL pictures: a class is missing.")
        elif warning := imbalance(split, fakes, photographs):
            yield Finding(WARNING, warning)
    total = sum(sum(counts.values()) for counts in numbers.counts.values())
    by_split = "; ".join(
        f"{split}: {counts['FAKE']:,} FAKE, {counts['REAL']:,} REAL" for split, counts in numbers.counts.items()
    )
    yield Finding(NOTE, f"{total:,} files ({by_split}).")


def _offending(numbers: Numbers) -> Iterator[Finding]:
    found = numbers.offending
    if found.files:
        unreadable = f", {found.unreadable:,} of which cannot be read" if found.unreadable else ""
        yield Finding(WARNING, f"{found.files:,} files are not as they should be{unreadable}: see offending.csv.")
    else:
        yield Finding(
            GOOD,
            "Every file can be read and is what its name says, and nothing stands behind the picture (JPEG, PNG, WebP "
            "and BMP were looked at).",
        )


def _copies(numbers: Numbers) -> Iterator[Finding]:
    found = numbers.identical
    for label, leaked in found.test_in_train.items():
        if leaked:
            yield Finding(
                WARNING,
                f"{leaked:,} of {numbers.counts['test'][label]:,} {label.lower()} test images are also in train, "
                "byte for byte: a network may know them by heart.",
            )
    if found.across_labels:
        yield Finding(WARNING, f"{found.across_labels:,} pictures stand in both classes, byte for byte.")
    for split in ("train", "test"):
        if copies := found.copies[split]:
            yield Finding(NOTE, f"{copies:,} {split} files repeat another one of {split}, byte for byte.")
    if not found.groups:
        yield Finding(GOOD, "No file occurs twice.")


def _near(numbers: Numbers) -> Iterator[Finding]:
    found = numbers.near_duplicates
    chance = ""
    if found.compared:
        chance = f" In the other class {found.other_class:,} of {found.compared:,} have one, by chance or mislabelled."
    if found.test_in_train:
        by_label = " and ".join(f"{count:,} {label.lower()}" for label, count in found.by_label.items() if count)
        yield Finding(WARNING, f"{by_label} test images have a near-duplicate in train, of other bytes.{chance}")
    elif all(sum(counts.values()) for counts in numbers.counts.values()):
        yield Finding(GOOD, "No test image has a near-duplicate in train, of other bytes.")


def _file_size(numbers: Numbers) -> Iterator[Finding]:
    yield from _shortcut(
        numbers.file_size, "File size alone", "larger files", "A detector could take it for the truth."
    )


def _container(numbers: Numbers) -> Iterator[Finding]:
    yield from _shortcut(
        numbers.how_saved,
        "How the files were saved (format, size, quality, metadata)",
        "",
        "A network may learn who saved the file instead of who made the picture. Save both classes alike.",
    )


def _looks(numbers: Numbers) -> Iterator[Finding]:
    known = {name: look.separation.distance for name, look in numbers.appearance.items()}
    name = max(known, key=known.get)
    others = " and ".join(", ".join(other for other in known if other != name).rsplit(", ", 1))
    what = f"{name.capitalize()} alone, which says more than {others},"
    yield from _shortcut(numbers.appearance[name].separation, what, f"more {name}", "", grave=NOTE)


def _shortcut(found: Separation, what: str, sign: str, advice: str, grave: str = WARNING) -> Iterator[Finding]:
    if found.chance is None or (found.auc is None and found.tree_auc is None):
        return
    distance, nothing = found.distance, max(_NOTHING, found.chance)
    order = found.auc
    towards = ""
    if order is not None and abs(order - 0.5) > max(nothing, _MOSTLY * distance):
        towards = f", {sign} being {'REAL' if order > 0.5 else 'FAKE'} more often"
    figure = f"the best simple rule has an AUC of {0.5 + distance:.3f}{towards} (0.5 is chance, 1 is certain)"
    if distance <= nothing:
        yield Finding(GOOD, f"{what} says nothing about the class: {figure}.")
    elif distance <= _LITTLE:
        yield Finding(NOTE, f"{what} says little about the class: {figure}.")
    else:
        yield Finding(grave, f"{what} tells the classes apart to a degree: {figure}. {advice}".strip())
