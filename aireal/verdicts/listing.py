"""Verdicts as text: a line for each, and a sentence about all."""

import collections
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aireal.runs import tables
from aireal.verdicts.contract import Contract
from aireal.verdicts.pictures import Prediction
from aireal.verdicts.verdict import FOREIGN, LOW_CONFIDENCE, UNSURE, Rule
from builders.cifake import layout


def _table(predictions: Iterator[Prediction], found: Sequence[str | Prediction]) -> Iterator[str]:
    header = ["path", "verdict", "reason", "confidence", "p_real"]
    widths = [max(len(printable(one)) for one in ["path", *found]), *map(len, header[1:])]
    widths[2] = len(LOW_CONFIDENCE)  # the longest reason
    yield tables.line(header, widths, left=3)
    for one in predictions:
        if one.error:
            yield tables.line([printable(one), "-", one.error], [*widths[:2], 0], left=3)
        else:
            cells = [one.verdict, one.reason or "", f"{one.confidence:.4f}", f"{one.p_real:.4f}"]
            yield tables.line([printable(one), *cells], widths, left=3)


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


class Kind(NamedTuple):
    """What a summary tells predictions apart by."""

    verdict: str | None  # None where the picture could not be judged
    reason: str | None
    of_other_size: bool  # than the network learned from
    reduced: bool  # or enlarged, for the network to see it


def tally(predictions: Iterable[Prediction], contract: Contract) -> collections.Counter[Kind]:
    """Counts predictions by their kind: what `summary` takes, of any number of them."""
    rule, edges = contract.rule, (None, (contract.image_size, contract.image_size))
    return collections.Counter(
        Kind(one.verdict, one.reason, bool(one.size) and not rule.fits(one.size), one.size not in edges)
        for one in predictions
    )


def summary(counts: Mapping[Kind, int], contract: Contract, left_out: Mapping[str, int] | None = None) -> str:
    """Returns how many pictures got which verdict, why some got none, and what speaks against the others."""
    rule, size = contract.rule, contract.image_size
    verdicts, reasons = collections.Counter(), collections.Counter()
    for kind, count in counts.items():
        verdicts[kind.verdict] += count
        reasons[kind.reason] += count
    unsure = f"{verdicts[UNSURE]:,} {UNSURE}, " * rule.withholds
    lines = [
        f"{_pictures(verdicts.total())}: {verdicts['REAL']:,} REAL, {verdicts['FAKE']:,} FAKE, {unsure}"
        f"{verdicts[None]:,} could not be judged."
    ]
    if sized := sum(count for kind, count in counts.items() if kind.of_other_size):
        lines.append(
            f"{FOREIGN}: {_pictures(sized)} of other sizes than this network learned from ({_edges(rule)}), and its "
            "score means little there. --unsure=false gives the verdict all the same."
        )
    if others := reasons[FOREIGN] - sized:
        lines.append(f"{FOREIGN}: {_pictures(others)} unlike those this network learned from.")
    if low := reasons[LOW_CONFIDENCE]:
        lines.append(
            f"{LOW_CONFIDENCE}: {_pictures(low)} with a score too near the border: of the verdicts given at most "
            f"{100 * (rule.risk or 0):g} % are wrong, on pictures like those this network learned from."
        )
    reduced = sum(count for kind, count in counts.items() if kind.reduced)
    if reduced and not rule.withholds and not contract.windows:
        lines.append(
            f"{_pictures(reduced)} not of {size}x{size} pixels, which is all that this network sees: brought to that "
            "size, and the fine detail it goes by is lost. Verdicts may be wrong, at high confidence too."
        )
    if left_out:
        by_ending = ", ".join(f"{printable(ending)} {count:,}" for ending, count in sorted(left_out.items()))
        lines.append(
            f"Left out, as no pictures or what other programs leave behind: {by_ending}. Name such a "
            "file to have it judged."
        )
    return "\n".join(lines)


def _edges(rule: Rule) -> str:
    least, largest = rule.edges
    return f"{least} pixels an edge" if least == largest else f"{least} to {largest} pixels an edge"


def _pictures(count: int) -> str:
    return f"{count:,} picture{'s' * (count != 1)}"
