"""Pictures that occur more than once: the same bytes, or nearly the same pixels."""

import dataclasses

import numpy as np
from sklearn.neighbors import NearestNeighbors
from tqdm.auto import tqdm

from aireal.analysis.survey import Files
from builders import progress
from builders.cifake.copies import CORRELATION, directions
from builders.cifake.layout import LABELS

_CHUNK = 1000  # test pictures compared at a time


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
    vectors, varied = directions(files.thumbnails)
    rows, vectors = np.flatnonzero(files.decoded)[varied], vectors[varied]
    is_test, label = files.split[rows] == "test", files.label[rows]
    test = np.flatnonzero(is_test)
    best, match = np.zeros(len(test)), np.zeros(len(test), int)
    compared = other_class = 0
    with progress.bar(title="Comparing", total=len(test) * len(set(label[~is_test])), unit=" pictures") as shown:
        for one in range(len(LABELS)):
            train = np.flatnonzero(~is_test & (label == one))
            if not len(train):
                continue
            correlation, nearest = _nearest(vectors[train], vectors[test], shown)
            other = label[test] != one
            same_bytes = files.digest[rows[test]] == files.digest[rows[train[nearest]]]
            compared += int(np.sum(other))
            other_class += int(np.sum((correlation >= CORRELATION) & other & ~same_bytes))
            better = correlation > best
            best[better], match[better] = correlation[better], rows[train[nearest[better]]]
    found = np.flatnonzero((best >= CORRELATION) & (files.digest[rows[test]] != files.digest[match]))
    found = found[np.argsort(-best[found], kind="stable")]
    return Near(rows[test[found]], match[found], best[found], compared, other_class)


def _nearest(train: np.ndarray, test: np.ndarray, shown: tqdm) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each unit vector of `test` [T, D] the highest correlation, and the row of `train` that has it."""
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train)
    distances, rows = np.zeros(len(test)), np.zeros(len(test), int)
    for start in range(0, len(test), _CHUNK):
        some = slice(start, start + _CHUNK)
        found = index.kneighbors(test[some])
        distances[some], rows[some] = (column[:, 0] for column in found)
        shown.update(len(test[some]))
    return 1 - distances**2 / 2, rows
