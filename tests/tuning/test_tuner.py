"""tuning.tuner: trials in one process, without the chief that `test_run.py` has: their files, failures and ends."""

import dataclasses

import pytest

from aireal.settings import flagfile
from tuning import report
from tuning.study import RENEW
from tuning.tuner import Tuner


@pytest.fixture
def small(study, folder, make_config):
    """A search of three trials of a second."""
    config = make_config(epochs=1, train_fraction=0.1, evaluate="validation", cache="ram")
    small = dataclasses.replace(study, config=config, max_trials=3)
    folder.write(small)
    return small


@pytest.fixture
def alone(monkeypatch):
    """A process that no supervisor has told of a chief."""
    for name in ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("alone")
def test_every_trial_leaves_its_figures_and_its_flags(folder, small):
    Tuner(folder, small).search()
    trials = folder.trials()
    assert [(trial.number, trial.status) for trial in trials] == [(0, "completed"), (1, "completed"), (2, "completed")]
    assert trials[0].is_baseline
    for trial in trials:
        assert 0 <= trial.metrics["val_auc"] <= 1
        assert min(trial.metrics[f"{role}_memory_bytes"] for role in ("worker", "chief")) > 2**20
        config = flagfile.load(folder.flagfile(trial.id))
        assert (config.batch_size, config.epochs) == (trial.values["batch_size"], 1)
        assert len(list((folder.tensorboard / trial.id).glob("events*"))) == 1
    assert flagfile.load(folder.flagfile("0")) == small.config
    assert list((folder.path / "running").iterdir()) == []
    report.write(folder, small)
    best = flagfile.load(folder.path / "best.cfg")
    for trial in trials:
        folder.flagfile(trial.id).unlink()
    report.write(folder, small)
    assert flagfile.load(folder.path / "best.cfg") == best  # made from the values


@pytest.mark.usefixtures("alone")
def test_a_worker_ends_after_its_number_of_trials(folder, small):
    with pytest.raises(SystemExit) as ended:
        Tuner(folder, small, trials=2).search()
    assert ended.value.code == RENEW
    assert len(folder.ended()) == 2


@pytest.mark.usefixtures("alone")
def test_a_trial_at_which_two_workers_died_has_failed_and_the_next_goes_on(folder, small):
    (folder.path / "trials/trial_0").mkdir()
    folder.running("worker").write_text("0")
    for how in ("SIGKILL", "SIGSEGV"):
        folder.record_death("worker", how)
    Tuner(folder, dataclasses.replace(small, max_trials=2)).search()
    assert [trial.status for trial in folder.trials()] == ["failed", "completed"]
    assert folder.trials()[0].reason == "its worker died 2 times: SIGKILL, SIGSEGV"


@pytest.mark.usefixtures("alone")
def test_an_error_that_is_not_the_trials_passes(folder, small):
    folder.tensorboard.touch()  # where a folder is to be
    with pytest.raises(Exception, match="tensorboard"):
        Tuner(folder, small).search()
    assert folder.ended() == []
