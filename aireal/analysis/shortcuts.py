"""How much of the class can be told without looking at what a picture shows."""

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
_MAX_VALUES = 50  # of one of these: rarer ones are taken together
_FOLDS, _DEPTH = 5, 3
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
    count = np.bincount(label, minlength=len(LABELS))
    if not count.all():
        return Separation(None, None, None)
    chance = 2 * np.sqrt((count.sum() + 1) / (12 * float(count[0]) * float(count[1])))
    tree = _tree_auc(DecisionTreeClassifier(max_depth=_DEPTH, random_state=0), value[:, None], label)
    return Separation(float(roc_auc_score(label, value)), tree, float(chance))


def container(files: Files) -> Separation:
    """Says how well all `container.Facts` together tell the classes; they have no order, so there is no `auc`.

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
    chance = separation(label, np.zeros(len(label))).chance
    return Separation(None, _tree_auc(tree, table, label), chance)


def _tree_auc(tree: BaseEstimator, table: np.ndarray, label: np.ndarray) -> float | None:
    if min(np.bincount(label, minlength=len(LABELS))) < _FOLDS:
        return None
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
