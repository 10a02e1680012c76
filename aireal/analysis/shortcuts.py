"""How much of the class can be told without looking at what a picture shows."""

from typing import Any

import numpy as np
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


def auc(label: np.ndarray, value: np.ndarray) -> float | None:
    """Returns the area under the ROC curve of "the larger `value`, the rather REAL"; None without both classes.

    0.5 is chance; below it, it is the smaller values that are REAL.
    """
    return float(roc_auc_score(label, value)) if len(np.unique(label)) > 1 else None


def container_auc(files: Files) -> dict[str, float] | None:
    """Tells the class by `container.Facts` alone, with a decision tree of depth 3.

    Bytes are left out: they say something of the picture. The facts stand for how it was saved.

    Returns:
      mean and standard_deviation of the AUC over 5 folds, stratified and shuffled; None where a class has fewer than 5.
    """
    label = files.label[files.decoded]
    if min(np.bincount(label, minlength=len(LABELS))) < _FOLDS:
        return None
    numbers = {name: column for name, column in files.facts.items() if name not in _NAMES}
    names = np.stack([files.facts[name] for name in _NAMES], axis=1).astype(object)
    table = np.concatenate([names, np.stack(list(numbers.values()), axis=1)], axis=1)
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=_MAX_VALUES), list(range(len(_NAMES)))),
        remainder="passthrough",
    )
    tree = make_pipeline(encode, DecisionTreeClassifier(max_depth=_DEPTH, random_state=0))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    scores = cross_val_score(tree, table, label, scoring="roc_auc", cv=folds)
    return {"mean": float(scores.mean()), "standard_deviation": float(scores.std(ddof=1))}


def looks(files: Files) -> dict[str, dict[str, Any]]:
    """Returns, of each of `appearance.STATISTICS`, mean and standard_deviation of each class, and its AUC alone."""
    label = files.label[files.decoded]
    return {
        name: {
            **{
                one: {"mean": float(values[label == of].mean()), "standard_deviation": float(values[label == of].std())}
                for of, one in enumerate(LABELS)
                if np.any(label == of)
            },
            "auc": auc(label, values),
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


def odd_ones(files: Files, share: float = 0.99) -> dict[int, list[str]]:
    """Returns row -> what is unusual about a file, where at least `share` of all have the same, and it does not."""
    found: dict[int, list[str]] = {}
    size = np.char.add(np.char.add(files.facts["width"].astype(str), "x"), files.facts["height"].astype(str))
    rows = np.flatnonzero(files.decoded)
    for name, column in {"format": files.facts["format"], "size": size, "colour mode": files.facts["mode"]}.items():
        values, index, counts = np.unique(column, return_inverse=True, return_counts=True)
        usual = counts.argmax()
        if counts[usual] < share * len(column):
            continue
        for row, value in zip(rows[index != usual], column[index != usual], strict=True):
            found.setdefault(int(row), []).append(
                f"its {name} is {value}, where {counts[usual] / len(column):.2%} have {values[usual]}"
            )
    return found
