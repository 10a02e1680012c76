"""Pictures that occur more than once: the same bytes, or nearly the same pixels."""

import dataclasses

import numpy as np
from sklearn.neighbors import NearestNeighbors
from tqdm.auto import tqdm

from aireal.analysis.survey import Files
from builders import progress
from builders.cifake.copies import CORRELATION, directions
from builders.cifake.layout import LABELS

_CHUNK = 1000  # test pictures compared at a time, with
_TRAIN_CHUNK = 100_000  # train pictures: 80 MB


@dataclasses.dataclass(frozen=True)
class Identical:
    """Groups of files with the same bytes.

    Attributes:
      groups: rows of `Files`, two and more each, train before test, then by path.
      copies: how many files repeat one that comes before them, by where: "train" (within train), "test" (within test),
        "train and test" (test files whose first is in train).
      test_in_train: label -> test files that stand in train too.
      across_labels: groups with both classes.
    """

    groups: list[np.ndarray]
    copies: dict[str, int]
    test_in_train: dict[str, int]
    across_labels: int


def identical(files: Files) -> Identical:
    """Groups the files by their bytes; empty ones are no copies of each other."""
    order = np.lexsort((files.path, files.split == "test", files.digest))
    order = order[files.bytes[order] > 0]
    starts = np.flatnonzero(np.append(True, files.digest[order][1:] != files.digest[order][:-1]))
    groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]
    copies = dict.fromkeys(("train", "test", "train and test"), 0)
    test_in_train = dict.fromkeys(LABELS, 0)
    for group in groups:
        in_test = files.split[group] == "test"
        leaked = group[in_test] if not in_test[0] else []
        copies["train"] += max(int(np.sum(~in_test)) - 1, 0)
        copies["train and test"] += len(leaked)
        copies["test"] += len(group) - 1 if in_test[0] else 0
        for row in leaked:
            test_in_train[LABELS[files.label[row]]] += 1
    across = sum(len(set(files.label[group])) > 1 for group in groups)
    return Identical(groups, copies, test_in_train, across)


@dataclasses.dataclass(frozen=True)
class Near:
    """Test pictures with a near-duplicate in train; pairs with the same bytes are left out.

    Attributes:
      test: [K] rows of `Files`, the most alike first.
      train: [K] rows of `Files`, the nearest picture in train of each.
      correlation: [K] of their thumbnails.
      compared: test pictures that were compared with train pictures of the other class, which are hardly the same.
      other_class: those that have a near-duplicate there all the same: how often it is chance, or a wrong label.
    """

    test: np.ndarray
    train: np.ndarray
    correlation: np.ndarray
    compared: int
    other_class: int


def near(files: Files) -> Near:
    """Finds the nearest train picture of each test picture, of either class, by the thumbnails' correlation."""
    rows = np.flatnonzero(files.decoded)[_varied(files.thumbnails)]
    at = np.cumsum(files.decoded) - 1  # in `thumbnails`
    is_test, label = files.split[rows] == "test", files.label[rows]
    test = rows[is_test]
    trains = [rows[~is_test & (label == one)] for one in range(len(LABELS))]
    best, match = np.zeros(len(test)), np.zeros(len(test), int)
    compared = other_class = 0
    total = len(test) * sum(len(_parts(train, _TRAIN_CHUNK)) for train in trains)
    with progress.bar(title="Comparing", total=total, unit=" pictures") as shown:
        for one, train in enumerate(trains):
            if not len(train):
                continue
            correlation, nearest = _nearest(files.thumbnails, at[train], at[test], shown)
            other = files.label[test] != one
            same_bytes = files.digest[test] == files.digest[train[nearest]]
            compared += int(np.sum(other))
            other_class += int(np.sum((correlation >= CORRELATION) & other & ~same_bytes))
            better = correlation > best
            best[better], match[better] = correlation[better], train[nearest[better]]
    found = np.flatnonzero((best >= CORRELATION) & (files.digest[test] != files.digest[match]))
    found = found[np.argsort(-best[found], kind="stable")]
    return Near(test[found], match[found], best[found], compared, other_class)


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _varied(thumbnails: np.ndarray) -> np.ndarray:
    """Returns which are of pictures that are not plain: [N] bool."""
    return np.concatenate([directions(some)[1] for some in _parts(thumbnails, _TRAIN_CHUNK)])


def _nearest(thumbnails: np.ndarray, train: np.ndarray, test: np.ndarray, shown: tqdm) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each of some thumbnails the highest correlation with those of `train`, and which of these has it."""
    best, nearest = np.full(len(test), -1.0), np.zeros(len(test), int)
    for start in range(0, len(train), _TRAIN_CHUNK):
        index = NearestNeighbors(n_neighbors=1, algorithm="brute")
        index.fit(directions(thumbnails[train[start : start + _TRAIN_CHUNK]])[0])
        for first in range(0, len(test), _CHUNK):
            some = slice(first, first + _CHUNK)
            distances, found = (column[:, 0] for column in index.kneighbors(directions(thumbnails[test[some]])[0]))
            correlation = 1 - distances**2 / 2
            better = correlation > best[some]
            best[some] = np.where(better, correlation, best[some])
            nearest[some] = np.where(better, start + found, nearest[some])
            shown.update(len(found))
    return best, nearest
