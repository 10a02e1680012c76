"""A source -> a folder with report.html, report.json, the figures, and tables of the files that want a look."""

import os
import pathlib
import shlex
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from aireal import machine, paths
from aireal.analysis import copies, examples, figures, sections, shortcuts, survey
from aireal.analysis.appearance import Sums
from aireal.analysis.copies import Identical, Near
from aireal.analysis.findings import findings
from aireal.analysis.numbers import Copies, NearDuplicates, Numbers, Offending, Spread
from aireal.analysis.survey import Files
from aireal.errors import UserError
from aireal.runs import page
from aireal.runs.files import others, replacing_folder, write_csv, write_json, write_text
from aireal.sources.source import Source
from builders import progress
from builders.cifake import layout, passes, sources
from builders.cifake.copies import CORRELATION
from builders.cifake.layout import LABELS

_FILES = ("report.html", "report.json", "offending.csv", "duplicates.csv", "samples.png", "file_sizes.png", "looks.png")
_FILES += ("mean_images.png", "spectra.png", "near_duplicates.png")
_FIRST = 20  # offending files that report.json and the page name


def analyze(source: Source, output: str, *, image_size: int) -> dict[str, Any]:
    """Looks at every file of a source and writes what it finds.

    Args:
      source: the demo, or pictures as people have them.
      output: the folder that is written, whole or not at all; an earlier analysis there is replaced.
      image_size: edge in pixels that pictures are brought to before what they look like is measured.

    Returns:
      The contents of report.json.

    Raises:
      UserError: the source or the folder cannot be used.
    """
    with source.absolute().located(seed=0) as place:
        try:
            target = _target(output, sources.find(place), source.naming)
            collection = sources.Collection(place, source.naming)
        except layout.SourceError as error:
            raise UserError(str(error)) from error
        except OSError as error:
            raise UserError(f"--source={source.text} cannot be read: {error}") from error
        print(f"{layout.printable(source.text)} is read as\n{collection.outline}\n", flush=True)
        try:
            if not collection.outline.counts:  # says which names there are
                collection.outline.check(source.text, to_learn=False)
            with replacing_folder(target) as folder:
                report = _write(folder, passes.Reader(collection), source, image_size)
        except layout.SourceError as error:
            raise UserError(str(error)) from error
        except OSError as error:
            raise UserError(f"--output={output} cannot be written: {error}") from error
    for finding in report["findings"]:
        print(f"{finding['kind']:<8} {finding['text']}")
    page = layout.printable(f"{target / 'report.html'}")
    print(f"\n{page} has the figures; beside it are {', '.join(_beside(target))}.")
    return report


def _target(output: str, source: pathlib.Path, naming: layout.Naming) -> pathlib.Path:
    """Returns the folder that is meant, which is replaced as a whole: so nothing else may be in it."""
    try:
        target = paths.resolve(output)
        if os.path.lexists(target) and not target.is_dir():
            raise UserError(f"--output={output} is a file or a loop of links. Give a folder.")
        foreign = others(target, _FILES) if target.exists() else ()
    except OSError as error:
        raise UserError(f"--output={output} cannot be used: {error}") from error
    if foreign:
        raise UserError(
            f"--output={output} holds something else than an analysis ({', '.join(foreign[:3])}). Choose "
            "another folder."
        )
    inside = target.relative_to(source.resolve()).parts if target.is_relative_to(source.resolve()) else ()
    if any(map(naming.label, inside)):
        raise UserError(f"--output={output} lies among the pictures. Choose another folder.")
    return target


def _write(folder: pathlib.Path, reader: passes.Reader, source: Source, image_size: int) -> dict[str, Any]:
    environment = machine.environment()  # before the work
    try:
        files, sums = survey.survey(reader, image_size)
    except OSError as error:
        raise UserError(f"--source={source.text} cannot be read: {error}") from error
    faults = _faults(files)
    identical, near = copies.identical(files), copies.near(files)
    printable = {
        name: layout.printable(value) if isinstance(value, str) else value for name, value in environment.items()
    }
    numbers = Numbers(
        source=layout.printable(source.text),
        image_size=image_size,
        **_counts(files),
        **_facts(files, sums),
        offending=_offending(files, faults),
        identical=Copies(len(identical.groups), identical.repeated, identical.leaked, identical.across_labels),
        near_duplicates=_near_duplicates(files, near),
        environment=printable,
    )
    told = findings(numbers)
    report = {**numbers.as_dict(), "findings": [vars(finding) for finding in told]}
    drawn = _draw(reader, files, sums, near)
    rows = ((files.path[row], files.bytes[row], "; ".join(reasons)) for row, reasons in faults.items())
    write_csv(folder / "offending.csv", ["path", "bytes", "reason"], rows)
    write_csv(folder / "duplicates.csv", ["group", "kind", "path", "correlation"], _duplicates(files, identical, near))
    write_json(folder / "report.json", report)
    for name, png in drawn.items():
        (folder / f"{name}.png").write_bytes(png)
    command = shlex.join(["python", "-m", "aireal.analyze", *sys.argv[1:]])
    title = f"What is in {source.name}"
    sentences = [(finding.kind, finding.text) for finding in told]
    html = page.render(title, layout.printable(command), sentences, sections.sections(numbers, drawn))
    write_text(folder / "report.html", html)
    return report


