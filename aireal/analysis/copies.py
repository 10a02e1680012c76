"""Pictures that occur more than once: the same bytes, or nearly the same pixels."""

import dataclasses

import numpy as np
from sklearn.neighbors import NearestNeighbors
from tqdm.auto import tqdm

from aireal.analysis.survey import Files
from builders import progress
from builders.cifake.copies import CORRELATION, directions
from builders.cifake.layout import LABELS, SPLITS

_CHUNK = 1000  # held-out pictures compared at a time, with
_EARLIER_CHUNK = 100_000  # earlier ones: 80 MB


@dataclasses.dataclass(frozen=True)
class Identical:
    """Groups of files with the same bytes.

    Attributes:
      groups: rows of `Files`, two and more each, in the order of the splits, then by path.
      repeated: split -> files whose bytes a file before them has, the first of which is of the same split.
      leaked: split -> label -> files whose bytes stand in an earlier split.
      across_labels: groups with both classes.
    """

    groups: list[np.ndarray]
    repeated: dict[str, int]
    leaked: dict[str, dict[str, int]]
    across_labels: int


def identical(files: Files) -> Identical:
    """Groups the files by their bytes; empty ones are no copies of each other."""
    order = np.lexsort((files.path, files.rank, files.digest))
    order = order[files.bytes[order] > 0]
    starts = np.flatnonzero(np.append(True, files.digest[order][1:] != files.digest[order][:-1]))
    groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]
    copies = np.array([row for group in groups for row in group[1:]], int)
    firsts = np.array([group[0] for group in groups for _ in group[1:]], int)
    is_leaked = files.rank[copies] > files.rank[firsts]
    repeated = {split: int(np.sum(files.split[copies[~is_leaked]] == split)) for split in files.splits}
    across = sum(len(set(files.label[group])) > 1 for group in groups)
    return Identical(groups, repeated, files.held_out(copies[is_leaked]), across)


@dataclasses.dataclass(frozen=True)
class Near:
    """Held-out pictures with a near-duplicate in an earlier split; pairs with the same bytes are left out.

    Attributes:
      row: [K] rows of `Files`, the most alike first.
      match: [K] rows of `Files`, the nearest earlier picture of each.
      correlation: [K] of their thumbnails.
      compared: held-out pictures that were compared with earlier ones of the other class, which are hardly the same.
      other_class: those that have a near-duplicate there all the same: how often it is chance, or a wrong label.
    """

    row: np.ndarray
    match: np.ndarray
    correlation: np.ndarray
    compared: int
    other_class: int


def near(files: Files) -> Near:
    """Finds the nearest earlier picture of each held-out one, of either class, by the thumbnails' correlation.

    Those of validation are compared with train, and those of test with both.
    """
    rows = np.flatnonzero(files.decoded)[_varied(files.thumbnails)]
    rank, label = files.rank[rows], files.label[rows]
    pairs = [
        (rows[rank == held_out], rows[(rank < held_out) & (label == one)])
        for held_out in range(1, len(SPLITS))
        for one in range(len(LABELS))
    ]
    best, match = np.zeros(len(files.path)), np.zeros(len(files.path), int)
    compared = other_class = 0
    total = sum(len(held_out) * len(_parts(earlier, _EARLIER_CHUNK)) for held_out, earlier in pairs)
    with progress.bar(title="Comparing", total=total, unit=" pictures") as shown:
        for held_out, earlier in pairs:
            if not len(held_out) or not len(earlier):
                continue
            correlation, nearest = _nearest(files, held_out, earlier, shown)
            other = files.label[held_out] != files.label[earlier[0]]
            compared += int(np.sum(other))
            same_bytes = files.digest[held_out] == files.digest[nearest]
            other_class += int(np.sum((correlation >= CORRELATION) & other & ~same_bytes))
            better = correlation > best[held_out]
            best[held_out[better]], match[held_out[better]] = correlation[better], nearest[better]
    found = np.flatnonzero((best >= CORRELATION) & (files.digest != files.digest[match]))
    found = found[np.argsort(-best[found], kind="stable")]
    return Near(found, match[found], best[found], compared, other_class)


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _varied(thumbnails: np.ndarray) -> np.ndarray:
    """Returns which are of pictures that are not plain: [N] bool."""
    return np.concatenate([directions(some)[1] for some in _parts(thumbnails, _EARLIER_CHUNK)])


def _nearest(files: Files, rows: np.ndarray, among: np.ndarray, shown: tqdm) -> tuple[np.ndarray, np.ndarray]:
    """Returns of each of some rows the highest correlation with the thumbnails of others, and which row has it."""
    at = np.cumsum(files.decoded) - 1  # in `thumbnails`
    best, nearest = np.full(len(rows), -1.0), np.zeros(len(rows), int)
    for part in _parts(among, _EARLIER_CHUNK):
        index = NearestNeighbors(n_neighbors=1, algorithm="brute")
        index.fit(directions(files.thumbnails[at[part]])[0])
        for first in range(0, len(rows), _CHUNK):
            some = slice(first, first + _CHUNK)
            vectors = directions(files.thumbnails[at[rows[some]]])[0]
            distances, found = (column[:, 0] for column in index.kneighbors(vectors))
            correlation = 1 - distances**2 / 2
            better = correlation > best[some]
            best[some] = np.where(better, correlation, best[some])
            nearest[some] = np.where(better, part[found], nearest[some])
            shown.update(len(found))
    return best, nearest
