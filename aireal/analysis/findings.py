"""What the numbers mean, in sentences, the gravest first."""

import dataclasses
from collections.abc import Iterator
from typing import Any

GOOD, NOTE, WARNING = "good", "note", "warning"
_ORDER = (WARNING, NOTE, GOOD)
_CHANCE, _WEAK = 0.02, 0.1  # distance of an AUC from 0.5: up to here it is nothing; up to here it is little


@dataclasses.dataclass(frozen=True)
class Finding:
    """One sentence; `kind` is good, note or warning."""

    kind: str
    text: str


def findings(report: dict[str, Any]) -> list[Finding]:
    """Returns the sentences about a report (the contents of report.json), warnings first."""
    parts = (_counts, _offending, _copies, _near, _file_size, _container, _looks)
    return sorted((one for part in parts for one in part(report)), key=lambda one: _ORDER.index(one.kind))


def _counts(report: dict[str, Any]) -> Iterator[Finding]:
    for split, counts in report["counts"].items():
        fakes, photographs = counts["FAKE"], counts["REAL"]
        if not fakes or not photographs:
            yield Finding(
                WARNING, f"{split} has {fakes:,} FAKE and {photographs:,} REAL pictures: one class is missing."
            )
        elif max(fakes, photographs) > 1.5 * min(fakes, photographs):
            yield Finding(
                WARNING,
                f"{split} is unbalanced: {fakes:,} FAKE and {photographs:,} REAL. Accuracy rewards whoever bets on the "
                "larger class.",
            )
    total = sum(sum(counts.values()) for counts in report["counts"].values())
    split_counts = "; ".join(
        f"{split}: {counts['FAKE']:,} FAKE, {counts['REAL']:,} REAL" for split, counts in report["counts"].items()
    )
    yield Finding(NOTE, f"{total:,} files ({split_counts}).")


def _offending(report: dict[str, Any]) -> Iterator[Finding]:
    found = report["offending"]
    if found["files"]:
        unreadable = f", {found['unreadable']:,} of which cannot be read" if found["unreadable"] else ""
        yield Finding(WARNING, f"{found['files']:,} files are not as they should be{unreadable}: see offending.csv.")
    else:
        yield Finding(
            GOOD, "Every file can be read, is whole, is what its name says, and has nothing behind the picture."
        )


def _copies(report: dict[str, Any]) -> Iterator[Finding]:
    found = report["identical"]
    for label, leaked in found["test_in_train"].items():
        if leaked:
            yield Finding(
                WARNING,
                f"{leaked:,} of {report['counts']['test'][label]:,} {label.lower()} test images are also in train, "
                "byte for byte: a network may know them by heart.",
            )
    if found["across_labels"]:
        yield Finding(WARNING, f"{found['across_labels']:,} files stand in both classes, byte for byte.")
    for split in ("train", "test"):
        if copies := found["copies"][split]:
            yield Finding(NOTE, f"{copies:,} {split} files repeat another one of {split}, byte for byte.")
    if not found["groups"]:
        yield Finding(GOOD, "No file occurs twice.")


def _near(report: dict[str, Any]) -> Iterator[Finding]:
    found, tested = report["near_duplicates"], sum(report["counts"]["test"].values())
    if not found["compared"]:
        return
    chance = f"by chance, in the other class, {found['false_hits']:,} of {tested:,} have one"
    if found["test_in_train"]:
        by_label = " and ".join(f"{count:,} {label.lower()}" for label, count in found["by_label"].items() if count)
        yield Finding(WARNING, f"{by_label} test images have a near-duplicate in train, of other bytes ({chance}).")
    else:
        yield Finding(GOOD, f"No test image has a near-duplicate in train, of other bytes ({chance}).")


def _file_size(report: dict[str, Any]) -> Iterator[Finding]:
    yield from _shortcut(report["file_size_auc"], "File size alone", "the larger file", "A detector could take it.")


def _container(report: dict[str, Any]) -> Iterator[Finding]:
    if found := report["container_auc"]:
        yield from _shortcut(
            found["mean"],
            "How the files were saved (format, size, quality, metadata)",
            None,
            "A network may learn who saved the file instead of who made the picture. Save both classes alike.",
        )


def _looks(report: dict[str, Any]) -> Iterator[Finding]:
    known = {name: found["auc"] for name, found in report["appearance"].items() if found["auc"] is not None}
    if known:
        name = max(known, key=lambda name: abs(known[name] - 0.5))
        others = " and ".join(", ".join(other for other in known if other != name).rsplit(", ", 1))
        what = f"{name.capitalize()} alone, which says more than {others},"
        yield from _shortcut(known[name], what, f"more {name}", "", grave=NOTE)


def _shortcut(auc: float | None, what: str, sign: str | None, advice: str, grave: str = WARNING) -> Iterator[Finding]:
    if auc is None:
        return
    distance = abs(auc - 0.5)
    towards = f", {sign} being {'REAL' if auc > 0.5 else 'FAKE'}" if sign and distance > _CHANCE else ""
    figure = f"an AUC of {0.5 + distance:.3f}{towards} (0.5 is chance, 1 is certain)"
    if distance <= _CHANCE:
        yield Finding(GOOD, f"{what} says nothing about the class: {figure}.")
    elif distance <= _WEAK:
        yield Finding(NOTE, f"{what} says little about the class: {figure}.")
    else:
        yield Finding(grave, f"{what} tells the classes apart to a degree: {figure}. {advice}".strip())