def _faults(files: Files) -> dict[int, list[str]]:
    """Returns row -> what is wrong with a file, in the order of the rows."""
    odd = shortcuts.odd_ones(files)
    found = {row: [*faults, *odd.get(row, [])] for row, faults in enumerate(files.faults)}
    return {row: reasons for row, reasons in found.items() if reasons}


def _counts(files: Files) -> dict[str, Any]:
    by_split = {
        split: {label: int(np.sum((files.split == split) & (files.label == of))) for of, label in enumerate(LABELS)}
        for split in files.splits
    }
    objects = None
    if files.objects is not None:
        objects = {
            label: {name: int(np.sum((files.objects == name) & (files.label == of))) for name in sources.OBJECTS}
            for of, label in enumerate(LABELS)
        }
    return {"counts": by_split, "objects": objects}


def _facts(files: Files, sums: Sums) -> dict[str, Any]:
    read = files.digest != ""
    label = files.label[files.decoded]
    alone = shortcuts.Alone.of(label, files.facts, files.bytes[files.decoded])
    return {
        "file_sizes": shortcuts.file_sizes(files),
        "file_size": shortcuts.separation(files.label[read], files.bytes[read]),
        "container": {name: shortcuts.counts_by_value(label, column) for name, column in files.facts.items()},
        "how_saved": alone.header,
        "picture_size": alone.size,
        "bits_per_pixel": alone.bits_per_pixel,
        "appearance": shortcuts.looks(files),
        "channels": {label: _channels(sums, of) for of, label in enumerate(LABELS) if sums.count[of]},
    }


def _offending(files: Files, faults: dict[int, list[str]]) -> Offending:
    first = [[files.path[row], "; ".join(reasons)] for row, reasons in list(faults.items())[:_FIRST]]
    return Offending(len(faults), int(np.sum(~files.decoded)), first)


def _channels(sums: Sums, of: int) -> Spread:
    """Returns the spread of red, green and blue, 0..255, over all pixels of a class."""
    mean = sums.image[of].mean((0, 1)) / sums.count[of]
    variance = sums.square[of] / sums.count[of] - mean**2
    return Spread(mean.tolist(), np.sqrt(np.maximum(variance, 0)).tolist())


def _near_duplicates(files: Files, near: Near) -> NearDuplicates:
    return NearDuplicates(CORRELATION, files.held_out(near.row), near.compared, near.other_class)


def _duplicates(files: Files, identical: Identical, near: Near) -> Iterator[tuple]:
    for number, group in enumerate(identical.groups, 1):
        yield from ((number, "identical", files.path[row], 1) for row in group)
    pairs = zip(near.match, near.row, near.correlation, strict=True)
    for number, (*pair, correlation) in enumerate(pairs, len(identical.groups) + 1):
        yield from ((number, "near", files.path[row], f"{correlation:.4f}") for row in pair)


def _draw(reader: passes.Reader, files: Files, sums: Sums, near: Near) -> dict[str, bytes]:
    """Returns name -> PNG."""
    sheet = examples.sheet(files)
    pairs = list(zip(near.match, near.row, near.correlation, strict=True))[: figures.PAIRS]
    on_sheet = [row for _, rows in sheet for some in rows.values() for row in some]
    in_pairs = [row for *pair, _ in pairs for row in pair]
    picture = examples.load(reader, {files.path[row] for row in on_sheet + in_pairs})
    lines = [
        (title, {label: [picture[path] for path in files.path[some]] for label, some in rows.items()})
        for title, rows in sheet
    ]
    drawn = {
        "samples": figures.samples(lines),
        "file_sizes": figures.file_sizes(files),
        "looks": figures.looks(files),
        "mean_images": figures.mean_images(sums),
        "spectra": figures.spectra(sums),
    }
    if pairs:
        images = [tuple(picture[path] for path in files.path[pair]) for *pair, _ in pairs]
        titles = [(files.path[a], f"{files.path[b]}, {correlation:.3f}") for a, b, correlation in pairs]
        drawn["near_duplicates"] = figures.pairs(images, titles)
    return {name: page.png(figure) for name, figure in progress.bar(drawn.items(), "Drawing", leave=False)}


def _beside(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "report.html")
