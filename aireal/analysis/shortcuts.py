"""How much of the class can be told without looking at what a picture shows."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from aireal.analysis import appearance
from aireal.analysis.survey import Files
from builders.cifake.sources import LABELS

_NAMES = ("format", "mode", "metadata", "subsampling", "tables")  # of `container.Facts`: those that have no order
_MAX_VALUES = 50  # of one of these: rarer ones are taken together
_FOLDS, _DEPTH = 5, 3
_USUAL_SHARE = 0.99  # of the files: what as many have is usual


def file_sizes(files: Files) -> dict[str, dict[str, float]]:
    """Returns count, mean, median, standard_deviation (population), minimum and maximum of the bytes by group."""
    return {
        name: {
            "count": len(sizes),
            "mean": float(sizes.mean()),
            "median": float(np.median(sizes)),
            "standard_deviation": float(sizes.std()),
            "minimum": int(sizes.min()),
            "maximum": int(sizes.max()),
        }
        for name, mask in files.groups().items()
        if len(sizes := files.bytes[mask & (files.digest != "")])
    }


def separation(label: np.ndarray, value: np.ndarray) -> dict[str, float | None]:
    """Says how well one number tells the classes.

    Args:
      label: [N] int.
      value: [N].

    Returns:
      auc: area under the ROC curve of "the larger the value, the rather REAL": 0.5 is chance, below it the smaller
        values are REAL; None without both classes.
      tree_auc: that of a decision tree of depth 3 on it, which also finds classes that spread differently; five-fold
        cross-validation, stratified and shuffled; None where a class has fewer than five.
      chance: two standard errors of an AUC of 0.5 for so many pictures (Hanley and McNeil 1982); None as `auc`.
    """
    count = np.bincount(label, minlength=len(LABELS))
    if not count.all():
        return {"auc": None, "tree_auc": None, "chance": None}
    chance = 2 * np.sqrt((count.sum() + 1) / (12 * float(count[0]) * float(count[1])))
    tree = _tree_auc(DecisionTreeClassifier(max_depth=_DEPTH, random_state=0), value[:, None], label)
    return {"auc": float(roc_auc_score(label, value)), "tree_auc": tree, "chance": float(chance)}


def container(files: Files) -> dict[str, float | None]:
    """Says how well all `container.Facts` together tell the classes: tree_auc and chance as `separation` has them.

    Bytes are left out: they say something of the picture. The facts stand for how it was saved.
    """
    label = files.label[files.decoded]
    numbers = {name: column for name, column in files.facts.items() if name not in _NAMES}
    names = np.stack([files.facts[name] for name in _NAMES], axis=1).astype(object)
    table = np.concatenate([names, np.stack(list(numbers.values()), axis=1)], axis=1)
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=_MAX_VALUES), list(range(len(_NAMES)))),
        remainder="passthrough",
    )
    tree = make_pipeline(encode, DecisionTreeClassifier(max_depth=_DEPTH, random_state=0))
    chance = separation(label, np.zeros(len(label)))["chance"]
    return {"tree_auc": _tree_auc(tree, table, label), "chance": chance}


def _tree_auc(tree: BaseEstimator, table: np.ndarray, label: np.ndarray) -> float | None:
    if min(np.bincount(label, minlength=len(LABELS))) < _FOLDS:
        return None
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    return float(cross_val_score(tree, table, label, scoring="roc_auc", cv=folds).mean())


def looks(files: Files) -> dict[str, dict[str, Any]]:
    """Returns, of each of `appearance.STATISTICS`, mean and standard_deviation by class, and its `separation`."""
    label = files.label[files.decoded]
    return {
        name: {
            **{
                one: {"mean": float(values[label == of].mean()), "standard_deviation": float(values[label == of].std())}
                for of, one in enumerate(LABELS)
                if np.any(label == of)
            },
            **separation(label, values),
        }
        for name, values in zip(appearance.STATISTICS, files.looks.T.astype(np.float64), strict=True)
    }


def counts_by_value(files: Files) -> dict[str, dict[str, list[int]]]:
    """Returns, of each of `container.Facts`, value -> how many FAKE and REAL files have it, the commonest first."""
    label = files.label[files.decoded]
    return {name: _counts(column, label) for name, column in files.facts.items()}


def _counts(column: np.ndarray, label: np.ndarray) -> dict[str, list[int]]:
    values, index = np.unique(column, return_inverse=True)
    table = np.stack([np.bincount(index[label == one], minlength=len(values)) for one in range(len(LABELS))], axis=1)
    return {str(values[row]): table[row].tolist() for row in np.argsort(-table.sum(axis=1), kind="stable")}


def odd_ones(files: Files) -> dict[int, list[str]]:
    """Returns row -> what is unusual about a file, where at least 99 % of all have the same, and it does not."""
    found: dict[int, list[str]] = {}
    size = np.char.add(np.char.add(files.facts["width"].astype(str), "x"), files.facts["height"].astype(str))
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
