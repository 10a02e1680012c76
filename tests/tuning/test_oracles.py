"""Who proposes trials: the first one, the same ones, after an interruption too, and none beyond the budget."""

import json
import shutil

import keras_tuner
import pytest

from aireal.settings.config import Config
from tuning import oracles
from tuning.space import Space

TUNERS = ("random", "bayesian", "grid", "hyperband")


def make(tuner: str, folder, *, trials: int = 10, complaint=lambda values: None):
    """An oracle over two parts of the space, which goes on with what is in the folder."""
    hp = keras_tuner.HyperParameters()
    Space(Config(), ["regularization", "optimizer"]).config(hp)
    objective = keras_tuner.Objective("val_auc", "max")
    oracle = oracles.make(
        tuner, epochs=9, objective=objective, max_trials=trials, hyperparameters=hp, seed=0, complaint=complaint
    )
    oracle._set_project_dir(folder, "trials")
    oracle.verbose = 0
    oracle.reload()
    return oracle


def run(oracle, count: int) -> list[dict]:
    """Runs trials, whose outcome is a function of their values; returns the values."""
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


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_first_trial_is_the_defaults(tuner, tmp_path):
    (values,) = run(make(tuner, tmp_path), 1)
    own = {name: value for name, value in values.items() if not name.startswith("tuner/")}
    hp = keras_tuner.HyperParameters()
    Space(Config(), ["regularization", "optimizer"]).config(hp)
    assert own == hp.values


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_same_seed_gives_the_same_trials_after_an_interruption_too(tuner, tmp_path):
    whole = run(make(tuner, tmp_path / "whole"), 10)
    assert len(whole) == 10
    assert len({json.dumps(values, sort_keys=True) for values in whole}) == 10
    parts = []
    for count in (4, 1, 5):
        parts += run(make(tuner, tmp_path / "parts"), count)
    assert parts == whole


@pytest.mark.parametrize("tuner", TUNERS)
def test_an_interrupted_trial_is_repeated_once(tuner, tmp_path):
    oracle = make(tuner, tmp_path)
    run(oracle, 2)
    interrupted = oracle.create_trial("worker")
    oracle = make(tuner, tmp_path)
    again = oracle.create_trial("worker")
    assert (again.trial_id, again.hyperparameters.values) == (interrupted.trial_id, interrupted.hyperparameters.values)
    oracle.update_trial(again.trial_id, {"val_auc": 0.5})
    again.status = "COMPLETED"
    oracle.end_trial(again)
    assert again.trial_id not in make(tuner, tmp_path)._retry_queue
    assert len(run(make(tuner, tmp_path), 20)) == 7
    assert run(make(tuner, tmp_path), 1) == []


@pytest.mark.parametrize("tuner", TUNERS)
def test_more_trials_may_be_added(tuner, tmp_path):
    assert len(run(make(tuner, tmp_path, trials=3), 9)) == 3
    assert len(run(make(tuner, tmp_path, trials=12), 20)) == 9


@pytest.mark.parametrize("tuner", TUNERS)
def test_candidates_beyond_the_budget_use_up_no_trial(tuner, tmp_path):
    oracle = make(tuner, tmp_path, complaint=lambda values: "flipped" if values["augment_flip"] else None)
    found = run(oracle, 20)
    assert len(found) == 10
    assert not any(values["augment_flip"] for values in found)
    if tuner != "grid":  # whose first ten are all of one kind
        assert oracle.rejected
    assert make(tuner, tmp_path).rejected == oracle.rejected
    assert all(one["reason"] == "flipped" and one["values"]["augment_flip"] for one in oracle.rejected)


def test_a_budget_that_the_defaults_break_is_kept(tmp_path):
    oracle = make("random", tmp_path, complaint=lambda values: None if values["batch_size"] == 256 else "too small")
    assert {values["batch_size"] for values in run(oracle, 5)} == {256}


