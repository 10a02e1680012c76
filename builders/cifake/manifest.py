"""Pictures by a list: a .csv or .tsv with a column of paths, one of labels, and perhaps split, group and pair."""

import csv
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from builders.cifake import layout
from builders.cifake.layout import Naming, Place, SourceError, printable

SUFFIXES = (".csv", ".tsv")


def places(manifest: pathlib.Path, naming: Naming) -> tuple[dict[str, Place], bool]:
    """Returns where the pictures of a manifest belong, and whether it tells their splits.

    Returns:
      path -> place; relative paths are so to the manifest's folder. Whether there are splits: else all are in train.

    Raises:
      SourceError: it cannot be read, a column is missing, or a row says nothing, or something else than others.
    """
    found: dict[str, Place] = {}
    by_split: bool | None = None  # as the first row has it
    for line, row in _rows(manifest, naming):
        where = f"{printable(str(manifest))}, line {line}"
        if not (path := _path(row["path"], manifest.parent)):
            raise SourceError(f"{where} names no file.")
        if path in found:
            raise SourceError(f"{where}: {printable(path)} stands there twice.")
        split, label = _split(row["split"], where), _label(row["label"], naming, where)
        by_split = bool(split) if by_split is None else by_split
        if bool(split) != by_split:
            raise SourceError(f"{where}: of the rows some name a split and others none. Give one to all, or to none.")
        pair = pathlib.PurePath(path).stem if naming.pair == "stem" else row["pair"]
        name = path.replace(os.sep, "/").lstrip("/")
        found[path] = Place(f"{split or 'train'}/{label}/{name}", row["group"], pair)
    return found, bool(by_split)


def paths(manifest: pathlib.Path, naming: Naming) -> Iterator[str]:
    """Yields the paths of a manifest, from its folder, whatever else it tells. Raises SourceError."""
    for line, row in _rows(manifest, naming, needed=("path",)):
        if not (path := _path(row["path"], manifest.parent)):
            raise SourceError(f"{printable(str(manifest))}, line {line} names no file.")
        yield os.path.join(manifest.parent, path)


def _rows(
    manifest: pathlib.Path, naming: Naming, needed: Sequence[str] = ("path", "label")
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yields line number and path, label, split, group and pair of each row; empty where there is no such column."""
    try:
        with open(manifest, encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            separators = "\t" if manifest.suffix.lower() == ".tsv" else ",;\t"
            table = csv.DictReader(file, delimiter=max(separators, key=head.count), strict=True)
            columns = _columns(manifest, naming, table.fieldnames or (), needed)
            for row in table:
                yield (
                    table.line_num,
                    {name: (row[column] or "").strip() if column else "" for name, column in columns.items()},
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{printable(str(manifest))} cannot be read as a table in UTF-8: {error}") from error


def _columns(
    manifest: pathlib.Path, naming: Naming, header: Sequence[str], needed: Sequence[str]
) -> dict[str, str | None]:
    if twice := {column for column in header if column and list(header).count(column) > 1}:
        raise SourceError(f"{printable(str(manifest))} has the column {layout.listed(twice)} twice. Rename one.")
    columns = {name: naming.column(name, header) for name in ("path", "label", "split", "group", "pair")}
    for name, column in columns.items():
        if column not in header and (column or name in needed):
            raise SourceError(
                f"{printable(str(manifest))} has no column {column or name}. Say what it is called: "
                f"--columns={name}=NAME, one of {layout.listed(header)}."
            )
    return columns


def _path(written: str, beside: pathlib.Path) -> str:
    """Returns a path as this system writes it; empty where no file can be called so."""
    if not written or "\0" in written:
        return ""
    if "\\" in written and not (beside / written).exists():  # Windows' separator
        written = written.replace("\\", "/")
    return os.path.normpath(written)


def _split(word: str, where: str) -> str:
    if not word:
        return ""
    if split := layout.split_of(word):
        return split
    raise SourceError(f"{where}: the split {printable(word)!r} is none of train, validation and test.")


def _label(word: str, naming: Naming, where: str) -> str:
    if label := naming.label(word):
        return label
    hint = "say which it is: --fake=NAMES --real=NAMES" if word else "every picture needs one"
    raise SourceError(f"{where}: the label {printable(word)!r} is neither FAKE nor REAL by any usual name; {hint}.")
