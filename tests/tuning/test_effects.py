"""tuning.effects: hyperparameters become numbers, and what decides is found to be important."""

import numpy as np

from tuning import effects
from tuning.study import Trial


def test_what_decides_is_found_to_be_important(study):
    values = [{"learning_rate": rate, "filters": filters} for rate in (1e-4, 1e-3, 1e-2) for filters in (8, 16, 32, 64)]
    trials = [
        Trial(str(number), "completed", {**one, "constant": 1}, {"val_auc": np.log10(one["learning_rate"])})
        for number, one in enumerate(values)
    ]
    names, importance, spread = effects.importances(study, trials)
    assert names == ["learning_rate", "filters"]  # what never varied is left out
    assert importance[0] > 1 > 0.1 > abs(importance[1])
    assert np.all(spread >= 0)


def test_hyperparameters_become_numbers():
    trials = [
        Trial("0", "completed", {"adam_learning_rate": 1e-3, "head": "flatten", "same": 1, "tuner/epochs": 9}, {}),
        Trial("1", "completed", {"adam_learning_rate": 1e-2, "head": "average", "same": 1, "tuner/epochs": 3}, {}),
        Trial("2", "completed", {"same": 1, "tuner/epochs": 3, "tuner/bracket": 2}, {}),
    ]
    names, table = effects.varied(trials)
    assert names == ["adam_learning_rate", "head", "tuner/epochs"]  # Hyperband's other notes are no hyperparameters
    assert table.tolist() == [[-3, 1, 9], [-2, 0, 3], [-10, -1, 3]]  # what is inactive is below all else
