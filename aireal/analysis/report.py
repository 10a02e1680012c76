"""A source -> a folder with report.html, report.json, the figures, and tables of the files that want a look."""

import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tqdm
from PIL import Image

from aireal import decoding, machine, origins, page
from aireal.analysis import copies, figures, sections, shortcuts, survey
from aireal.analysis.appearance import Sums
from aireal.analysis.copies import Identical, Near
from aireal.analysis.findings import findings
from aireal.analysis.survey import Files
from aireal.config import UserError
from aireal.files import replacing_folder, write_csv, write_json, write_text
from builders.cifake import sources
from builders.cifake.sources import LABELS

_REPORT = "report.json"
_SHEET_ROWS = 4  # of samples, where the objects are unknown
_SHOWN_PIXELS = 160  # edge of a picture on a sheet, at most


def analyze(source: str, output: str, *, image_size: int) -> dict[str, Any]:
    """Looks at every file of a source and writes what it finds.

    Args:
      source: demo, kaggle, or a folder or archive in CIFAKE's layout.
      output: the folder that is written, whole or not at all; an earlier analysis there is replaced.
      image_size: edge in pixels that pictures are brought to before what they look like is measured.

    Returns:
      The contents of report.json.

    Raises:
      UserError: the source or the folder cannot be used.
    """
    target = pathlib.Path(output).expanduser()
    if target.exists() and not (target.is_dir() and ((target / _REPORT).exists() or not any(target.iterdir()))):
        raise UserError(f"--output={output} holds something else than an analysis. Choose another folder.")
    try:
        with origins.located(source, seed=0) as place, replacing_folder(target) as folder:
            report = _write(folder, sources.Reader(sources.find(place)), source, image_size)
    except sources.SourceError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"--output={output} cannot be written: {error}") from error
    for finding in report["findings"]:
        print(f"{finding['kind']:<8} {finding['text']}")
    print(f"\n{target / 'report.html'} has the figures; beside it are {', '.join(_beside(target))}.")
    return report


def _write(folder: pathlib.Path, reader: sources.Reader, source: str, image_size: int) -> dict[str, Any]:
    files, sums = survey.survey(reader, image_size)
    faults = _faults(files)
    identical, near = copies.identical(files), copies.near(files)
    report = {
        "source": source,
        "image_size": image_size,
        **_numbers(files, sums, faults),
        "identical": {**vars(identical), "groups": len(identical.groups)},
        "near_duplicates": _near_numbers(files, near),
        "environment": machine.environment(),
    }
    report["findings"] = [vars(finding) for finding in findings(report)]
    drawn = _draw(reader, files, sums, near)
    rows = ((files.path[row], files.bytes[row], "; ".join(reasons)) for row, reasons in faults.items())
    write_csv(folder / "offending.csv", ["path", "bytes", "reason"], rows)
    header = ["group", "kind", "path", "correlation"]
    write_csv(folder / "duplicates.csv", header, _duplicates(files, identical, near))
    write_json(folder / _REPORT, report)
    for name, png in drawn.items():
        (folder / f"{name}.png").write_bytes(png)
    told = [(finding["kind"], finding["text"]) for finding in report["findings"]]
    html = page.render(
        f"What is in {pathlib.Path(source).name}",
        f"python -m aireal.analyze --source={source}",
        told,
        sections.sections(report, drawn),
    )
    write_text(folder / "report.html", html)
    return report


def _faults(files: Files) -> dict[int, list[str]]:
    """Returns row -> what is wrong with a file, in the order of the rows."""
    odd = shortcuts.odd_ones(files)
    found = {row: [*faults, *odd.get(row, [])] for row, faults in enumerate(files.faults)}
    return {row: reasons for row, reasons in found.items() if reasons}


