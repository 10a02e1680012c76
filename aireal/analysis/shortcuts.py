"""How much of the class can be told without looking at what a picture shows."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from aireal.analysis import appearance
from aireal.analysis.numbers import Look, Separation, Sizes, Spread
from aireal.analysis.survey import Files
from builders.cifake.layout import LABELS

_NAMES = ("format", "mode", "metadata", "subsampling", "tables")  # of `container.Facts`: those that have no order
_EDGES = ("width", "height")
_MAX_VALUES = 50  # of one of these: rarer ones are taken together
_FOLDS, _DEPTH = 5, 3
_MOST_FILES = 200_000  # that a tree is grown from
_USUAL_SHARE = 0.99  # of the files: what as many have is usual


def file_sizes(files: Files) -> dict[str, Sizes]:
    """Returns the sizes of the files of each group that has any."""
    return {
        name: Sizes(
            count=len(sizes),
            mean=float(sizes.mean()),
            median=float(np.median(sizes)),
            standard_deviation=float(sizes.std()),
            minimum=int(sizes.min()),
            maximum=int(sizes.max()),
        )
        for name, mask in files.groups().items()
        if len(sizes := files.bytes[mask & (files.digest != "")])
    }


def separation(label: np.ndarray, value: np.ndarray) -> Separation:
    """Says how well one number tells the classes.

    Args:
      label: [N] int.
      value: [N].
    """
    if (chance := _chance(label)) is None:
        return Separation(None, None, None)
    tree = _tree_auc(DecisionTreeClassifier(max_depth=_DEPTH, random_state=0), value[:, None], label)
    return Separation(float(roc_auc_score(label, value)), tree, chance)


@dataclasses.dataclass(frozen=True)
class Alone:
    """How well what is beside the pixels tells the classes, each by itself.

    Attributes:
      header: all `container.Facts` but width and height: how the file was saved. They have no order, so no `auc`.
      size: width and height, likewise.
      bits_per_pixel: size of the file, in bits for each pixel: how it was saved, and what the picture is like.
    """

    header: Separation
    size: Separation
    bits_per_pixel: Separation

    @classmethod
    def of(cls, label: np.ndarray, facts: Mapping[str, np.ndarray], size: np.ndarray) -> "Alone":
        """Returns it for N files.

        Args:
          label: [N] int.
          facts: column -> [N], those of `container.Facts`.
          size: [N] int, bytes.
        """
        chance = _chance(label)
        edges = [facts[name] for name in _EDGES]
        # A tree tells as much from a part of them, in memory that does not grow.
        some = np.sort(np.random.default_rng(0).permutation(len(label))[:_MOST_FILES])
        numbers = [column[some] for name, column in facts.items() if name not in (*_NAMES, *_EDGES)]
        header = np.stack([*(facts[name][some].astype(object) for name in _NAMES), *numbers], axis=1)
        encode = make_column_transformer(
            (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=_MAX_VALUES), list(range(len(_NAMES)))),
            remainder="passthrough",
        )
        tree = DecisionTreeClassifier(max_depth=_DEPTH, random_state=0)
        return cls(
            Separation(None, _tree_auc(make_pipeline(encode, tree), header, label[some]), chance),
            Separation(None, _tree_auc(tree, np.stack(edges, axis=1)[some], label[some]), chance),
            separation(label, 8 * size / np.prod(edges, axis=0)),
        )


def _chance(label: np.ndarray) -> float | None:
    """Returns three standard errors of the AUC of a number that tells nothing; None where a class is missing."""
    fake, real = map(float, np.bincount(label, minlength=len(LABELS)))
    return 3 * ((fake + real + 1) / (12 * fake * real)) ** 0.5 if fake and real else None


def _tree_auc(tree: BaseEstimator, table: np.ndarray, label: np.ndarray) -> float | None:
    if min(np.bincount(label, minlength=len(LABELS))) < _FOLDS:
        return None
    if np.all(table == table[0]):  # nothing to split by
        return 0.5
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    return float(cross_val_score(tree, table, label, scoring="roc_auc", cv=folds).mean())


def looks(files: Files) -> dict[str, Look]:
    """Returns how each of `appearance.STATISTICS` spreads in the classes, and how well it tells them."""
    label = files.label[files.decoded]
    found = {}
    for name, values in zip(appearance.STATISTICS, files.looks.T.astype(np.float64), strict=True):
        of_class = {one: values[label == of] for of, one in enumerate(LABELS) if np.any(label == of)}
        by_class = {one: Spread(float(own.mean()), float(own.std())) for one, own in of_class.items()}
        found[name] = Look(by_class, separation(label, values))
    return found


def counts_by_value(label: np.ndarray, column: np.ndarray) -> dict[str, list[int]]:
    """Returns value -> how many FAKE and REAL files have it, the commonest first, of labels and a fact: [N] each."""
    values, index = np.unique(column, return_inverse=True)
    table = np.stack([np.bincount(index[label == one], minlength=len(values)) for one in range(len(LABELS))], axis=1)
    return {str(values[row]): table[row].tolist() for row in np.argsort(-table.sum(axis=1), kind="stable")}


def odd_ones(files: Files) -> dict[int, list[str]]:
    """Returns row -> what is unusual about a file, where at least 99 % of all have the same, and it does not."""
    found: dict[int, list[str]] = {}
    edges, of_size = np.unique(np.stack([files.facts[name] for name in _EDGES]), axis=1, return_inverse=True)
    size = np.array([f"{width}x{height}" for width, height in edges.T], object)[of_size]
    rows = np.flatnonzero(files.decoded)
    for name, column in {"format": files.facts["format"], "size": size, "colour mode": files.facts["mode"]}.items():
        values, index, counts = np.unique(column, return_inverse=True, return_counts=True)
        usual = counts.argmax()
        if counts[usual] < _USUAL_SHARE * len(column):
            continue
        for row, value in zip(rows[index != usual], column[index != usual], strict=True):
            found.setdefault(int(row), []).append(
                f"its {name} is {value}, where {counts[usual] / len(column):.2%} have {values[usual]}"
            )
    return found
