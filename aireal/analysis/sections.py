"""The numbers and the figures (PNG) -> the sections of the page."""

from collections.abc import Mapping

from aireal.analysis import appearance
from aireal.analysis.numbers import Numbers, Separation, Spread
from aireal.runs.page import Drawing, Section
from aireal.runs.tables import Table
from builders.cifake.layout import LABELS
from builders.cifake.sources import OBJECTS

_VALUES_SHOWN = 6  # of each fact about the files


def sections(numbers: Numbers, figures: Mapping[str, bytes]) -> list[Section]:
    return [
        _counts(numbers, figures),
        _file_sizes(numbers, figures),
        _formats(numbers),
        _copies(numbers, figures),
        _looks(numbers, figures),
    ]


def _counts(numbers: Numbers, figures: Mapping[str, bytes]) -> Section:
    tables = [Table(["files", *LABELS], [[split, *map(_count, row.values())] for split, row in numbers.counts.items()])]
    if numbers.objects:
        rows = [[name, *(_count(numbers.objects[label][name]) for label in LABELS)] for name in OBJECTS]
        tables.append(Table(["object, by the file's name", *LABELS], rows))
    return Section(
        "Pictures",
        figures=[Drawing(figures["samples"], "Pictures of each class, chosen at random.", has_text=False)],
        tables=tables,
    )


def _file_sizes(numbers: Numbers, figures: Mapping[str, bytes]) -> Section:
    header = ["bytes", "files", "mean", "median", "standard deviation", "minimum", "maximum"]
    rows = [
        [
            name,
            _count(row.count),
            *(f"{value:,.2f}" for value in (row.mean, row.median, row.standard_deviation)),
            *map(_count, (row.minimum, row.maximum)),
        ]
        for name, row in numbers.file_sizes.items()
    ]
    caption = "Sizes of the files. Values beyond the outermost thousandth count in the outermost bars."
    text = (
        f"Bytes as a score for REAL: {_auc(numbers.file_size)}. Bits a pixel: {_auc(numbers.bits_per_pixel)}. Far from "
        "chance, a detector could use it alone."
    )
    return Section("File sizes", text, figures=[Drawing(figures["file_sizes"], caption)], tables=[Table(header, rows)])


def _formats(numbers: Numbers) -> Section:
    rows = [
        [name.replace("_", " "), value or "none", *map(_count, counts)]
        for name, values in numbers.container.items()
        for value, counts in [*list(values.items())[:_VALUES_SHOWN], *_rest(values)]
    ]
    tables = [Table(["fact", "value", *LABELS], rows, "What the files say of themselves, and how many say it.")]
    if first := numbers.offending.first:
        tables.append(Table(["file", "what is wrong"], first, "The first of those in offending.csv."))
    text = (
        f"Width and height together: {_auc(numbers.picture_size)}. All other facts together: {_auc(numbers.how_saved)}."
    )
    return Section("Format check", text, tables=tables)


def _rest(values: Mapping[str, list[int]]) -> list[tuple[str, list[int]]]:
    left = list(values.values())[_VALUES_SHOWN:]
    return [(f"{len(left):,} others", [sum(column) for column in zip(*left, strict=True)])] if left else []


def _copies(numbers: Numbers, figures: Mapping[str, bytes]) -> Section:
    found, near = numbers.identical, numbers.near_duplicates
    rows = [
        *(
            [f"{split} files that stand in {numbers.named_before(split)}", _count(sum(by_label.values()))]
            for split, by_label in found.leaked.items()
        ),
        *(
            [f"{split} files that repeat another of {split}", _count(copies)]
            for split, copies in found.repeated.items()
        ),
        ["pictures that stand in both classes", _count(found.across_labels)],
        *(
            [f"{split} pictures with a near-duplicate in {numbers.named_before(split)}", _count(sum(by_label.values()))]
            for split, by_label in near.leaked.items()
        ),
    ]
    text = (
        f"Near-duplicates are pictures whose 8x8 thumbnails correlate by {near.threshold} or more, each channel "
        f"less its mean. How much of it is chance: {near.other_class:,} of {near.compared:,} held-out pictures "
        "have one among the earlier ones of the other class, which can hardly be the same. duplicates.csv names every "
        "group."
    )
    shown = figures.get("near_duplicates")
    caption = "The near-duplicates most alike: the earlier one, and beside it the held-out one with their correlation."
    return Section(
        "Copies and leakage",
        text,
        [Drawing(shown, caption, has_text=False)] if shown else [],
        [Table(["byte for byte, or nearly", "files"], rows)],
    )


def _looks(numbers: Numbers, figures: Mapping[str, bytes]) -> Section:
    rows = [
        [
            f"{name}: {appearance.STATISTICS[name]}",
            *(_spread(look.by_class.get(label)) for label in LABELS),
            _auc(look.separation),
        ]
        for name, look in numbers.appearance.items()
    ]
    channels = [
        [
            color,
            *(
                f"{found.mean[index]:.2f} ± {found.standard_deviation[index]:.2f}"
                for found in numbers.channels.values()
            ),
        ]
        for index, color in enumerate(("red", "green", "blue"))
    ]
    captions = {
        "looks": "Four numbers of each picture, and how they are distributed in the two classes.",
        "mean_images": "The mean picture of each class, and their difference.",
        "spectra": "How much of the pictures is fine detail: where the curves part, a detector has something to go by.",
    }
    size = numbers.image_size
    return Section(
        "What the pictures look like",
        f"Measured on pictures brought to {size}x{size} pixels, as the model sees them. An AUC is that of the number "
        "alone (above 0.5: the larger, the rather REAL), or of a decision tree on it (five-fold cross-validation).",
        [Drawing(figures[name], caption) for name, caption in captions.items()],
        [
            Table(["each picture, mean ± standard deviation", *LABELS, "AUC"], rows),
            Table(["all pixels, 0 to 255", *numbers.channels], channels),
        ],
    )


def _count(number: int) -> str:
    return f"{number:,}"


def _spread(found: Spread | None) -> str:
    return f"{found.mean:.3f} ± {found.standard_deviation:.3f}" if found else ""


def _auc(found: Separation) -> str:
    if found.chance is None:
        return "one class alone"
    order = "" if found.auc is None else f"AUC {found.auc:.3f}, "
    tree = "too few for a tree" if found.tree_auc is None else f"tree of depth 3 {found.tree_auc:.3f}"
    return f"{order}{tree}, chance 0.5 ± {found.chance:.3f}"
