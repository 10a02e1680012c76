"""What the numbers mean, in sentences, the gravest first."""

import collections
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from aireal.analysis.numbers import DEGREES, SHORTCUT, Numbers, Separation
from aireal.sources.source import imbalance
from builders.cifake.layout import LABELS

GOOD, NOTE, WARNING = "good", "note", "warning"
_ORDER = (WARNING, NOTE, GOOD)
_FACTS = {  # of `container.Facts`, those that can be told in a word
    "format": "the format",
    "quality": "the JPEG quality",
    "subsampling": "the JPEG subsampling",
    "progressive": "progressive JPEGs",
    "mode": "the colour mode",
}
_APART, _CAUSES = 0.3, 3  # from this distance of two distributions on a fact is named, and how many are
_MOSTLY = 0.8  # share of the best rule's distance that the order has to have by itself, to be named


@dataclasses.dataclass(frozen=True)
class Finding:
    """One sentence; `kind` is good, note or warning."""

    kind: str
    text: str


def findings(numbers: Numbers) -> list[Finding]:
    """Returns the sentences about them, warnings first."""
    parts = (_counts, _offending, _copies, _near, _file_size, _picture_size, _how_saved, _looks)
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
    for split, by_label in found.leaked.items():
        for label, leaked in by_label.items():
            if leaked:
                yield Finding(
                    WARNING,
                    f"{leaked:,} of {numbers.counts[split][label]:,} {label.lower()} {split} images are also in "
                    f"{numbers.named_before(split)}, byte for byte: a network may know them by heart.",
                )
    if found.across_labels:
        yield Finding(WARNING, f"{found.across_labels:,} pictures stand in both classes, byte for byte.")
    for split, copies in found.repeated.items():
        if copies:
            yield Finding(NOTE, f"{copies:,} {split} files repeat another one of {split}, byte for byte.")
    if not found.groups:
        yield Finding(GOOD, "No file occurs twice.")


def _near(numbers: Numbers) -> Iterator[Finding]:
    found = numbers.near_duplicates
    chance, counts = "", {split: sum(by_label.values()) for split, by_label in numbers.counts.items()}
    if found.compared:
        chance = f" In the other class {found.other_class:,} of {found.compared:,} have one, by chance or mislabelled."
    for split, by_label in found.leaked.items():
        earlier = numbers.named_before(split)
        what = f"near-duplicate in {earlier}, of other bytes."
        if any(by_label.values()):
            told = " and ".join(f"{count:,} {label.lower()}" for label, count in by_label.items() if count)
            yield Finding(WARNING, f"{told} {split} images have a {what}{chance}")
        elif counts[split] and any(counts[one] for one in numbers.before(split)):
            yield Finding(GOOD, f"No {split} image has a {what}")
        else:
            lacking = earlier if counts[split] else split
            yield Finding(NOTE, f"Nothing of {split} was compared with {earlier}: there are no {lacking} pictures.")


def _file_size(numbers: Numbers) -> Iterator[Finding]:
    advice = "A detector could take it for the truth."
    yield from _shortcut(numbers.file_size, "File size alone", "larger files", advice)
    if len(numbers.container.get("width", ())) > 1 or len(numbers.container.get("height", ())) > 1:
        sign = "more bits a pixel"  # which of pictures of one size says what their file sizes say
        yield from _shortcut(numbers.bits_per_pixel, "File size for each pixel alone", sign, advice)


def _picture_size(numbers: Numbers) -> Iterator[Finding]:
    advice = "Cut both classes to the same sizes, or let the network see windows of them."
    yield from _shortcut(numbers.picture_size, "The size of the pictures alone (width, height)", "", advice)


def _how_saved(numbers: Numbers) -> Iterator[Finding]:
    advice = "A network may learn who saved the file instead of who made the picture. Save both classes alike."
    what = "How the files were saved (format, quality, metadata)"
    yield from _shortcut(numbers.how_saved, what, "", f"{causes(numbers.container)} {advice}".strip())


