"""A search in its folder, trials as their files tell them, and the points of a space."""

import json
from collections.abc import Callable

import pytest

from aireal.settings.config import Config
from tuning.folder import Folder
from tuning.study import Study, Trial


@pytest.fixture
def study() -> Study:
    """A search of five random trials around the baseline."""
    return Study(
        config=Config(), space=("optimizer",), tuner="random", objective="val_auc", direction="max", max_trials=5
    )


@pytest.fixture
def folder(tmp_path, study) -> Folder:
    """The folder of that search, which has begun."""
    folder = Folder(str(tmp_path / "search"))
    with folder.claim(study):
        folder.write(study)
    (folder.path / "trials").mkdir()
    return folder


@pytest.fixture
def write_trial(folder) -> Callable[..., None]:
    """Returns a function that writes a trial as Keras Tuner does: its id, its status, and one value for all figures."""

    def write(trial_id: str, status: str, value: float | None = None, **values) -> None:
        path = folder.path / f"trials/trial_{trial_id}"
        path.mkdir(parents=True)
        observations = [] if value is None else [{"value": [value], "step": 0}]
        names = ("val_auc", "parameters", "train_seconds", "validation_seconds")
        names += ("worker_memory_bytes", "chief_memory_bytes")
        state = {
            "trial_id": trial_id,
            "status": status,
            "hyperparameters": {"values": {"batch_size": 64, **values}},
            "metrics": {"metrics": {name: {"direction": "max", "observations": observations} for name in names}},
            "score": value,
            "best_step": 0,
            "message": None,
        }
        (path / "trial.json").write_text(json.dumps(state))

    return write


@pytest.fixture
def write_oracle(folder) -> Callable[..., None]:
    """Returns a function that writes an oracle.json with some of its values."""

    def write(**values) -> None:
        state = {"start_order": [], "end_order": [], "run_times": {}, "seed_state": 1, "tried_so_far": []}
        state |= {"rejected": [], "has_baseline": True, **values}
        (folder.path / "trials/oracle.json").write_text(json.dumps(state))

    return write


@pytest.fixture
def trials() -> list[Trial]:
    """Twelve completed trials over two hyperparameters and a word; the first is the baseline."""
    values = [{"learning_rate": rate, "filters": filters} for rate in (1e-4, 1e-3, 1e-2) for filters in (8, 16, 32, 64)]
    return [
        Trial(
            str(number),
            "completed",
            {**one, "optimizer": ("adam", "lion")[number % 2]},
            {
                "val_auc": 0.5 + 0.03 * number,
                "parameters": 1000.0 * one["filters"],
                "worker_memory_bytes": (400.0 + number) * 2**20,
                "chief_memory_bytes": 300.0 * 2**20,
            },
            is_baseline=not number,
        )
        for number, one in enumerate(values)
    ]


@pytest.fixture
def declared() -> Callable:
    """Returns a function that declares all hyperparameters of a space, with their defaults as values."""
    import keras_tuner

    def declare(space):
        hp = keras_tuner.HyperParameters()
        space.config(hp)
        return hp

    return declare


@pytest.fixture
def make(declared) -> Callable:
    """Returns a function that makes an oracle over two parts of the space, which goes on with what is in a folder."""
    import keras_tuner

    from tuning import oracles
    from tuning.space import Space

    def make_oracle(tuner: str, folder, *, trials: int = 10, complaint=lambda values: None) -> keras_tuner.Oracle:
        oracle = oracles.make(
            tuner,
            epochs=9,
            objective=keras_tuner.Objective("val_auc", "max"),
            max_trials=trials,
            hyperparameters=declared(Space(Config(), ["regularization", "optimizer"])),
            seed=0,
            complaint=complaint,
        )
        oracle._set_project_dir(folder, "trials")
        oracle.verbose = 0
        oracle.reload()
        return oracle

    return make_oracle


@pytest.fixture
def run() -> Callable[..., list[dict]]:
    """Returns a function that runs some trials of an oracle, whose outcome is a function of their values, and returns
    these values.
    """

    def run_trials(oracle, count: int) -> list[dict]:
        found = []
        for _ in range(count):
            trial = oracle.create_trial("worker")
            if trial.status != "RUNNING":
                break
            found.append(dict(trial.hyperparameters.values))
            numbers = [value for value in trial.hyperparameters.values.values() if isinstance(value, float)]
            oracle.update_trial(trial.trial_id, {"val_auc": 1 / (1 + sum(numbers))})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
        return found

    return run_trials
