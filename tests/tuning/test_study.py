"""tuning.study: searches that make no sense are refused, and trials are ranked by the objective."""

import dataclasses

import pytest

from aireal.errors import UserError
from aireal.settings.config import Config
from tuning.study import Trial, baseline


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"space": ()}, "--space="),
        ({"space": ("optimiser",)}, "expected some of architecture"),
        ({"config": Config(validation_fraction=0.0)}, "leaves none"),
        ({"config": Config(keep="best")}, "--keep=best has no place"),
        ({"config": Config(early_stopping_epochs=2)}, "--early_stopping_epochs has no place"),
        ({"config": Config(strategy="mirrored")}, "--strategy=mirrored has no place"),
        (
            {"config": Config(strategy="multi_worker", cache="none", precision="float32", cluster="a:1,b:1")},
            "--strategy=multi_worker has no place",
        ),
    ],
)
def test_studies_that_make_no_sense_are_refused(change, complaint, study):
    with pytest.raises(UserError, match=complaint):
        dataclasses.replace(study, **change)


@pytest.mark.parametrize(("objective", "direction", "best"), [("val_auc", "max", 2), ("val_loss", "min", 1)])
def test_the_best_trial_is_that_of_the_objective_and_no_failed_one(objective, direction, best, study):
    study = dataclasses.replace(study, objective=objective, direction=direction)
    trials = [
        Trial("0", "completed", {}, {"val_auc": 0.6, "val_loss": 0.5}),
        Trial("1", "completed", {}, {"val_auc": 0.7, "val_loss": 0.4}),
        Trial("2", "completed", {}, {"val_auc": 0.8, "val_loss": 0.6}),
        Trial("3", "failed", {}, {}, "the loss became nan"),
    ]
    assert study.best(trials).number == best
    assert study.best(trials[3:]) is None


def test_a_trial_of_hyperband_has_epochs_of_its_own(study):
    whole, part = Trial("0", "completed", {}, {}), Trial("1", "completed", {"tuner/epochs": 3}, {})
    assert [study.epochs(trial) for trial in (whole, part)] == [30, 3]


def test_a_rejected_candidate_has_no_number():
    assert Trial("", "rejected", {}, {}, "9 macs of 5").number is None


def test_the_baseline_is_there_once_it_has_figures():
    running = Trial("0", "running", {}, {}, is_baseline=True)
    ended = dataclasses.replace(running, status="completed", metrics={"val_auc": 0.5})
    assert baseline([running]) is None
    assert baseline([Trial("1", "completed", {}, {"val_auc": 0.9}), ended]) is ended


def test_searches_differ_by_all_that_changes_trials_and_nothing_else(study):
    settings = study.settings()
    assert {"space", "tuner", "objective", "direction", "max_macs", "learning_rate", "seed"} < settings.keys()
    assert not {"max_trials", "prepared_dir", "evaluate", "tensorboard"} & settings.keys()
