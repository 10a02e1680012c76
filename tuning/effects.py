"""Which hyperparameters made a difference."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

from tuning.study import EPOCHS, Study, Trial

_TREES, _SHUFFLES = 300, 20


def importances(study: Study, trials: Sequence[Trial]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Returns the hyperparameters, the most important first, their importances and how those vary."""
    names, table = varied(trials)
    target = [trial.metrics[study.objective] for trial in trials]
    forest = RandomForestRegressor(_TREES, random_state=0).fit(table, target)
    found = permutation_importance(forest, table, target, n_repeats=_SHUFFLES, random_state=0)
    order = np.argsort(-found.importances_mean)
    return [names[index] for index in order], found.importances_mean[order], found.importances_std[order]


def varied(trials: Sequence[Trial]) -> tuple[list[str], np.ndarray]:
    """Returns the hyperparameters of which there is more than one value, and those as numbers: [trials, names].

    Learning rates count by their logarithm; words by their position among all words; what is inactive is below
    all else.
    """
    names = sorted(
        {name for trial in trials for name in trial.values if name == EPOCHS or not name.startswith("tuner/")}
    )
    columns = {name: _numbers(name, [trial.values.get(name) for trial in trials]) for name in names}
    varied = {name: column for name, column in columns.items() if len(set(column)) > 1}
    return list(varied), np.array(list(varied.values())).T


def _numbers(name: str, values: Sequence[Any]) -> list[float]:
    if any(isinstance(value, str) for value in values):
        words = sorted({value for value in values if value is not None})
        return [-1 if value is None else words.index(value) for value in values]
    if name.endswith("learning_rate"):
        return [-10 if value is None else float(np.log10(value)) for value in values]
    return [-1 if value is None else float(value) for value in values]