def _numbers(files: Files, sums: Sums, faults: dict[int, list[str]]) -> dict[str, Any]:
    return {
        "counts": {
            split: {label: int(np.sum((files.split == split) & (files.label == of))) for of, label in enumerate(LABELS)}
            for split in sources.SPLITS
        },
        "objects": None
        if files.objects is None
        else {
            label: {name: int(np.sum((files.objects == name) & (files.label == of))) for name in sources.OBJECTS}
            for of, label in enumerate(LABELS)
        },
        "file_sizes": shortcuts.file_sizes(files),
        "file_size_auc": shortcuts.auc(files.label, files.bytes),
        "offending": {
            "files": len(faults),
            "unreadable": int(np.sum(~files.decoded)),
            "first": [[files.path[row].item(), "; ".join(reasons)] for row, reasons in list(faults.items())[:20]],
        },
        "container": shortcuts.counts_by_value(files),
        "container_auc": shortcuts.container_auc(files),
        "appearance": shortcuts.looks(files),
        "channels": {label: _channels(sums, of) for of, label in enumerate(LABELS) if sums.count[of]},
    }


def _channels(sums: Sums, of: int) -> dict[str, list[float]]:
    """Returns mean and standard_deviation of red, green and blue, 0..255, over all pixels of a class."""
    mean = sums.image[of].mean((0, 1)) / sums.count[of]
    variance = sums.square[of] / sums.count[of] - mean**2
    return {"mean": mean.tolist(), "standard_deviation": np.sqrt(variance).tolist()}


def _near_numbers(files: Files, near: Near) -> dict[str, Any]:
    return {
        "threshold": copies.CORRELATION,
        "test_in_train": len(near.test),
        "by_label": {label: int(np.sum(files.label[near.test] == of)) for of, label in enumerate(LABELS)},
        "compared": near.compared,
        "false_hits": near.false_hits,
    }


def _duplicates(files: Files, identical: Identical, near: Near) -> Iterator[tuple]:
    for number, group in enumerate(identical.groups, 1):
        yield from ((number, "identical", files.path[row], 1) for row in group)
    pairs = zip(near.train, near.test, near.correlation, strict=True)
    for number, (*pair, correlation) in enumerate(pairs, len(identical.groups) + 1):
        yield from ((number, "near", files.path[row], f"{correlation:.4f}") for row in pair)


def _draw(reader: sources.Reader, files: Files, sums: Sums, near: Near) -> dict[str, bytes]:
    """Returns name -> PNG."""
    sheet = _sheet(files)
    shown = list(zip(near.train, near.test, near.correlation, strict=True))[: figures.PAIRS]
    wanted = [row for _, rows in sheet for some in rows.values() for row in some] + [
        row for pair in shown for row in pair[:2]
    ]
    pictures = _load(reader, {files.path[row] for row in wanted})
    drawn = {
        "samples": figures.samples(
            [
                (title, {label: [pictures[files.path[row]] for row in some] for label, some in rows.items()})
                for title, rows in sheet
            ]
        ),
        "file_sizes": figures.file_sizes(files),
        "looks": figures.looks(files),
        "mean_images": figures.mean_images(sums),
        "spectra": figures.spectra(sums),
    }
    if shown:
        images = [tuple(pictures[files.path[row]] for row in pair) for *pair, _ in shown]
        titles = [(files.path[a], f"{files.path[b]}, {correlation:.3f}") for a, b, correlation in shown]
        drawn["near_duplicates"] = figures.pairs(images, titles)
    return {name: page.png(figure) for name, figure in drawn.items()}


def _sheet(files: Files) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Returns (title, label -> rows) of pictures chosen at random, the same ones every time."""
    rng = np.random.default_rng(0)
    titles = [""] * _SHEET_ROWS if files.objects is None else sources.OBJECTS
    found = []
    for title in titles:
        like = files.decoded if files.objects is None else files.decoded & (files.objects == title)
        by_label = {label: np.flatnonzero(like & (files.label == of)) for of, label in enumerate(LABELS)}
        found.append((title, {label: rng.permutation(rows)[: figures.SAMPLES] for label, rows in by_label.items()}))
    return found


def _load(reader: sources.Reader, wanted: Iterable[str]) -> dict[str, np.ndarray]:
    """Returns path -> [H, W, 3] uint8, reduced where large."""
    pictures = {}
    for path, load in tqdm.tqdm(reader.pictures(), "Fetching examples", unit=" pictures", mininterval=1.0, leave=False):
        if (name := survey.printable(path)) in wanted:
            picture = Image.fromarray(decoding.decode(load()))
            picture.thumbnail((_SHOWN_PIXELS, _SHOWN_PIXELS))
            pictures[name] = np.asarray(picture)
    return pictures


def _beside(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "report.html")
