"""tuning.folder: whose the files of a search are, and what they tell."""

import dataclasses
import pathlib

import pytest

from aireal.errors import UserError
from aireal.settings.config import Config
from tuning.folder import Folder
from tuning.study import baseline


def test_what_is_written_is_what_is_read(folder, study):
    assert folder.study() == study


def test_a_search_is_over_until_more_of_it_is_asked_for(folder, study, tmp_path):
    assert not folder.is_over()
    assert not Folder(str(tmp_path / "nothing")).is_over()
    folder.end()
    assert folder.is_over()
    assert folder.study() == study
    folder.write(dataclasses.replace(study, max_trials=9))
    assert not folder.is_over()


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
def test_another_search_in_the_same_folder_is_refused_with_the_difference(folder, change, told, study):
    with pytest.raises(UserError) as error, folder.claim(dataclasses.replace(study, **change)):
        pass
    assert told in str(error.value)


@pytest.mark.parametrize("change", [{"max_trials": 9}, {"config": Config(prepared_dir="/elsewhere", evaluate="none")}])
def test_what_does_not_matter_may_change(folder, change, study):
    changed = dataclasses.replace(study, **change)
    with folder.claim(changed):
        folder.write(changed)
    assert folder.study() == changed


def test_a_search_goes_on_in_the_precision_in_which_it_began(folder, study):
    begun = dataclasses.replace(study, config=Config(precision="bfloat16"))
    folder.write(begun)
    with folder.claim(dataclasses.replace(study, config=Config(precision="auto"))) as claimed:
        assert claimed == begun


def test_before_the_first_trial_everything_may_change(tmp_path, study):
    folder = Folder(str(tmp_path / "search"))
    with folder.claim(study):
        folder.write(study)
    (folder.path / ".partial-search.json").touch()  # of a process that was killed
    folder.begin("a")
    changed = dataclasses.replace(study, tuner="grid")
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


def test_two_at_a_time_are_refused(folder, study):
    with folder.claim(study), pytest.raises(UserError, match="Another search"), folder.claim(study):
        pass


def test_other_peoples_folders_are_left_alone(tmp_path, study):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UserError, match="holds other files"), Folder(str(tmp_path)).claim(study):
        pass
    (tmp_path / "thesis.txt").unlink()
    (tmp_path / "trials").mkdir()
    with pytest.raises(UserError, match="holds other files"), Folder(str(tmp_path)).claim(study):
        pass


def test_a_place_where_no_folder_can_be_is_a_sentence(tmp_path, study):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file/search"):
        with pytest.raises(UserError, match="cannot be used"), Folder(str(path)).claim(study):
            pass


@pytest.mark.parametrize("name", ["search.json", "search.cfg"])
@pytest.mark.parametrize("damage", [pathlib.Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_search_that_does_not_know_what_it_is_about_says_what_to_do(folder, study, name, damage):
    damage(folder.path / name)
    with pytest.raises(UserError, match=rf"{name} .*[Tt]ake it from a copy"), folder.claim(study):
        pass


def test_a_folder_without_a_search_has_no_study(tmp_path):
    with pytest.raises(UserError, match="holds no search"):
        Folder(str(tmp_path)).study()


def test_a_search_stays_with_its_data(folder, study):
    folder.begin("a")
    folder.write(dataclasses.replace(study, max_trials=7))  # as when it is taken up
    folder.begin("a")
    folder.check_data("a")
    for check in (folder.begin, folder.check_data):
        with pytest.raises(UserError, match="images are not those"):
            check("b")
    assert folder.study().max_trials == 7


def test_trials_are_read_in_their_order(folder, study, write_trial, write_oracle):
    for trial_id, status, value in (("10", "RUNNING", None), ("9", "COMPLETED", 0.7), ("0", "COMPLETED", 0.9)):
        write_trial(trial_id, status, value)
    write_trial("2", "FAILED")
    folder.failure("2").write_text("the loss became nan")
    rejected = [{"values": {}, "reason": "9 macs of 5"}]
    write_oracle(rejected=rejected)
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
    assert study.best(trials).number == 0
    assert dataclasses.replace(study, direction="min").best(trials).number == 9
    write_oracle(rejected=rejected, has_baseline=False)
    assert baseline(folder.trials()) is None


def test_deaths_are_held_against_the_trial_that_the_worker_was_at(folder, write_trial):
    write_trial("3", "RUNNING")
    folder.record_death("worker", "SIGKILL")  # before it had any
    folder.running("worker").write_text("3")
    for how in ("SIGKILL", "SIGSEGV"):
        folder.record_death("worker", how)
    assert folder.deaths("3") == ["SIGKILL", "SIGSEGV"]
    assert folder.deaths("4") == []
    folder.running("worker").write_text("")  # cut as the machine went down
    folder.record_death("worker", "SIGKILL")
