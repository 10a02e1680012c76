"""The files of a search: whose they are, and what they tell."""

import dataclasses
import json

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.settings.config import Config
from tuning import effects
from tuning.figures import pareto_front
from tuning.folder import Folder
from tuning.live import Live
from tuning.study import Study, Trial, baseline

STUDY = Study(config=Config(), space=("optimizer",), tuner="random", objective="val_auc", direction="max", max_trials=5)


@pytest.fixture
def folder(tmp_path):
    folder = Folder(str(tmp_path / "search"))
    with folder.claim(STUDY):
        folder.write(STUDY)
    (folder.path / "trials").mkdir()
    return folder


def write_trial(folder: Folder, trial_id: str, status: str, value: float | None = None) -> None:
    path = folder.path / f"trials/trial_{trial_id}"
    path.mkdir(parents=True)
    observations = [] if value is None else [{"value": [value], "step": 0}]
    names = ("val_auc", "parameters", "train_seconds", "validation_seconds")
    metrics = {"metrics": {name: {"direction": "max", "observations": observations} for name in names}}
    state = {
        "trial_id": trial_id,
        "status": status,
        "hyperparameters": {"values": {"batch_size": 64}},
        "metrics": metrics,
    }
    (path / "trial.json").write_text(json.dumps(state))


def test_what_is_written_is_what_is_read(folder):
    assert folder.study() == STUDY


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tuner": "grid"}, "--tuner: random there, grid here"),
        ({"space": ("architecture",)}, "--space: ('optimizer',) there, ('architecture',) here"),
        ({"max_parameters": 9}, "--max_parameters: 0 there, 9 here"),
        ({"objective": "val_loss", "direction": "min"}, "--objective: val_auc there, val_loss here\n  --direction"),
        ({"config": Config(epochs=7, seed=1)}, "--epochs: 30 there, 7 here\n  --seed: 0 there, 1 here"),
    ],
)
def test_another_search_in_the_same_folder_is_refused_with_the_difference(folder, change, told):
    with pytest.raises(UserError) as error, folder.claim(dataclasses.replace(STUDY, **change)):
        pass
    assert told in str(error.value)


@pytest.mark.parametrize("change", [{"max_trials": 9}, {"config": Config(prepared_dir="elsewhere", evaluate="none")}])
def test_what_does_not_matter_may_change(folder, change):
    changed = dataclasses.replace(STUDY, **change)
    with folder.claim(changed):
        folder.write(changed)
    assert folder.study() == changed


def test_a_search_goes_on_in_the_precision_in_which_it_began(folder):
    begun = dataclasses.replace(STUDY, config=Config(precision="bfloat16"))
    folder.write(begun)
    with folder.claim(dataclasses.replace(STUDY, config=Config(precision="auto"))) as study:
        assert study == begun


def test_before_the_first_trial_everything_may_change(tmp_path):
    folder = Folder(str(tmp_path / "search"))
    with folder.claim(STUDY):
        folder.write(STUDY)
    (folder.path / ".partial-search.json").touch()  # of a process that was killed
    folder.begin("a")
    changed = dataclasses.replace(STUDY, tuner="grid")
    with folder.claim(changed):
        folder.write(changed)
    assert folder.study() == changed
    with pytest.raises(UserError, match="has not begun"):
        folder.check_data("b")
    folder.begin("b")
    folder.check_data("b")


def test_names_of_workers_are_nobody_elses(folder):
    first = folder.claim_names(2)
    others = folder.claim_names(1)
    assert len({*first, *others}) == 3
    for lock in first.values():
        lock.release()
    assert set(folder.claim_names(2)) == set(first)


def test_two_at_a_time_are_refused(folder):
    with folder.claim(STUDY), pytest.raises(UserError, match="Another search"), folder.claim(STUDY):
        pass


def test_other_peoples_folders_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UserError, match="holds other files"), Folder(str(tmp_path)).claim(STUDY):
        pass
    (tmp_path / "thesis.txt").unlink()
    (tmp_path / "trials").mkdir()
    with pytest.raises(UserError, match="holds other files"), Folder(str(tmp_path)).claim(STUDY):
        pass


def test_a_place_where_no_folder_can_be_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file/search"):
        with pytest.raises(UserError, match="cannot be used"), Folder(str(path)).claim(STUDY):
            pass


def test_a_folder_without_a_search_has_no_study(tmp_path):
    with pytest.raises(UserError, match="holds no search"):
        Folder(str(tmp_path)).study()