def causes(container: Mapping[str, Mapping[str, Sequence[int]]]) -> str:
    """Returns a sentence about the facts by which the classes differ most, at most three.

    Args:
      container: fact -> value -> [FAKE, REAL] files that have it, as `Numbers.container`.
    """
    counts = {name: container[name] for name in _FACTS if container.get(name)}
    counts |= {f"{token!r} beside the picture": of_token for token, of_token in _by_token(container).items()}
    found = {name: _shares(of_fact) for name, of_fact in counts.items()}
    apart = {name: _distance(counts[name], shares) for name, shares in found.items()}
    most = sorted((name for name in apart if apart[name] > _APART), key=lambda name: -apart[name])[:_CAUSES]
    told = [f"{_FACTS.get(name, name)} ({_commonest(found[name])})" for name in most]
    return f"They differ by {'; '.join(told)}." if told else ""


def _by_token(container: Mapping[str, Mapping[str, Sequence[int]]]) -> dict[str, dict[str, list[int]]]:
    """Returns of each word of the metadata how many FAKE and REAL files have it, and not."""
    metadata = container.get("metadata", {})
    having: dict[str, np.ndarray] = collections.defaultdict(lambda: np.zeros(2, int))
    for value, counts in metadata.items():  # of captions there is one for each file
        for token in {*value.split(", ")} - {""}:
            having[token] += counts
    files = np.sum([*metadata.values()], axis=0)
    return {
        token: {"yes": counts.tolist(), "no": (files - counts).tolist()}
        for token, counts in sorted(having.items())
        if not token.startswith("APP")  # JPEG segments
    }


def _distance(counts: Mapping[str, Sequence[int]], shares: Mapping[str, Sequence[float]]) -> float:
    """Returns how far apart the classes' distributions are, 0 to 1, beyond what chance makes of so few files."""
    fakes, photographs = (max(sum(column), 1) for column in zip(*counts.values(), strict=True))
    total, chance = sum(abs(one - other) for one, other in shares.values()), 0.0
    for row in counts.values():
        share = sum(row) / (fakes + photographs)
        chance += (2 / math.pi * share * (1 - share) * (1 / fakes + 1 / photographs)) ** 0.5
    return (total - chance) / 2


def _shares(counts: Mapping[str, Sequence[int]]) -> dict[str, tuple[float, float]]:
    """Returns value -> share of FAKE and of REAL files that have it."""
    totals = [max(sum(column), 1) for column in zip(*counts.values(), strict=True)]
    return {value: tuple(n / total for n, total in zip(row, totals, strict=True)) for value, row in counts.items()}


def _commonest(shares: Mapping[str, Sequence[float]]) -> str:
    """Says by an example how the classes differ: what most of each have, or how many have it."""
    parts = []
    for of, label in enumerate(LABELS):
        if shares.keys() == {"yes", "no"}:
            parts.append(f"{shares['yes'][of]:.0%} of {label}")
            continue
        value = max(shares, key=lambda value: shares[value][of])
        parts.append(f"{label} {value or 'none'} in {shares[value][of]:.0%}")
    return ", ".join(parts)


def _looks(numbers: Numbers) -> Iterator[Finding]:
    known = {name: look.separation.distance for name, look in numbers.appearance.items()}
    name = max(known, key=known.get)
    others = " and ".join(", ".join(other for other in known if other != name).rsplit(", ", 1))
    what = f"{name.capitalize()} alone, which says more than {others},"
    yield from _shortcut(numbers.appearance[name].separation, what, f"more {name}", "", grave=NOTE)


def _shortcut(found: Separation, what: str, sign: str, advice: str, grave: str = WARNING) -> Iterator[Finding]:
    if not found.is_known:
        return
    order, towards = found.auc, ""
    if sign and order is not None and abs(order - 0.5) > max(found.nothing, _MOSTLY * found.distance):
        towards = f", {sign} being {'REAL' if order > 0.5 else 'FAKE'} more often"
    figure = f"the best simple rule has an AUC of {0.5 + found.distance:.3f}{towards} (0.5 is chance, 1 is certain)"
    if found.are_few:
        figure += f", and by chance up to {min(0.5 + found.nothing, 1):.3f}"
        yield Finding(NOTE, f"{what} cannot be judged by so few pictures: {figure}.")
        return
    kind = (GOOD, NOTE)[found.grade] if found.grade < SHORTCUT else grave
    yield Finding(kind, f"{what} {DEGREES[found.grade]}: {figure}. {advice if kind == grave else ''}".strip())