class KilledError(Exception):
    """Stands for SIGKILL at the place where it is raised."""


def killed_at_save(oracle, after: int):
    """Makes the oracle's process end, as it were, when it has saved itself `after` more times."""
    save, left = oracle.save, iter(range(after))

    def save_or_die():
        if next(left, None) is None:
            raise KilledError
        save()

    oracle.save = save_or_die


@pytest.mark.parametrize("name", ["plain", "folder [1] of*"])
@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("tuner", TUNERS)
def test_a_chief_killed_between_its_files_loses_and_repeats_nothing(tuner, after, name, tmp_path):
    folder = tmp_path / name
    whole = run(make(tuner, tmp_path / "whole", trials=6), 10)
    oracle = make(tuner, folder, trials=6)
    done = run(oracle, 2)
    killed_at_save(oracle, after)
    with pytest.raises(KilledError):
        run(oracle, 3)
    # A trial is saved when it begins and twice when it ends; its figures are safe before the first of these two.
    known = 2 + (after + 2) // 3
    again = run(make(tuner, folder, trials=6), 10)
    assert len(again) == 6 - known
    assert done + whole[2:known] + again == whole
    states = [json.loads(path.read_text()) for path in (folder / "trials").glob("trial_*/trial.json")]
    assert [state["status"] for state in states] == ["COMPLETED"] * 6


def test_a_budget_that_nothing_meets_ends_the_search_and_is_told(tmp_path):
    oracle = make("random", tmp_path, complaint=lambda values: "too large")
    assert run(oracle, 5) == []
    assert len(oracle.rejected) > 100
    again = make("random", tmp_path, complaint=lambda values: "too large")
    assert again.rejected == oracle.rejected
    assert not again.has_baseline


def test_hyperband_gives_the_best_more_epochs(tmp_path):
    baseline, *found = run(make("hyperband", tmp_path, trials=20), 20)
    assert baseline["tuner/epochs"] == 9
    assert "tuner/bracket" not in baseline
    assert {values["tuner/epochs"] for values in found} == {1, 3, 9}
    promoted = [values for values in found if "tuner/trial_id" in values]
    assert promoted
    for values in promoted:
        assert values["tuner/epochs"] > 1


def test_a_failed_trial_ends_no_search(tmp_path):
    oracle = make("random", tmp_path)
    for _ in range(5):
        trial = oracle.create_trial("worker")
        trial.status = "FAILED"
        oracle.end_trial(trial)
    assert len(run(oracle, 9)) == 5


def test_what_two_workers_ran_to_its_end_counts_once(tmp_path):
    """The chief was killed while a worker of another machine was at it, and gave it to one more."""
    trial = make("random", tmp_path).create_trial("theirs")
    oracle = make("random", tmp_path)
    again = oracle.create_trial("ours")
    assert again.trial_id == trial.trial_id
    oracle.update_trial(trial.trial_id, {"val_auc": 0.9})
    trial.status, again.status = "COMPLETED", "FAILED"
    oracle.end_trial(trial)
    oracle.end_trial(again)
    assert oracle.end_order == [trial.trial_id]
    assert make("random", tmp_path).trials[trial.trial_id].status == "COMPLETED"


def lose(folder, *names: str) -> None:
    for name in names:
        path = folder / "trials" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def numbers(folder) -> list[str]:
    return sorted(path.parent.name for path in (folder / "trials").glob("trial_*/trial.json"))


def assert_sound(oracle, folder, count: int) -> None:
    """Makes sure that what an oracle knows of its trials is what their files say."""
    assert list(oracle.trials) == oracle.start_order == sorted(oracle.end_order) == [str(one) for one in range(count)]
    assert numbers(folder) == [f"trial_{one}" for one in range(count)]
    assert oracle.ongoing_trials == {}
    assert oracle._retry_queue == []
    for trial_id, trial in oracle.trials.items():
        assert trial.status == "COMPLETED"
        assert oracle._id_to_hash[trial_id] == oracle._compute_values_hash(trial.hyperparameters.values)
    assert set(oracle._id_to_hash.values()) <= oracle._tried_so_far
    assert len(set(oracle._id_to_hash.values())) == count