def test_a_search_stays_with_its_data(folder):
    folder.begin("a")
    folder.write(dataclasses.replace(STUDY, max_trials=7))  # as when it is taken up
    folder.begin("a")
    folder.check_data("a")
    for check in (folder.begin, folder.check_data):
        with pytest.raises(UserError, match="images are not those"):
            check("b")
    assert folder.study().max_trials == 7


def test_trials_are_read_in_their_order(folder):
    for trial_id, status, value in (("10", "RUNNING", None), ("9", "COMPLETED", 0.7), ("0", "COMPLETED", 0.9)):
        write_trial(folder, trial_id, status, value)
    write_trial(folder, "2", "FAILED")
    folder.failure("2").write_text("the loss became nan")
    oracle = {"rejected": [{"values": {}, "reason": "9 macs of 5"}], "has_baseline": True}
    (folder.path / "trials/oracle.json").write_text(json.dumps(oracle))
    trials = folder.trials()
    assert baseline(trials) is trials[0]
    assert [(trial.number, trial.status) for trial in trials] == [
        (0, "completed"),
        (2, "failed"),
        (9, "completed"),
        (10, "running"),
        (None, "rejected"),
    ]
    assert [trial.reason for trial in trials if trial.reason] == ["the loss became nan", "9 macs of 5"]
    assert len(folder.ended()) == 3
    assert STUDY.best(trials).number == 0
    assert dataclasses.replace(STUDY, direction="min").best(trials).number == 9
    (folder.path / "trials/oracle.json").write_text(json.dumps({**oracle, "has_baseline": False}))
    assert baseline(folder.trials()) is None


def test_deaths_are_held_against_the_trial_that_the_worker_was_at(folder):
    write_trial(folder, "3", "RUNNING")
    folder.record_death("worker", "SIGKILL")  # before it had any
    folder.running("worker").write_text("3")
    for how in ("SIGKILL", "SIGSEGV"):
        folder.record_death("worker", how)
    assert folder.deaths("3") == ["SIGKILL", "SIGSEGV"]
    assert folder.deaths("4") == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"space": ()}, "--space="),
        ({"space": ("optimiser",)}, "expected some of architecture"),
        ({"config": Config(validation_fraction=0.0)}, "leaves none"),
        ({"config": Config(keep="best")}, "--keep=best has no place"),
        ({"config": Config(early_stopping_epochs=2)}, "--early_stopping_epochs has no place"),
        ({"config": Config(strategy="mirrored")}, "--strategy=mirrored has no place"),
    ],
)
def test_studies_that_make_no_sense_are_refused(change, complaint):
    with pytest.raises(UserError, match=complaint):
        dataclasses.replace(STUDY, **change)


@pytest.mark.parametrize("on_a_terminal", [False, True])
def test_a_failure_is_shown_as_it_was_written(folder, monkeypatch, capsys, on_a_terminal):
    if on_a_terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "200")
    with Live(folder, STUDY):
        write_trial(folder, "0", "COMPLETED", 0.75)
        write_trial(folder, "1", "FAILED")
        folder.failure("1").write_text("OOM at [[gradient_tape/conv/_40]] on [/job:localhost]")
    shown = capsys.readouterr().out
    assert "OOM at [[gradient_tape/conv/_40]] on [/job:localhost]" in shown
    assert "2 of 5 trials, 1 failed" in shown
    assert "0.7500" in shown


def test_the_pareto_front_has_those_that_no_other_beats():
    cost, value = np.array([3, 1, 2, 2, 4, 5]), np.array([0.8, 0.5, 0.7, 0.6, 0.8, 0.9])
    assert pareto_front(cost, value).tolist() == [1, 2, 0, 5]


def test_what_decides_is_found_to_be_important():
    values = [{"learning_rate": rate, "filters": filters} for rate in (1e-4, 1e-3, 1e-2) for filters in (8, 16, 32, 64)]
    trials = [
        Trial(str(number), "completed", {**one, "constant": 1}, {"val_auc": np.log10(one["learning_rate"])})
        for number, one in enumerate(values)
    ]
    names, importance, spread = effects.importances(STUDY, trials)
    assert names == ["learning_rate", "filters"]  # what never varied is left out
    assert importance[0] > 1 > 0.1 > abs(importance[1])
    assert np.all(spread >= 0)
