"""Verdicts as text: a line for each, and a sentence about all."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence

from aireal.runs import tables
from aireal.verdicts.pictures import Prediction
from builders.cifake import layout


def _table(predictions: Iterator[Prediction], found: Sequence[str | Prediction]) -> Iterator[str]:
    header = ["path", "verdict", "confidence", "p_real"]
    widths = [max(len(printable(one)) for one in ["path", *found]), *map(len, header[1:])]
    yield tables.line(header, widths, left=2)
    for one in predictions:
        if one.error:
            yield tables.line([printable(one), "-", one.error], [*widths[:2], 0], left=3)
        else:
            cells = [one.verdict, f"{one.confidence:.4f}", f"{one.p_real:.4f}"]
            yield tables.line([printable(one), *cells], widths, left=2)


_END = csv.excel.lineterminator  # whose characters in a name the writer puts into quotes; who prints has his own


def _csv(predictions: Iterator[Prediction], _) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.DictWriter(line, list(Prediction(None).as_dict()))
    writer.writeheader()
    yield line.getvalue().removesuffix(_END)
    for one in predictions:
        line.seek(0)
        line.truncate()
        writer.writerow(one.as_dict())
        yield line.getvalue().removesuffix(_END)


def _json(predictions: Iterator[Prediction], _) -> Iterator[str]:
    yield json.dumps([one.as_dict() for one in predictions], indent=2)


def _jsonl(predictions: Iterator[Prediction], _) -> Iterator[str]:
    for one in predictions:
        yield json.dumps(one.as_dict())


FORMATS = {"table": _table, "csv": _csv, "json": _json, "jsonl": _jsonl}  # each: predictions, all names -> lines


def printable(one: str | Prediction) -> str:
    """Returns the path as `layout.printable` does."""
    return layout.printable(one if isinstance(one, str) else one.path)


def summary(predictions: Sequence[Prediction], image_size: int, left_out: Mapping[str, int] | None = None) -> str:
    """Returns how many pictures got which verdict, and a warning about those that are not of the network's size."""
    verdicts = [one.verdict for one in predictions]
    lines = [
        f"{_pictures(len(predictions))}: {verdicts.count('REAL'):,} REAL, {verdicts.count('FAKE'):,} FAKE, "
        f"{verdicts.count(None):,} could not be judged."
    ]
    if foreign := sum(one.size not in (None, (image_size, image_size)) for one in predictions):
        lines.append(
            f"{_pictures(foreign)} not of {image_size}x{image_size} pixels, which is all that this network sees: "
            "brought to that size, and the fine detail it goes by is lost. Verdicts may be wrong, at high confidence "
            "too."
        )
    if left_out:
        by_ending = ", ".join(f"{printable(ending)} {count:,}" for ending, count in sorted(left_out.items()))
        lines.append(
            f"Left out of the folders, as no pictures or what other programs leave behind: {by_ending}. Name such a "
            "file to have it judged."
        )
    return "\n".join(lines)


def _pictures(count: int) -> str:
    return f"{count:,} picture{'s' * (count != 1)}"