@pytest.mark.parametrize("lost", ["trial_0", "trial_3", "trial_5", "oracle.json"])
@pytest.mark.parametrize("tuner", TUNERS)
def test_what_is_lost_is_made_again_and_the_rest_is_kept(tuner, lost, tmp_path):
    run(make(tuner, tmp_path, trials=6), 10)
    before = {path: path.read_bytes() for path in tmp_path.glob("trials/trial_*/trial.json")}
    lose(tmp_path, lost)
    again = run(make(tuner, tmp_path, trials=6), 10)
    assert len(again) == (lost != "oracle.json")
    kept = {path: data for path, data in before.items() if path.parent.name != lost}
    assert all(path.read_bytes() == data for path, data in kept.items())
    assert make(tuner, tmp_path, trials=6).has_baseline
    assert len(run(make(tuner, tmp_path, trials=9), 10)) == 3
    assert_sound(make(tuner, tmp_path, trials=9), tmp_path, 9)


def test_a_grid_goes_through_the_combination_that_was_lost(tmp_path):
    whole = run(make("grid", tmp_path), 6)
    lose(tmp_path, "trial_04", "oracle.json")
    assert run(make("grid", tmp_path), 1) == [whole[4]]


@pytest.mark.parametrize("tuner", TUNERS)
def test_an_interrupted_trial_is_known_without_the_oracles_file(tuner, tmp_path):
    oracle = make(tuner, tmp_path)
    run(oracle, 4)
    interrupted = oracle.create_trial("worker")
    lose(tmp_path, "oracle.json", "trial_01")
    oracle = make(tuner, tmp_path)
    assert {oracle.create_trial(name).trial_id for name in ("one", "two")} == {"01", interrupted.trial_id}
    assert oracle.create_trial("three").trial_id == "05"


def test_brackets_are_known_without_the_oracles_file(tmp_path):
    """The trials that hyperband would promote next are the same ones."""
    whole = make("hyperband", tmp_path, trials=40)
    run(whole, 25)
    lose(tmp_path, "oracle.json")
    again = make("hyperband", tmp_path, trials=40)
    whole._remove_completed_brackets()
    again._remove_completed_brackets()
    assert again._brackets == whole._brackets
    assert again._current_bracket == whole._current_bracket


def test_rejected_candidates_are_remembered_without_a_trial(tmp_path):
    def complaint(values):
        return "flipped" if values["augment_flip"] else None

    oracle = make("random", tmp_path, complaint=complaint)
    run(oracle, 10)
    lose(tmp_path, "trial_03")
    again = make("random", tmp_path, complaint=complaint)
    assert again.rejected[: len(oracle.rejected)] == oracle.rejected
    assert len(run(again, 10)) == 1


def test_where_nothing_can_take_the_place_of_a_lost_trial_it_has_failed(tmp_path):
    run(make("random", tmp_path, trials=3), 3)
    lose(tmp_path, "trial_1")
    oracle = make("random", tmp_path, trials=3, complaint=lambda values: "too large")
    assert run(oracle, 3) == []
    assert [trial.status for trial in oracle.trials.values()] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "no other candidate" in json.loads((tmp_path / "trials/trial_1/trial.json").read_text())["message"]


def test_an_older_oracles_file_costs_no_trial(tmp_path):
    """As where it was taken from a copy of the search."""
    run(make("random", tmp_path), 2)
    older = (tmp_path / "trials/oracle.json").read_bytes()
    run(make("random", tmp_path), 3)
    (tmp_path / "trials/oracle.json").write_bytes(older)
    oracle = make("random", tmp_path)
    assert list(oracle.trials) == ["00", "01", "02", "03", "04"]
    assert len(run(oracle, 20)) == 5
